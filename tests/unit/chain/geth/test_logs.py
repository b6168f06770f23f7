import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.chain.blocks import ExecutedBlock
from node.chain.errors import LimitExceededError
from node.chain.genesis_block import read_genesis
from node.chain.geth.logs import GethLogs
from node.chain.jsonrpc.logs import LogFilter
from node.chain.jsonrpc.methods import RawJson
from node.chain.store import ChainStore
from tests.unit.chain.support import genesis_document

ANY = LogFilter(frozenset(), ())


class _Geth:
    """Has one log in every block; remembers the queries."""

    def __init__(self) -> None:
        self.queries: list[dict[str, Any]] = []

    async def forward(self, method: str, params: Sequence[Any], *, timeout_s: float) -> RawJson:
        assert method == "eth_getLogs"
        self.queries.append(params[0])
        blocks = range(int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16) + 1)
        return RawJson(json.dumps([{"blockNumber": hex(number)} for number in blocks]).encode())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChainStore]:
    """Blocks 1 to 6, which used 10, 20, 30, 0, 100 and 5 gas."""
    store = ChainStore(tmp_path, map_bytes=1 << 28)
    genesis = read_genesis(genesis_document({})).block
    store.commit(genesis, None)
    for number, gas in enumerate((10, 20, 30, 0, 100, 5), start=1):
        store.commit(ExecutedBlock(replace(genesis.header, number=number, gas_used=gas), (), (), {}), None)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("piece_gas", "pieces"),
    [
        (1_000, [(1, 6)]),
        (60, [(1, 4), (5, 5), (6, 6)]),
        (30, [(1, 2), (3, 4), (5, 5), (6, 6)]),
        (1, [(1, 1), (2, 2), (3, 3), (4, 5), (6, 6)]),
    ],
)
async def test_range_is_asked_in_pieces_of_bounded_gas(
    store: ChainStore, monkeypatch: pytest.MonkeyPatch, piece_gas: int, pieces: list[tuple[int, int]]
) -> None:
    monkeypatch.setattr("node.chain.geth.logs.LOGS_PIECE_GAS", piece_gas)
    geth = _Geth()
    found = await GethLogs(geth, store).collect(ANY, 1, 6)
    assert [int(log["blockNumber"], 16) for log in found] == [1, 2, 3, 4, 5, 6]
    assert [(int(one["fromBlock"], 16), int(one["toBlock"], 16)) for one in geth.queries] == pieces


async def test_filter_is_written_as_geth_reads_it(store: ChainStore) -> None:
    geth = _Geth()
    await GethLogs(geth, store).collect(
        LogFilter(frozenset([b"\1" * 20]), (frozenset(), frozenset([b"\2" * 32]))), 2, 2
    )
    assert geth.queries[0]["address"] == ["0x" + "01" * 20]
    assert geth.queries[0]["topics"] == [None, ["0x" + "02" * 32]]
    assert await GethLogs(geth, store).collect(ANY, 3, 2) == []


async def test_query_is_refused_when_it_finds_too_many(store: ChainStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.jsonrpc.logs.LOGS_RESULTS_MAX", 3)
    monkeypatch.setattr("node.chain.geth.logs.LOGS_PIECE_GAS", 1)
    geth = _Geth()
    assert len(await GethLogs(geth, store).collect(ANY, 1, 3)) == 3
    geth.queries.clear()
    with pytest.raises(LimitExceededError, match="more than 3"):
        await GethLogs(geth, store).collect(ANY, 1, 6)
    assert geth.queries[-1]["toBlock"] == "0x5"
