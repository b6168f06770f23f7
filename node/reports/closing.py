"""The end-of-day report of an institution in one currency."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.ledger.booking import PARTS
from node.ledger.days import Day
from node.ledger.orders import OrderRow
from node.ledger.service import LedgerService
from node.ledger.store import AccountRow, EntryRow, HoldRow, LineRow
from node.messages.store import DEAD, QUEUED, RECEIVED, REFUSED, ReceivedMessage, SentMessage
from node.trades.store import EscrowEvent, Trade

_FUNDED = "TradeFunded"
_CLOSED = "TradeClosed"


@dataclass(frozen=True, slots=True)
class OwnersDay:
    """What one owner had at both ends, and what went in and out between; minor units."""

    owner: str
    opening: int
    credited: int
    debited: int
    closing: int


@dataclass(frozen=True, slots=True)
class Closing:
    """A day of the books in one currency, and what is open now."""

    currency: str
    day: Day
    owners: tuple[OwnersDay, ...]
    entries_by_kind: dict[str, int]
    payments_by_state: dict[str, int]
    """Of those that were ordered on the day, in their present state."""
    trades_funded: int
    """Of this institution, in any currency."""
    trades_closed: int
    held: int
    """What is held now, of every owner."""
    messages_waiting: int
    messages_to_repair: int

    @property
    def opening(self) -> int:
        return sum(one.opening for one in self.owners)

    @property
    def closing(self) -> int:
        return sum(one.closing for one in self.owners)

    @property
    def is_balanced(self) -> bool:
        """Whether every owner's opening, credits and debits come to its closing balance."""
        return all(one.opening + one.credited - one.debited == one.closing for one in self.owners)


def build_closing(session: Session, ledger: LedgerService, currency: str, day: Day) -> Closing:
    """Return the report of a day that is over."""
    first, last = (ledger.last_entry_before(session, time_s) for time_s in (day.from_s, day.until_s))
    moved = _moved(session, currency, first, last)
    owners = sorted(
        session.scalars(select(AccountRow.owner).where(AccountRow.currency == currency).distinct()), key=str
    )
    ordered = select(OrderRow.state, func.count()).where(
        OrderRow.currency == currency, OrderRow.ordered_at_s >= day.from_s, OrderRow.ordered_at_s < day.until_s
    )
    kinds = select(EntryRow.kind, func.count()).where(
        EntryRow.currency == currency, EntryRow.id > first, EntryRow.id <= last
    )
    return Closing(
        currency=currency,
        day=day,
        owners=tuple(
            OwnersDay(
                owner,
                ledger.balance_after(session, owner, currency, first).total,
                moved[owner, True],
                moved[owner, False],
                ledger.balance_after(session, owner, currency, last).total,
            )
            for owner in owners
            if owner is not None
        ),
        entries_by_kind=dict(session.execute(kinds.group_by(EntryRow.kind)).tuples().all()),
        payments_by_state=dict(session.execute(ordered.group_by(OrderRow.state)).tuples().all()),
        trades_funded=_trades(session, _FUNDED, day),
        trades_closed=_trades(session, _CLOSED, day),
        held=sum(session.scalars(select(HoldRow.rest).where(HoldRow.currency == currency))),
        messages_waiting=_count(session, SentMessage, QUEUED) + _count(session, ReceivedMessage, RECEIVED),
        messages_to_repair=_count(session, SentMessage, DEAD, REFUSED) + _count(session, ReceivedMessage, REFUSED),
    )


def _moved(session: Session, currency: str, first: int, last: int) -> Counter[tuple[str | None, bool]]:
    """Return what each entry brought an owner (True) or took from it (False), moves between its own parts left out."""
    wanted = (
        select(LineRow.entry_id, AccountRow.owner, LineRow)
        .join(AccountRow, AccountRow.id == LineRow.account_id)
        .where(AccountRow.currency == currency, AccountRow.part.in_(PARTS), AccountRow.owner.is_not(None))
        .where(LineRow.entry_id > first, LineRow.entry_id <= last)
    )
    net: Counter[tuple[int, str | None]] = Counter()
    for entry, owner, line in session.execute(wanted):
        net[entry, owner] += line.signed
    moved: Counter[tuple[str | None, bool]] = Counter()
    for (_, owner), amount in net.items():
        moved[owner, amount > 0] += abs(amount)
    return moved


def _trades(session: Session, name: str, day: Day) -> int:
    wanted = select(func.count()).where(
        EscrowEvent.name == name,
        EscrowEvent.block_time_s >= day.from_s,
        EscrowEvent.block_time_s < day.until_s,
        EscrowEvent.trade_id.in_(select(Trade.trade_id)),
    )
    return session.scalar(wanted) or 0


def _count(session: Session, table: type[SentMessage] | type[ReceivedMessage], *states: str) -> int:
    return session.scalar(select(func.count()).select_from(table).where(table.state.in_(states))) or 0
