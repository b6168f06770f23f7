"""From what the field sends to a claim about a milestone: the one table of rules.

An EPCIS event proves a milestone when it names the shipment of the terms, its business step is one the milestone's
kind accepts, its disposition does not contradict it, it happened at the place the terms name (if they name one), and
its time is not after ledger time nor after the deadline. Everything else is refused with the field that disagrees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import rfc8785

from node.trades.errors import EvidenceMismatchError
from node.trades.logistics.epcis import EpcisDocument
from node.trades.logistics.epcis_events import Event
from node.trades.terms.document import shown_time

FULFILLED: Final = 1
FAILED: Final = 2
OUTCOMES: Final[Mapping[str, int]] = {"fulfilled": FULFILLED, "failed": FAILED}
WHOLE_BPS: Final = 10_000

STEPS: Final[Mapping[str, frozenset[str]]] = {
    "loaded": frozenset({"loading", "departing", "shipping"}),
    "departed": frozenset({"departing", "shipping"}),
    "arrived": frozenset({"arriving", "unloading", "receiving"}),
    "delivered": frozenset({"receiving", "accepting"}),
    "inspected": frozenset({"inspecting"}),
}
"""Milestone kind to the business steps (CBV 2.0) that show it. `shipping` is loading and departing in one."""

_MOVING: Final = frozenset({"in_transit", "in_progress", "active", "container_closed", "conformant"})
_THERE: Final = frozenset(
    {"in_progress", "active", "available", "conformant", "sellable_accessible", "sellable_not_accessible"}
    | {"completeness_verified", "container_open", "in_transit"}
)
DISPOSITIONS: Final[Mapping[str, frozenset[str]]] = {
    "loaded": _MOVING,
    "departed": _MOVING,
    "arrived": _THERE,
    "delivered": _THERE,
    "inspected": _THERE | _MOVING,
}
"""Milestone kind to the dispositions that do not contradict it. Damaged goods need an inspector's statement."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one open milestone of a trade asks of evidence."""

    index: int
    kind: str
    deadline_s: int
    place: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says about one milestone, ready to be attested."""

    milestone: int
    outcome: int
    share_bps: int
    evidence_hash: bytes
    """SHA-256 of the document as received."""
    replay_key: str
    """Names the event or statement itself: it counts once, whatever document carries it."""
    happened_at_s: int
    summary: str


def claim_from_epcis(
    document: EpcisDocument,
    data: bytes,
    *,
    shipment: Sequence[str],
    milestones: Sequence[Expected],
    now_s: int,
) -> Claim:
    """Return the claim that the first event about this shipment and an open milestone makes.

    Args:
        document: `data`, parsed.
        data: The bytes as received.
        shipment: The terms' shipment references.
        milestones: Milestones this attester may still attest, in order.
        now_s: Ledger time, unix seconds.

    Raises:
        EvidenceMismatchError: no event proves an open milestone; names the nearest disagreeing field.
    """
    wanted = frozenset(shipment)
    about = [(index, event) for index, event in enumerate(document.events) if event.named() & wanted]
    if not about:
        named = sorted(set().union(*(event.named() for event in document.events)))
        got = ", ".join(named[:3]) or "no identifiers"
        raise EvidenceMismatchError("bizTransactionList", f"an event of shipment {', '.join(shipment[:3])}", got)
    if not milestones:
        raise EvidenceMismatchError("milestone", "a milestone that waits for this attester", "none open")
    for index, event in about:
        for milestone in milestones:
            if event.bizStep in STEPS[milestone.kind]:
                _check_event(event, f"eventList.{index}", milestone, now_s)
                return _claim(event, document.raw_events[index], data, milestone)
    accepted = sorted(set().union(*(STEPS[milestone.kind] for milestone in milestones)))
    index, event = about[0]
    raise EvidenceMismatchError(f"eventList.{index}.bizStep", f"one of {', '.join(accepted)}", event.bizStep or "none")


def check_time(field: str, happened_at_s: int, milestone: Expected, now_s: int) -> None:
    """Refuse evidence of the future, and of a time after the milestone's deadline."""
    if happened_at_s > now_s:
        expected = f"a time not after ledger time {shown_time(now_s)}"
        raise EvidenceMismatchError(field, expected, shown_time(happened_at_s))
    if happened_at_s > milestone.deadline_s:
        expected = f"a time not after the milestone's deadline {shown_time(milestone.deadline_s)}"
        raise EvidenceMismatchError(field, expected, shown_time(happened_at_s))


def _check_event(event: Event, path: str, milestone: Expected, now_s: int) -> None:
    if event.errorDeclaration is not None:
        raise EvidenceMismatchError(f"{path}.errorDeclaration", "an event that stands", "an event declared in error")
    if getattr(event, "action", None) == "DELETE":
        raise EvidenceMismatchError(f"{path}.action", "OBSERVE or ADD", "DELETE")
    allowed = DISPOSITIONS[milestone.kind]
    if event.disposition is not None and event.disposition not in allowed:
        expected = f"one that fits milestone {milestone.kind} ({', '.join(sorted(allowed))})"
        raise EvidenceMismatchError(f"{path}.disposition", expected, event.disposition)
    if milestone.place is not None:
        places = [place.id for place in (event.readPoint, event.bizLocation) if place is not None]
        if milestone.place not in places:
            raise EvidenceMismatchError(f"{path}.readPoint", milestone.place, ", ".join(places) or "none")
    check_time(f"{path}.eventTime", unix_seconds(event.eventTime), milestone, now_s)


def _claim(event: Event, raw: dict[str, Any], data: bytes, milestone: Expected) -> Claim:
    name = event.eventID or "sha-256;" + sha256(rfc8785.dumps(raw)).hexdigest()
    place = event.readPoint.id if event.readPoint else "an unnamed place"
    happened_at_s = unix_seconds(event.eventTime)
    return Claim(
        milestone=milestone.index,
        outcome=FULFILLED,
        share_bps=WHOLE_BPS,
        evidence_hash=sha256(data).digest(),
        replay_key=f"epcis:{name}",
        happened_at_s=happened_at_s,
        summary=f"{event.type} {event.bizStep} at {place} on {shown_time(happened_at_s)}",
    )


def unix_seconds(moment: datetime) -> int:
    """Return whole unix seconds, rounded down."""
    return int(moment.timestamp() // 1)
