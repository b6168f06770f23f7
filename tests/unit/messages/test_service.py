"""Messages are delivered at least once and handled exactly once."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from node.messages.in_process import InProcessTransport
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.compliance.store import DecisionRow
from node.errors import InvariantError
from node.messages.errors import (
    MalformedBodyError,
    MessageConflictError,
    MessageIdReusedError,
    MessageTooLargeError,
    PeerUnavailableError,
    UnknownRecipientError,
)
from node.messages.ports import Message
from node.messages.service import BODY_BYTES_MAX, MessageService
from node.messages.store import DEAD, DELIVERED, HANDLED, QUEUED, RECEIVED, REFUSED, ReceivedMessage, SentMessage
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.storage.crashes import Crash, CrashingDatabase, Fuse


@dataclass
class Bank:
    """One institution; what its handler does is a row per message, so that twice would fail."""

    name: str
    database: Database
    transport: InProcessTransport
    faults: list[Exception] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        prepare(self.database)
        self.service = MessageService(self.database, self.name, self.transport)
        self.service.register("invite", self._on_invite)
        self.transport.connect(self.name, self.service.receive)

    def _on_invite(self, session: Session, message: Message) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.seen.append(message.message_id)
        trade_id = f"{message.sender}/{message.body['trade']}"
        session.add(DecisionRow(trade_id=trade_id, outcome="x", list_version=None, decided_at_s=1))

    def send(self, to: str, message_id: str, body: dict[str, Any], kind: str = "invite") -> None:
        with self.database.transaction() as session:
            self.service.send(session, to=to, kind=kind, message_id=message_id, body=body)

    def effects(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(DecisionRow.trade_id)))

    def sent_states(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(SentMessage.state).order_by(SentMessage.id)))

    def received_states(self) -> list[str]:
        with self.database.read() as session:
            return list(session.scalars(select(ReceivedMessage.state).order_by(ReceivedMessage.id)))


@pytest.fixture
def banks(tmp_path: Path) -> tuple[Bank, Bank]:
    transport = InProcessTransport()
    return tuple(  # type: ignore[return-value]
        Bank(name, Database(f"sqlite:///{tmp_path}/{name}.sqlite"), transport) for name in ("nl", "ke")
    )


async def test_message_is_handled_once_when_delivered_twice(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    sender.send("ke", "m1", {"trade": "1"})
    sender.send("ke", "m1", {"trade": "1"})
    assert await sender.service.deliver_queued()
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    assert receiver.service.handle_received()
    assert receiver.service.handle_received()
    assert (receiver.effects(), sender.sent_states(), receiver.received_states()) == (["nl/1"], [DELIVERED], [HANDLED])


async def test_equal_ids_are_two_messages_when_their_senders_differ(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    receiver.service.receive(Message("m1", "amber", "ke", "invite", {"trade": "1"}))
    receiver.service.handle_received()
    assert receiver.effects() == ["amber/1", "nl/1"]


def test_receive_keeps_the_first_when_an_id_comes_with_another_content(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    for changed in (
        Message("m1", "nl", "ke", "invite", {"trade": "2"}),
        Message("m1", "nl", "ke", "quote", {"trade": "1"}),
    ):
        with pytest.raises(MessageConflictError, match="m1"):
            receiver.service.receive(changed)
    assert receiver.received_states() == [RECEIVED]


def test_send_stops_when_an_id_is_given_to_another_message(banks: tuple[Bank, Bank]) -> None:
    sender, _ = banks
    sender.send("ke", "m1", {"trade": "1"})
    with pytest.raises(MessageIdReusedError):
        sender.send("ke", "m1", {"trade": "2"})


def test_send_refuses_when_the_body_is_over_the_limit_or_no_json(banks: tuple[Bank, Bank]) -> None:
    sender, _ = banks
    frame = len('{"t":""}')
    sender.send("ke", "fits", {"t": "x" * (BODY_BYTES_MAX - frame)})
    with pytest.raises(MessageTooLargeError, match=str(BODY_BYTES_MAX)):
        sender.send("ke", "over", {"t": "x" * (BODY_BYTES_MAX - frame + 1)})
    for body in ({"t": 2**53}, {"t": b"bytes"}, {"t": float("nan")}):
        with pytest.raises(MalformedBodyError):
            sender.send("ke", "malformed", body)
    assert sender.sent_states() == [QUEUED]


async def test_message_is_a_dead_letter_when_nobody_is_reachable_under_the_name(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    sender.send("nobody", "m1", {"trade": "1"})
    sender.send("ke", "m2", {"trade": "2"})
    assert await sender.service.deliver_queued()
    assert (sender.sent_states(), receiver.received_states()) == ([DEAD, DELIVERED], [RECEIVED])
    with sender.database.read() as session:
        assert "nobody" in str(session.get_one(SentMessage, 1).reason)


async def test_messages_keep_their_order_when_the_recipient_was_away(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    faults: list[Exception] = [PeerUnavailableError("away")]

    def receive(message: Message) -> None:
        if faults:
            raise faults.pop()
        receiver.service.receive(message)

    sender.service._transport.connect("ke", receive)  # type: ignore[attr-defined]
    sender.send("ke", "m1", {"trade": "1"})
    sender.send("ke", "m2", {"trade": "2"})
    assert not await sender.service.deliver_queued()
    assert sender.sent_states() == [QUEUED, QUEUED]
    assert await sender.service.deliver_queued()
    receiver.service.handle_received()
    assert receiver.seen == ["m1", "m2"]


def test_message_is_kept_as_refused_when_its_handler_rejects_it(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults.append(UnknownRecipientError("not ours"))
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    receiver.service.receive(Message("m2", "nl", "ke", "unheard", {"trade": "1"}))
    assert receiver.service.handle_received()
    assert (receiver.received_states(), receiver.effects()) == ([REFUSED, REFUSED], [])
    with receiver.database.read() as session:
        assert "not ours" in str(session.get_one(ReceivedMessage, 1).reason)
        assert "expected one of invite" in str(session.get_one(ReceivedMessage, 2).reason)


def test_message_is_handled_later_when_its_handler_puts_it_off(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults.append(PeerUnavailableError("chain away"))
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    assert not receiver.service.handle_received()
    assert receiver.service.handle_received()
    assert receiver.effects() == ["nl/1"]


def test_handling_stops_when_a_handler_finds_a_broken_invariant(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults.append(InvariantError("books"))
    receiver.service.receive(Message("m1", "nl", "ke", "invite", {"trade": "1"}))
    with pytest.raises(InvariantError, match="books"):
        receiver.service.handle_received()
    assert receiver.received_states() == [RECEIVED]


async def test_run_delivers_and_handles_when_a_transaction_queues_a_message(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    handled = asyncio.Event()
    receiver.service.register("ping", lambda _session, _message: handled.set())
    tasks = [asyncio.ensure_future(bank.service.run()) for bank in banks]
    await asyncio.sleep(0)
    sender.send("ke", "m1", {}, kind="ping")
    await asyncio.wait_for(handled.wait(), 10)
    for task in tasks:
        task.cancel()


async def test_every_message_is_handled_once_when_a_process_dies_at_any_step(tmp_path: Path) -> None:
    steps = 0
    while await _run_dying_at(steps, f"sqlite:///{tmp_path}/{steps}-"):
        steps += 1
    # Two sends, two receipts, two marks of delivery, two handlings: each before and after.
    assert steps == 16


async def _run_dying_at(steps: int, prefix: str) -> bool:
    fuse = Fuse(steps)
    has_died = False
    try:
        await _exchange(prefix, fuse)
    except Crash:
        has_died = True
        await _exchange(prefix, Fuse(None))
    transport = InProcessTransport()
    sender, receiver = (Bank(name, Database(prefix + name), transport) for name in ("nl", "ke"))
    assert sorted(receiver.effects()) == ["nl/1", "nl/2"]
    assert (sender.sent_states(), receiver.received_states()) == ([DELIVERED] * 2, [HANDLED] * 2)
    return has_died


async def _exchange(prefix: str, fuse: Fuse) -> None:
    """Do what is left of two messages."""
    transport = InProcessTransport()
    sender, receiver = (Bank(name, CrashingDatabase(prefix + name, fuse), transport) for name in ("nl", "ke"))
    for number in ("1", "2"):
        sender.send("ke", f"m{number}", {"trade": number})
        await sender.service.deliver_queued()
        receiver.service.handle_received()
