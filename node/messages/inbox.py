"""What this institution receives: stored before it is acknowledged, handled once, in the order of its lane."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, exists, func, insert, select
from sqlalchemy.orm import Session, aliased

from node.errors import RejectedError
from node.messages.errors import InboxFullError, MessageConflictError, NotDeadError, UetrUsedError
from node.messages.limits import BACKOFF_MAX_S, GIVE_UP_S, INBOX_WAITING_MAX, REASON_CHARS_MAX
from node.messages.payloads import is_once_per_uetr
from node.messages.ports import Arrival, Message
from node.messages.store import DROPPED, HANDLED, RECEIVED, REFUSED, ReceivedMessage
from node.storage.cursor import booked_until_s
from node.storage.database import signal
from node.web.events import publish

TOPIC: Final = "messages.inbox"

Taken = RejectedError | InboxFullError | None
"""What became of an arrival: None once it is stored, or was before."""
_Content = tuple[str, bytes, str | None, str | None]


def _is_put_off(row: type[ReceivedMessage]) -> ColumnElement[bool]:
    # Later than any back-off: the clock was set back since.
    return and_(row.next_attempt_at_s > bindparam("now_s"), row.next_attempt_at_s <= bindparam("latest_s"))


def _build_look() -> Select[ReceivedMessage]:
    earlier = aliased(ReceivedMessage)
    is_behind = exists().where(
        earlier.state == RECEIVED,
        earlier.sender == ReceivedMessage.sender,
        earlier.lane == ReceivedMessage.lane,
        earlier.id < ReceivedMessage.id,
        _is_put_off(earlier),
    )
    is_due = (ReceivedMessage.state == RECEIVED, ~_is_put_off(ReceivedMessage), ~is_behind)
    return select(ReceivedMessage).where(*is_due).order_by(ReceivedMessage.id).limit(bindparam("rows"))


# Built once: they run for every message, and building takes longer than running.
_LOOK: Final = _build_look()
_NEXT: Final = select(func.min(ReceivedMessage.next_attempt_at_s)).where(
    ReceivedMessage.state == RECEIVED, _is_put_off(ReceivedMessage)
)
_WAITING: Final = select(func.count()).where(ReceivedMessage.state == RECEIVED)
_OF_IDS: Final = select(ReceivedMessage).where(ReceivedMessage.message_id.in_(bindparam("ids", expanding=True)))
_OF_UETR: Final = select(ReceivedMessage.message_id).where(
    ReceivedMessage.uetr == bindparam("uetr"),
    ReceivedMessage.sender == bindparam("sender"),
    ReceivedMessage.kind == bindparam("kind"),
)
_TABLE: Final = cast(Table, ReceivedMessage.__table__)
_HANDLED: Final = (
    _TABLE.update()
    .where(_TABLE.c.id == bindparam("row"))
    .values(
        state=bindparam("end"),
        reason=bindparam("why"),
        attempts=bindparam("tries"),
        next_attempt_at_s=bindparam("next_at_s"),
        ended_at_s=bindparam("at_s"),
    )
)


def take(session: Session, arrivals: Sequence[Arrival], now_s: float) -> list[Taken]:
    """Store messages that arrived; one that is known already changes nothing.

    Returns:
        For each, None or why it was not stored: MessageConflictError, UetrUsedError, InboxFullError.
    """
    room = INBOX_WAITING_MAX - (session.scalar(_WAITING) or 0)
    known = _known(session, [arrival.message for arrival in arrivals])
    added: list[dict[str, Any]] = []
    outcomes: list[Taken] = []
    for arrival in arrivals:
        message = arrival.message
        outcome: Taken = None
        before = known.get((message.sender, message.message_id))
        if before is not None:
            outcome = None if before == _content(message) else _conflict(message)
        elif len(added) >= room:
            outcome = InboxFullError(f"inbox: expected room for a message, got {INBOX_WAITING_MAX} waiting")
        else:
            outcome = _uetr_used(session, message, added)
        if before is None and outcome is None:
            known[message.sender, message.message_id] = _content(message)
            added.append(_row(arrival, now_s))
        outcomes.append(outcome)
    if added:
        session.execute(insert(ReceivedMessage), added)
        signal(session, TOPIC)
    return outcomes


def look(session: Session, now_s: float, limit: int) -> Sequence[ReceivedMessage]:
    """Return what to handle now in its order: nothing that follows one of its lane which is put off."""
    times = {"now_s": now_s, "latest_s": now_s + BACKOFF_MAX_S, "rows": limit}
    return session.scalars(_LOOK, times).all()


def next_attempt_at_s(session: Session, now_s: float) -> float | None:
    """Return when the next message that was put off is due, None when none is: what is behind it waits for it."""
    return session.scalar(_NEXT, {"now_s": now_s, "latest_s": now_s + BACKOFF_MAX_S})


def message_of(row: ReceivedMessage, recipient: str) -> Message:
    """Return the message of a row."""
    return Message(row.message_id, row.sender, recipient, row.kind, row.payload, row.thread, row.uetr)


@dataclass(frozen=True, slots=True)
class Handling:
    """What became of a message when its turn came."""

    row: ReceivedMessage
    refusal: str | None = None
    delay_s: float | None = None
    """It is put off for so long, for the reason that `refusal` says."""


def record(session: Session, handlings: Sequence[Handling], now_s: float) -> None:
    """Write down how handling went; what was put off for GIVE_UP_S in all is refused."""
    if handlings:
        outcomes = [_outcome(one, now_s) for one in handlings]
        session.execute(_HANDLED, outcomes)
        for one, outcome in zip(handlings, outcomes, strict=True):
            if outcome["end"] == REFUSED:
                row = one.row
                body = {"message_id": row.message_id, "from": row.sender, "kind": row.kind, "reason": outcome["why"]}
                publish(session, kind="message.refused", owner=None, body=body, time_s=booked_until_s(session))


def retry(session: Session, row: ReceivedMessage, now_s: float) -> None:
    """Have a refused message handled again, or raise NotDeadError."""
    _check_refused(row)
    # As if it had come now: it is put off for as long as any other.
    row.state, row.received_at_s, row.next_attempt_at_s, row.ended_at_s = RECEIVED, now_s, 0.0, None
    signal(session, TOPIC)


def drop(row: ReceivedMessage, now_s: float, reason: str) -> None:
    """Let a refused message be: nobody is asked to look at it again; raise NotDeadError for any other."""
    _check_refused(row)
    row.state, row.ended_at_s, row.reason = DROPPED, now_s, reason[:REASON_CHARS_MAX]


def _check_refused(row: ReceivedMessage) -> None:
    if row.state != REFUSED:
        raise NotDeadError(row.message_id, row.state)


def _outcome(one: Handling, now_s: float) -> dict[str, Any]:
    row, reason = one.row, None if one.refusal is None else one.refusal[:REASON_CHARS_MAX]
    is_waiting = one.delay_s is not None and now_s - row.received_at_s <= GIVE_UP_S
    state = RECEIVED if is_waiting else HANDLED if reason is None else REFUSED
    return {
        "row": row.id,
        "end": state,
        "why": reason,
        "tries": row.attempts + (one.delay_s is not None),
        "next_at_s": now_s + (one.delay_s or 0.0),
        "at_s": None if is_waiting else now_s,
    }


def _known(session: Session, messages: Sequence[Message]) -> dict[tuple[str, str], _Content]:
    """Return the content of those that were received before, by sender and id."""
    found = session.scalars(_OF_IDS, {"ids": [message.message_id for message in messages]})
    return {(row.sender, row.message_id): (row.kind, row.payload, row.thread, row.uetr) for row in found}


def _content(message: Message) -> _Content:
    return message.kind, message.payload, message.thread, message.uetr


def _conflict(message: Message) -> MessageConflictError:
    return MessageConflictError(
        f"message id {message.message_id}: expected the message received before, got another content"
    )


def _uetr_used(session: Session, message: Message, added: Sequence[Mapping[str, Any]]) -> UetrUsedError | None:
    """Return the refusal of a message when another of its kind moved money for its UETR before."""
    if message.uetr is None or not is_once_per_uetr(message.kind):
        return None
    same = {"sender": message.sender, "kind": message.kind, "uetr": message.uetr}
    just_now = (row["message_id"] for row in added if same.items() <= row.items())
    used = next(just_now, None) or session.scalar(_OF_UETR, same)
    return None if used is None else UetrUsedError(message.kind, message.uetr, used)


def _row(arrival: Arrival, now_s: float) -> dict[str, Any]:
    message, protection = arrival.message, arrival.protection
    return {
        "message_id": message.message_id,
        "sender": message.sender,
        "kind": message.kind,
        "payload": message.payload,
        "thread": message.thread,
        "uetr": message.uetr,
        "lane": message.lane,
        "state": RECEIVED,
        "received_at_s": now_s,
        "attempts": 0,
        "next_attempt_at_s": 0.0,
        "created_at_s": arrival.created_at_s,
        "protection": None if protection is None else asdict(protection),
        "token": arrival.token,
    }
