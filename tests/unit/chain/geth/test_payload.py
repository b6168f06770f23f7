from dataclasses import replace
from typing import Any

import pytest

from node.chain.blocks import BlockHeader
from node.chain.errors import GethMismatchError
from node.chain.geth.payload import (
    call_to_json,
    header_of_payload,
    invalid_block,
    overrides_to_json,
    payload_to_json,
    requests_hash,
)
from node.chain.ports import AccountOverride, CallRequest
from node.chain.transactions import Authorization, decode_transaction
from node.chain.tries import ordered_root
from tests.unit.chain.support import Actor

TRANSACTIONS = [decode_transaction(Actor(1).sign(value=5)), decode_transaction(Actor(2).sign(data=b"\1"))]
HEADER = BlockHeader(
    parent_hash=b"\1" * 32,
    coinbase=b"\2" * 20,
    state_root=b"\3" * 32,
    transactions_root=ordered_root([tx.raw for tx in TRANSACTIONS]),
    receipts_root=b"\4" * 32,
    bloom=b"\5" * 256,
    number=7,
    gas_limit=60_000_000,
    gas_used=42_000,
    timestamp=1_800_000_000,
    extra_data=b"landfall",
    mix_hash=b"\6" * 32,
    base_fee=3,
)


def _envelope(header: BlockHeader, **changes: Any) -> dict[str, Any]:
    payload = payload_to_json(header, [tx.raw for tx in TRANSACTIONS]) | changes
    return {"executionPayload": payload, "executionRequests": []}


def test_header_survives_the_way_to_the_engine_api_and_back() -> None:
    assert header_of_payload(_envelope(HEADER), TRANSACTIONS) == HEADER
    requests = ["0x0102", "0x01ff"]
    asked = replace(HEADER, requests_hash=requests_hash(requests))
    assert header_of_payload(_envelope(asked) | {"executionRequests": requests}, TRANSACTIONS) == asked


def test_payload_is_refused_when_it_hashes_to_something_else() -> None:
    with pytest.raises(GethMismatchError, match="other rules than Prague"):
        header_of_payload(_envelope(HEADER, gasUsed="0x1"), TRANSACTIONS)
    with pytest.raises(GethMismatchError):
        header_of_payload(_envelope(HEADER), TRANSACTIONS[:1])


@pytest.mark.parametrize(
    ("validation_error", "field", "expected"),
    [
        ("invalid merkle root (remote: 01 local: 02) dberr: %!w(<nil>)", "state_root", "02"),
        ("invalid receipt root hash (remote: 01 local: 02)", "receipts_root", "02"),
        ("invalid bloom (remote: 01  local: 02)", "bloom", "02"),
        ("invalid gas used (remote: 21001 local: 21000)", "gas_used", "21000"),
        ("invalid gasUsed: have 7, gasLimit 5", "gas_used", None),
        ("invalid requests hash (remote: 01 local: 02)", "requests_hash", "02"),
        ("invalid baseFee: have 1, want 0, parentBaseFee 0, parentGasUsed 0", "base_fee", "0"),
        ("invalid gas limit: have 9, want 60000000 +/- 58592", "gas_limit", "60000000"),
        ("invalid timestamp", "timestamp", None),
        ("extra-data longer than 32 bytes (33)", "extra_data", None),
        ("blockhash mismatch, want 01, got 02", "hash", None),
        ("could not apply tx 3 [0x01]: nonce too low: address 0x01, tx: 0 state: 1", "transactions[3]", None),
        ("invalid transaction 0: rlp: expected List", "transactions[0]", None),
        ("something new", "payload", None),
    ],
)
def test_refusal_names_the_field_geth_names(validation_error: str, field: str, expected: str | None) -> None:
    error = invalid_block(validation_error)
    assert error.field == field
    assert (f"expected {expected}," if expected else validation_error) in str(error)


def test_call_and_overrides_are_written_as_geth_reads_them() -> None:
    request = CallRequest(
        sender=b"\1" * 20,
        to=b"",
        gas=5,
        value=6,
        data=b"\7",
        access_list=((b"\2" * 20, (3,)),),
        authorization_list=(Authorization(1, b"\4" * 20, 2, 0, 8, 9),),
    )
    call = call_to_json(request)
    assert "to" not in call
    assert call["accessList"] == [{"address": "0x" + "02" * 20, "storageKeys": [f"0x{3:064x}"]}]
    assert call["authorizationList"][0]["r"] == "0x8"
    assert call_to_json(replace(request, to=b"\5" * 20, authorization_list=()))["to"] == "0x" + "05" * 20
    written = overrides_to_json(
        {
            b"\1" * 20: AccountOverride(balance=0, nonce=1, code=b"\2"),
            b"\2" * 20: AccountOverride(storage={}),
            b"\3" * 20: AccountOverride(storage_diff={1: 2}),
        }
    )
    assert list(written.values()) == [
        {"balance": "0x0", "nonce": "0x1", "code": "0x02"},
        {"state": {}},
        {"stateDiff": {f"0x{1:064x}": f"0x{2:064x}"}},
    ]
