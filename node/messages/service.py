"""Messages between institutions: delivered at least once, handled exactly once, across restarts.

Sending is a row written in the transaction of the change it tells about. Receiving stores the message, then answers;
handling runs the slice's handler and marks the message in one transaction.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from node.errors import RejectedError, family_of
from node.messages import inbox, outbox, payloads
from node.messages.backoff import delay_s
from node.messages.dispatcher import Dispatcher
from node.messages.errors import OutboxFullError, UnknownKindError
from node.messages.inbox import Handling, Taken
from node.messages.limits import HANDLED_TOGETHER_MAX, OUTBOX_WAITING_MAX
from node.messages.ports import Arrival, DocumentCheck, Message, Transport
from node.messages.store import ReceivedMessage
from node.storage.cursor import booked_until_s
from node.storage.database import Database
from node.web.events import publish

MessageHandler = Callable[[Session, Message], None]

_IDLE_S: Final = 5.0
_LOG: Final = structlog.get_logger(__name__)


class MessageService:
    """Outbox and inbox of one institution."""

    def __init__(
        self,
        database: Database,
        institution_id: str,
        transport: Transport,
        check_document: DocumentCheck,
        *,
        clock: Callable[[], float] = time.time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Open both boxes.

        Args:
            check_document: Judges ISO 20022 messages.
            clock: Wall clock, unix seconds: waiting and trying again are the network's business, not the ledger's.
            dice: Randomness from 0 to 1, for the jitter.
        """
        self._database = database
        self._institution_id = institution_id
        self._check_document = check_document
        self._clock = clock
        self._dice = dice
        self._dispatcher = Dispatcher(database, institution_id, transport, clock, dice)
        self._handlers: dict[str, MessageHandler] = {}

    def register(self, kind: str, handler: MessageHandler) -> None:
        """Let `handler` take messages of `kind`: what it writes and the mark that it did are one transaction.

        A handler refuses a message by a RejectedError, which keeps it for an operator, and puts it off by an
        UnavailableError. An ISO 20022 document that nobody has registered for is shown to the staff.
        """
        self._handlers[kind] = handler

    def send(
        self,
        session: Session,
        *,
        to: str,
        kind: str,
        message_id: str,
        body: Mapping[str, Any],
        thread: str | None = None,
    ) -> None:
        """Queue a message; the same message queued again changes nothing.

        Args:
            thread: Messages of one thread to one recipient are handled in the order they were queued.

        Raises:
            MessageTooLargeError: the body is over BODY_BYTES_MAX.
            MalformedBodyError: the body is not JSON.
            MessageIdReusedError: another message has this id.
        """
        message = Message(message_id, self._institution_id, to, kind, payloads.encode(body), thread)
        outbox.queue(session, message, self._clock())

    def send_document(
        self,
        session: Session,
        *,
        to: str,
        kind: str,
        message_id: str,
        document: bytes,
        thread: str | None = None,
    ) -> Message:
        """Queue an ISO 20022 document, as `send` does, and return the message with its UETR.

        Raises:
            RejectedError: it is not a valid document of this kind; nothing was queued.
            MessageIdReusedError: another message has this id.
        """
        uetr = self._check_document(kind, document)
        message = Message(message_id, self._institution_id, to, kind, document, thread, uetr)
        outbox.queue(session, message, self._clock())
        return message

    def require_room(self, session: Session, to: str) -> None:
        """Return when another message to `to` may wait, or raise OutboxFullError: for whoever can come back later."""
        if outbox.waiting_for(session, to) >= OUTBOX_WAITING_MAX:
            raise OutboxFullError(to, OUTBOX_WAITING_MAX)

    @property
    def now_s(self) -> float:
        """The wall clock that messages wait by."""
        return self._clock()

    def receive(self, arrivals: Sequence[Arrival]) -> list[Taken]:
        """Store messages that arrived, in one transaction; returns once they are durable.

        Returns:
            For each, None once it is stored (or was before), or why it was not: MessageConflictError, UetrUsedError,
            MalformedBodyError and other rejections of its content; InboxFullError.
        """
        outcomes: list[Taken] = [self._judge(arrival.message) for arrival in arrivals]
        sound = [arrival for arrival, outcome in zip(arrivals, outcomes, strict=True) if outcome is None]
        with self._database.transaction() as session:
            taken = iter(inbox.take(session, sound, self._clock()))
        return [next(taken) if outcome is None else outcome for outcome in outcomes]

    async def run(self) -> None:
        """Deliver and handle until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._dispatcher.run())
            tasks.create_task(self._run_handling())

    async def deliver_queued(self) -> None:
        """Deliver until nothing that is due now is left or under way."""
        await self._dispatcher.drain()

    def handle_received(self) -> None:
        """Hand the received messages that are due now to their handlers, in order."""
        now_s = self._clock()
        while self._handle_some(now_s):
            pass

    async def _run_handling(self) -> None:
        bell = self._database.signals.subscribe(inbox.TOPIC)
        try:
            while True:
                if self._handle_some(self._clock()):
                    # Others want the loop too.
                    await asyncio.sleep(0)
                else:
                    await bell.wait(self._wait_s())
        finally:
            self._database.signals.unsubscribe(inbox.TOPIC, bell)

    def _wait_s(self) -> float:
        """Return how long nothing is due unless something arrives."""
        now_s = self._clock()
        with self._database.read() as session:
            at_s = inbox.next_attempt_at_s(session, now_s)
        return _IDLE_S if at_s is None else min(_IDLE_S, at_s - now_s)

    def _handle_some(self, now_s: float) -> bool:
        """Handle several messages in one transaction, each by itself; False when none was due."""
        with self._database.read() as session:
            rows = inbox.look(session, now_s, HANDLED_TOGETHER_MAX)
        if not rows:
            return False
        done: list[Handling] = []
        waiting: set[tuple[str, str]] = set()
        with self._database.transaction() as session:
            for row in rows:
                lane = (row.sender, row.lane)
                # One before it may have been put off just now.
                if lane not in waiting:
                    done.append(self._handle(session, row))
                    waiting |= {lane} if done[-1].delay_s is not None else set()
            inbox.record(session, done, now_s)
        return True

    def _handle(self, session: Session, row: ReceivedMessage) -> Handling:
        message = inbox.message_of(row, self._institution_id)
        try:
            handler = self._handler(message.kind)
            with session.begin_nested():
                handler(session, message)
        except Exception as error:
            match family_of(error):
                case "RejectedError":
                    _LOG.warning("message_refused", message_id=message.message_id, reason=str(error))
                    return Handling(row, str(error))
                case "UnavailableError":
                    return Handling(row, str(error), delay_s(row.attempts + 1, self._dice()))
                case _:
                    raise
        return Handling(row)

    def _handler(self, kind: str) -> MessageHandler:
        handler = self._handlers.get(kind)
        if handler is None and payloads.is_document(kind):
            return show_to_staff
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            raise UnknownKindError(f"kind: expected one of {known}, got {kind[:64]!r}")
        return handler

    def _judge(self, message: Message) -> RejectedError | None:
        try:
            payloads.check(message, self._check_document)
        except RejectedError as error:
            return error
        return None


def show_to_staff(session: Session, message: Message) -> None:
    """Tell the staff of a document that no slice has a use for."""
    body = {"message_id": message.message_id, "from": message.sender, "kind": message.kind, "uetr": message.uetr}
    publish(session, kind="message.received", owner=None, body=body, time_s=booked_until_s(session))
