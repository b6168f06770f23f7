"""Messages are delivered at least once and handled exactly once."""

import asyncio
from pathlib import Path

import pytest

from node.errors import InvariantError
from node.messages import inbox
from node.messages.errors import (
    InboxFullError,
    MalformedBodyError,
    MessageConflictError,
    MessageIdReusedError,
    MessageTooLargeError,
    NotDeadError,
    OutboxFullError,
    PeerUnavailableError,
    UetrUsedError,
    UnknownMessageError,
    UnknownRecipientError,
)
from node.messages.limits import BODY_BYTES_MAX, GIVE_UP_S
from node.messages.ports import Message
from node.messages.store import DEAD, DROPPED, HANDLED, QUEUED, RECEIVED, REFUSED, STORED
from node.storage.database import Database
from node.web.events import events_after
from tests.unit.messages.bank import Bank, invite
from tests.unit.messages.post import Post, arrival
from tests.unit.messages.post import message as json_message
from tests.unit.storage.crashes import Crash, CrashingDatabase, Fuse

UETR = "6f1d3b9c-5a0e-4f5e-9f52-0d3f1a7b6c10"


@pytest.fixture
def banks(tmp_path: Path) -> tuple[Bank, Bank]:
    post = Post()
    return Bank("nl", Database(f"sqlite:///{tmp_path}/nl"), post), Bank(
        "ke", Database(f"sqlite:///{tmp_path}/ke"), post
    )


async def test_message_is_handled_once_when_delivered_twice(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    sender.send("ke", "m1")
    sender.send("ke", "m1")
    await sender.service.deliver_queued()
    assert receiver.receive(invite("m1")) == [None]
    receiver.service.handle_received()
    receiver.service.handle_received()
    assert (receiver.effects(), sender.sent_states(), receiver.received_states()) == (["nl/m1"], [STORED], [HANDLED])


def test_equal_ids_are_two_messages_when_their_senders_differ(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.receive(invite("m1"), invite("m1", sender="amber"))
    receiver.service.handle_received()
    assert sorted(receiver.effects()) == ["amber/m1", "nl/m1"]


def test_receive_keeps_the_first_when_an_id_comes_with_another_content(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    changed = (
        invite("m1", trade="2"),
        invite("m1", thread="t"),
        json_message("m1", "nl", "ke", "quote", {"trade": "m1"}),
    )
    outcomes = receiver.receive(invite("m1"), *changed, invite("m1"))
    assert [type(outcome) for outcome in outcomes] == [type(None), *[MessageConflictError] * 3, type(None)]
    assert receiver.received_states() == [RECEIVED]


def test_receive_refuses_when_a_sender_moves_money_twice_for_one_uetr(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks

    def document(message_id: str, kind: str, sender: str = "nl") -> Message:
        return Message(message_id, sender, "ke", kind, b"<Document/>", None, UETR)

    receiver.service._check_document = lambda _kind, _document: UETR
    first = document("m1", "pacs.008.001.08")
    outcomes = receiver.receive(first, document("m2", "pacs.008.001.08"), first)
    assert [type(one) for one in outcomes] == [type(None), UetrUsedError, type(None)]
    others = (document("m3", "pacs.002.001.10"), document("m4", "pacs.002.001.10"), document("m5", "pacs.009.001.08"))
    assert receiver.receive(*others, document("m1", "pacs.008.001.08", "amber")) == [None] * 4


def test_receive_refuses_when_a_payload_is_not_what_its_kind_says(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    spaced = Message("m1", "nl", "ke", "invite", b'{"trade": "1"}')
    deep = Message("m2", "nl", "ke", "invite", b'{"a":' * 40 + b"1" + b"}" * 40)
    large = Message("m3", "nl", "ke", "invite", b'{"t":"' + b"x" * BODY_BYTES_MAX + b'"}')
    outcomes = receiver.receive(spaced, deep, large, Message("m4", "nl", "ke", "invite", b"[1]"), invite("m5"))
    kinds = [MalformedBodyError, MalformedBodyError, MessageTooLargeError, MalformedBodyError, type(None)]
    assert [type(one) for one in outcomes] == kinds


def test_receive_asks_to_wait_when_the_inbox_is_full(banks: tuple[Bank, Bank], monkeypatch: pytest.MonkeyPatch) -> None:
    _, receiver = banks
    monkeypatch.setattr("node.messages.inbox.INBOX_WAITING_MAX", 2)
    outcomes = receiver.receive(invite("m1"), invite("m2"), invite("m3"), invite("m1"))
    assert [type(one) for one in outcomes] == [type(None), type(None), InboxFullError, type(None)]
    receiver.service.handle_received()
    assert receiver.receive(invite("m3")) == [None]


def test_send_stops_when_an_id_is_given_to_another_message(banks: tuple[Bank, Bank]) -> None:
    sender, _ = banks
    sender.send("ke", "m1")
    with pytest.raises(MessageIdReusedError):
        sender.send("ke", "m1", {"trade": "2"})
    with pytest.raises(MessageIdReusedError):
        sender.send("ke", "m1", thread="t")


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


def test_send_makes_a_dead_letter_when_too_many_wait_for_a_recipient(
    banks: tuple[Bank, Bank], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, _ = banks
    for name in ("outbox", "service"):
        monkeypatch.setattr(f"node.messages.{name}.OUTBOX_WAITING_MAX", 1)
    with sender.session() as session:
        sender.service.require_room(session, "ke")
    sender.send("ke", "m1")
    sender.send("ke", "m2")
    sender.send("amber", "m3")
    assert sender.sent_states() == [QUEUED, DEAD, QUEUED]
    with sender.session() as session, pytest.raises(OutboxFullError, match="ke"):
        sender.service.require_room(session, "ke")


async def test_dead_letter_is_sent_or_dropped_when_a_person_says_so(banks: tuple[Bank, Bank]) -> None:
    sender, receiver = banks
    inbox = sender.transport.inboxes.pop("ke")  # type: ignore[attr-defined]
    sender.send("ke", "m1")
    sender.send("ke", "m2")
    await sender.service.deliver_queued()
    assert sender.sent_states() == [DEAD, DEAD]
    sender.transport.inboxes["ke"] = inbox  # type: ignore[attr-defined]
    with sender.session() as session:
        sender.repairs.resend(session, "m1")
        sender.repairs.reject(session, "m2", "closed", "bank-nl")
        with pytest.raises(NotDeadError, match="dropped"):
            sender.repairs.resend(session, "m2")
        with pytest.raises(UnknownMessageError):
            sender.repairs.reject(session, "m3", "closed", "bank-nl")
    await sender.service.deliver_queued()
    receiver.service.handle_received()
    assert (sender.sent_states(), receiver.effects()) == ([STORED, DROPPED], ["nl/m1"])


def test_message_is_kept_as_refused_when_its_handler_rejects_it(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults.append(UnknownRecipientError("not ours"))
    receiver.receive(invite("m1"), json_message("m2", "nl", "ke", "unheard", {}), invite("m3"))
    receiver.service.handle_received()
    assert (receiver.received_states(), receiver.effects()) == ([REFUSED, REFUSED, HANDLED], ["nl/m3"])
    reasons = [str(row.reason) for row in receiver.received()]
    assert "not ours" in reasons[0]
    assert "expected one of invite" in reasons[1]


def test_document_is_shown_to_the_staff_when_nobody_has_registered_for_it(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.receive(Message("m1", "nl", "ke", "camt.053.001.08", b"<Document/>"))
    receiver.service.handle_received()
    with receiver.database.read() as session:
        (notice,) = events_after(session, 0, None)
    assert (receiver.received_states(), notice.kind, notice.body["from"]) == ([HANDLED], "message.received", "nl")


def test_lane_waits_and_others_do_not_when_a_handler_puts_a_message_off(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults.append(PeerUnavailableError("chain away"))
    receiver.receive(invite("a1", thread="a"), invite("a2", thread="a"), invite("b1", thread="b"), invite("c1"))
    receiver.service.handle_received()
    assert receiver.seen == ["b1", "c1"]
    first = receiver.received()[0]
    assert (first.attempts, first.reason) == (1, "chain away")
    with receiver.database.read() as session:
        # What waits behind it is not due before it: else the loop would never rest.
        assert inbox.next_attempt_at_s(session, receiver.clock.now_s) == first.next_attempt_at_s > receiver.clock.now_s
    receiver.service.handle_received()
    assert receiver.seen == ["b1", "c1"]
    receiver.clock.now_s += 1
    receiver.service.handle_received()
    assert receiver.seen == ["b1", "c1", "a1", "a2"]


def test_message_is_refused_when_it_was_put_off_for_too_long(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.faults += [PeerUnavailableError("chain away")] * 2
    receiver.receive(invite("m1"))
    receiver.service.handle_received()
    receiver.clock.now_s += GIVE_UP_S + 1
    receiver.service.handle_received()
    assert (receiver.received_states(), receiver.effects()) == ([REFUSED], [])


def test_handling_stops_and_keeps_nothing_when_a_handler_finds_a_broken_invariant(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    receiver.receive(invite("m1"), invite("m2"))
    receiver.faults.append(InvariantError("books"))
    with pytest.raises(InvariantError, match="books"):
        receiver.service.handle_received()
    assert (receiver.received_states(), receiver.effects()) == ([RECEIVED, RECEIVED], [])


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
    await asyncio.gather(*tasks, return_exceptions=True)


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
    except* Crash:
        has_died = True
        await _exchange(prefix, Fuse(None))
    post = Post()
    sender, receiver = (Bank(name, Database(prefix + name), post) for name in ("nl", "ke"))
    assert sorted(receiver.effects()) == ["nl/m1", "nl/m2"]
    assert (sender.sent_states(), receiver.received_states()) == ([STORED] * 2, [HANDLED] * 2)
    return has_died


async def _exchange(prefix: str, fuse: Fuse) -> None:
    """Do what is left of two messages."""
    post = Post()
    sender, receiver = (Bank(name, CrashingDatabase(prefix + name, fuse), post) for name in ("nl", "ke"))
    for number in ("1", "2"):
        sender.send("ke", f"m{number}")
        await sender.service.deliver_queued()
        receiver.service.handle_received()


def test_arrivals_keep_what_proves_them_when_stored(banks: tuple[Bank, Bank]) -> None:
    _, receiver = banks
    assert receiver.service.receive([arrival(invite("m1"))]) == [None]
    assert receiver.received()[0].token == b"token"
