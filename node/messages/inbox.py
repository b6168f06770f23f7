"""What this institution receives: stored before it is acknowledged, handled once, in the order of its lane."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from node.errors import RejectedError
from node.messages.errors import InboxFullError, MessageConflictError, UetrUsedError
from node.messages.limits import BACKOFF_MAX_S, GIVE_UP_S, INBOX_WAITING_MAX, REASON_CHARS_MAX
from node.messages.payloads import is_once_per_uetr
from node.messages.ports import Arrival, Message
from node.messages.store import HANDLED, RECEIVED, REFUSED, ReceivedMessage
from node.storage.database import signal

TOPIC: Final = "messages.inbox"

Taken = RejectedError | InboxFullError | None
"""What became of an arrival: None once it is stored, or was before."""


def _is_put_off(row: type[ReceivedMessage]) -> ColumnElement[bool]:
    # Later than any back-off: the clock was set back since.
    return and_(row.next_attempt_at_s > bindparam("now_s"), row.next_attempt_at_s <= bindparam("latest_s"))


def _build_look() -> Select[int]:
    earlier = aliased(ReceivedMessage)
    is_behind = exists().where(
        earlier.state == RECEIVED,
        earlier.sender == ReceivedMessage.sender,
        earlier.lane == ReceivedMessage.lane,
        earlier.id < ReceivedMessage.id,
        _is_put_off(earlier),
    )
    is_due = (ReceivedMessage.state == RECEIVED, ~_is_put_off(ReceivedMessage), ~is_behind)
    return select(ReceivedMessage.id).where(*is_due).order_by(ReceivedMessage.id).limit(bindparam("rows"))


# Built once: they run for every message, and building takes longer than running.
_LOOK: Final = _build_look()
_WAITING: Final = select(func.count()).where(ReceivedMessage.state == RECEIVED)
_OF_ID: Final = select(ReceivedMessage).where(
    ReceivedMessage.sender == bindparam("sender"), ReceivedMessage.message_id == bindparam("message_id")
)


def take(session: Session, arrivals: Sequence[Arrival], now_s: float) -> list[Taken]:
    """Store messages that arrived; one that is known already changes nothing.

    Returns:
        For each, None or why it was not stored: MessageConflictError, UetrUsedError, InboxFullError.
    """
    room = INBOX_WAITING_MAX - (session.scalar(_WAITING) or 0)
    outcomes: list[Taken] = []
    for arrival in arrivals:
        outcome: Taken = None
        try:
            is_new = _check(session, arrival.message)
        except RejectedError as error:
            outcome = error
        else:
            if is_new and room <= 0:
                outcome = InboxFullError(f"inbox: expected room for a message, got {INBOX_WAITING_MAX} waiting")
            elif is_new:
                _add(session, arrival, now_s)
                room -= 1
        outcomes.append(outcome)
    return outcomes


def look(session: Session, now_s: float, limit: int) -> Sequence[int]:
    """Return rows to handle now in their order: nothing that follows one of its lane which is put off."""
    times = {"now_s": now_s, "latest_s": now_s + BACKOFF_MAX_S, "rows": limit}
    return session.scalars(_LOOK, times).all()


def next_attempt_at_s(session: Session) -> float | None:
    """Return when the next message that was put off is due, None when nothing waits."""
    return session.scalar(select(func.min(ReceivedMessage.next_attempt_at_s)).where(ReceivedMessage.state == RECEIVED))


def load(session: Session, rows: Sequence[int], recipient: str) -> Iterator[tuple[ReceivedMessage, Message]]:
    """Yield rows with their messages, in their order."""
    for row in session.scalars(
        select(ReceivedMessage).where(ReceivedMessage.id.in_(rows)).order_by(ReceivedMessage.id)
    ):
        yield row, Message(row.message_id, row.sender, recipient, row.kind, row.payload, row.thread, row.uetr)


def end(row: ReceivedMessage, now_s: float, refusal: str | None = None) -> None:
    """Write down that a message was handled, or why it was refused."""
    row.state, row.ended_at_s = HANDLED if refusal is None else REFUSED, now_s
    row.reason = None if refusal is None else refusal[:REASON_CHARS_MAX]


def put_off(row: ReceivedMessage, reason: str, now_s: float, delay_s: float) -> None:
    """Write down why a message waits, and how long; what has waited for GIVE_UP_S is refused."""
    row.attempts += 1
    if now_s - row.received_at_s > GIVE_UP_S:
        end(row, now_s, reason)
        return
    row.reason, row.next_attempt_at_s = reason[:REASON_CHARS_MAX], now_s + delay_s


def _check(session: Session, message: Message) -> bool:
    """Tell whether a message is new.

    Raises:
        MessageConflictError: its id came with another content before.
        UetrUsedError: another message of its kind moved money for its UETR before.
    """
    found = session.scalar(_OF_ID, {"sender": message.sender, "message_id": message.message_id})
    if found is not None:
        same = (found.kind, found.payload, found.thread, found.uetr)
        if same != (message.kind, message.payload, message.thread, message.uetr):
            raise MessageConflictError(
                f"message id {message.message_id}: expected the message received before, got another content"
            )
        return False
    if message.uetr is not None and is_once_per_uetr(message.kind):
        used = session.scalar(
            select(ReceivedMessage.message_id).where(
                ReceivedMessage.uetr == message.uetr,
                ReceivedMessage.sender == message.sender,
                ReceivedMessage.kind == message.kind,
            )
        )
        if used is not None:
            raise UetrUsedError(message.kind, message.uetr, used)
    return True


def _add(session: Session, arrival: Arrival, now_s: float) -> None:
    message, protection = arrival.message, arrival.protection
    session.add(
        ReceivedMessage(
            message_id=message.message_id,
            sender=message.sender,
            kind=message.kind,
            payload=message.payload,
            thread=message.thread,
            uetr=message.uetr,
            lane=message.lane,
            state=RECEIVED,
            received_at_s=now_s,
            attempts=0,
            next_attempt_at_s=0.0,
            created_at_s=arrival.created_at_s,
            protection=None if protection is None else asdict(protection),
            token=arrival.token,
        )
    )
    session.flush()
    signal(session, TOPIC)
