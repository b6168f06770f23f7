"""The genesis file of a home: kept at the first start, compared at every later one."""

from pathlib import Path
from typing import Any

import pytest

from node.chain.errors import OtherGenesisError
from node.chain.opening import check_genesis, keep_genesis
from node.chain.store import ChainStore
from tests.unit.chain.support import Actor, genesis_document


@pytest.mark.parametrize(
    ("field", "changed", "told"),
    [
        # One byte each; no block hash covers the second.
        ("timestamp", "0x6b49d201", r"genesis\.json: timestamp: expected \"0x6b49d200\", got \"0x6b49d201\""),
        (
            "landfall",
            {"network": "landfall-tesT"},
            r"landfall\.network: expected \"landfall-test\", got \"landfall-tesT\"",
        ),
    ],
)
def test_other_genesis_is_refused_with_the_field_that_differs(
    tmp_path: Path, field: str, changed: Any, told: str
) -> None:
    document = genesis_document({Actor(1).address: 5})
    other = document | {field: document[field] | changed if isinstance(changed, dict) else changed}
    store = ChainStore(tmp_path, map_bytes=1 << 24)
    check_genesis(store, other)
    keep_genesis(store, document)
    store.close()
    store = ChainStore(tmp_path, map_bytes=1 << 24)
    check_genesis(store, document)
    with pytest.raises(OtherGenesisError, match=told):
        check_genesis(store, other)
    # The first file stays, whatever comes later.
    keep_genesis(store, other)
    check_genesis(store, document)
    store.close()
