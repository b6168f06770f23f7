"""What must hold in the stored books at any time; each raises BrokenBooksError or NegativeBalanceError."""

from collections import defaultdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.ledger.booking import HELD
from node.ledger.errors import BrokenBooksError
from node.ledger.store import EntryRow, LineRow, accounts, holds, validate_not_negative


def verify_books(session: Session) -> None:
    """Check every invariant below."""
    verify_entries_balanced(session)
    verify_balances_are_sums(session)
    verify_currencies_close(session)
    verify_held_is_in_holds(session)
    validate_not_negative(accounts(session))


def verify_entries_balanced(session: Session) -> None:
    """Debits equal credits in every entry."""
    for entry in session.scalars(select(EntryRow)):
        difference = sum(line.signed for line in entry.lines)
        if difference or not entry.lines:
            raise BrokenBooksError(f"entry {entry.id}: expected debits = credits, got a difference of {difference}")


def verify_balances_are_sums(session: Session) -> None:
    """Each account's balance is the sum of its lines."""
    sums: defaultdict[int, int] = defaultdict(int)
    for line in session.scalars(select(LineRow)):
        sums[line.account_id] += line.signed
    for row in accounts(session):
        if sums[row.id] != row.balance:
            raise BrokenBooksError(f"{row.name}: expected the sum of its lines {sums[row.id]}, got {row.balance}")


def verify_currencies_close(session: Session) -> None:
    """All accounts of a currency together come to zero."""
    sums: defaultdict[str, int] = defaultdict(int)
    for row in accounts(session):
        sums[row.currency] += row.balance
    for currency, total in sums.items():
        if total:
            raise BrokenBooksError(f"{currency}: expected accounts that come to 0, got {total}")


def verify_held_is_in_holds(session: Session) -> None:
    """What an owner has held is the sum of the rests of its holds."""
    rests: defaultdict[tuple[str, str], int] = defaultdict(int)
    for hold in holds(session):
        rests[hold.currency, hold.owner] += hold.rest
    for row in accounts(session):
        if row.part == HELD and row.owner is not None and row.balance != rests[row.currency, row.owner]:
            raise BrokenBooksError(
                f"{row.name}: expected the rests of its holds {rests[row.currency, row.owner]}, got {row.balance}"
            )
