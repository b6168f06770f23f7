"""What banks write about a payment as its trade goes on, under every policy and to every end."""

from typing import Any

import pytest
from sqlalchemy import select

from fx.currencies import get_currency
from fx.money import Money
from node.messages.iso20022.formats.cash import CashReport
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.store import SentMessage
from node.storage.cursor import booked_until_s
from node.trades.payments.people import account_of
from node.trades.payments.store import TradeMessage
from node.trades.store import EscrowEvent, Trade
from tests.unit.trades import rated, story
from tests.unit.trades.payments.paid import content, entries, notices, rows, told
from tests.unit.trades.test_story import VASES, vases
from tests.unit.trades.watching.test_joining import assigned
from tests.unit.trades.world import World


def uetr(world: World, bank: str, reference: str = story.REFERENCE) -> str | None:
    with world[bank].database.read() as session:
        return session.get_one(Trade, reference).uetr


def event(world: World, name: str) -> dict[str, Any]:
    """Return what the chain says of this name about the trade, once."""
    with world["bank-nl"].database.read() as session:
        return session.scalars(select(EscrowEvent).where(EscrowEvent.name == name)).one().args


def settled_once(world: World) -> World:
    story.load(world)
    story.wait_a_day(world)
    return world


def test_banks_tell_each_other_and_their_customers_when_a_trade_is_funded_paid_and_closed() -> None:
    world = settled_once(story.funded())
    story.deliver(world)
    story.wait_a_day(world)
    nl, ke = world["bank-nl"], world["bank-ke"]
    assert told(nl) == [
        ("sent", "bank-ke", "PACS008", None),
        ("received", "bank-ke", "PACS002", "ACSP"),
        ("issued", "bloem", "DBIT-1", None),
        ("received", "bank-ke", "CONF-1", None),
        ("issued", "bloem", "DBIT-2", None),
        ("received", "bank-ke", "CONF-2", None),
        ("received", "bank-ke", "PACS002", "ACSC"),
    ]
    assert told(ke) == [
        ("received", "bank-nl", "PACS008", None),
        ("sent", "bank-nl", "PACS002", "ACSP"),
        ("issued", "kra", "CRDT-1-1", None),
        ("issued", "naivasha", "CRDT-1-3", None),
        ("sent", "bank-nl", "CONF-1", None),
        ("issued", "kra", "CRDT-2-1", None),
        ("issued", "naivasha", "CRDT-2-3", None),
        ("sent", "bank-nl", "CONF-2", None),
        ("sent", "bank-nl", "PACS002", "ACSC"),
    ]
    assert uetr(world, "bank-nl") == uetr(world, "bank-ke") is not None
    assert {row.uetr for bank in (nl, ke) for row in rows(bank)} == {uetr(world, "bank-nl")}
    assert story.refused(nl) == story.refused(ke) == []
    split = "9,000.00 KES tax to Revenue Authority of Ken, 45.00 KES fee to Rift Bank, "
    split = f"Milestone 1, loaded: {split}440,955.00 KES invoice to Naivasha Roses Ltd"
    assert entries(content(ke, "CRDT-1-3", CashReport)) == [("440,955.00 KES", "BOOK", "XBCT", split)]
    assert entries(content(ke, "CRDT-1-1", CashReport)) == [
        ("9,000.00 KES", "BOOK", "XBCT", "Milestone 1, loaded: tax")
    ]
    assert entries(content(nl, "DBIT-1", CashReport)) == [("-450,000.00 KES", "BOOK", "XBCT", split)]
    confirmed = content(nl, "CONF-2", CashReport)
    assert confirmed.account == account_of(world.account("bank-ke", "naivasha"))
    assert [str(one.amount) for one in confirmed.entries] == ["1,028,895.00 KES"]


def test_messages_of_a_trade_share_one_lane() -> None:
    world = settled_once(story.funded())
    for bank in ("bank-nl", "bank-ke"):
        with world[bank].database.read() as session:
            sent = session.scalars(select(SentMessage).where(SentMessage.uetr.is_not(None))).all()
            trade = session.get_one(Trade, story.REFERENCE)
            assert {row.thread for row in sent} == {"0x" + (trade.trade_id or b"").hex()}
            assert {row.uetr for row in sent} == {trade.uetr}


def test_customers_hear_of_their_notifications_and_nobody_else_of_them() -> None:
    world = settled_once(story.funded())
    assert [owner for owner, _ in notices(world["bank-ke"], "payment.notified")] == ["kra", "naivasha"]
    assert notices(world["bank-ke"], "payment.not_sent") == []


def test_the_rates_effect_is_an_entry_of_its_own_when_the_rate_has_left_the_band() -> None:
    world = rated.funded(rated.float_terms(0), later="156")
    story.load(world)
    rated.wait_until_final(world)
    world.advance_to(world.ledger.now_s + 3_601)
    nl, ke = world["bank-nl"], world["bank-ke"]
    transfer = content(ke, "PACS008", CustomerTransfer)
    assert (str(transfer.amount), transfer.instructed_amount, transfer.rate) == ("1,500,000.00 KES", None, None)
    assert rated.milestone(ke).paid == "605,825.24 KES"
    confirmed = entries(content(nl, "CONF-1", CashReport))
    assert [(row[0], row[2]) for row in confirmed] == [("587,940.00 KES", "XBCT"), ("5,708.16 KES", "ADJT")]
    assert confirmed[1][3] == "FX adjustment: what the rate has made of 587,940.00 KES due"
    (debit, released) = entries(content(nl, "DBIT-1", CashReport))
    settled = event(world, "FundingSliceSettled")
    assert (debit[0], debit[1]) == (str(Money(-int(settled["sold"]), get_currency("EUR"))), "BOOK")
    assert (released[0], *released[1:3]) == (str(Money(int(settled["refunded"]), get_currency("EUR"))), "INFO", "RRTN")
    assert notices(nl, "payment.contradicted") == []


def test_importer_is_debited_in_its_currency_when_the_rate_was_locked() -> None:
    world = settled_once(rated.funded(rated.LOCK))
    transfer = content(world["bank-ke"], "PACS008", CustomerTransfer)
    held = event(world, "FundingLegOpened")["amount"]
    assert transfer.instructed_amount == Money(int(held), get_currency("EUR"))
    assert transfer.rate is not None
    sold = Money(-int(event(world, "FundingSliceSettled")["sold"]), get_currency("EUR"))
    assert [row[0] for row in entries(content(world["bank-nl"], "DBIT-1", CashReport))] == [str(sold)]
    assert [row[0] for row in entries(content(world["bank-nl"], "CONF-1", CashReport))] == ["587,940.00 KES"]


def test_nothing_is_booked_and_the_payment_rejected_when_a_trade_lapses_unpaid() -> None:
    world = story.funded()
    with world["bank-nl"].database.read() as session:
        expires_at_s = session.get_one(Trade, story.REFERENCE).hold_expires_at_s or 0
    world.advance_to(expires_at_s - 86_400)
    world.advance_to(expires_at_s + 7_200)
    nl = world["bank-nl"]
    assert story.view(nl).state == "closed"
    booked = [row for row in told(nl) if row[2].startswith(("DBIT", "CONF", "ENDED"))]
    assert {row[0] for row in booked} == {"issued"}
    for name in (row[2] for row in booked):
        assert [row[1:3] for row in entries(content(nl, name, CashReport))] == [("INFO", "RRTN")]
    last = rows(nl)[-1]
    assert (last.status, last.reason) == (
        "RJCT",
        "NARR nothing of 1,500,000.00 KES paid: each milestone settled by the terms",
    )


def test_the_cancel_fee_is_debited_when_a_lock_is_given_up() -> None:
    world = rated.funded(rated.LOCK)
    nl, ke = world["bank-nl"], world["bank-ke"]
    for desk, actor in ((nl, story.IMPORTER), (ke, story.EXPORTER)):
        with desk.database.transaction() as session:
            desk.trades.cancelling.cancel(
                session, story.REFERENCE, actor, None, booked_until_s(session), ask_provider=False
            )
        world.settle_down()
    assert story.view(nl).closed_cause == "cancelled"
    released, fee = entries(content(nl, "ENDED", CashReport))
    assert released[1:] == ("INFO", "RRTN", "No longer held, never debited: milestone cancelled")
    assert fee[1:3] == ("BOOK", "CHRG")
    assert fee[0].startswith("-")
    last = rows(nl)[-1]
    assert (last.status, last.reason) == ("RJCT", "DS02 nothing of 1,500,000.00 KES paid: both sides cancelled")


def test_payment_is_accepted_with_a_change_when_a_part_of_it_was_waived() -> None:
    world = story.funded()
    ke = world["bank-ke"]
    rated.act(ke, ke.trades.deciding.waive, 0, 5_000_000, story.EXPORTER)
    settled_once(world)
    story.deliver(world)
    story.wait_a_day(world)
    last = rows(world["bank-nl"])[-1]
    assert (last.status, last.reason) == (
        "ACWC",
        "NARR 1,450,000.00 KES of 1,500,000.00 KES paid: each milestone settled by the terms",
    )


def test_an_assignees_own_bank_notifies_it_and_the_exporters_bank_confirms_its_credit() -> None:
    world = settled_once(assigned())
    nl, ke, ug = world["bank-nl"], world["bank-ke"], world["bank-ug"]
    assert told(ug) == [("issued", "rwenzori", "CRDT-1-3", None)]
    assert [row[1] for row in told(ke) if row[0] == "issued"] == ["kra"]
    confirmed = content(nl, "CONF-1", CashReport)
    assert confirmed.account == account_of(world.account("bank-ug", "rwenzori"))
    assert notices(nl, "payment.contradicted") == []


def test_nothing_leaves_the_bank_when_it_has_both_sides() -> None:
    world = story.start(only=("bank-nl", "carrier"))
    vases(world)
    nl = world["bank-nl"]
    assert told(nl, VASES) == []
    assert uetr(world, "bank-nl", VASES) is not None
    world.advance_to(story.at("2026-08-28T18:00") + 1)
    world.advance_to(world.ledger.now_s + story.DAY_S + 1)
    assert told(nl, VASES) == [("issued", "bloem", "DBIT-1", None)]
    assert rows(nl, VASES)[0].amount_minor == 0


def test_the_escrow_goes_on_when_a_message_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Money, "plain", lambda _: "1234567890123456789")
    world = story.quoted()
    story.fund(world)
    settled_once(world)
    assert story.view(world["bank-ke"]).milestones[0].state == "settled"
    told_of = [body["to"] for _, body in notices(world["bank-nl"], "payment.not_sent")]
    assert told_of == ["bank-ke", "bloem"]
    assert rows(world["bank-nl"]) == []


def test_the_escrow_goes_on_when_a_transfer_that_was_taken_breaks_rules_of_today() -> None:
    world = settled_once(story.funded())
    ke = world["bank-ke"]
    with ke.database.transaction() as session:
        taken = session.scalars(select(TradeMessage).where(TradeMessage.kind == "pacs.008.001.08")).one()
        taken.document = taken.document.replace(b"<UETR>", b"<UETR>x")
    story.deliver(world)
    story.wait_a_day(world)
    assert {part.state for part in story.view(ke).milestones} == {"settled"}
    ((_, body),) = notices(ke, "payment.not_sent")
    assert (body["to"], body["message_id"][25:]) == ("bank-nl", "PACS002")
    assert [row.status for row in rows(world["bank-nl"]) if row.status] == ["ACSP"]
