"""Amending, assigning and cancelling funded trades, between desks on the real contracts."""

from functools import cache
from typing import Any

import pytest
from sqlalchemy import select

from node.ledger.store import HoldRow
from node.trades.agreement.negotiating import Papers
from node.trades.errors import RejectedError, TermsRejectedError, WrongStateError
from node.trades.store import CLOSED, FUNDED, FxLeg, Motion
from node.trades.terms.document import TermsDocument
from tests.unit.trades import story
from tests.unit.trades.agreement.test_funding_policies import FLOAT, LOCK, agreed, lock_quoted, with_oracle
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import TestDesk, World, clerk, customer, example

COUNTERED = "roses/terms-counter.toml"
"""The terms that `story.funded` funds."""
NAMES = ("bank-nl", "bank-ke")
LATER = ("deadline = 2026-08-19T18:00:00Z", "deadline = 2026-08-21T18:00:00Z")


@cache
def _locked() -> World:
    world = lock_quoted()
    story.fund(world)
    return world


def locked() -> World:
    return _locked().copy()


@cache
def _floating() -> World:
    world = with_oracle()
    agreed(world, (FLOAT[0], f'{FLOAT[1]}\nrate = "150"'))
    nl = world["bank-nl"]
    nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
    world.settle_down()
    return world


def floating() -> World:
    return _floating().copy()


def document(desk: TestDesk) -> TermsDocument:
    with desk.database.read() as session:
        return desk.trades.desk.document(session, desk.trades.desk.trade(session, story.REFERENCE))


def motion(desk: TestDesk, name: str) -> Motion:
    with desk.database.read() as session:
        found = session.get_one(Motion, (story.REFERENCE, name))
        session.expunge(found)
        return found


def provider_of(world: World) -> TestDesk:
    """Return the desk of the lock's provider."""
    nl = world["bank-nl"]
    with nl.database.read() as session:
        trade = nl.trades.desk.trade(session, story.REFERENCE)
        account = session.get_one(FxLeg, trade.trade_id).provider
    return next(desk for desk in world.desks.values() if desk.participants.institution.address == account)


def propose(world: World, *replacements: tuple[str, str], path: str = "roses/terms.toml", **options: Any) -> None:
    ke = world["bank-ke"]
    papers = Papers(changed(*replacements, path=path))
    ke.run(
        lambda session, now_s: ke.trades.amending.propose(
            session, story.REFERENCE, papers, story.EXPORTER, None, now_s, **options
        )
    )
    world.settle_down()


def agree(world: World) -> None:
    nl = world["bank-nl"]
    nl.run(nl.trades.amending.agree, story.REFERENCE, story.IMPORTER, None)
    world.settle_down()


def cancel(world: World, bank: str, **options: Any) -> None:
    desk = world[bank]
    actor = story.IMPORTER if bank == "bank-nl" else story.EXPORTER
    desk.run(
        lambda session, now_s: desk.trades.cancelling.cancel(session, story.REFERENCE, actor, None, now_s, **options)
    )
    world.settle_down()


def answer(world: World, desk: TestDesk, *, refuse: str | None = None) -> None:
    staff = clerk(desk.id)
    with desk.database.read() as session:
        waiting = [request.id for request in session.scalars(desk.trades.asking.waiting(staff))]
    assert len(waiting) == 1
    if refuse is None:
        desk.run(desk.trades.asking.sign, waiting[0], staff)
    else:
        desk.run(lambda session, _now_s: desk.trades.asking.decline(session, waiting[0], refuse, staff))
    world.settle_down()


def none_refused(world: World) -> bool:
    return all(story.refused(desk) == [] for desk in world.desks.values())


def test_a_deadline_moves_when_both_sides_agree_and_attestations_bind_the_new_terms() -> None:
    world = story.funded()
    story.load(world)
    propose(world, ("2026-09-25T18:00:00Z", "2026-09-27T18:00:00Z"), path=COUNTERED)
    assert story.view(world["bank-nl"]).milestones[1].deadline_s == story.at("2026-09-25T18:00")
    agree(world)
    for bank in NAMES:
        view = story.view(world[bank])
        assert [milestone.state for milestone in view.milestones] == ["due", "pending"]
        assert view.milestones[1].deadline_s == story.at("2026-09-27T18:00")
        assert motion(world[bank], "amend").reason is None
    assert none_refused(world)
    story.wait_a_day(world)
    story.deliver(world)
    story.wait_a_day(world)
    assert story.view(world["bank-ke"]).state == CLOSED


def test_an_amendment_asks_the_provider_when_its_hold_must_live_longer() -> None:
    world = locked()
    provider = provider_of(world)
    propose(world, LOCK, LATER, ("2026-09-25T18:00:00Z", "2026-09-30T18:00:00Z"))
    agree(world)
    assert story.view(world["bank-nl"]).version == 1
    answer(world, provider)
    for bank in NAMES:
        assert story.view(world[bank]).hold_expires_at_s == document(world[bank]).hold_expires_at_s
        assert document(world[bank]).milestones[1].deadline_s == story.at("2026-09-30T18:00")
    assert motion(world["bank-nl"], "amend").reason is None
    assert none_refused(world)


def test_an_amendment_waits_when_the_provider_declines() -> None:
    world = locked()
    provider = provider_of(world)
    propose(world, LOCK, ("2026-09-25T18:00:00Z", "2026-09-30T18:00:00Z"))
    agree(world)
    answer(world, provider, refuse="too long")
    assert document(world["bank-nl"]).milestones[1].deadline_s == story.at("2026-09-25T18:00")
    assert motion(world["bank-nl"], "amend").reason == f"{provider.id} declined: too long"
    assert none_refused(world)


def test_the_slices_grow_when_the_agreed_rate_falls() -> None:
    world = floating()
    importer = world.account("bank-nl", "bloem")
    before = world.ledger.call("EUR", "heldOf", importer)
    propose(world, (FLOAT[0], f'{FLOAT[1]}\nrate = "147"'))
    agree(world)
    after = world.ledger.call("EUR", "heldOf", importer)
    assert after > before
    agreed_rate = document(world["bank-ke"]).funding.float_
    assert agreed_rate is not None
    assert agreed_rate.rate == agreed_rate.rate.parse("147")
    assert none_refused(world)


def test_money_comes_back_when_the_agreed_rate_rises() -> None:
    world = floating()
    importer = world.account("bank-nl", "bloem")
    before = world.ledger.call("EUR", "heldOf", importer)
    propose(world, (FLOAT[0], f'{FLOAT[1]}\nrate = "152"'))
    agree(world)
    assert world.ledger.call("EUR", "heldOf", importer) < before


@pytest.mark.parametrize(
    ("replacements", "field"),
    [
        ((("deadline = 2026-09-25T18:00:00Z", "deadline = 2026-08-05T18:00:00Z"),), "milestones.1.deadline"),
        (
            (("fund_by = 2026-08-10T16", "hold_expires = 2026-10-01T00:00:00Z\nfund_by = 2026-08-10T16"),),
            "hold_expires",
        ),
        ((('"convert_now"', '"lock"'),), "funding.policy"),
        (
            (('customer = "bloem"\nname = "Bloemenhuis BV"', 'customer = "vanrijn"\nname = "Van Rijn Trading BV"'),),
            "importer",
        ),
    ],
    ids=["deadline passed", "hold cut short", "another policy", "another party"],
)
def test_an_amendment_is_refused_with_the_field_when_the_chain_would_refuse_it(
    replacements: tuple[tuple[str, str], ...], field: str
) -> None:
    world = story.funded()
    ke = world["bank-ke"]
    papers = Papers(changed(*replacements, path=COUNTERED))
    with pytest.raises(TermsRejectedError) as caught:
        ke.run(ke.trades.amending.propose, story.REFERENCE, papers, story.EXPORTER, None)
    assert caught.value.field == field


def test_an_amendment_is_refused_when_it_changes_nothing_or_touches_what_is_settled() -> None:
    world = story.funded()
    ke = world["bank-ke"]
    original = example(COUNTERED)
    with pytest.raises(WrongStateError, match="differ from those in force"):
        ke.run(ke.trades.amending.propose, story.REFERENCE, Papers(original), story.EXPORTER, None)
    story.load(world)
    story.wait_a_day(world)
    moved = original.replace(b'kind = "loaded"', b'kind = "departed"')
    with pytest.raises(TermsRejectedError, match=r"milestones\.0: expected the terms of a settled milestone"):
        ke.run(ke.trades.amending.propose, story.REFERENCE, Papers(moved), story.EXPORTER, None)


def test_a_financier_is_paid_when_a_milestone_was_assigned_to_it() -> None:
    world = story.funded()
    ke, amber = world["bank-ke"], world["fx-amber"]
    account = amber.participants.institution.address
    before = world.balance("KES", account)
    ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, "fx-amber", None, story.EXPORTER)
    world.settle_down()
    answer(world, amber)
    assert motion(ke, "assign:0").reason is None
    story.load(world)
    story.wait_a_day(world)
    assert world.balance("KES", account) - before > 44_000_000
    assert none_refused(world)


def test_a_customer_of_the_other_bank_signs_with_the_importer_when_it_holds_a_milestone() -> None:
    world = story.funded()
    ke, nl = world["bank-ke"], world["bank-nl"]
    account = world.account("bank-nl", "vanrijn")
    ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, "bank-nl", account, story.EXPORTER)
    world.settle_down()
    financier = customer("bank-nl", "vanrijn")
    with nl.database.read() as session:
        waiting = session.scalars(nl.trades.asking.waiting(financier)).all()
        assert [request.kind for request in waiting] == ["Assign"]
        assert session.scalars(nl.trades.asking.waiting(story.IMPORTER)).all() == []
        request_id = waiting[0].id
    with pytest.raises(RejectedError, match="vanrijn, or its bank"):
        nl.run(nl.trades.asking.sign, request_id, story.IMPORTER)
    nl.run(nl.trades.asking.sign, request_id, financier)
    world.settle_down()
    cancel(world, "bank-ke")
    cancel(world, "bank-nl")
    assert story.view(nl).state == FUNDED
    answer(world, nl)
    assert story.view(nl).state == CLOSED
    assert none_refused(world)


@pytest.mark.parametrize("institution", ["carrier", "arbiter"], ids=["attester", "arbiter"])
def test_an_assignment_is_refused_when_the_financier_has_a_part_in_the_trade(institution: str) -> None:
    world = story.funded()
    ke = world["bank-ke"]
    with pytest.raises(RejectedError, match="account: expected an account that"):
        ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, institution, None, story.EXPORTER)


def lock_legs(world: World) -> tuple[int, int]:
    provider = provider_of(world)
    return world.balance("EUR", provider.participants.institution.address), world.balance(
        "EUR", world.account("bank-nl", "bloem")
    )


def test_a_lock_is_cancelled_for_nothing_when_its_provider_agrees() -> None:
    world = locked()
    provider, before = provider_of(world), lock_legs(world)
    cancel(world, "bank-ke")
    cancel(world, "bank-nl", ask_provider=True)
    assert story.view(world["bank-nl"]).state == FUNDED
    account = provider.participants.institution.address
    answer(world, provider)
    assert story.view(world["bank-nl"]).state == story.view(world["bank-ke"]).state == CLOSED
    assert (world.balance("EUR", account), world.balance("EUR", world.account("bank-nl", "bloem"))) == before
    assert none_refused(world)


def test_a_lock_is_cancelled_for_the_fee_when_its_provider_is_not_asked() -> None:
    world = locked()
    provider, before = provider_of(world), lock_legs(world)
    account = provider.participants.institution.address
    cancel(world, "bank-ke")
    cancel(world, "bank-nl")
    assert story.view(world["bank-nl"]).state == CLOSED
    fee = world.balance("EUR", account) - before[0]
    assert fee > 0
    assert before[1] - world.balance("EUR", world.account("bank-nl", "bloem")) == fee


def test_a_cancellation_goes_without_the_provider_when_it_declines_and_the_importer_says_so() -> None:
    world = locked()
    provider = provider_of(world)
    cancel(world, "bank-ke")
    cancel(world, "bank-nl", ask_provider=True)
    answer(world, provider, refuse="no")
    assert story.view(world["bank-nl"]).state == FUNDED
    cancel(world, "bank-nl")
    assert story.view(world["bank-nl"]).state == CLOSED


def test_a_provider_is_not_asked_when_there_is_none_or_the_exporter_asks() -> None:
    world = story.funded()
    with pytest.raises(RejectedError, match="no provider holds anything"):
        cancel(world, "bank-nl", ask_provider=True)
    world = locked()
    with pytest.raises(RejectedError, match="the importer asks"):
        cancel(world, "bank-ke", ask_provider=True)


@cache
def _locked_without_invoice() -> World:
    world = story.start()
    ke = world["bank-ke"]
    ke.run(ke.trades.agreement.draft, Papers(changed(LOCK)), story.EXPORTER, None)
    world.settle_down()
    story.sign(world)
    story.quote(world)
    story.fund(world)
    return world


def legs(world: World) -> tuple[int, int]:
    """Return what is held for the trade: the importer's euros, the provider's shillings beside its reserves."""
    importer, provider = world.account("bank-nl", "bloem"), provider_of(world)
    wanted = select(HoldRow.rest).where(HoldRow.notary == world.deployment.address("TradeEscrow"))
    with provider.database.read() as session:
        shillings = sum(session.scalars(wanted.where(HoldRow.owner == provider.id)))
    return world.ledger.call("EUR", "heldOf", importer), shillings


def test_both_legs_of_a_lock_grow_when_the_amount_rises_and_the_provider_agrees() -> None:
    world = _locked_without_invoice().copy()
    before = legs(world)
    assert before[1] == 150_000_000
    propose(world, LOCK, ('"1500000.00"', '"1600000.00"'))
    agree(world)
    answer(world, provider_of(world))
    assert motion(world["bank-nl"], "amend").reason is None
    assert legs(world) == (-(-before[0] * 16 // 15), 160_000_000)
    assert [row.amount for row in story.view(world["bank-ke"]).milestones] == ["640,000.00 KES", "960,000.00 KES"]
    assert none_refused(world)


def test_a_lock_pays_the_cancel_fee_when_the_amount_falls_without_its_provider() -> None:
    world = _locked_without_invoice().copy()
    provider = provider_of(world)
    account = provider.participants.institution.address
    before, euros = legs(world), world.balance("EUR", account)
    propose(world, LOCK, ('"1500000.00"', '"1400000.00"'))
    agree(world)
    assert legs(world)[1] == 140_000_000
    assert legs(world)[0] < before[0]
    assert world.balance("EUR", account) > euros
    assert none_refused(world)


def test_an_amendment_says_why_when_the_chain_refuses_it_and_may_be_agreed_again() -> None:
    world = story.start()
    ke = world["bank-ke"]
    ke.run(ke.trades.agreement.draft, Papers(changed()), story.EXPORTER, None)
    world.settle_down()
    story.sign(world)
    story.quote(world)
    story.fund(world)
    propose(world, ('"1500000.00"', '"1500000.01"'))
    agree(world)
    # The importer has no shillings beside those it holds.
    assert motion(world["bank-nl"], "amend").reason == "token: not enough available"
    assert story.view(world["bank-nl"]).state == FUNDED
    world["bank-nl"].run(world["bank-nl"].trades.amending.agree, story.REFERENCE, story.IMPORTER, None)
    assert motion(world["bank-nl"], "amend").state == "queued"
