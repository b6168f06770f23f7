"""What a trade's steps rest on outside the escrow: rounds of the oracle, and freeze orders that stop a hold's clock.

Both are read from proven receipts, in the order of the chain. A book knows only what the pack shows.

Source: docs/spec/settlement.md, sections 1 and 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.proofs.event_logs import Event

if TYPE_CHECKING:
    from bridge.proofs.records import Transaction

SCOPE_ALL: Final = 2
_OUT_OF_BAND: Final = 4


@dataclass(frozen=True, slots=True)
class Round:
    """A recorded round of the oracle."""

    median: int
    """Major units, 18 decimals."""
    usable: bool
    number: int
    recorded_at: int


class RoundBook:
    """The rounds of one trade's pair, as far as the pack shows them."""

    def __init__(self) -> None:
        self._rounds: list[Round] = []

    def record(self, args: Mapping[str, Any], time_s: int) -> None:
        """Take in an event `RoundRecorded`."""
        self._rounds.append(Round(args["median"], bool(args["usable"]), args["round"], time_s))

    def latest(self) -> Round | None:
        """Return the last round if it is usable: what `FxOracle.median` answers but for its age."""
        return self._rounds[-1] if self._rounds and self._rounds[-1].usable else None

    def previous(self) -> Round | None:
        """Return the round before the last."""
        return self._rounds[-2] if len(self._rounds) > 1 else None

    def last_good(self) -> Round | None:
        """Return the last usable round, however old."""
        return next((one for one in reversed(self._rounds) if one.usable), None)


@dataclass(slots=True)
class _Order:
    started_at: int
    ends_at: int


@dataclass(slots=True)
class FreezeBook:
    """Freeze orders of scope `all`, by token and account."""

    _orders: dict[tuple[str, str], dict[int, _Order]] = field(default_factory=dict)

    def order(self, token: str, args: Mapping[str, Any], time_s: int) -> None:
        """Take in an event `FreezeOrdered`."""
        if args["scope"] == SCOPE_ALL:
            known = self._orders.setdefault((token, args["account"]), {})
            known[args["order"]] = _Order(time_s, args["expires_at"])

    def lift(self, token: str, args: Mapping[str, Any], time_s: int) -> None:
        """Take in an event `FreezeLifted`; this second still counts as frozen."""
        order = self._orders.get((token, args["account"]), {}).get(args["order"])
        if order is not None:
            order.ends_at = min(order.ends_at, time_s)

    def is_frozen(self, token: str, account: str, now_s: int) -> bool:
        """Tell whether an order is in force; its last second included, but not once lifted."""
        return any(order.started_at <= now_s <= order.ends_at for order in self._of(token, account))

    def moved(self, token: str, account: str, expires_at: int, placed_at: int) -> int:
        """Return a hold's expiry moved by the frozen seconds since it was placed, overlapping orders counted once."""
        deadline, counted_to = expires_at, placed_at - 1
        for order in sorted(self._of(token, account), key=lambda one: one.started_at):
            start = max(order.started_at, counted_to + 1)
            if start <= deadline and order.ends_at >= start:
                deadline += order.ends_at - start + 1
                counted_to = order.ends_at
        return deadline

    def _of(self, token: str, account: str) -> list[_Order]:
        return list(self._orders.get((token, account), {}).values())


def rounds_used(transactions: Sequence["Transaction"], escrow: str, trade_id: bytes, pair: bytes) -> set[int]:
    """Return which transactions (by position) recorded a round that a step of the trade rests on.

    Funding, settlements and calls rest on the last round before them; a last resort on the last usable one; closing out
    of band on the last two.
    """
    found: set[int] = set()
    rounds: list[tuple[int, bool]] = []
    for position, transaction in enumerate(transactions):
        rounds += [
            (position, bool(event.args["usable"]))
            for event in transaction.events
            if event.name == "RoundRecorded" and event.args["pair"] == pair
        ]
        for event in transaction.events:
            if event.address == escrow and event.args.get("trade_id") == trade_id:
                found |= _rests_on(event, rounds)
    return found


def _rests_on(event: Event, rounds: Sequence[tuple[int, bool]]) -> set[int]:
    if event.name == "LastResort":
        return {position for position, usable in [one for one in rounds if one[1]][-1:]}
    if event.name == "TradeClosed" and event.args["cause"] == _OUT_OF_BAND:
        return {position for position, _ in rounds[-2:]}
    at_median = event.name == "FundingSliceSettled" and event.args["median"] != 0
    if at_median or event.name in ("TradeFunded", "Repriced"):
        return {position for position, _ in rounds[-1:]}
    return set()
