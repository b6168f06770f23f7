"""Where a message is: what this institution has sent and received, by message id, UETR or thread.

Each side tells what it knows. A sender knows whether its recipient has signed for a message, not what became of it
there; the recipient's own tracker says that, and the answer that the message itself asks for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session

from node.messages.errors import UnknownMessageError
from node.messages.store import DEAD, QUEUED, REFUSED, ReceivedMessage, SentMessage

Direction = Literal["sent", "received"]
SENT: Final = "sent"
"""Of a queued message: it was sent, and nobody knows whether it arrived."""
_BROKEN: Final = (DEAD, REFUSED)


@dataclass(frozen=True, slots=True)
class Track:
    """One message as one side knows it; times are of the wall clock."""

    row: int
    """Its number among those of its direction."""
    at_s: float
    """When it was queued here, or came."""
    message_id: str
    direction: Direction
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

    @property
    def place(self) -> tuple[float, str, int]:
        """What messages of both directions are ordered by."""
        return self.at_s, self.direction, self.row


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; what is None does not matter."""

    message_id: str | None = None
    uetr: str | None = None
    thread: str | None = None
    kind: str | None = None
    state: str | None = None
    peer: str | None = None
    direction: Direction | None = None
    is_broken: bool = False
    """Only those that wait for a person: dead or refused."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which of the messages found: at most `limit` after a place, the last first if so wished."""

    limit: int
    after: tuple[float, str, int] | None = None
    is_descending: bool = False


def find(session: Session, query: Query, stretch: Stretch) -> Sequence[Track]:
    """Return messages of both directions in their order of time."""
    found = [*map(of_sent, _rows(session, SentMessage, query, stretch))]
    found += map(of_received, _rows(session, ReceivedMessage, query, stretch))
    return sorted(found, key=lambda one: one.place, reverse=stretch.is_descending)[: stretch.limit]


def sent_row(session: Session, message_id: str) -> SentMessage:
    """Return a message that this institution has sent, or raise UnknownMessageError."""
    found = session.scalar(select(SentMessage).where(SentMessage.message_id == message_id))
    if found is None:
        raise UnknownMessageError(message_id)
    return found


def received_row(session: Session, sender: str, message_id: str) -> ReceivedMessage:
    """Return a message that this institution has received, or raise UnknownMessageError."""
    wanted = select(ReceivedMessage).where(ReceivedMessage.sender == sender, ReceivedMessage.message_id == message_id)
    found = session.scalar(wanted)
    if found is None:
        raise UnknownMessageError(message_id)
    return found


def _rows(session: Session, table: type[Any], query: Query, stretch: Stretch) -> Sequence[Any]:
    direction, at_s, peer = (
        ("sent", SentMessage.queued_at_s, SentMessage.recipient)
        if table is SentMessage
        else ("received", ReceivedMessage.received_at_s, ReceivedMessage.sender)
    )
    if query.direction not in (None, direction):
        return ()
    wanted: Select[Any] = select(table)
    for name in ("message_id", "uetr", "thread", "kind", "state"):
        value = getattr(query, name)
        if value is not None:
            wanted = wanted.where(getattr(table, name) == value)
    if query.peer is not None:
        wanted = wanted.where(peer == query.peer)
    if query.is_broken:
        wanted = wanted.where(table.state.in_(_BROKEN))
    if stretch.after is not None:
        place, bound = tuple_(at_s, literal(direction), table.id), tuple_(*map(literal, stretch.after))
        wanted = wanted.where(place < bound if stretch.is_descending else place > bound)
    order = (at_s.desc(), table.id.desc()) if stretch.is_descending else (at_s, table.id)
    return session.scalars(wanted.order_by(*order).limit(stretch.limit)).all()


def of_sent(row: SentMessage) -> Track:
    """Return what its sender knows of a message."""
    is_waiting = row.state == QUEUED
    return Track(
        row=row.id,
        at_s=row.queued_at_s,
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


def of_received(row: ReceivedMessage) -> Track:
    """Return what its recipient knows of a message."""
    return Track(
        row=row.id,
        at_s=row.received_at_s,
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
