"""Wallets with a purpose: whom their money may pay is said when terms are drafted, not when they are funded."""

from functools import cache

import pytest

from node.ledger.errors import NotEligibleError
from node.trades.agreement.negotiating import Papers
from node.trades.errors import RejectedError, TermsRejectedError
from tests.unit.trades import story
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import World, example

PURPOSE = "flowers"
PAYEES = ("naivasha", "kra")


def bound() -> World:
    """Return a world where the importer's money is for the grower, its revenue authority and its bank alone."""
    return _bound().copy()


@cache
def _bound() -> World:
    world = story.start()
    nl = world["bank-nl"]
    nl.run(lambda session, _now_s: nl.wallets.define(session, PURPOSE))
    world.settle_down()
    for payee in (*(world.account("bank-ke", name) for name in PAYEES), "bank-ke"):
        allow(world, payee)
    nl.run(lambda session, _now_s: nl.wallets.open(session, "bloem", tier="registered", purpose=PURPOSE))
    world.settle_down()
    return world


def allow(world: World, payee: str, *, allowed: bool = True) -> None:
    nl = world["bank-nl"]
    nl.run(lambda session, _now_s: nl.wallets.allow(session, PURPOSE, payee, allowed=allowed))
    world.settle_down()


def test_a_trade_is_funded_and_paid_when_the_purpose_allows_every_payee() -> None:
    world = bound()
    for step in (story.draft, story.counter, story.sign, story.quote, story.fund, story.load, story.wait_a_day):
        step(world)
    assert story.view(world["bank-nl"]).milestones[0].paid == "450,000.00 KES"


def test_a_counter_is_refused_when_the_purpose_forbids_a_payee() -> None:
    world = bound()
    story.draft(world)
    nl = world["bank-nl"]
    allow(world, world.account("bank-ke", "kra"), allowed=False)
    papers = Papers(example("roses/terms-counter.toml"))
    with pytest.raises(
        TermsRejectedError, match=r"payees\.0\.account: expected a payee that the purpose flowers of bank-nl"
    ):
        nl.run(nl.trades.agreement.counter, story.REFERENCE, papers, story.IMPORTER, None)
    assert story.view(nl).version == 1


def test_a_draft_is_refused_when_the_importers_purpose_forbids_the_exporter() -> None:
    world = bound()
    allow(world, world.account("bank-ke", "naivasha"), allowed=False)
    nl = world["bank-nl"]
    exporter = world.account("bank-ke", "naivasha")
    terms = changed(('customer = "naivasha"', f'customer = "naivasha"\naccount = "{exporter}"'))
    papers = Papers(terms, example("roses/invoice.xml"))
    with pytest.raises(TermsRejectedError, match=r"exporter\.account: .*let its owner allow this one"):
        nl.run(nl.trades.agreement.draft, papers, story.IMPORTER, None)


def test_nobody_can_sign_and_both_sides_read_why_when_the_purpose_forbids_a_payee_of_the_draft() -> None:
    world = bound()
    allow(world, world.account("bank-ke", "kra"), allowed=False)
    # The exporter's bank does not know the importer's account yet, so its draft is taken.
    story.draft(world)
    for bank, party in (("bank-nl", story.IMPORTER), ("bank-ke", story.EXPORTER)):
        desk = world[bank]
        (step,) = story.view(desk).next
        assert "counter, as nobody can sign: payees.0.account" in step.what
        with pytest.raises(TermsRejectedError, match=r"payees\.0\.account"):
            desk.run(desk.trades.agreement.sign, story.REFERENCE, party, None)
    allow(world, world.account("bank-ke", "kra"))
    assert "sign version 1" in story.view(world["bank-ke"]).next[0].what


def test_an_assignment_is_refused_when_the_purpose_forbids_the_financier() -> None:
    world = story.funded()
    nl, ke = world["bank-nl"], world["bank-ke"]
    nl.run(lambda session, _now_s: nl.wallets.define(session, PURPOSE))
    world.settle_down()
    nl.run(lambda session, _now_s: nl.wallets.open(session, "bloem", tier="registered", purpose=PURPOSE))
    world.settle_down()
    with pytest.raises(RejectedError, match="account: expected an account that the purpose flowers of bank-nl"):
        ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, "fx-amber", None, story.EXPORTER)
    allow(world, "fx-amber")
    ke.run(ke.trades.assigning.assign, story.REFERENCE, 0, "fx-amber", None, story.EXPORTER)


def test_a_purpose_is_refused_to_an_institution_that_keeps_nobodys_money() -> None:
    carrier = bound()["carrier"]
    with pytest.raises(NotEligibleError, match="expected the role bank or central_bank, got attester"):
        carrier.run(lambda session, _now_s: carrier.wallets.define(session, "freight"))
