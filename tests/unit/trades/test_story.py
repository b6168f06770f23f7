"""A trade from draft to payment, and the other ways it can end, on the real contracts."""

import pytest
from sqlalchemy import select

from node.errors import RejectedError
from node.storage.outbox import FAILED, OutboxRow
from node.trades.agreement.negotiating import Papers
from node.trades.errors import (
    AttesterRejectedError,
    EvidenceMismatchError,
    EvidenceReplayedError,
    UnknownTradeError,
    WrongStateError,
)
from node.trades.store import CLOSED, FUNDED, Attestation
from tests.unit.trades import story
from tests.unit.trades.world import World, customer, example

VASES = "VR-2026-0098"


def balances(world: World) -> dict[str, int]:
    ke = world["bank-ke"]
    return {
        "naivasha": world.balance("KES", world.account("bank-ke", "naivasha")),
        "kra": world.balance("KES", world.account("bank-ke", "kra")),
        "fee": world.balance("KES", ke.participants.institution.address),
        "bloem": world.balance("EUR", world.account("bank-nl", "bloem")),
    }


def test_the_exporter_is_paid_in_its_currency_when_both_milestones_are_attested() -> None:
    world = story.funded()
    before = balances(world)
    importer = story.view(world["bank-nl"])
    assert (importer.state, importer.importer_paid, importer.screening) == (FUNDED, "10,121.21 EUR", "not screened")
    assert importer.cost is not None
    assert (importer.cost.provider, importer.cost.total_percent) == ("fx-baobab", "0.38 %")
    assert importer.cost.post_quantum

    story.load(world)
    due = story.view(world["bank-ke"]).milestones[0]
    assert (due.state, due.due_percent, due.paid) == ("due", "100.00 %", None)
    story.wait_a_day(world)
    assert story.view(world["bank-ke"]).milestones[0].paid == "450,000.00 KES"

    story.deliver(world)
    story.wait_a_day(world)
    for bank in ("bank-nl", "bank-ke"):
        closed = story.view(world[bank])
        assert (closed.state, closed.closed_cause, closed.next) == (CLOSED, "settled", [])
        assert story.refused(world[bank]) == []
    for desk in world.desks.values():
        with desk.database.read() as session:
            assert session.scalars(select(OutboxRow.reference).where(OutboxRow.state == FAILED)).all() == []
    after = balances(world)
    assert {who: after[who] - before[who] for who in after} == {
        "naivasha": 146_985_000,
        "kra": 3_000_000,
        "fee": 15_000,
        "bloem": 0,
    }


def test_statements_say_what_payments_were_for() -> None:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    desk = world["bank-ke"]
    purposes = {}
    for owner in ("naivasha", "kra", "bank-ke"):
        with desk.database.read() as session:
            line = desk.ledger.statement(session, owner, "KES")[-1]
            purposes[owner] = [(memo.purpose, memo.trade_id, memo.milestone) for memo in line.memos]
    assert purposes == {
        "naivasha": [("invoice", story.REFERENCE, 0)],
        "kra": [("tax", story.REFERENCE, 0)],
        "bank-ke": [("fee", story.REFERENCE, 0)],
    }


def test_what_is_waited_for_is_said_at_each_step() -> None:
    world = story.start()
    story.draft(world)
    nl = world["bank-nl"]
    assert [(step.call, step.what) for step in story.view(nl).next] == [("sign", "sign version 1 or counter it")] * 2
    story.counter(world)
    story.sign(world)
    assert [(step.call, step.what) for step in story.view(nl).next] == [
        ("ask_quotes", "ask for quotes and fund the trade")
    ]
    story.quote(world)
    assert [step.what for step in story.view(nl).next] == ["accept a quote"]
    story.fund(world)
    waiting = story.view(nl).next
    assert {(step.who, step.what) for step in waiting} == {
        (who, f"attest {kind}") for who in ("carrier", "inspector") for kind in ("loaded", "delivered")
    }
    story.load(world)
    assert "dispute loaded" in [step.what for step in story.view(nl).next]


def vases(world: World) -> None:
    """Draft, sign and fund the trade in one currency, both sides at one bank."""
    desk = world["bank-nl"]
    importer, exporter = customer("bank-nl", "bloem"), customer("bank-nl", "vanrijn")
    papers = Papers(example("no-delivery/terms.toml"), example("no-delivery/invoice.xml"))
    desk.run(desk.trades.agreement.draft, papers, exporter, None)
    desk.run(desk.trades.agreement.sign, VASES, exporter, None)
    desk.run(desk.trades.agreement.sign, VASES, importer, None)
    desk.run(desk.trades.funding.fund, VASES, importer)
    world.settle_down()


def test_the_importer_is_refunded_when_the_goods_never_arrive() -> None:
    world = story.start(only=("bank-nl", "carrier"))
    before = world.balance("EUR", world.account("bank-nl", "bloem"))
    vases(world)
    account = world.account("bank-nl", "bloem")
    assert world.ledger.call("EUR", "heldOf", account) == 480_000
    world.advance_to(story.at("2026-08-28T18:00"))
    assert story.view(world["bank-nl"], VASES).milestones[0].state == "pending"
    world.advance_to(story.at("2026-08-28T18:01"))
    assert story.view(world["bank-nl"], VASES).milestones[0].state == "due"
    story.wait_a_day(world)
    closed = story.view(world["bank-nl"], VASES)
    assert (closed.closed_cause, closed.milestones[0].refunded) == ("settled", "4,800.00 EUR")
    assert world.ledger.call("EUR", "heldOf", account) == 0
    assert world.balance("EUR", account) == before


def test_an_inspectors_failure_refunds_the_milestone_when_it_is_the_quorum() -> None:
    world = story.start(only=("bank-nl", "inspector"))
    desk = world["bank-nl"]
    terms = example("no-delivery/terms.toml").replace(b'["carrier"]', b'["inspector"]')
    importer, exporter = customer("bank-nl", "bloem"), customer("bank-nl", "vanrijn")
    desk.run(desk.trades.agreement.draft, Papers(terms), exporter, None)
    for actor in (importer, exporter):
        desk.run(desk.trades.agreement.sign, VASES, actor, None)
    desk.run(desk.trades.funding.fund, VASES, importer)
    world.settle_down()
    broken = (
        example("roses/statement-delivered.json")
        .replace(b"fulfilled", b"failed")
        .replace(b"urn:epc:id:sscc:6161100.0000000017", b"https://vanrijn.example/order/2026-98")
        .replace(b"2026-09-23", b"2026-08-05")
    )
    world.advance_to(story.at("2026-08-06T08:00"))
    inspector = world["inspector"]
    inspector.run(inspector.trades.attesting.attest_statement, VASES, broken)
    world.settle_down()
    assert story.view(desk, VASES).milestones[0].due_percent == "0.00 %"
    story.wait_a_day(world)
    assert story.view(desk, VASES).milestones[0].refunded == "4,800.00 EUR"


def test_both_parties_end_a_trade_when_both_sign_the_cancellation() -> None:
    world = story.funded()
    ke, nl = world["bank-ke"], world["bank-nl"]
    ke.run(ke.trades.cancelling.cancel, story.REFERENCE, story.EXPORTER, None)
    world.settle_down()
    assert story.view(nl).state == FUNDED
    # Signed again: the newer signature replaces the older one.
    ke.run(ke.trades.cancelling.cancel, story.REFERENCE, story.EXPORTER, None)
    world.settle_down()
    nl.run(nl.trades.cancelling.cancel, story.REFERENCE, story.IMPORTER, None)
    nl.run(nl.trades.cancelling.cancel, story.REFERENCE, story.IMPORTER, None)
    world.settle_down()
    for desk in (ke, nl):
        assert story.view(desk).closed_cause == "cancelled"
    # Converted at funding, so the importer has its money back in the invoice currency.
    assert world.ledger.call("KES", "availableOf", world.account("bank-nl", "bloem")) == 150_000_000


def test_the_other_bank_settles_when_the_exporters_bank_stays_silent() -> None:
    world = story.funded()
    story.load(world)
    silent = world.desks.pop("bank-ke")
    story.wait_a_day(world)
    assert story.view(world["bank-nl"]).milestones[0].state == "final"
    world.advance_to(world.ledger.now_s + 3_601)
    assert story.view(world["bank-nl"]).milestones[0].state == "settled"
    world.desks["bank-ke"] = silent
    world.settle_down()
    assert story.view(silent).milestones[0].state == "settled"


def test_the_trade_lapses_when_nobody_does_anything_until_the_hold_expires() -> None:
    world = story.funded()
    kept = dict(world.desks)
    world.desks.clear()
    world.advance_to(story.view(kept["bank-nl"]).hold_expires_at_s + 1)
    world.desks.update(kept)
    world.settle_down()
    assert story.view(kept["bank-ke"]).closed_cause == "lapsed"


def test_funding_may_be_tried_again_when_the_chain_refused_it() -> None:
    world = story.quoted()
    nl, account = world["bank-nl"], world.account("bank-nl", "bloem")
    world._call("cb-eur", "EUR", "order_freeze", account, 1, 1, story.LOADED_S, bytes(32))
    story.fund(world)
    failed = story.view(nl)
    assert failed.state == "agreed"
    assert failed.failure
    world._call("cb-eur", "EUR", "lift_freeze", account, 1)
    story.fund(world)
    assert story.view(nl).state == FUNDED


def test_new_quotes_are_needed_when_the_accepted_one_has_expired() -> None:
    world = story.quoted()
    nl = world["bank-nl"]
    nl.run(nl.trades.funding.accept, story.REFERENCE, story.IMPORTER, None)
    world.advance_to(world.ledger.now_s + 601)
    with pytest.raises(RejectedError, match="a live quote; ask again"):
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    # The providers took their reserves back.
    for provider in ("fx-amber", "fx-baobab"):
        address = world[provider].participants.institution.address
        assert world.ledger.call("KES", "heldOf", address) == 0
    story.quote(world)
    story.fund(world)
    assert story.view(nl).state == FUNDED


def attestations(world: World, who: str) -> int:
    with world[who].database.read() as session:
        return len(session.scalars(select(Attestation)).all())


def test_evidence_is_refused_when_it_is_not_for_this_trade_and_nothing_changes() -> None:
    world = story.funded()
    world.advance_to(story.LOADED_S)
    carrier, bank, provider = world["carrier"], world["bank-nl"], world["fx-amber"]
    attest = carrier.trades.attesting.attest_epcis
    loaded = example("roses/epcis-loaded.json")
    elsewhere = loaded.replace(b"urn:epc:id:sscc:61611", b"urn:epc:id:sscc:99999").replace(b"48213351", b"1")
    with pytest.raises(EvidenceMismatchError, match="an event of shipment"):
        carrier.run(attest, story.REFERENCE, elsewhere)
    with pytest.raises(EvidenceMismatchError, match="a time not after ledger time"):
        carrier.run(attest, story.REFERENCE, example("roses/epcis-delivered.json"))
    with pytest.raises(UnknownTradeError):
        carrier.run(attest, "XX-2026-0001", loaded)
    for stranger in (bank, provider):
        with pytest.raises(AttesterRejectedError, match="registered as ATTESTER"):
            stranger.run(stranger.trades.attesting.attest_epcis, story.REFERENCE, loaded)
    with pytest.raises(AttesterRejectedError, match="inspector: expected carrier, got inspector"):
        carrier.run(carrier.trades.attesting.attest_statement, story.REFERENCE, example("roses/statement-loaded.json"))
    assert attestations(world, "carrier") == 0
    blocks = len(world.ledger.blocks)
    world.settle_down()
    assert len(world.ledger.blocks) == blocks


def test_an_event_counts_once_when_it_is_sent_again() -> None:
    world = story.funded()
    world.advance_to(story.LOADED_S)
    story.attest_event(world, "loaded")
    loaded = example("roses/epcis-loaded.json")
    for again in (loaded, loaded.replace(b"SK 702", b"SK 703")):
        with pytest.raises(EvidenceReplayedError):
            world["carrier"].run(world["carrier"].trades.attesting.attest_epcis, story.REFERENCE, again)
    story.attest_statement(world, "loaded")
    again = example("roses/statement-loaded.json")
    with pytest.raises(EvidenceReplayedError):
        world["inspector"].run(world["inspector"].trades.attesting.attest_statement, story.REFERENCE, again)
    assert [item.state for item in story.view(world["bank-ke"]).milestones[0].attestations] == ["counted", "counted"]


def test_an_attestation_is_refused_when_the_deadline_has_passed() -> None:
    world = story.funded()
    world.advance_to(story.at("2026-08-21T18:01"))
    with pytest.raises(EvidenceMismatchError, match="up to the milestone's deadline"):
        world["carrier"].run(
            world["carrier"].trades.attesting.attest_epcis, story.REFERENCE, example("roses/epcis-loaded.json")
        )


def test_steps_are_refused_when_their_time_has_not_come() -> None:
    world = story.start()
    story.draft(world)
    nl = world["bank-nl"]
    with pytest.raises(WrongStateError, match="both sides have signed"):
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    with pytest.raises(WrongStateError, match="a funded trade"):
        nl.run(nl.trades.cancelling.cancel, story.REFERENCE, story.IMPORTER, None)
