import json
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from node.chain.blocks import BlockHeader, Log, Receipt, logs_bloom, merge_blooms
from node.chain.divergence import LocalResult, ReceiptDifference, build_report, find_difference, write_report
from node.chain.transactions import decode_transaction
from node.chain.tries import ordered_root
from tests.unit.chain.support import Actor

_LOG = Log(b"\1" * 20, (b"\2" * 32,), b"\3")
_PAYER = Actor(1)
TRANSACTIONS = [decode_transaction(_PAYER.sign()) for _ in range(4)]


def _receipts(*used: int, failed: int | None = None) -> list[Receipt]:
    """Return receipts with this gas each, one log in every success."""
    receipts, total = [], 0
    for index, gas in enumerate(used):
        total += gas
        logs = () if index == failed else (_LOG,)
        receipts.append(Receipt(2, index != failed, total, logs, logs_bloom(logs)))
    return receipts


def _header(receipts: list[Receipt], state_root: bytes = b"\4" * 32) -> BlockHeader:
    return BlockHeader(
        parent_hash=b"\5" * 32,
        coinbase=b"\6" * 20,
        state_root=state_root,
        receipts_root=ordered_root([receipt.encode() for receipt in receipts]),
        bloom=merge_blooms(receipt.bloom for receipt in receipts),
        number=7,
        gas_limit=60_000_000,
        gas_used=receipts[-1].cumulative_gas,
        timestamp=1_800_000_000,
        extra_data=b"landfall",
    )


OURS = _receipts(21_000, 30_000, 40_000, 50_000)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("extra", [-5_000, 1])
def test_transaction_is_found_when_only_its_gas_differs(index: int, extra: int) -> None:
    used = [21_000, 30_000, 40_000, 50_000]
    used[index] += extra
    found = find_difference(_header(_receipts(*used)), OURS)
    assert found == ReceiptDifference(index, "gas_used", used[index] - extra, used[index])


@pytest.mark.parametrize("extra", [0, 10_000])
def test_transaction_is_found_when_it_failed_for_the_others(extra: int) -> None:
    decided = _header(_receipts(21_000, 30_000 + extra, 40_000, 50_000, failed=1))
    assert find_difference(decided, OURS) == ReceiptDifference(1, "status", True, False)


def test_no_transaction_is_named_when_several_differ_or_nothing_does() -> None:
    assert find_difference(_header(_receipts(21_001, 30_001, 40_000, 50_000)), OURS) is None
    assert find_difference(_header(OURS), OURS) is None
    assert find_difference(_header(OURS), []) is None


def test_search_is_left_out_when_the_block_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    decided = _header(_receipts(21_000, 30_000, 40_000, 50_001))
    monkeypatch.setattr("node.chain.divergence.DIVERGENCE_RECEIPTS_MAX", 4)
    assert find_difference(decided, OURS) == ReceiptDifference(3, "gas_used", 50_000, 50_001)
    monkeypatch.setattr("node.chain.divergence.DIVERGENCE_RECEIPTS_MAX", 3)
    assert find_difference(decided, OURS) is None


def test_report_names_block_transaction_and_fields(tmp_path: Path) -> None:
    decided = _header(_receipts(21_000, 30_001, 40_000, 50_000), state_root=b"\7" * 32)
    local = LocalResult(engine="geth", header=_header(OURS), receipts=OURS, refusal="invalid gas used")
    with structlog.testing.capture_logs() as entries:
        report = write_report(tmp_path, decided, TRANSACTIONS, local)
    assert report["block"]["hash"] == "0x" + decided.hash.hex()
    assert [one["field"] for one in report["fields"]] == ["state_root", "receipts_root", "gas_used"]
    assert report["fields"][2] == {"field": "gas_used", "ours": 141_000, "decided": 141_001}
    assert report["transaction"] == {
        "index": 1,
        "hash": "0x" + TRANSACTIONS[1].hash.hex(),
        "field": "gas_used",
        "ours": 30_000,
        "decided": 30_001,
    }
    assert [one["gas_used"] for one in report["receipts"]] == [21_000, 30_000, 40_000, 50_000]
    assert json.loads((tmp_path / "divergence" / "block-7.json").read_text("utf-8")) == report
    (entry,) = entries
    assert (entry["event"], entry["log_level"], entry["block_number"]) == ("engines_diverge", "error", 7)
    assert entry["fields"] == ["state_root", "receipts_root", "gas_used"]


def test_report_names_the_transaction_the_engine_refused() -> None:
    local = LocalResult(engine="geth", refusal="nonce too low", refused_index=2)
    report = build_report(_header(OURS), TRANSACTIONS, local)
    assert report["transaction"]["hash"] == "0x" + TRANSACTIONS[2].hash.hex()
    assert (report["transaction"]["field"], report["transaction"]["ours"]) == ("validity", "nonce too low")
    assert report["fields"] == []


def test_report_names_the_field_when_only_the_state_differs() -> None:
    decided = replace(_header(OURS), state_root=b"\7" * 32)
    report = build_report(decided, TRANSACTIONS, LocalResult(engine="py-evm", header=_header(OURS), receipts=OURS))
    assert [one["field"] for one in report["fields"]] == ["state_root"]
    assert report["transaction"] is None
