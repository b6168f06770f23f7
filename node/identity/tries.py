"""Counts tries to sign in, so that nobody guesses for long.

A try is counted before it is judged: many at once are many tries. An account that does not exist is counted as one that
does, so that nobody learns which do. Counts stand in the database and outlive a restart.
"""

from hashlib import sha256

from sqlalchemy import delete
from sqlalchemy.orm import Session

from node.identity.errors import LockedOutError
from node.identity.limits import (
    ADDRESS_TRIES_MAX,
    ADDRESS_WINDOW_S,
    LOCK_S,
    LOCK_S_MAX,
    TRIES_BEFORE_LOCK,
    TRIES_KEPT_S,
)
from node.identity.store import TriesRow
from node.storage.database import Database


def count_try(database: Database, address: str, account: str | None, now_s: int) -> None:
    """Count a try, in a transaction of its own.

    Args:
        account: E-mail address; None for a passkey, which cannot be guessed.

    Raises:
        LockedOutError: the address or the account has to wait.
    """
    with database.transaction() as session:
        waits_s = _count_address(session, address, now_s)
        if waits_s <= 0 and account is not None:
            waits_s = _count_account(session, account, now_s)
    if waits_s > 0:
        raise LockedOutError(waits_s)


def forget_tries(session: Session, account: str) -> None:
    """Start anew for an account whose owner has come in."""
    row = session.get(TriesRow, _account_key(account))
    if row is not None:
        session.delete(row)


def sweep_tries(session: Session, now_s: int) -> None:
    """Forget what is a day old."""
    session.execute(
        delete(TriesRow).where(TriesRow.locked_until_s <= now_s, TriesRow.began_at_s <= now_s - TRIES_KEPT_S)
    )


def _count_address(session: Session, address: str, now_s: int) -> int:
    """Return for how long the address has to wait."""
    row = _row(session, sha256(f"address/{address}".encode()).hexdigest(), now_s)
    if now_s >= row.began_at_s + ADDRESS_WINDOW_S:
        row.count, row.began_at_s = 0, now_s
    if row.count >= ADDRESS_TRIES_MAX:
        return row.began_at_s + ADDRESS_WINDOW_S - now_s
    row.count += 1
    return 0


def _count_account(session: Session, account: str, now_s: int) -> int:
    """Return for how long the account has to wait."""
    row = _row(session, _account_key(account), now_s)
    if now_s < row.locked_until_s:
        return row.locked_until_s - now_s
    if now_s >= row.began_at_s + TRIES_KEPT_S:
        row.count, row.began_at_s = 0, now_s
    row.count += 1
    if row.count >= TRIES_BEFORE_LOCK:
        row.locked_until_s = now_s + min(LOCK_S * 2 ** (row.count - TRIES_BEFORE_LOCK), LOCK_S_MAX)
    return 0


def _row(session: Session, whose: str, now_s: int) -> TriesRow:
    row = session.get(TriesRow, whose)
    if row is None:
        row = TriesRow(whose=whose, count=0, began_at_s=now_s, locked_until_s=0)
        session.add(row)
    return row


def _account_key(account: str) -> str:
    return sha256(f"account/{account}".encode()).hexdigest()
