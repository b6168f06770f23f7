"""An owner's account in one currency over a business day."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from fx.currencies import get_currency
from fx.money import Money
from node.ledger.days import Day
from node.ledger.service import PAGE_MAX, LedgerService
from node.ledger.views import Balance, StatementLine
from node.participants.directory import Institution
from node.participants.service import ParticipantService
from node.reports.errors import TooManyEntriesError

ENTRIES_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking; a negative amount is a debit."""

    number: int
    amount: Money
    available_change: Money
    """What of it the owner can use, more or less; the rest was held, let go, frozen or freed."""
    time_s: int
    kind: str
    counterparty: str | None
    """Name where it is known here, else the account."""
    text: str
    tx_hash: bytes | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A day of an account."""

    institution: Institution
    owner: str
    owner_name: str
    account: str
    """Address."""
    currency: str
    day: Day
    opening: Balance
    closing: Balance
    entries: tuple[Entry, ...]
    created_s: int

    @property
    def booked(self) -> tuple[Entry, ...]:
        """The entries that changed what the owner has; the others only held some of it or let it go."""
        return tuple(entry for entry in self.entries if entry.amount.amount_minor)

    def money(self, amount_minor: int) -> Money:
        return Money(amount_minor, get_currency(self.currency))


def build_statement(
    session: Session,
    ledger: LedgerService,
    participants: ParticipantService,
    *,
    owner: str,
    currency: str,
    day: Day,
    now_s: int,
) -> Statement:
    """Return the statement of a day that is over.

    Raises:
        UnknownOwnerError, UnknownCurrencyError: no books are kept for that.
        TooManyEntriesError: the day has more entries than a statement holds.
    """
    first, last = (ledger.last_entry_before(session, time_s) for time_s in (day.from_s, day.until_s))
    names = participants.account_names(session)
    own = participants.institution
    lines = _lines(session, ledger, owner, currency, first, last)
    name = own.name if owner == own.id else participants.customer(session, owner).name
    return Statement(
        institution=own,
        owner=owner,
        owner_name=name,
        account=participants.address_of(session, owner),
        currency=currency,
        day=day,
        opening=ledger.balance_after(session, owner, currency, first),
        closing=ledger.balance_after(session, owner, currency, last),
        entries=tuple(_entry(line, currency, names) for line in lines),
        created_s=now_s,
    )


def _lines(
    session: Session, ledger: LedgerService, owner: str, currency: str, first: int, last: int
) -> list[StatementLine]:
    found: list[StatementLine] = []
    after = first
    while True:
        page = ledger.statement(session, owner, currency, after=after, limit=PAGE_MAX)
        found += [line for line in page if line.entry <= last]
        if len(found) > ENTRIES_MAX:
            raise TooManyEntriesError(ENTRIES_MAX)
        if len(page) < PAGE_MAX or page[-1].entry > last:
            return found
        after = page[-1].entry


def _entry(line: StatementLine, currency: str, names: dict[str, str]) -> Entry:
    unit = get_currency(currency)
    told = [memo.text or memo.purpose.replace("_", " ") for memo in line.memos]
    counterparty = line.counterparty
    return Entry(
        number=line.entry,
        amount=Money(line.available_change + line.held_change + line.blocked_change, unit),
        available_change=Money(line.available_change, unit),
        time_s=line.time_s,
        kind=line.kind,
        counterparty=None if counterparty is None else names.get(counterparty, counterparty),
        text="; ".join(dict.fromkeys(told)) or line.kind,
        tx_hash=line.tx_hash,
    )
