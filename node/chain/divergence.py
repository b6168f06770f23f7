"""The report of a node whose engine does not agree with a block that the others decided on.

Two engines that execute the same block differently must not go on: one of them is wrong about money. The node stops
and leaves a file that says which block, which field of its header and, where it can be told, which transaction.

The decided header holds only roots over the receipts. A transaction is named when the engine names it, or when one
changed receipt (its gas, or success turned to failure) makes our receipts hash to the decided root; several
differences at once cannot be told apart from one side, so our receipts go into the report: compare them with those
of a node that went on (`eth_getBlockReceipts`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from node.chain.blocks import BlockHeader, Receipt, logs_bloom
from node.chain.errors import InvalidBlockError
from node.chain.limits import DIVERGENCE_RECEIPTS_MAX
from node.chain.transactions import Transaction
from node.chain.tries import ordered_root

_log = structlog.get_logger("landfall.chain")
REPORT_FOLDER: Final = "divergence"
_HEADER_FIELDS: Final = (
    "state_root",
    "receipts_root",
    "gas_used",
    "bloom",
    "requests_hash",
    "base_fee",
    "transactions_root",
    "timestamp",
    "mix_hash",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResult:
    """What this node's engine makes of a decided block; what it does not know is empty.

    `refusal` is the engine's own words when it could not execute the block at all.
    """

    engine: str
    header: BlockHeader | None = None
    receipts: Sequence[Receipt] = ()
    refusal: str = ""
    refused_index: int | None = None

    @classmethod
    def refused(cls, engine: str, refusal: InvalidBlockError) -> "LocalResult":
        """Return the result of an engine that refused a block, maybe by a transaction, as in `transactions[3]`."""
        name, _, index = refusal.field.partition("[")
        refused_index = int(index[:-1]) if name == "transactions" and index else None
        return cls(engine=engine, refusal=str(refusal), refused_index=refused_index)


@dataclass(frozen=True, slots=True)
class ReceiptDifference:
    """The receipt that differs: its index in the block, the field, and both values."""

    index: int
    field: str
    ours: int | bool
    decided: int | bool


def write_report(
    home: Path, decided: BlockHeader, transactions: Sequence[Transaction], local: LocalResult
) -> dict[str, Any]:
    """Write `home/divergence/block-N.json`, log it, and return it."""
    report = build_report(decided, transactions, local)
    path = home / REPORT_FOLDER / f"block-{decided.number}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    _log.error(
        "engines_diverge",
        engine=local.engine,
        block_number=decided.number,
        block_hash=report["block"]["hash"],
        fields=[one["field"] for one in report["fields"]],
        transaction=report["transaction"],
        report=str(path),
    )
    return report


def build_report(decided: BlockHeader, transactions: Sequence[Transaction], local: LocalResult) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "block": {
            "number": decided.number,
            "hash": _shown(decided.hash),
            "parent_hash": _shown(decided.parent_hash),
            "proposer": _shown(decided.coinbase),
        },
        "engine": local.engine,
        "refusal": local.refusal or None,
        "fields": _fields(decided, local.header),
        "transaction": _transaction(decided, transactions, local),
        "receipts": _receipts(local.receipts),
        "transactions": [_shown(tx.raw) for tx in transactions],
    }


def find_difference(decided: BlockHeader, receipts: Sequence[Receipt]) -> ReceiptDifference | None:
    """Return the one receipt that, changed, gives the decided root; None when no single change does.

    Tries for each transaction other gas by what the block's total differs, success turned round, and both.
    """
    if not 0 < len(receipts) <= DIVERGENCE_RECEIPTS_MAX:
        return None
    extra = decided.gas_used - receipts[-1].cumulative_gas
    for index, ours in enumerate(receipts):
        for changed in _variants(ours, extra):
            following = [replace(one, cumulative_gas=one.cumulative_gas + extra) for one in receipts[index + 1 :]]
            whole = [*receipts[:index], changed, *following]
            if ordered_root([one.encode() for one in whole]) != decided.receipts_root:
                continue
            if changed.is_success != ours.is_success:
                return ReceiptDifference(index, "status", ours.is_success, changed.is_success)
            gas = ours.cumulative_gas - (receipts[index - 1].cumulative_gas if index else 0)
            return ReceiptDifference(index, "gas_used", gas, gas + extra)
    return None


def _variants(ours: Receipt, extra: int) -> Iterator[Receipt]:
    used = ours.cumulative_gas + extra
    if extra:
        yield replace(ours, cumulative_gas=used)
    # What a success would have logged nobody here knows: nothing is the only guess.
    if ours.is_success or not ours.logs:
        yield replace(ours, cumulative_gas=used, is_success=not ours.is_success, logs=(), bloom=logs_bloom(()))


def _fields(decided: BlockHeader, ours: BlockHeader | None) -> list[dict[str, Any]]:
    if ours is None:
        return []
    pairs = [(name, getattr(ours, name), getattr(decided, name)) for name in _HEADER_FIELDS]
    return [{"field": name, "ours": _shown(a), "decided": _shown(b)} for name, a, b in pairs if a != b]


def _transaction(
    decided: BlockHeader, transactions: Sequence[Transaction], local: LocalResult
) -> dict[str, Any] | None:
    if local.refused_index is not None:
        place = {"index": local.refused_index, "hash": _shown(transactions[local.refused_index].hash)}
        return place | {"field": "validity", "ours": local.refusal, "decided": "can run"}
    found = find_difference(decided, local.receipts)
    if found is None:
        return None
    place = {"index": found.index, "hash": _shown(transactions[found.index].hash)}
    return place | {"field": found.field, "ours": found.ours, "decided": found.decided}


def _receipts(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    shown, before = [], 0
    for receipt in receipts:
        shown.append(
            {
                "status": int(receipt.is_success),
                "gas_used": receipt.cumulative_gas - before,
                "logs": [
                    {
                        "address": _shown(log.address),
                        "topics": [_shown(topic) for topic in log.topics],
                        "data": _shown(log.data),
                    }
                    for log in receipt.logs
                ],
            }
        )
        before = receipt.cumulative_gas
    return shown


def _shown(value: bytes | int) -> str | int:
    return "0x" + value.hex() if isinstance(value, bytes) else value
