"""The events that tell a trade's story, and their decoding.

All their fields are static words, so that no ABI library is needed. A test compares this table with the compiled
contracts' interfaces.

Source: docs/spec/contracts.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_hash.auto import keccak

from bridge.errors import InvalidProofError
from bridge.proofs.receipts import Log
from pqc.secp256k1 import checksummed

_WORD: Final = 32

EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "TradeEscrow": (
        "TradeFunded(bytes32 indexed trade_id,address indexed importer,address indexed exporter,address invoice_token,"
        "uint256 invoice_amount,uint256 policy,uint256 funding_amount)",
        "AttestationRecorded(bytes32 indexed trade_id,uint256 indexed milestone,address indexed attester,"
        "uint256 outcome,uint256 share_bps,bytes32 evidence_hash,bytes32 signature_digest)",
        "EquivocationRecorded(bytes32 indexed trade_id,uint256 indexed milestone,address indexed attester,"
        "bytes32 digest)",
        "MilestoneDue(bytes32 indexed trade_id,uint256 indexed milestone,uint256 outcome,uint256 share_bps,"
        "uint256 due_at)",
        "MilestoneAccepted(bytes32 indexed trade_id,uint256 indexed milestone)",
        "DisputeRaised(bytes32 indexed trade_id,uint256 indexed milestone,address indexed party,bytes32 digest,"
        "bytes32 reason_hash)",
        "AwardMade(bytes32 indexed trade_id,uint256 indexed milestone,uint256 share_bps,bytes32 reason_hash)",
        "PaymentMade(bytes32 indexed trade_id,uint256 indexed milestone,address indexed account,address token,"
        "uint256 amount)",
        "MilestoneSettled(bytes32 indexed trade_id,uint256 indexed milestone,uint256 paid,uint256 refunded)",
        "TradeClosed(bytes32 indexed trade_id,uint256 cause)",
        "FundingLegOpened(bytes32 indexed trade_id,address indexed provider,address token,uint256 amount,"
        "uint256 rate_num,uint256 rate_den,uint256 premium)",
        "FundingSliceSettled(bytes32 indexed trade_id,uint256 indexed milestone,address indexed provider,uint256 sold,"
        "uint256 refunded,uint256 median)",
        "LastResort(bytes32 indexed trade_id,uint256 indexed milestone,uint256 cause)",
        "AmountWaived(bytes32 indexed trade_id,uint256 indexed milestone,uint256 amount,uint256 left)",
        "MilestoneAssigned(bytes32 indexed trade_id,uint256 indexed milestone,address indexed assignee)",
        "TradeAmended(bytes32 indexed trade_id,uint256 version,bytes32 terms_hash)",
        "MilestoneAmended(bytes32 indexed trade_id,uint256 indexed milestone,bytes32 terms_hash,uint256 amount,"
        "uint256 deadline,uint256 slice)",
        "DeadlineDeferred(bytes32 indexed trade_id,uint256 indexed milestone,uint256 deadline)",
        "Repriced(bytes32 indexed trade_id,uint256 median,uint256 missing,uint256 ends_at)",
        "ToppedUp(bytes32 indexed trade_id,uint256 amount,bool in_call)",
        "CancelFeePaid(bytes32 indexed trade_id,address indexed provider,uint256 amount)",
    ),
    "FxSettlement": (
        "QuoteSettled(bytes32 indexed digest,address indexed provider,address indexed taker,uint256 sell_amount,"
        "uint256 buy_amount)",
        "LockTaken(bytes32 indexed digest,address indexed provider,address indexed taker,uint256 sell_amount,"
        "uint256 buy_amount)",
    ),
    "FxOracle": (
        "RoundRecorded(bytes32 indexed pair,uint256 indexed round,uint256 median,uint256 reports,bool usable)",
    ),
    "ParticipantRegistry": ("DigestRecorded(address indexed institution,bytes32 indexed digest)",),
    "SettlementToken": (
        "HoldPlaced(bytes32 indexed id,address indexed owner,address indexed notary,uint256 amount,"
        "uint256 expires_at,bytes32 reference)",
        "HoldExecuted(bytes32 indexed id,address indexed owner,address indexed to,uint256 amount,uint256 blocked)",
        "HoldReleased(bytes32 indexed id,address indexed owner,uint256 amount)",
        "HoldIncreased(bytes32 indexed id,uint256 amount,uint256 expires_at)",
        "FreezeOrdered(address indexed account,uint256 indexed order,uint256 scope,uint256 expires_at,bytes32 reason)",
        "FreezeLifted(address indexed account,uint256 indexed order)",
    ),
}
"""By contract, in the notation of Solidity."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an event."""

    name: str
    type: str
    indexed: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log of a contract of the network."""

    contract: str
    """Contract name; `SettlementToken` for every token."""
    address: str
    name: str
    args: Mapping[str, Any]
    """Numbers as int, bool as bool, bytes32 as bytes, addresses checksummed."""


def parse_declaration(text: str) -> tuple[str, tuple[Field, ...]]:
    """Return (name, fields) of `Name(type [indexed] field,...)`."""
    name, _, inside = text.removesuffix(")").partition("(")
    words = [part.split() for part in inside.split(",")]
    return name, tuple(Field(part[-1], part[0], "indexed" in part) for part in words)


def topic_of(name: str, fields: tuple[Field, ...]) -> bytes:
    """Return an event's first topic."""
    return keccak(f"{name}({','.join(field.type for field in fields)})".encode())


def _table() -> dict[str, dict[bytes, tuple[str, tuple[Field, ...]]]]:
    parsed = {contract: [parse_declaration(text) for text in texts] for contract, texts in EVENTS.items()}
    return {contract: {topic_of(*event): event for event in events} for contract, events in parsed.items()}


_BY_TOPIC: Final = _table()


def decode_event(contract: str, log: Log) -> Event | None:
    """Return the event a log of `contract` means, None for one that is not in the table.

    Raises:
        InvalidProofError: the log has the event's topic but not its shape.
    """
    found = _BY_TOPIC.get(contract, {}).get(log.topics[0]) if log.topics else None
    if found is None:
        return None
    name, fields = found
    indexed = [field for field in fields if field.indexed]
    plain = [field for field in fields if not field.indexed]
    if len(log.topics) != len(indexed) + 1 or len(log.data) != _WORD * len(plain):
        raise InvalidProofError("log", f"the shape of {name}", f"{len(log.topics)} topics, {len(log.data)} bytes")
    words = [log.data[at : at + _WORD] for at in range(0, len(log.data), _WORD)]
    values = {field.name: _value(field.type, topic) for field, topic in zip(indexed, log.topics[1:], strict=True)}
    values |= {field.name: _value(field.type, word) for field, word in zip(plain, words, strict=True)}
    return Event(contract, log.address, name, values)


def _value(kind: str, word: bytes) -> Any:
    if kind in ("uint256", "bool"):
        number = int.from_bytes(word, "big")
        return number if kind == "uint256" else number != 0
    return checksummed(word[12:]) if kind == "address" else word
