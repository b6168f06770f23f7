"""Messages between institutions: delivered at least once, handled exactly once, across restarts.

Sending is a row written in the transaction of the change it tells about. Receiving stores the message, then answers;
handling runs the slice's handler and marks the message in one transaction.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.errors import family_of
from node.messages.errors import (
    MalformedBodyError,
    MessageConflictError,
    MessageIdReusedError,
    MessageTooLargeError,
    UnknownKindError,
)
from node.messages.ports import Message, Transport
from node.messages.store import (
    DEAD,
    DELIVERED,
    HANDLED,
    QUEUED,
    RECEIVED,
    REFUSED,
    ReceivedMessage,
    SentMessage,
)
from node.storage.database import Database, signal

MessageHandler = Callable[[Session, Message], None]

# A trade's terms with its documents' metadata is some 20 KB; documents themselves travel by hash.
BODY_BYTES_MAX: Final = 256 * 1024
# Half a second apart: some three hours.
ATTEMPTS_MAX: Final = 20_000
_RETRY_S: Final = 0.5
_IDLE_S: Final = 5.0
_TOPIC: Final = "messages"
_REASON_CHARS: Final = 500


class MessageService:
    """Outbox and inbox of one institution."""

    def __init__(self, database: Database, institution_id: str, transport: Transport) -> None:
        self._database = database
        self._institution_id = institution_id
        self._transport = transport
        self._handlers: dict[str, MessageHandler] = {}

    def register(self, kind: str, handler: MessageHandler) -> None:
        """Let `handler` take messages of `kind`, each in its own transaction.

        A handler refuses a message by a RejectedError, which keeps it for an operator, and puts it off by an
        UnavailableError.
        """
        self._handlers[kind] = handler

    def send(self, session: Session, *, to: str, kind: str, message_id: str, body: Mapping[str, Any]) -> None:
        """Queue a message; the same message queued again changes nothing.

        Raises:
            MessageTooLargeError: the body is over BODY_BYTES_MAX.
            MalformedBodyError: the body is not JSON.
            MessageIdReusedError: another message has this id.
        """
        encoded = _encode(body)
        found = session.scalar(select(SentMessage).where(SentMessage.message_id == message_id))
        if found is not None:
            if (found.recipient, found.kind, found.body) != (to, kind, encoded):
                raise MessageIdReusedError(f"message id {message_id}: expected one message, got another one under it")
            return
        session.add(SentMessage(message_id=message_id, recipient=to, kind=kind, body=encoded, state=QUEUED, attempts=0))
        session.flush()
        signal(session, _TOPIC)

    def receive(self, message: Message) -> None:
        """Store a message that arrived; returns once it is durable. One that is known already changes nothing.

        Raises:
            MessageConflictError: its id came with another content before.
            MessageTooLargeError: the body is over BODY_BYTES_MAX.
        """
        encoded = _encode(message.body)
        with self._database.transaction() as session:
            found = session.scalar(
                select(ReceivedMessage).where(
                    ReceivedMessage.sender == message.sender, ReceivedMessage.message_id == message.message_id
                )
            )
            if found is not None:
                if (found.kind, found.body) != (message.kind, encoded):
                    raise MessageConflictError(
                        f"message id {message.message_id}: expected the message received before, got another content"
                    )
                return
            session.add(
                ReceivedMessage(
                    message_id=message.message_id,
                    sender=message.sender,
                    kind=message.kind,
                    body=encoded,
                    state=RECEIVED,
                )
            )
            signal(session, _TOPIC)

    async def run(self) -> None:
        """Deliver and handle until cancelled."""
        bell = self._database.signals.subscribe(_TOPIC)
        try:
            while True:
                is_done = await self.deliver_queued()
                is_done = self.handle_received() and is_done
                await bell.wait(_IDLE_S if is_done else _RETRY_S)
        finally:
            self._database.signals.unsubscribe(_TOPIC, bell)

    async def deliver_queued(self) -> bool:
        """Try each queued message once, in order; False when one has to be tried again."""
        is_done = True
        away: set[str] = set()
        for row in self._rows_queued():
            if row.recipient in away:
                continue
            message = Message(row.message_id, self._institution_id, row.recipient, row.kind, json.loads(row.body))
            try:
                await self._transport.deliver(message)
            except Exception as error:
                match family_of(error):
                    case "RejectedError":
                        self._mark_sent(row.id, DEAD, str(error))
                    case "UnavailableError":
                        # Later messages to the same institution wait, so that it gets them in order.
                        away.add(row.recipient)
                        is_done = False
                        self._mark_attempt(row.id, str(error))
                    case _:
                        raise
            else:
                self._mark_sent(row.id, DELIVERED, None)
            await asyncio.sleep(0)
        return is_done

    def handle_received(self) -> bool:
        """Hand each received message to its handler, in order; False when one has to be tried again."""
        is_done = True
        for row in self._rows_received():
            message = Message(row.message_id, row.sender, self._institution_id, row.kind, json.loads(row.body))
            try:
                self._handle(row.id, message)
            except Exception as error:
                match family_of(error):
                    case "RejectedError":
                        self._refuse(row.id, str(error))
                    case "UnavailableError":
                        is_done = False
                    case _:
                        raise
        return is_done

    def _handle(self, row: int, message: Message) -> None:
        handler = self._handlers.get(message.kind)
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            raise UnknownKindError(f"kind: expected one of {known}, got {message.kind[:64]!r}")
        with self._database.transaction() as session:
            handler(session, message)
            session.get_one(ReceivedMessage, row).state = HANDLED

    def _refuse(self, row: int, reason: str) -> None:
        with self._database.transaction() as session:
            found = session.get_one(ReceivedMessage, row)
            found.state, found.reason = REFUSED, reason[:_REASON_CHARS]

    def _mark_sent(self, row: int, state: str, reason: str | None) -> None:
        with self._database.transaction() as session:
            found = session.get_one(SentMessage, row)
            found.state = state
            found.attempts += 1
            found.reason = None if reason is None else reason[:_REASON_CHARS]

    def _mark_attempt(self, row: int, reason: str) -> None:
        with self._database.transaction() as session:
            found = session.get_one(SentMessage, row)
            found.attempts += 1
            found.reason = reason[:_REASON_CHARS]
            if found.attempts >= ATTEMPTS_MAX:
                found.state = DEAD

    def _rows_queued(self) -> list[SentMessage]:
        with self._database.read() as session:
            return list(
                session.scalars(select(SentMessage).where(SentMessage.state == QUEUED).order_by(SentMessage.id))
            )

    def _rows_received(self) -> list[ReceivedMessage]:
        with self._database.read() as session:
            return list(
                session.scalars(
                    select(ReceivedMessage).where(ReceivedMessage.state == RECEIVED).order_by(ReceivedMessage.id)
                )
            )


def _encode(body: Mapping[str, Any]) -> bytes:
    try:
        encoded = rfc8785.dumps(dict(body))
    except rfc8785.CanonicalizationError as error:
        raise MalformedBodyError(f"body: expected JSON with integers below 2^53, got {error}") from error
    if len(encoded) > BODY_BYTES_MAX:
        raise MessageTooLargeError(f"body: expected at most {BODY_BYTES_MAX} bytes, got {len(encoded)}")
    return encoded
