"""TradeEscrow: a financier takes the exporter's place in a milestone (SPEC section 3)."""

import boa
import pytest

from contracts.client.typed_data import as_tuple
from tests.contracts.support import DAY_S, ZERO_ADDRESS, Actor, advance, events_of
from tests.contracts.trades import FAILED, Fields
from tests.contracts.trades_fx import FxWorld


@pytest.fixture
def terms(world: FxWorld) -> Fields:
    """A funded trade of the default terms."""
    terms = world.terms()
    world.fund(terms)
    return terms


def test_assign_pays_the_financier_what_the_payees_leave(world: FxWorld, terms: Fields) -> None:
    world.assign(terms)
    (event,) = events_of(world.escrow, "MilestoneAssigned")
    assert (event["milestone"], event["assignee"]) == (0, world.financier.address)
    world.accept(terms, 0)
    world.settle(terms, 0)
    world.accept(terms, 1)
    world.settle(terms, 1)
    assert world.balances(world.eur, world.financier, world.exporter) == [25_050, 58_453]


def test_assign_is_refused_when_one_of_the_two_did_not_sign(world: FxWorld, terms: Fields) -> None:
    for signer in (world.importer, world.financier):
        with boa.reverts("escrow: bad signature"):
            world.assign(terms, exporter=signer)
    with boa.reverts("escrow: bad signature"):
        world.assign(terms, by=world.exporter)
    world.assign(terms)


def test_assign_is_refused_when_the_milestone_is_assigned_or_settled(world: FxWorld, terms: Fields) -> None:
    world.assign(terms)
    with boa.reverts("escrow: milestone assigned"):
        world.assign(terms, assignee=world.stranger)
    world.accept(terms, 1)
    world.settle(terms, 1)
    with boa.reverts("escrow: milestone settled"):
        world.assign(terms, 1)
    with boa.reverts("escrow: no such trade"):
        world.assign(world.terms())


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ("importer", "escrow: assignee is a party"),
        ("exporter", "escrow: assignee is a party"),
        ("arbiter", "escrow: assignee is a party"),
        ("attester", "escrow: assignee attests"),
        ("zero", "terms: payee cannot be paid"),
        ("eur", "terms: payee cannot be paid"),
        ("escrow", "terms: payee cannot be paid"),
    ],
)
def test_assign_is_refused_when_the_assignee_may_not_be(world: FxWorld, terms: Fields, who: str, reason: str) -> None:
    if who in ("zero", "eur", "escrow"):
        address = ZERO_ADDRESS if who == "zero" else getattr(world, who).address
        consent = (2**63, 1, b"")
        milestone = as_tuple("Milestone", terms["milestones"][0])
        with boa.reverts(reason):
            world.escrow.assign(world.trade_id(terms), 0, milestone, address, consent, consent)
        return
    assignee: Actor = world.attesters[2] if who == "attester" else getattr(world, who)
    with boa.reverts(reason):
        world.assign(terms, assignee=assignee)


def test_assign_is_refused_when_the_milestone_shown_is_another(world: FxWorld, terms: Fields) -> None:
    shown = terms["milestones"][0] | {"attesters": [world.attesters[0].address]}
    for other in (shown, terms["milestones"][1]):
        with boa.reverts("escrow: other milestone terms"):
            world.assign(terms, milestone=other)


def test_assign_is_possible_after_a_waiver_and_an_attestation(world: FxWorld, terms: Fields) -> None:
    world.waive(terms, 0, 10_000)
    world.make_due(terms)
    world.assign(terms)
    world.accept(terms)
    world.settle(terms)
    assert world.balances(world.eur, world.financier) == [16_700]


def test_assigned_milestone_listens_to_the_financier_and_no_longer_to_the_exporter(
    world: FxWorld, terms: Fields
) -> None:
    world.assign(terms)
    with boa.reverts("escrow: bad signature"):
        world.waive(terms, 0, 1)
    world.waive(terms, 0, 1, world.financier)
    world.waive(terms, 1, 1)
    world.make_due(terms, 0, outcome=FAILED, share_bps=0)
    with boa.reverts("escrow: not a party"):
        world.dispute(terms, 0, world.exporter)
    world.dispute(terms, 0, world.financier)
    world.make_due(terms, 1)
    with boa.reverts("escrow: not a party"):
        world.dispute(terms, 1, world.financier)
    world.dispute(terms, 1, world.exporter)


def test_cancel_needs_every_holder_in_order_when_a_milestone_is_assigned(world: FxWorld, terms: Fields) -> None:
    world.assign(terms, 1)
    both = [world.exporter, world.financier]
    with boa.reverts("escrow: consent missing"):
        world.cancel(terms)
    with boa.reverts("escrow: bad signature"):
        world.cancel(terms, holders=both[::-1])
    with boa.reverts("escrow: too many consents"):
        world.cancel(terms, holders=[*both, world.exporter])
    world.cancel(terms, holders=both)
    assert world.eur.availableOf(world.exporter.address) == 0


def test_cancel_needs_nobody_whose_milestones_are_settled(world: FxWorld, terms: Fields) -> None:
    world.assign(terms, 0)
    world.accept(terms, 0)
    world.settle(terms, 0)
    with boa.reverts("escrow: too many consents"):
        world.cancel(terms, holders=[world.exporter, world.financier])
    world.cancel(terms, holders=[world.exporter])


def test_cancel_asks_each_holder_once(world: FxWorld, terms: Fields) -> None:
    world.assign(terms, 0)
    world.assign(terms, 1)
    with boa.reverts("escrow: too many consents"):
        world.cancel(terms, holders=[world.financier, world.financier])
    world.cancel(terms, holders=[world.financier])


def test_amended_milestone_stays_the_financiers(world: FxWorld, terms: Fields) -> None:
    world.assign(terms, 1)
    first, second = terms["milestones"]
    new = world.amended(terms, milestones=[first, second | {"kind": b"inspected".ljust(32, b"\0")}])
    with boa.reverts("escrow: consent missing"):
        world.amend(terms, new)
    world.amend(terms, new, holders=[world.exporter, world.financier])
    world.accept(new, 1)
    world.settle(new, 1)
    assert world.balances(world.eur, world.financier) == [58_453]


def test_assign_of_a_float_pays_the_financier_and_lets_it_choose(market: FxWorld) -> None:
    terms = market.float_terms(10_000)
    market.fund_float(terms)
    market.assign(terms)
    market.report(144)
    market.accept(terms)
    quote = market.spot(terms, "143.28")
    with boa.reverts("escrow: bad signature"):
        market.settle_float(terms, 0, quote, market.exporter)
    market.settle_float(terms, 0, quote, market.financier)
    assert market.balances(market.kes, market.financier, market.exporter) == [148_453_697, 0]


def test_last_resort_pays_the_financier(market: FxWorld) -> None:
    terms = market.float_terms()
    market.fund_float(terms)
    market.assign(terms)
    market.accept(terms)
    advance(3 * DAY_S + 1)
    market.last_resort(terms)
    assert market.balances(market.eur, market.financier, market.exporter) == [1_005_026, 0]
