"""A trade as the way it goes: agreed, funded, shipped, delivered, paid; with money, rate and what it waits for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DONE: Final = "is-done"
NOW: Final = "is-now"
LATER: Final = "is-later"
BAD: Final = "is-bad"
_AGREED: Final = ("agreed", "funding", "funded", "closed")
_ATTESTED: Final = ("due", "disputed", "final", "settled")
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """One place on the way."""

    kind: str
    """agreed, funded, milestone, paid or closed."""
    state: str
    name: str = ""
    """Of a milestone: what it is."""
    at: Any = None
    """When it happened."""
    by: Any = None
    """Until when it has to."""
    money: str | None = None
    rate: str | None = None
    milestone: Facts | None = None
    waits: list[Facts] = field(default_factory=list)
    """What the API says is waited for."""


def timeline(trade: Facts, history: Sequence[Facts], steps: Sequence[Facts]) -> list[Stop]:
    """Return the stops of a trade, from the API's trade, its history and its next steps."""
    is_agreed, is_funded = trade["state"] in _AGREED, trade["funded_at"] is not None
    is_over = trade["state"] in ("withdrawn", "closed")
    waits = [step for step in steps if step["weight"] == "owed" and step["from"] is None]
    about_all = [step for step in waits if step["milestone"] is None]
    cost, leg = trade["cost"], trade.get("fx")
    rate = cost["rate"] if cost else None
    if leg and not cost:
        rate = f"{leg['rate']} {trade['currency']} per {trade['funding_currency']}"
    stops = [
        Stop(
            "agreed",
            DONE if is_agreed else BAD if is_over else NOW,
            by=trade["fund_by"],
            money=trade["amount"],
            waits=[] if is_agreed else about_all,
        ),
        Stop(
            "funded",
            DONE if is_funded else NOW if is_agreed and not is_over else LATER,
            at=trade["funded_at"],
            by=trade["fund_by"],
            money=trade["importer_paid"] or (leg["held_at_funding"] if leg else cost["pays"] if cost else None),
            rate=rate,
            waits=about_all if is_agreed and not is_funded else [],
        ),
    ]
    for milestone in trade["milestones"]:
        stops += _of_milestone(milestone, history, waits, is_funded)
    if is_over:
        closed_at = _time_of(history, ("TradeClosed",), None)
        is_good = trade["closed_cause"] in ("settled", None) and trade["state"] == "closed"
        stops.append(
            Stop("closed", DONE if is_good else BAD, name=trade["closed_cause"] or trade["state"], at=closed_at)
        )
    return stops


def _of_milestone(
    milestone: Facts, history: Sequence[Facts], waits: Iterable[Facts], is_funded: bool
) -> tuple[Stop, Stop]:
    index, state = milestone["index"], milestone["state"]
    is_attested = state in _ATTESTED
    own = [step for step in waits if step["milestone"] == index]
    attested_at = _time_of(history, ("MilestoneDue", "MilestoneAccepted"), index)
    missed = is_attested and milestone["due_percent"] == "0.00 %"
    reached = BAD if missed or state == "disputed" else DONE if is_attested else NOW if is_funded else LATER
    paid_at = _time_of(history, ("MilestoneSettled",), index)
    is_settled = state == "settled"
    return (
        Stop(
            "milestone",
            reached,
            milestone["kind"],
            at=attested_at,
            by=milestone["deadline"],
            milestone=milestone,
            waits=[] if is_attested else own,
        ),
        Stop(
            "paid",
            DONE if is_settled and not missed else BAD if is_settled else NOW if is_attested else LATER,
            milestone["kind"],
            at=paid_at,
            by=milestone["final_after"],
            money=milestone["paid"] or milestone["amount"],
            milestone=milestone,
            waits=own if is_attested and not is_settled else [],
        ),
    )


def _time_of(history: Sequence[Facts], names: tuple[str, ...], milestone: int | None) -> Any:
    for event in history:
        if event["name"] in names and (milestone is None or int(event["args"].get("milestone", -1)) == milestone):
            return event["time"]
    return None
