"""Pinned message keys and the times in which each holds.

A key holds in windows of ledger time. Pinning opens one, whatever ends the key closes it: the end of a rotation's
overlap, another anchor on the chain, a suspension, a revocation. A message counts when its time lies in a window.
"""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from node.participants.kids import thumbprint_of
from node.participants.papers import Jwk
from node.participants.store import InstitutionRow, KeyWindowRow, MessageKeyRow


def is_anchored(row: InstitutionRow) -> bool:
    """Tell whether the pinned key is the one that the registry holds now."""
    return row.pinned_kid is not None and thumbprint_of(row.pinned_kid) == row.anchor


def pin(session: Session, row: InstitutionRow, key: Jwk, from_s: int) -> None:
    """Make `key` the institution's message key, from `from_s` on."""
    if session.get(MessageKeyRow, (row.lei, key.kid)) is None:
        session.add(
            MessageKeyRow(
                lei=row.lei, kid=key.kid, alg=key.alg, public_key=key.public_key, revoked_at_s=None, revocation=None
            )
        )
    row.pinned_kid = key.kid
    resume(session, row, from_s)


def resume(session: Session, row: InstitutionRow, from_s: int) -> None:
    """Let the pinned key hold from `from_s` on, if it may: anchored, not revoked, its institution active."""
    if row.pinned_kid is None or not row.is_active or not is_anchored(row):
        return
    if session.get_one(MessageKeyRow, (row.lei, row.pinned_kid)).revoked_at_s is not None:
        return
    if any(window.until_s is None for window in windows(session, row.lei, row.pinned_kid)):
        return
    session.add(KeyWindowRow(lei=row.lei, kid=row.pinned_kid, from_s=from_s, until_s=None, ended_by=None))
    session.flush()


def end(session: Session, lei: str, at_s: int, by: str, kid: str | None = None) -> None:
    """Let one key, or every key, of an institution hold no longer than until `at_s`."""
    for window in windows(session, lei, kid):
        if window.until_s is not None and window.until_s <= at_s:
            continue
        if window.from_s >= at_s:
            session.delete(window)
        else:
            window.until_s, window.ended_by = at_s, by
    session.flush()


def windows(session: Session, lei: str, kid: str | None = None) -> Sequence[KeyWindowRow]:
    """Return the windows of one key or of every key, the oldest first."""
    query = select(KeyWindowRow).where(KeyWindowRow.lei == lei).order_by(KeyWindowRow.from_s)
    return session.scalars(query if kid is None else query.where(KeyWindowRow.kid == kid)).all()


def holding(session: Session, lei: str, time_s: int, since_s: int | None = None) -> Sequence[MessageKeyRow]:
    """Return the keys that hold at `time_s`, or held at some time since `since_s`; the one that began last first."""
    query = (
        select(MessageKeyRow)
        .join(KeyWindowRow, (KeyWindowRow.lei == MessageKeyRow.lei) & (KeyWindowRow.kid == MessageKeyRow.kid))
        .where(KeyWindowRow.lei == lei, KeyWindowRow.from_s <= time_s)
        .where(or_(KeyWindowRow.until_s.is_(None), KeyWindowRow.until_s > (time_s if since_s is None else since_s)))
        .order_by(KeyWindowRow.from_s.desc())
    )
    return session.scalars(query).all()
