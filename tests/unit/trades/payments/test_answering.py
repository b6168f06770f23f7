"""What a bank does with payment messages that come: taken, rejected, put off, told to its people."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from fx.money import Money
from node.errors import RejectedError, UnavailableError
from node.messages.iso20022.codec import build, definition_of
from node.messages.iso20022.formats.answers import PaymentStatus
from node.messages.iso20022.formats.cash import CashReport
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Agent, Header, Original, Reason, Remittance
from node.messages.ports import Message
from node.trades.errors import PaymentRejectedError
from node.trades.payments import booking
from node.trades.payments.booking import banks_of, funded_document
from node.trades.payments.people import agent_of
from node.trades.payments.posting import PaymentMessage
from node.trades.payments.transfer import transfer_of
from node.trades.store import Trade
from tests.unit.messages.post import arrival
from tests.unit.trades import story
from tests.unit.trades.payments.paid import content, notices, rows, told
from tests.unit.trades.world import TestDesk, World

UETR = "97ed4827-7b6f-4491-a06f-b548d5a7512d"
Change = Callable[[CustomerTransfer], CustomerTransfer]


def unpaid() -> World:
    """Return a world where the example is funded and the importer's transfer has become a dead letter."""
    world = story.quoted()
    world.transport.inboxes.pop("bank-ke")
    story.fund(world)
    world.transport.connect("bank-ke", world["bank-ke"].messages.receive)
    return world


def transfer(world: World, desk: TestDesk) -> CustomerTransfer:
    """Return the transfer that the trade makes, under another UETR and message id than the bank's own."""
    with desk.database.read() as session:
        trade = session.get_one(Trade, story.REFERENCE)
        made = transfer_of(trade, funded_document(session, trade), banks_of(desk.trades.desk, trade), UETR)
    return replace(made, message_id="OTHER-1")


def envelope(desk: TestDesk, sender: str, message: PaymentMessage) -> Message:
    """Return a message as that sender's bank would address it to this desk."""
    directory = desk.participants.directory
    ends = (agent_of(directory.institution(one)) for one in (sender, desk.id))
    header = Header(message.message_id, *ends, message.created_s)
    uetr = {
        CustomerTransfer: lambda: message.uetr,  # type: ignore[union-attr]
        PaymentStatus: lambda: message.original.uetr,  # type: ignore[union-attr]
        CashReport: lambda: message.entries[0].uetr,  # type: ignore[union-attr]
    }[type(message)]()
    document = build(message, header)
    return Message(message.message_id, sender, desk.id, definition_of(message), document, "lane", uetr)


def receive(world: World, desk: TestDesk, sender: str, message: PaymentMessage) -> None:
    assert desk.messages.receive([arrival(envelope(desk, sender, message))]) == [None]
    world.settle_down()


def status_at(desk: TestDesk) -> tuple[str | None, str | None]:
    """Return the last status that a bank was told, and why."""
    found = [row for row in rows(desk) if row.status is not None]
    return (found[-1].status, found[-1].reason) if found else (None, None)


def test_transfer_is_taken_once_when_it_is_what_the_trade_makes_it() -> None:
    world = story.funded()
    ke = world["bank-ke"]
    sent = next(row for row in rows(world["bank-nl"]) if row.direction == "sent")
    again = Message(sent.message_id, "bank-nl", "bank-ke", sent.kind, sent.document, "lane", sent.uetr)
    (outcome,) = ke.messages.receive([arrival(again)])
    assert isinstance(outcome, RejectedError)
    assert told(ke) == [("received", "bank-nl", "PACS008", None), ("sent", "bank-nl", "PACS002", "ACSP")]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("AM09", lambda m: replace(m, amount=Money.parse("1500000.01", "KES"))),
        ("RC04", lambda m: replace(m, creditor_agent=Agent(bic="NILEUGK0"))),
    ],
)
def test_transfer_is_rejected_and_both_banks_are_told_when_it_contradicts_the_trade(code: str, change: Change) -> None:
    world = unpaid()
    nl, ke = world["bank-nl"], world["bank-ke"]
    receive(world, ke, "bank-nl", change(transfer(world, nl)))
    ((_, body),) = notices(ke, "payment.rejected")
    assert body["reference"] == story.REFERENCE
    assert body["reason"].startswith(code)
    sent = [row for row in rows(ke) if row.status == "RJCT"]
    assert [(row.partner, (row.reason or "")[:4]) for row in sent] == [("bank-nl", code)]
    story.load(world)
    story.wait_a_day(world)
    assert story.view(ke).milestones[0].state == "settled"


def test_people_of_both_banks_are_told_when_the_banks_own_transfer_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    world = story.quoted()
    nl, ke = world["bank-nl"], world["bank-ke"]
    monkeypatch.setattr(booking, "uuid4", lambda: UETR)
    with ke.database.transaction() as session:
        other = session.get_one(Trade, story.REFERENCE)
        same = {column.key: getattr(other, column.key) for column in Trade.__table__.columns}
        session.add(Trade(**same | {"reference": "ANOTHER-1", "trade_id": b"\1" * 32, "uetr": UETR}))
    story.fund(world)
    assert status_at(nl)[0] == "RJCT"
    for desk in (nl, ke):
        ((owner, body),) = notices(desk, "payment.rejected")
        assert owner is None
        assert body["reason"].startswith("DU03 UETR: expected one that no other trade has")
    story.load(world)
    story.wait_a_day(world)
    assert story.view(ke).milestones[0].state == "settled"
    assert [row.message_id for row in rows(ke) if row.direction == "sent" and row.kind.startswith("camt")] == []


def test_second_transfer_for_a_trade_is_rejected_when_the_first_was_taken() -> None:
    world = story.funded()
    receive(world, world["bank-ke"], "bank-nl", transfer(world, world["bank-nl"]))
    ((_, body),) = notices(world["bank-ke"], "payment.rejected")
    assert body["reason"].startswith("AM05 payment: expected one for the trade")
    with world["bank-ke"].database.read() as session:
        assert session.get_one(Trade, story.REFERENCE).uetr == _uetr(world["bank-nl"]) != UETR


def test_transfer_of_no_trade_is_rejected_at_once_however_late_it_says_it_was_made() -> None:
    world = story.funded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    strange = replace(
        transfer(world, nl),
        end_to_end_id="ROSES-1",
        remittance=None,
        created_s=world.ledger.now_s + 10_000_000,
    )
    message = envelope(ke, "bank-nl", strange)
    assert ke.messages.receive([arrival(message)]) == [None]
    world.settle_down()
    assert len(notices(ke, "payment.rejected")) == 1
    ((_, body),) = notices(nl, "message.received")
    assert (body["kind"], body["uetr"]) == ("pacs.002.001.10", UETR)


@pytest.mark.parametrize("sender", ["bank-nl", "carrier"])
def test_transfer_is_rejected_in_the_same_words_when_its_trade_is_unknown_or_not_the_senders(sender: str) -> None:
    world = story.funded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    message = replace(transfer(world, nl), uetr=str(uuid4()))
    if sender == "bank-nl":
        message = replace(message, end_to_end_id="NR-1", remittance=Remittance(reference="NR-1"))
    sending = agent_of(ke.participants.directory.institution(sender))
    before = told(ke)
    receive(world, ke, sender, replace(message, instructing=sending))
    ((_, body),) = notices(ke, "payment.rejected")
    assert (body["reference"], body["from"]) == (None, sender)
    assert body["reason"].startswith(f"NARR trade: expected one of {sender} with a customer here, got")
    assert told(ke) == before


def test_transfer_is_rejected_when_the_chain_has_not_funded_its_trade() -> None:
    world = story.quoted()
    ke = world["bank-ke"]
    message = transfer(world, world["bank-nl"])
    receive(world, ke, "bank-nl", replace(message, created_s=world.ledger.now_s))
    ((_, body),) = notices(ke, "payment.rejected")
    assert body["reason"] == "NARR trade: expected one that the chain has funded, got agreed"


def test_transfer_is_put_off_when_it_tells_of_a_time_that_was_not_followed_yet() -> None:
    world = unpaid()
    ke = world["bank-ke"]
    late = replace(transfer(world, world["bank-nl"]), created_s=world.ledger.now_s + 60)
    with ke.database.transaction() as session, pytest.raises(UnavailableError, match="as far as followed"):
        ke.trades.answering.on_transfer(session, envelope(ke, "bank-nl", late))
    assert told(ke) == []


def test_what_was_settled_before_is_told_when_the_transfer_comes_late() -> None:
    world = unpaid()
    nl, ke = world["bank-nl"], world["bank-ke"]
    for step in (story.load, story.wait_a_day, story.deliver, story.wait_a_day):
        step(world)
    assert [row for row in told(ke) if row[0] == "sent"] == []
    receive(world, ke, "bank-nl", content(nl, "PACS008", CustomerTransfer))
    assert [row for row in told(nl) if row[0] == "received"] == [
        ("received", "bank-ke", "PACS002", "ACSP"),
        ("received", "bank-ke", "CONF-1", None),
        ("received", "bank-ke", "CONF-2", None),
        ("received", "bank-ke", "PACS002", "ACSC"),
    ]
    assert notices(nl, "payment.contradicted") == []


def _status(world: World, **changed: object) -> PaymentStatus:
    nl, ke = world["bank-nl"], world["bank-ke"]
    sent = content(nl, "PACS008", CustomerTransfer)
    directory = nl.participants.directory
    made = PaymentStatus(
        message_id="STATUS-1",
        created_s=world.ledger.now_s,
        instructing=agent_of(directory.institution(ke.id)),
        instructed=agent_of(directory.institution(nl.id)),
        original=Original(sent.message_id, "pacs.008.001.08", sent.uetr),
        status="RJCT",
        reason=Reason("AM09"),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_status_is_refused_when_our_transfer_was_another_or_went_to_another_bank() -> None:
    world = story.funded()
    nl = world["bank-nl"]
    good = _status(world)
    stranger = agent_of(nl.participants.directory.institution("carrier"))
    wrong = [
        ("carrier", replace(good, instructing=stranger)),
        ("bank-ke", replace(good, original=replace(good.original, message_id="ANOTHER"))),
    ]
    for sender, message in wrong:
        with nl.database.transaction() as session, pytest.raises(PaymentRejectedError):
            nl.trades.answering.on_status(session, envelope(nl, sender, message))
    with nl.database.transaction() as session:
        nl.trades.answering.on_status(session, envelope(nl, "bank-ke", good))
    assert status_at(nl) == ("RJCT", "AM09")


def test_status_is_shown_to_the_staff_when_it_is_about_no_trade() -> None:
    world = story.funded()
    nl = world["bank-nl"]
    other = _status(world)
    receive(world, nl, "bank-ke", replace(other, original=replace(other.original, uetr=UETR)))
    ((owner, body),) = notices(nl, "message.received")
    assert (owner, body["uetr"], body["from"]) == (None, UETR, "bank-ke")
    assert status_at(nl) == ("ACSP", None)


def test_people_are_told_when_a_confirmed_credit_is_not_the_chains() -> None:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    nl = world["bank-nl"]
    true = content(nl, "CONF-1", CashReport)
    (entry,) = true.entries
    more = replace(entry, amount=entry.amount + Money.parse("0.01", "KES"))
    false = replace(true, message_id="CONF-9", entries=(more,))
    receive(world, nl, "bank-ke", false)
    ((_, body),) = notices(nl, "payment.contradicted")
    assert body["reason"] == "NARR credit: expected a payment that the chain has made, got 440,955.01 KES"
    assert [row.milestone for row in rows(nl) if row.message_id.startswith("CONF")] == [None]


def test_confirmation_is_refused_from_another_bank_and_shown_when_it_is_about_no_trade() -> None:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    nl, ke = world["bank-nl"], world["bank-ke"]
    true = content(nl, "CONF-1", CashReport)
    with ke.database.transaction() as session, pytest.raises(PaymentRejectedError):
        ke.trades.answering.on_notification(session, envelope(ke, "bank-nl", true))
    unnamed = replace(true, entries=(replace(true.entries[0], uetr=None),))
    receive(world, nl, "bank-ke", replace(unnamed, message_id="CONF-9"))
    assert [body["message_id"] for _, body in notices(nl, "message.received")] == ["CONF-9"]
    assert "CONF-9" not in [row.message_id for row in rows(nl)]


def _uetr(desk: TestDesk) -> str | None:
    with desk.database.read() as session:
        return session.get_one(Trade, story.REFERENCE).uetr
