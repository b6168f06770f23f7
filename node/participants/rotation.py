"""From one message key to the next: the old key's notice, then the new anchor on the chain; both are needed.

A notice waits until the registry holds the new key. From then on both keys hold until the notice's end. A notice that
comes after the anchor confirms the new key, but gives the old one no more time: the chain has ended it. A notice that
waits is forgotten when its old key is revoked, or when a person accepts another key in its place.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.participants import pins
from node.participants.algorithms import MESSAGE
from node.participants.clock import check_not_ahead
from node.participants.errors import DowngradeError, KeyRevokedError, KeyTimesError, StalePaperError
from node.participants.kids import thumbprint_of
from node.participants.limits import ANNOUNCED_S_MAX, OVERLAP_S_MAX
from node.participants.papers import RotationNotice, read_paper
from node.participants.store import InstitutionRow, KeyWindowRow, MessageKeyRow, RotationRow

_ROTATION: Final = "rotation"


def take(session: Session, row: InstitutionRow, notice: RotationNotice, now_s: int) -> bool:
    """Keep a notice of the pinned key; False when it is known.

    Raises:
        StalePaperError: its old key is not the pinned one, a later notice waits, or the new key was used before.
        PaperSignatureError: it is not signed by its old key.
        KeyRevokedError: the old key is revoked.
        DowngradeError: the new key is weaker.
        KeyTimesError: its times contradict each other, the clock or an overlap that still runs.
        AheadOfLedgerError: it was issued after the time this node has followed to.
    """
    waiting = waiting_of(session, row.lei)
    known = session.get(RotationRow, (row.lei, notice.new))
    if known is not None and known.notice == notice.data:
        return False
    if notice.old != row.pinned_kid:
        raise StalePaperError(row.lei, f"old: expected {row.pinned_kid}, the pinned key, got {notice.old}")
    old = session.get_one(MessageKeyRow, (row.lei, notice.old))
    notice.verify(old.alg, old.public_key)
    if old.revoked_at_s is not None:
        raise KeyRevokedError(row.lei, old.kid, old.revoked_at_s)
    _check_new(session, row, notice, old)
    _check_times(notice, now_s)
    _check_no_overlap(row.lei, notice, pins.windows(session, row.lei))
    if waiting is not None:
        _check_later(notice, waiting)
        session.delete(waiting)
        session.flush()
    kept = RotationRow(
        lei=row.lei,
        new=notice.new,
        old=notice.old,
        starts_at_s=notice.starts_at_s,
        old_until_s=notice.old_until_s,
        notice=notice.data,
        is_done=False,
    )
    session.add(kept)
    session.flush()
    if thumbprint_of(notice.new) == row.anchor:
        complete(session, row, kept, row.usable_since_s)
    return True


def waiting_of(session: Session, lei: str) -> RotationRow | None:
    """Return the notice whose new key the registry does not hold yet."""
    return session.scalar(select(RotationRow).where(RotationRow.lei == lei, RotationRow.is_done.is_(False)))


def drop_waiting(session: Session, lei: str, kid: str) -> None:
    """Forget the notice of `kid` that waits: that key has no say any more in which one comes next."""
    waiting = waiting_of(session, lei)
    if waiting is not None and waiting.old == kid:
        session.delete(waiting)
        session.flush()


def complete(session: Session, row: InstitutionRow, rotation: RotationRow, anchored_at_s: int) -> None:
    """Pin the new key, which the registry holds since `anchored_at_s`, and let the old one end with its overlap."""
    notice = read(rotation)
    pins.end(session, row.lei, max(anchored_at_s, rotation.old_until_s), _ROTATION, rotation.old)
    pins.pin(session, row, notice.document.message_key, max(anchored_at_s, rotation.starts_at_s))
    row.document, row.name = notice.document.data, notice.document.name
    rotation.is_done = True


def read(rotation: RotationRow) -> RotationNotice:
    """Return the notice as it was verified."""
    notice = read_paper(rotation.notice)
    assert isinstance(notice, RotationNotice)
    return notice


def _check_new(session: Session, row: InstitutionRow, notice: RotationNotice, old: MessageKeyRow) -> None:
    new = notice.document.message_key
    if session.get(MessageKeyRow, (row.lei, new.kid)) is not None:
        raise StalePaperError(row.lei, f"new: expected a key that was never used, got {new.kid}, which was")
    if MESSAGE[new.alg].is_below(MESSAGE[old.alg]):
        raise DowngradeError(row.lei, old.alg, new.alg)


def _check_times(notice: RotationNotice, now_s: int) -> None:
    issued, starts, until = notice.issued_at_s, notice.starts_at_s, notice.old_until_s
    check_not_ahead(notice.lei, "issued_at_s", issued, now_s)
    check_not_ahead(notice.lei, "document.issued_at_s", notice.document.issued_at_s, now_s)
    limits = (
        ("starts_at_s", issued, starts, issued + ANNOUNCED_S_MAX),
        ("old_until_s", starts, until, starts + OVERLAP_S_MAX),
    )
    for field, least, value, most in limits:
        if not least <= value <= most:
            raise KeyTimesError(notice.lei, f"{field}: expected {least} to {most}, got {value}")


def _check_no_overlap(lei: str, notice: RotationNotice, windows: Iterable[KeyWindowRow]) -> None:
    for window in windows:
        if window.kid != notice.old and (window.until_s is None or window.until_s > notice.starts_at_s):
            raise KeyTimesError(
                lei, f"starts_at_s: expected {window.until_s} or later, when key {window.kid} ends, got an earlier time"
            )


def _check_later(notice: RotationNotice, waiting: RotationRow) -> None:
    issued_at_s = read(waiting).issued_at_s
    if notice.issued_at_s <= issued_at_s:
        raise StalePaperError(
            notice.lei, f"issued_at_s: expected later than {issued_at_s}, of the notice kept, got {notice.issued_at_s}"
        )
