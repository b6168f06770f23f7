"""What parties and the arbiter decide about a milestone, on the real contracts, at both banks."""

from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select

from node.errors import UnavailableError
from node.trades import store
from node.trades.disputes.arbitration import CASE
from node.trades.errors import (
    NotPermittedError,
    OfferRejectedError,
    RejectedError,
    UnknownDisputeError,
    WrongStateError,
)
from node.trades.store import Dispute, EscrowEvent, MilestoneRow, Step
from node.trades.terms import document as doc
from node.web.store import EventRow
from tests.unit.messages.post import message as json_message
from tests.unit.trades import story
from tests.unit.trades.motions.test_motions import COUNTERED, agree, propose
from tests.unit.trades.world import CORE, TestDesk, World, customer

REASONS = "A third of the stems had botrytis when the boxes were opened."
AWARD_REASONS = "The inspector's photographs show 70 percent sound stems."


def loaded() -> World:
    """Return a world where the first milestone of the example is due, with an arbiter's desk."""
    return _loaded().copy()


@cache
def _loaded() -> World:
    world = story.start((*CORE, "arbiter"))
    for step in (story.draft, story.counter, story.sign, story.quote, story.fund, story.load):
        step(world)
    return world


def act(desk: TestDesk, part: Any, *args: Any) -> None:
    desk.run(part, story.REFERENCE, *args)
    desk.world.settle_down()


def dispute(world: World, reasons: str = REASONS) -> None:
    nl = world["bank-nl"]
    with nl.database.transaction() as session:
        nl.trades.deciding.dispute(session, story.REFERENCE, 0, reasons, story.IMPORTER, None, world.ledger.now_s)
    world.settle_down()


def notices(desk: TestDesk, kind: str) -> list[tuple[str | None, dict[str, Any]]]:
    with desk.database.read() as session:
        rows = session.scalars(select(EventRow).where(EventRow.kind == kind).order_by(EventRow.id))
        return [(row.owner, row.body) for row in rows]


def steps(desk: TestDesk) -> dict[str, tuple[str, str | None]]:
    with desk.database.read() as session:
        return {step.name: (step.state, step.reason) for step in session.scalars(select(Step))}


def milestone(desk: TestDesk, index: int = 0) -> Any:
    return story.view(desk).milestones[index]


def test_a_milestone_is_paid_at_once_when_the_importer_accepts_it() -> None:
    world = loaded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    with pytest.raises(NotPermittedError, match="side: expected exporter, got importer"):
        act(ke, ke.trades.deciding.accept, 1, story.EXPORTER)
    assert milestone(nl, 1).state == "pending"
    # Not attested at all: the importer's word is enough.
    act(nl, nl.trades.deciding.accept, 1, story.IMPORTER)
    world.advance_to(world.ledger.now_s + 1)
    for desk in (nl, ke):
        assert (milestone(desk, 1).state, milestone(desk, 1).paid) == ("settled", "1,050,000.00 KES")
    with pytest.raises(WrongStateError, match="not settled; nothing can change it now"):
        act(nl, nl.trades.deciding.accept, 1, story.IMPORTER)


def test_a_waiver_shrinks_the_milestone_when_the_exporter_gives_up_a_part() -> None:
    world = loaded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    importer = world.account("bank-nl", "bloem")
    held = world.ledger.call("KES", "heldOf", importer)
    with pytest.raises(RejectedError, match="1 to 45000000 minor units"):
        act(ke, ke.trades.deciding.waive, 0, 45_000_001, story.EXPORTER)
    with pytest.raises(NotPermittedError, match="at the bank that keeps its key"):
        act(nl, nl.trades.deciding.waive, 0, 1, story.IMPORTER)
    act(ke, ke.trades.deciding.waive, 0, 5_000_000, story.EXPORTER)
    assert held - world.ledger.call("KES", "heldOf", importer) == 5_000_000
    assert {milestone(desk).amount for desk in (nl, ke)} == {"400,000.00 KES"}
    story.wait_a_day(world)
    assert {milestone(desk).paid for desk in (nl, ke)} == {"400,000.00 KES"}


def test_a_milestone_is_refunded_when_all_of_it_is_waived() -> None:
    world = loaded()
    ke = world["bank-ke"]
    act(ke, ke.trades.deciding.waive, 0, 45_000_000, story.EXPORTER)
    world.advance_to(world.ledger.now_s + 1)
    found = milestone(world["bank-nl"])
    assert (found.state, found.amount, found.paid) == ("settled", "0.00 KES", "0.00 KES")


def test_the_award_decides_when_a_milestone_was_disputed() -> None:
    world = loaded()
    nl, ke, arbiter = world["bank-nl"], world["bank-ke"], world["arbiter"]
    dispute(world)
    for desk in (nl, ke):
        assert milestone(desk).state == "disputed"
        with desk.database.read() as session:
            (kept,) = session.scalars(select(Dispute)).all()
            assert (kept.reasons, kept.reason_hash) == (REASONS, sha256(REASONS.encode()).digest())
        assert [owner for owner, _ in notices(desk, "trade.DisputeRaised")] == ["bloem" if desk is nl else "naivasha"]
        assert story.refused(desk) == []
    assert story.refused(arbiter) == []
    # The arbiter has the terms, the reasons and every document, each once, from whichever bank came first.
    with arbiter.database.read() as session:
        (case,) = arbiter.trades.arbiter.cases(session)
        assert (case.dispute.reasons, case.is_importers, case.document.goods[:9]) == (REASONS, True, "Cut roses")
        assert sorted(one.kind for one in case.exhibits) == ["epcis", "invoice", "statement"]
        digest = case.case.digest
        contents = [arbiter.trades.arbiter.exhibit(session, digest, one.sha256) for one in case.exhibits]
        assert {sha256(content).digest() for content in contents} == {one.sha256 for one in case.exhibits}
    assert [body["dispute"] for _, body in notices(arbiter, "dispute.award_wanted")] == ["0x" + digest.hex()]
    # The other milestone goes on meanwhile; this one waits beyond its dispute window.
    story.wait_a_day(world)
    assert milestone(nl).state == "disputed"

    arbiter.run(arbiter.trades.arbiter.award, digest, 7_000, AWARD_REASONS)
    arbiter.run(arbiter.trades.arbiter.award, digest, 7_000, AWARD_REASONS)
    world.settle_down()
    world.advance_to(world.ledger.now_s + 1)
    for desk in (nl, ke):
        found = milestone(desk)
        assert (found.state, found.paid, found.refunded) == ("settled", "315,000.00 KES", "135,000.00 KES")
        with desk.database.read() as session:
            (kept,) = session.scalars(select(Dispute)).all()
            assert (kept.share_bps, kept.award_reasons) == (7_000, AWARD_REASONS)
        assert story.refused(desk) == []
    with pytest.raises(WrongStateError, match="an award is final"):
        arbiter.run(arbiter.trades.arbiter.award, digest, 10_000, AWARD_REASONS)


def test_what_was_due_stands_when_the_arbiter_stays_silent() -> None:
    world = loaded()
    dispute(world)
    arbiter = world["arbiter"]
    with arbiter.database.read() as session:
        (case,) = arbiter.trades.arbiter.cases(session)
    world.advance_to(case.case.award_by_s + 1)
    with pytest.raises(WrongStateError, match="what was due stands now"):
        arbiter.run(arbiter.trades.arbiter.award, case.case.digest, 0, AWARD_REASONS)
    assert milestone(world["bank-nl"]).paid == "450,000.00 KES"


def test_a_dispute_is_refused_when_nothing_is_due_or_nobody_is_entitled() -> None:
    world = loaded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    with pytest.raises(WrongStateError, match="disputes open once attesters agree"):
        act(nl, nl.trades.deciding.dispute, 1, REASONS, story.IMPORTER, None)
    with pytest.raises(RejectedError, match="reasons: expected text of 1 to"):
        act(nl, nl.trades.deciding.dispute, 0, "  ", story.IMPORTER, None)
    with pytest.raises(RejectedError, match="milestone: expected 0 to 1"):
        act(nl, nl.trades.deciding.dispute, 7, REASONS, story.IMPORTER, None)
    with pytest.raises(RejectedError, match="a trade of this institution"):
        act(nl, nl.trades.deciding.dispute, 0, REASONS, customer("bank-nl", "vanrijn"), None)
    story.wait_a_day(world)
    act_name = "dispute:0"
    assert act_name not in steps(nl)
    with pytest.raises(WrongStateError, match="nothing can change it now"):
        act(ke, ke.trades.deciding.dispute, 0, REASONS, story.EXPORTER, None)


def test_a_case_is_refused_when_the_chain_does_not_bear_it_out() -> None:
    world = loaded()
    dispute(world)
    arbiter = world["arbiter"]
    with world["bank-ke"].database.read() as session:
        (raised,) = session.scalars(select(Dispute)).all()
        trade = world["bank-ke"].trades.desk.trade(session, story.REFERENCE)
        document = world["bank-ke"].trades.desk.document(session, trade)
    block = world.ledger.head.number
    body = {
        "dispute": "0x" + raised.digest.hex(),
        "milestone_version": 1,
        "document": doc.canonical(document).decode(),
        "funded_document": None,
        "reasons": REASONS,
        "block": block,
    }
    other_terms = document.model_copy(update={"goods": "Tulips"})
    refusals: list[tuple[str, dict[str, Any], str]] = [
        ("carrier", body, "sender"),
        ("bank-ug", {**body, "reasons": None}, "sender"),
        ("bank-ke", {**body, "dispute": "0x" + "11" * 32}, "dispute"),
        ("bank-ke", {**body, "document": doc.canonical(other_terms).decode()}, "document"),
        ("bank-ke", {**body, "reasons": "Others."}, "reasons"),
        ("bank-ke", {**body, "milestone_version": "1"}, "milestone_version"),
    ]
    for sender, wrong, field in refusals:
        with arbiter.database.transaction() as session, pytest.raises(OfferRejectedError) as caught:
            arbiter.trades.arbiter.on_case(session, json_message("id", sender, "arbiter", CASE, wrong))
        assert caught.value.field == field
    with arbiter.database.transaction() as session:
        arbiter.trades.arbiter.on_case(session, json_message("id", "bank-ke", "arbiter", CASE, body))
        assert len(arbiter.trades.arbiter.cases(session)) == 1
        with pytest.raises(UnknownDisputeError):
            arbiter.trades.arbiter.case(session, b"\1" * 32)
        # The bank may be ahead of this desk: later again.
        ahead = {**body, "block": block + 1}
        with pytest.raises(UnavailableError, match="expected to have followed it"):
            arbiter.trades.arbiter.on_case(session, json_message("id", "bank-ke", "arbiter", CASE, ahead))


def test_the_arbiter_judges_by_the_terms_in_force_when_they_were_amended() -> None:
    world = loaded()
    arbiter = world["arbiter"]
    propose(world, ("2026-09-25T18:00:00Z", "2026-09-27T18:00:00Z"), path=COUNTERED)
    agree(world)
    dispute(world)
    assert story.refused(arbiter) == []
    with arbiter.database.read() as session:
        (case,) = arbiter.trades.arbiter.cases(session)
        assert case.document.milestones[1].deadline_s == story.at("2026-09-27T18:00")
    arbiter.run(arbiter.trades.arbiter.award, case.case.digest, 0, AWARD_REASONS)
    world.settle_down()
    assert milestone(world["bank-ke"]).refunded == "450,000.00 KES"


def test_the_assignee_stands_in_the_exporters_place_when_a_milestone_is_its_own() -> None:
    world = loaded()
    ke = world["bank-ke"]
    pamoja, account = customer("bank-ke", "pamoja"), world.account("bank-ke", "pamoja")
    with ke.database.read() as session:
        assert session.scalars(ke.trades.trades(session, pamoja)).all() == []
    with ke.database.transaction() as session:
        trade = ke.trades.desk.trade(session, story.REFERENCE)
        session.get_one(MilestoneRow, (trade.trade_id, 1)).assignee = account
    with ke.database.read() as session:
        assert [trade.reference for trade in session.scalars(ke.trades.trades(session, pamoja))] == [story.REFERENCE]
    with pytest.raises(NotPermittedError, match="the assignee of the milestone, pamoja"):
        act(ke, ke.trades.deciding.waive, 1, 1, story.EXPORTER)
    with pytest.raises(NotPermittedError, match="the exporter, naivasha"):
        act(ke, ke.trades.deciding.waive, 0, 1, pamoja)
    act(ke, ke.trades.deciding.waive, 0, 1, story.EXPORTER)
    assert steps(ke)["waive:0"][0] == store.DONE


def test_losing_the_race_to_settle_is_booked_as_overtaken() -> None:
    world = loaded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    silent = world.desks.pop("bank-ke")
    story.wait_a_day(world)
    world.advance_to(world.ledger.now_s + 3_601)
    assert milestone(nl).state == "settled"
    world.desks["bank-ke"] = silent
    world.settle_down()
    # The exporter's bank follows blocks one by one, so it tried while the other one's block was still ahead.
    assert steps(ke)["settle:0"] == (store.OVERTAKEN, None)
    assert steps(nl)["settle:0"] == (store.DONE, None)


def test_the_watch_only_proposes_when_the_bank_has_set_it_so() -> None:
    world = loaded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    for desk in (nl, ke):
        with desk.database.transaction() as session:
            desk.trades.duties.set_performs(session, "settle", False)
    story.wait_a_day(world)
    world.advance_to(world.ledger.now_s + 3_601)
    assert milestone(ke).state == "final"
    assert [body["step"] for _, body in notices(ke, "trade.step_proposed")] == ["settle:0"]
    with pytest.raises(RejectedError, match="step: expected one of"), ke.database.transaction() as session:
        ke.trades.duties.set_performs(session, "pay", False)
    # Staff does what was proposed.
    ke.run(ke.trades.settling.settle, story.REFERENCE, 0, story.EXPORTER)
    world.settle_down()
    assert milestone(ke).state == "settled"


def test_parties_are_told_once_when_a_deadline_comes_near() -> None:
    world = loaded()
    deadline_s = milestone(world["bank-nl"], 1).deadline_s
    world.advance_to(deadline_s - 86_401)
    assert notices(world["bank-nl"], "trade.deadline_near") == []
    for time_s in (deadline_s - 3_600, deadline_s - 1_800):
        world.advance_to(time_s)
    for bank, owner in (("bank-nl", "bloem"), ("bank-ke", "naivasha")):
        ((told, body),) = notices(world[bank], "trade.deadline_near")
        assert (told, body["by_s"], body["otherwise"]) == (owner, deadline_s, "refunded")


def test_every_escrow_event_of_a_dispute_is_in_the_history() -> None:
    world = loaded()
    dispute(world)
    with world["bank-ke"].database.read() as session:
        names = [event.name for event in session.scalars(select(EscrowEvent).order_by(EscrowEvent.id))]
    assert names[-1] == "DisputeRaised"
