"""An assignee whose bank is none of the trade's: what it sees there, what it does from there, what its bank takes."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from sqlalchemy import select

from node.errors import RejectedError, UnavailableError
from node.messages.store import SentMessage
from node.trades import store
from node.trades.context import Actor
from node.trades.errors import NotPermittedError, OfferRejectedError, UnknownTradeError, WrongStateError
from node.trades.store import Dispute, EscrowEvent, Trade
from node.trades.terms.document import canonical, parse_document
from node.trades.views.schemas import NextOut, TradeOut
from node.trades.watching.sharing import PAPERS
from tests.unit.trades import story
from tests.unit.trades.acting.test_deciding import AWARD_REASONS, REASONS
from tests.unit.trades.logistics.test_attesting import receive
from tests.unit.trades.motions.test_motions import COUNTERED, agree, none_refused, propose
from tests.unit.trades.rated import act, check_books, float_terms, funded, memos, notices, wait_until_final
from tests.unit.trades.world import CORE, TestDesk, World, clerk, customer

HOLDER = customer("bank-ug", "rwenzori")
Change = Callable[[dict[str, Any]], None]


def offer(world: World, index: int = 0, bank: str = "bank-ug", owner: str = "rwenzori") -> None:
    """The exporter offers a milestone, and whoever is offered it signs."""
    ke, desk = world["bank-ke"], world[bank]
    account = world.account(bank, owner)
    ke.run(ke.trades.assigning.assign, story.REFERENCE, index, bank, account, story.EXPORTER)
    world.settle_down()
    answer_all(desk, customer(bank, owner))


def answer_all(desk: TestDesk, actor: Actor) -> None:
    with desk.database.read() as session:
        waiting = [request.id for request in session.scalars(desk.trades.asking.waiting(actor))]
    for request_id in waiting:
        desk.run(desk.trades.asking.sign, request_id, actor)
    desk.world.settle_down()


def assigned() -> World:
    """Return a world where the first milestone of the example is a customer's of a third bank."""
    return _assigned().copy()


@cache
def _assigned() -> World:
    world = story.start((*CORE, "arbiter", "bank-ug"))
    for step in (story.draft, story.counter, story.sign, story.quote, story.fund, offer):
        step(world)
    return world


def shown(desk: TestDesk, actor: Actor = HOLDER) -> TradeOut:
    """Return the trade as its route shows it."""
    with desk.database.read() as session:
        trade = desk.trades.desk.trade_of(session, story.REFERENCE, actor)
        only = desk.trades.desk.holdings(session, trade, actor)
        return desk.trades.views.trade(session, trade, desk.world.ledger.now_s, only)


def next_of(desk: TestDesk, actor: Actor = HOLDER) -> list[NextOut]:
    with desk.database.read() as session:
        trade = desk.trades.desk.trade_of(session, story.REFERENCE, actor)
        only = desk.trades.desk.holdings(session, trade, actor)
        return desk.trades.views.all_steps(session, trade, desk.world.ledger.now_s, only)


def test_an_assignee_sees_the_milestone_it_holds_and_what_it_may_do_when_its_bank_is_a_third() -> None:
    world = assigned()
    ug = world["bank-ug"]
    assert none_refused(world)
    for actor in (HOLDER, clerk("bank-ug")):
        found = shown(ug, actor)
        assert (found.state, found.amount) == ("funded", "450,000.00 KES")
        assert [(one.index, one.assignee) for one in found.milestones] == [(0, world.account("bank-ug", "rwenzori"))]
    steps = next_of(ug)
    holder = "Rwenzori Coffee Growers Ltd"
    assert {"waive", "amend", "cancel"} <= {step.call for step in steps if step.who == holder}
    assert {step.milestone for step in steps} == {0, None}
    with ug.database.read() as session:
        assert [trade.reference for trade in session.scalars(ug.trades.trades(session, HOLDER))] == [story.REFERENCE]
    assert [owner for owner, _ in notices(ug, "trade.MilestoneAssigned")] == ["rwenzori"]


def test_a_stranger_sees_nothing_when_another_customer_of_its_bank_holds_a_milestone() -> None:
    world = assigned()
    ug = world["bank-ug"]
    with ug.database.transaction() as session:
        ug.participants.add_customer(session, customer_id="stranger", name="A stranger", now_s=0)
    stranger = customer("bank-ug", "stranger")
    with ug.database.read() as session:
        assert session.scalars(ug.trades.trades(session, stranger)).all() == []
    with pytest.raises(UnknownTradeError):
        shown(ug, stranger)


def test_a_waiver_counts_when_the_assignee_gives_it_from_a_third_bank() -> None:
    world = assigned()
    ug, ke = world["bank-ug"], world["bank-ke"]
    with pytest.raises(NotPermittedError, match="the assignee of the milestone"):
        act(ke, ke.trades.deciding.waive, 0, 1, story.EXPORTER)
    with pytest.raises(NotPermittedError, match="the exporter"):
        act(ug, ug.trades.deciding.waive, 1, 1, HOLDER)
    act(ug, ug.trades.deciding.waive, 0, 5_000_000, HOLDER)
    for desk in (ug, ke, world["bank-nl"]):
        assert story.view(desk).milestones[0].amount == "400,000.00 KES"
    # The exporter's bank hands in what the attesters say, and everybody's books say what was paid.
    story.load(world)
    assert len(shown(ug).milestones[0].attestations) == 2
    story.wait_a_day(world)
    assert shown(ug).milestones[0].state == "settled"
    assert ("invoice", None) in memos(ug, "rwenzori", "KES")
    assert none_refused(world)
    check_books(world)


def test_the_award_reaches_the_assignee_when_it_disputes_from_a_third_bank() -> None:
    world = assigned()
    ug, arbiter = world["bank-ug"], world["arbiter"]
    with pytest.raises(WrongStateError, match="disputes open once attesters agree"):
        act(ug, ug.trades.deciding.dispute, 0, REASONS, HOLDER, None)
    story.load(world)
    assert any(step.call == "dispute" and step.by_s for step in next_of(ug))
    act(ug, ug.trades.deciding.dispute, 0, REASONS, HOLDER, None)
    for desk in (ug, world["bank-nl"], world["bank-ke"], arbiter):
        with desk.database.read() as session:
            (kept,) = session.scalars(select(Dispute)).all()
            assert kept.reasons == REASONS
            digest = kept.digest
    with arbiter.database.read() as session:
        (case,) = arbiter.trades.arbiter.cases(session)
        assert case.case.banks == ["bank-ke", "bank-nl", "bank-ug"]
        assert sorted(one.kind for one in case.exhibits) == ["epcis", "invoice", "statement"]
    arbiter.run(arbiter.trades.arbiter.award, digest, 10_000, AWARD_REASONS)
    world.settle_down()
    world.advance_to(world.ledger.now_s + 1)
    with ug.database.read() as session:
        assert session.get_one(Dispute, digest).award_reasons == AWARD_REASONS
    assert shown(ug).milestones[0].paid == "450,000.00 KES"
    assert none_refused(world)


def test_an_assignee_hears_the_importers_reasons_when_it_disputes_the_milestone() -> None:
    world = assigned()
    nl, ug = world["bank-nl"], world["bank-ug"]
    story.load(world)
    act(nl, nl.trades.deciding.dispute, 0, REASONS, story.IMPORTER, None)
    with ug.database.read() as session:
        assert [row.reasons for row in session.scalars(select(Dispute))] == [REASONS]
    assert none_refused(world)


def test_an_assignee_chooses_the_quote_from_a_third_bank_when_the_slice_is_short() -> None:
    world = funded(float_terms(5_000), later="144", also=("bank-ug",))
    offer(world)
    ug = world["bank-ug"]
    story.load(world)
    wait_until_final(world)
    assert [owner for owner, _ in notices(ug, "trade.choice_open")] == ["rwenzori"]
    choice = [step for step in next_of(ug) if step.call == "settle_float" and step.role == "holder"]
    assert [(step.milestone, step.from_s) for step in choice] == [(0, None)]
    assert choice[0].by_s is not None
    act(ug, ug.trades.settling.request_quotes, 0, HOLDER)
    best = act(ug, ug.trades.settling.conversions, 0, HOLDER)[0]
    assert best.chooser == "exporter"
    ke = world["bank-ke"]
    act(ke, ke.trades.settling.request_quotes, 0, story.EXPORTER)
    with pytest.raises(NotPermittedError, match="the assignee of the milestone"):
        act(ke, ke.trades.settling.settle, 0, story.EXPORTER)
    act(ug, ug.trades.settling.settle, 0, HOLDER, least=best.settlement.paid)
    for desk in (ug, world["bank-ke"], world["bank-nl"]):
        assert story.view(desk).milestones[0].state == "settled"
    assert world.balance("KES", world.account("bank-ug", "rwenzori")) > 0
    assert none_refused(world)
    check_books(world)


def test_an_assignee_agrees_to_less_from_a_third_bank_when_an_amendment_asks_it() -> None:
    world = assigned()
    ug, nl = world["bank-ug"], world["bank-nl"]
    propose(
        world, ("weight_bps = 3000", "weight_bps = 2500"), ("weight_bps = 7000", "weight_bps = 7500"), path=COUNTERED
    )
    agree(world)
    assert next_of(ug)[0].what == "sign the amendment"
    assert story.view(nl).version == 2
    answer_all(ug, HOLDER)
    for desk in (ug, nl, world["bank-ke"]):
        found = story.view(desk)
        assert (found.state, found.version, found.milestones[0].amount) == ("funded", 3, "375,000.00 KES")
    assert none_refused(world)


def test_a_third_bank_reads_on_when_the_amended_terms_come_after_the_amendment() -> None:
    world = assigned()
    ug = world["bank-ug"]
    del world.desks["bank-ug"]
    # The first milestone is settled, so nobody asks its holder about the second one's deadline.
    story.load(world)
    story.wait_a_day(world)
    propose(world, ("2026-09-25T18:00:00Z", "2026-09-27T18:00:00Z"), path=COUNTERED)
    agree(world)
    world.run(ug.follower.catch_up())
    assert story.view(ug).state == store.UNREAD
    assert [(step.who, step.what) for step in next_of(ug)] == [("bank-ke", "send the amended terms")]
    with pytest.raises(WrongStateError, match="a funded trade"):
        act(ug, ug.trades.deciding.waive, 1, 1, HOLDER)
    story.deliver(world)
    story.wait_a_day(world)
    world.desks["bank-ug"] = ug
    world.settle_down()
    found = story.view(ug)
    assert (found.state, found.closed_cause) == ("closed", "settled")
    assert found.milestones[1].deadline_s == story.at("2026-09-27T18:00")
    assert none_refused(world)


def test_papers_are_taken_once_when_a_second_milestone_goes_to_the_same_bank() -> None:
    world = assigned()
    story.load(world)
    offer(world, index=1)
    found = shown(world["bank-ug"])
    assert [one.index for one in found.milestones] == [0, 1]
    assert found.amount == "1,500,000.00 KES"
    assert [len(one.attestations) for one in found.milestones] == [2, 0]
    assert none_refused(world)


def test_an_institution_waives_by_its_own_transaction_when_it_holds_a_milestone_itself() -> None:
    world = story.funded()
    ke, amber = world["bank-ke"], world["fx-amber"]
    ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, "fx-amber", None, story.EXPORTER)
    world.settle_down()
    answer_all(amber, clerk("fx-amber"))
    act(amber, amber.trades.deciding.waive, 0, 5_000_000, clerk("fx-amber"))
    assert story.view(ke).milestones[0].amount == "400,000.00 KES"
    assert none_refused(world)


def papers(world: World) -> dict[str, Any]:
    with world["bank-ke"].database.read() as session:
        sent = session.scalars(select(SentMessage).where(SentMessage.kind == PAPERS)).one()
        found: dict[str, Any] = json.loads(sent.payload)
        return found


def fresh() -> World:
    """Return a world whose third bank has followed the chain, and has not read the papers yet."""
    world = assigned()
    ug = world["bank-ug"]
    with ug.database.transaction() as session:
        for table in ("trade_milestone", "trade_consent", "trade_version", "trade"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of this test
    return world


def reworded(body: dict[str, Any]) -> None:
    document = parse_document(body["document"].encode())
    body["document"] = canonical(document.model_copy(update={"goods": "Tulips"})).decode()


def unheard(body: dict[str, Any]) -> None:
    body["trade_id"] = "0x" + "11" * 32


def unsigned(body: dict[str, Any]) -> None:
    first, second = body["consents"]
    body["consents"] = [{**first, "signature": second["signature"]}, second]


def one_sided(body: dict[str, Any]) -> None:
    body["consents"] = body["consents"][:1]


def unnumbered(body: dict[str, Any]) -> None:
    body["version"] = 51


def oversized(body: dict[str, Any]) -> None:
    body["document"] = "x" * 70_000


def same(body: dict[str, Any]) -> None:
    """Nothing is changed."""


@pytest.mark.parametrize(
    ("change", "sender", "field"),
    [
        (reworded, "bank-ke", "document: expected the terms that the chain has funded"),
        (unheard, "bank-ke", "trade_id: expected a trade of which somebody here holds"),
        (unsigned, "bank-ke", "signature"),
        (one_sided, "bank-ke", "consents"),
        (unnumbered, "bank-ke", "version: expected 1 to 50"),
        (oversized, "bank-ke", "document"),
        (same, "bank-nl", "sender"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_papers_are_refused_when_they_are_not_the_chains(change: Change, sender: str, field: str) -> None:
    world = fresh()
    body = papers(world)
    change(body)
    with pytest.raises(RejectedError, match=field):
        receive(world, "bank-ug", PAPERS, body, sender)
    with pytest.raises(UnknownTradeError):
        shown(world["bank-ug"])
    # The neighbour: as they were sent, from who sent them.
    receive(world, "bank-ug", PAPERS, papers(world), "bank-ke")
    assert shown(world["bank-ug"]).state == "funded"


def test_papers_wait_when_their_block_is_not_followed_yet() -> None:
    world = fresh()
    body = papers(world)
    body["block"] += 100
    with pytest.raises(UnavailableError):
        receive(world, "bank-ug", PAPERS, body, "bank-ke")
    body["block"] = True
    with pytest.raises(OfferRejectedError, match="block: expected a whole number"):
        receive(world, "bank-ug", PAPERS, body, "bank-ke")


def test_papers_are_refused_when_another_trade_has_the_reference() -> None:
    world = fresh()
    ug = world["bank-ug"]
    with ug.database.transaction() as session:
        document = parse_document(papers(world)["document"].encode())
        session.add(
            Trade(
                reference=document.reference,
                state=store.FUNDED,
                importer_bank="bank-ug",
                exporter_bank="bank-ke",
                importer="rwenzori",
                exporter="naivasha",
                version=1,
                trade_id=bytes(32),
                created_at_s=0,
                fund_attempts=0,
            )
        )
    with pytest.raises(OfferRejectedError, match="reference: expected no other trade NR-2026-0817 here; act on this"):
        receive(world, "bank-ug", PAPERS, papers(world), "bank-ke")


def test_papers_are_refused_when_the_bank_is_one_of_the_trade() -> None:
    world = assigned()
    with pytest.raises(OfferRejectedError, match="a trade whose banks are others"):
        receive(world, "bank-nl", PAPERS, papers(world), "bank-ke")


def test_an_institution_keeps_what_the_chain_says_of_trades_when_they_are_others() -> None:
    world = story.funded()
    with world["fx-amber"].database.read() as session:
        names = session.scalars(select(EscrowEvent.name).order_by(EscrowEvent.id)).all()
    assert names == ["TradeFunded"]
    with pytest.raises(UnknownTradeError):
        shown(world["fx-amber"], clerk("fx-amber"))
