"""Institutions that exchange messages by a call, with a clock of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.compliance.store import DecisionRow
from node.messages.inbox import Taken
from node.messages.ports import Message, Transport
from node.messages.repairs import Repairs
from node.messages.service import MessageService
from node.messages.store import ReceivedMessage, SentMessage
from node.participants.directory import Directory
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.client.fake_chain import deployment
from tests.unit.messages.post import Post, accept_any, arrival
from tests.unit.messages.post import message as json_message

KIND = "invite"


@dataclass
class Clock:
    """A wall clock that a test sets."""

    now_s: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Bank:
    """One institution; what its handler does is a row per message, so that twice would fail."""

    name: str
    database: Database
    transport: Transport
    clock: Clock = field(default_factory=Clock)
    faults: list[Exception] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.database)
        self.service = MessageService(
            self.database, self.name, self.transport, accept_any, clock=self.clock, dice=lambda: 1.0
        )
        self.repairs = Repairs(institution_id=self.name, directory=Directory(deployment()), messages=self.service)
        self.service.register(KIND, self._on_invite)
        if isinstance(self.transport, Post):
            self.transport.connect(self.name, self.service.receive)

    def _on_invite(self, session: Session, message: Message) -> None:
        trade_id = f"{message.sender}/{message.body['trade']}"
        session.add(DecisionRow(trade_id=trade_id, outcome="x", list_version=None, decided_at_s=1))
        session.flush()
        if self.faults:
            raise self.faults.pop(0)
        self.seen.append(message.message_id)

    def send(
        self, to: str, message_id: str, body: dict[str, Any] | None = None, kind: str = KIND, thread: str | None = None
    ) -> None:
        with self.database.transaction() as session:
            self.service.send(
                session, to=to, kind=kind, message_id=message_id, body=body or {"trade": message_id}, thread=thread
            )

    def receive(self, *messages: Message) -> list[Taken]:
        return self.service.receive([arrival(one) for one in messages])

    def effects(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(DecisionRow.trade_id)))

    def sent(self) -> list[SentMessage]:
        with self.database.read() as session:
            return list(session.scalars(select(SentMessage).order_by(SentMessage.id)))

    def received(self) -> list[ReceivedMessage]:
        with self.database.read() as session:
            return list(session.scalars(select(ReceivedMessage).order_by(ReceivedMessage.id)))

    def sent_states(self) -> list[str]:
        return [row.state for row in self.sent()]

    def received_states(self) -> list[str]:
        return [row.state for row in self.received()]

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session


def invite(message_id: str, sender: str = "nl", to: str = "ke", thread: str | None = None, **body: Any) -> Message:
    """A message for the handler of `to`."""
    return json_message(message_id, sender, to, KIND, body or {"trade": message_id}, thread)
