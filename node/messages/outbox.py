"""What this institution sends: queued with the change it tells about, tried until its recipient has signed for it.

A row's next attempt is stored with it, so that a restart goes on where the process ended.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from sqlalchemy import JSON, Boolean, ColumnElement, Select, Table, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from node.errors import family_of
from node.messages.errors import (
    MessageIdReusedError,
    NotDeadError,
    OutboxFullError,
    PeerUnavailableError,
    RefusedByPeerError,
)
from node.messages.limits import BACKOFF_MAX_S, GIVE_UP_S, LOOK_MAX, OUTBOX_WAITING_MAX, REASON_CHARS_MAX
from node.messages.ports import Message, Receipt
from node.messages.store import DEAD, DROPPED, QUEUED, REFUSED, STORED, SentMessage
from node.storage.cursor import booked_until_s
from node.storage.database import signal
from node.web.events import publish

TOPIC: Final = "messages.outbox"
# Built once: they run for every message.
_TABLE: Final = cast(Table, SentMessage.__table__)
_OF_ID: Final = select(
    SentMessage.recipient, SentMessage.kind, SentMessage.payload, SentMessage.thread, SentMessage.uetr
).where(SentMessage.message_id == bindparam("message_id"))
_OF_ROWS: Final = select(
    SentMessage.id,
    SentMessage.message_id,
    SentMessage.recipient,
    SentMessage.kind,
    SentMessage.payload,
    SentMessage.thread,
    SentMessage.uetr,
).where(SentMessage.id.in_(bindparam("rows", expanding=True)), SentMessage.state == QUEUED)
_WAITING_FOR: Final = select(func.count()).where(
    SentMessage.state == QUEUED, SentMessage.recipient == bindparam("recipient")
)
# Not one that a person has dropped meanwhile.
_ATTEMPTED: Final = (
    _TABLE.update()
    .where(_TABLE.c.id == bindparam("row"), _TABLE.c.state == QUEUED)
    .values(attempts=bindparam("tries"), last_attempt_at_s=bindparam("at_s"), reason=bindparam("why"))
)
_WAIT: Final = _ATTEMPTED.values(
    next_attempt_at_s=bindparam("next_at_s"),
    # Once nobody knows whether it arrived, an attempt that was not even sent does not tell.
    is_unanswered=_TABLE.c.is_unanswered | bindparam("unanswered", type_=Boolean()),
)
_END: Final = _ATTEMPTED.values(
    state=bindparam("end"),
    ended_at_s=bindparam("at_s"),
    is_unanswered=False,
    acknowledgement=bindparam("signed"),
    created_at_s=bindparam("created"),
    protection=bindparam("protected", type_=JSON()),
)
_DEAD_LETTERS: Final = (DEAD, REFUSED)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that may be sent now: the first of its lane."""

    row: int
    recipient: str
    attempts: int
    queued_at_s: float


@dataclass(frozen=True, slots=True)
class Landing:
    """How an attempt ended."""

    due: Due
    result: Receipt | Exception

    @property
    def is_unavailable(self) -> bool:
        """Whether the recipient could not be asked, or asked to wait."""
        return isinstance(self.result, Exception) and family_of(self.result) == "UnavailableError"


def queue(session: Session, message: Message, now_s: float) -> None:
    """Queue a message; the same one queued again changes nothing.

    One over OUTBOX_WAITING_MAX is a dead letter at once: what a block brings cannot wait for a peer that is away.

    Raises:
        MessageIdReusedError: another message has this id.
    """
    found = session.execute(_OF_ID, {"message_id": message.message_id}).one_or_none()
    if found is not None:
        if tuple(found) != (message.recipient, message.kind, message.payload, message.thread, message.uetr):
            raise MessageIdReusedError(
                f"message id {message.message_id}: expected one message, got another one under it"
            )
        return
    is_full = waiting_for(session, message.recipient) >= OUTBOX_WAITING_MAX
    row = {
        "message_id": message.message_id,
        "recipient": message.recipient,
        "kind": message.kind,
        "payload": message.payload,
        "thread": message.thread,
        "uetr": message.uetr,
        "lane": message.lane,
        "state": DEAD if is_full else QUEUED,
        "queued_at_s": now_s,
        "attempts": 0,
        "next_attempt_at_s": 0.0,
        "is_unanswered": False,
        "reason": str(OutboxFullError(message.recipient, OUTBOX_WAITING_MAX)) if is_full else None,
    }
    session.execute(_TABLE.insert(), row)
    signal(session, TOPIC)


def waiting_for(session: Session, recipient: str) -> int:
    """Return how many messages wait for a recipient."""
    return session.scalar(_WAITING_FOR, {"recipient": recipient}) or 0


def look(session: Session, now_s: float, *, away: Collection[str], flying: Collection[int]) -> Sequence[Due]:
    """Return what may be sent now, the oldest first, at most LOOK_MAX.

    Args:
        away: Recipients that are not tried now.
        flying: Rows that are under way.
    """
    heads = _heads(away).subquery()
    wanted = (
        select(SentMessage.id, SentMessage.recipient, SentMessage.attempts, SentMessage.queued_at_s)
        .join(heads, SentMessage.id == heads.c.id)
        .where(_is_due(now_s), SentMessage.id.not_in(flying))
        .order_by(SentMessage.id)
        .limit(LOOK_MAX)
    )
    return [Due(*found) for found in session.execute(wanted)]


def next_attempt_at_s(session: Session, now_s: float, away: Collection[str]) -> float | None:
    """Return when the next message that is put off may be tried, None when none is."""
    heads = _heads(away).subquery()
    wanted = select(func.min(SentMessage.next_attempt_at_s)).join(heads, SentMessage.id == heads.c.id)
    return session.scalar(wanted.where(~_is_due(now_s)))


def load(session: Session, rows: Iterable[int], sender: str) -> Mapping[int, Message]:
    """Return messages by row, those that still wait."""
    return {
        row: Message(message_id, sender, recipient, kind, payload, thread, uetr)
        for row, message_id, recipient, kind, payload, thread, uetr in session.execute(_OF_ROWS, {"rows": list(rows)})
    }


def record(session: Session, landings: Iterable[Landing], now_s: float, delays_s: Mapping[str, float]) -> None:
    """Write down how attempts ended.

    Args:
        delays_s: By recipient, how long what is unavailable waits.
    """
    waiting = [one for one in landings if one.is_unavailable and now_s - one.due.queued_at_s <= GIVE_UP_S]
    ended = [one for one in landings if one not in waiting]
    for landing in waiting:
        session.execute(_WAIT, _waiting(landing, now_s, now_s + delays_s[landing.due.recipient]))
    if ended:
        written = [_ended(landing, now_s) for landing in ended]
        session.execute(_END, written)
        for one in written:
            if one["end"] in _DEAD_LETTERS:
                row = session.get_one(SentMessage, one["row"], populate_existing=True)
                body = {"message_id": row.message_id, "to": row.recipient, "kind": row.kind, "reason": row.reason}
                publish(session, kind=f"message.{row.state}", owner=None, body=body, time_s=booked_until_s(session))


def give_up(session: Session, recipient: str, now_s: float, reason: str) -> None:
    """Make dead letters of what has waited too long for a recipient."""
    session.execute(
        update(SentMessage)
        .where(
            SentMessage.state == QUEUED,
            SentMessage.recipient == recipient,
            SentMessage.queued_at_s < now_s - GIVE_UP_S,
        )
        .values(state=DEAD, reason=reason[:REASON_CHARS_MAX], ended_at_s=now_s)
    )


def retry(session: Session, row: SentMessage, now_s: float) -> None:
    """Send a dead letter again, or raise NotDeadError."""
    _check_dead(row)
    row.state, row.queued_at_s, row.next_attempt_at_s, row.ended_at_s = QUEUED, now_s, 0.0, None
    signal(session, TOPIC)


def drop(row: SentMessage, now_s: float, reason: str) -> None:
    """Let a dead letter be: nobody is asked to look at it again; raise NotDeadError for any other."""
    _check_dead(row)
    row.state, row.ended_at_s, row.reason = DROPPED, now_s, reason[:REASON_CHARS_MAX]


def _heads(away: Collection[str]) -> Select[int]:
    wanted = select(func.min(SentMessage.id).label("id")).where(
        SentMessage.state == QUEUED, SentMessage.recipient.not_in(away)
    )
    return wanted.group_by(SentMessage.recipient, SentMessage.lane)


def _is_due(now_s: float) -> ColumnElement[bool]:
    # Later than any back-off: the clock was set back since.
    at_s = SentMessage.next_attempt_at_s
    return or_(at_s <= now_s, at_s > now_s + BACKOFF_MAX_S)


def _attempted(landing: Landing, now_s: float) -> dict[str, Any]:
    reason = None if isinstance(landing.result, Receipt) else str(landing.result)[:REASON_CHARS_MAX]
    return {"row": landing.due.row, "tries": landing.due.attempts + 1, "at_s": now_s, "why": reason}


def _waiting(landing: Landing, now_s: float, next_at_s: float) -> dict[str, Any]:
    error = landing.result
    is_unanswered = isinstance(error, PeerUnavailableError) and error.is_unanswered
    return _attempted(landing, now_s) | {"next_at_s": next_at_s, "unanswered": is_unanswered}


def _ended(landing: Landing, now_s: float) -> dict[str, Any]:
    result, state = landing.result, DEAD
    acknowledgement, created_at_s, protection = None, None, None
    if isinstance(result, Receipt):
        state, acknowledgement, created_at_s = STORED, result.acknowledgement, result.created_at_s
        protection = None if result.protection is None else asdict(result.protection)
    elif isinstance(result, RefusedByPeerError):
        state, acknowledgement = REFUSED, result.acknowledgement
    signed = {"signed": acknowledgement, "created": created_at_s, "protected": protection}
    return _attempted(landing, now_s) | {"end": state} | signed


def _check_dead(row: SentMessage) -> None:
    if row.state not in _DEAD_LETTERS:
        raise NotDeadError(row.message_id, row.state)
