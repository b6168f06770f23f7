"""Where a message is: what this institution has sent and received, by message id, UETR or thread.

Each side tells what it knows. A sender knows whether its recipient has signed for a message, not what became of it
there; the recipient's own tracker says that, and the answer that the message itself asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from node.messages.errors import UnknownMessageError
from node.messages.store import DEAD, QUEUED, REFUSED, ReceivedMessage, SentMessage

SENT: Final = "sent"
"""Of a queued message: it was sent, and nobody knows whether it arrived."""


@dataclass(frozen=True, slots=True)
class Track:
    """One message as one side knows it; times are of the wall clock."""

    message_id: str
    direction: Literal["sent", "received"]
    peer: str
    """Institution id of the other side."""
    kind: str
    thread: str | None
    uetr: str | None
    state: str
    since_s: float
    attempts: int
    next_attempt_at_s: float | None
    """While it waits."""
    reason: str | None
    created_at_s: int | None
    """Ledger time that the envelope says."""
    protection: dict[str, Any] | None
    payload: bytes
    signature: bytes | None
    """Of the recipient, for a sent message; of the sender, for a received one."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; what is None does not matter."""

    message_id: str | None = None
    uetr: str | None = None
    thread: str | None = None


def find(session: Session, query: Query, limit: int) -> Sequence[Track]:
    """Return messages, in the order of each side's boxes: the newest `limit` sent ones, then received ones."""
    sent = session.scalars(_matching(SentMessage, query).limit(limit)).all()
    received = session.scalars(_matching(ReceivedMessage, query).limit(limit)).all()
    return [*map(of_sent, reversed(sent)), *map(_of_received, reversed(received))]


def find_dead(session: Session, limit: int) -> Sequence[Track]:
    """Return the dead letters that wait for a person, the oldest first."""
    wanted = select(SentMessage).where(SentMessage.state.in_((DEAD, REFUSED))).order_by(SentMessage.id)
    return [of_sent(row) for row in session.scalars(wanted.limit(limit))]


def sent_row(session: Session, message_id: str) -> SentMessage:
    """Return a message that this institution has sent, or raise UnknownMessageError."""
    found = session.scalar(select(SentMessage).where(SentMessage.message_id == message_id))
    if found is None:
        raise UnknownMessageError(message_id)
    return found


def _matching(table: type[Any], query: Query) -> Select[Any]:
    wanted = select(table).order_by(table.id.desc())
    for name in ("message_id", "uetr", "thread"):
        value = getattr(query, name)
        if value is not None:
            wanted = wanted.where(getattr(table, name) == value)
    return wanted


def of_sent(row: SentMessage) -> Track:
    """Return what its sender knows of a message."""
    is_waiting = row.state == QUEUED
    return Track(
        message_id=row.message_id,
        direction="sent",
        peer=row.recipient,
        kind=row.kind,
        thread=row.thread,
        uetr=row.uetr,
        state=SENT if is_waiting and row.is_unanswered else row.state,
        since_s=row.ended_at_s or row.queued_at_s,
        attempts=row.attempts,
        next_attempt_at_s=row.next_attempt_at_s if is_waiting else None,
        reason=row.reason,
        created_at_s=row.created_at_s,
        protection=row.protection,
        payload=row.payload,
        signature=row.acknowledgement,
    )


def _of_received(row: ReceivedMessage) -> Track:
    return Track(
        message_id=row.message_id,
        direction="received",
        peer=row.sender,
        kind=row.kind,
        thread=row.thread,
        uetr=row.uetr,
        state=row.state,
        since_s=row.ended_at_s or row.received_at_s,
        attempts=row.attempts,
        next_attempt_at_s=row.next_attempt_at_s if row.ended_at_s is None else None,
        reason=row.reason,
        created_at_s=row.created_at_s,
        protection=row.protection,
        payload=row.payload,
        signature=row.token,
    )
