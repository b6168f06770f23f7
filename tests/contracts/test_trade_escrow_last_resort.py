"""TradeEscrow: what anyone may pay once a milestone has been final for long or its hold is about to end (SPEC 3, 5)."""

from fractions import Fraction

import boa
import pytest

from tests.contracts.support import DAY_S, ZERO_BYTES32, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, FAILED, INVOICE, PAIR, PERIOD_S, Fields
from tests.contracts.trades_fx import EXAMPLE, EXAMPLE_SLICE, FxWorld

GRACE_S = 3 * DAY_S
SCOPE_AVAILABLE, SCOPE_ALL = 1, 2
NOT_YET = "escrow: not yet the last resort"


def cause_of(world: FxWorld) -> int:
    (event,) = events_of(world.escrow, "LastResort")
    return int(event["cause"])


@pytest.mark.parametrize("policy", [0, 1])
def test_last_resort_pays_as_usual_once_the_grace_time_passed(world: FxWorld, policy: int) -> None:
    terms = world.terms() if policy == 0 else world.converted_terms()
    world.fund(terms)
    world.accept(terms)
    advance(GRACE_S)
    with boa.reverts(NOT_YET):
        world.last_resort(terms)
    advance(1)
    world.last_resort(terms)
    assert cause_of(world) == 1
    token = world.eur if policy == 0 else world.kes
    assert world.balances(token, world.exporter, world.tax, world.fee) == [25_050, 4_800, 150]


def test_last_resort_counts_from_when_a_paying_milestone_became_final_though_accepted_later(world: FxWorld) -> None:
    terms = world.terms()
    world.fund(terms)
    world.make_due(terms, 0)
    advance(DAY_S + GRACE_S)
    world.accept(terms)
    with boa.reverts(NOT_YET):
        world.last_resort(terms)
    advance(1)
    world.last_resort(terms)


def test_last_resort_counts_from_the_acceptance_when_a_refund_became_a_payment(world: FxWorld) -> None:
    terms = world.terms()
    world.fund(terms)
    advance_to(terms["milestones"][0]["deadline"] + DAY_S + 1)
    world.accept(terms)
    advance(GRACE_S)
    with boa.reverts(NOT_YET):
        world.last_resort(terms)
    advance(1)
    world.last_resort(terms)


def test_last_resort_is_refused_when_refunded_not_final_or_for_other_payees(world: FxWorld) -> None:
    terms = world.terms()
    world.fund(terms)
    with boa.reverts("escrow: milestone not final"):
        world.last_resort(terms)
    world.make_due(terms, 0, outcome=FAILED, share_bps=0)
    advance(DAY_S + GRACE_S + 1)
    with boa.reverts("escrow: nothing to pay"):
        world.last_resort(terms)
    world.accept(terms, 1)
    advance(GRACE_S + 1)
    with boa.reverts("escrow: other payees"):
        world.last_resort(terms, 1, payees=terms["payees"][:1])
    world.last_resort(terms, 1)
    with boa.reverts("escrow: milestone not final"):
        world.last_resort(terms, 1)
    with boa.reverts("escrow: no such trade"):
        world.last_resort(world.terms())


def test_last_resort_gives_the_rest_back_when_a_part_is_due(world: FxWorld) -> None:
    terms = world.terms()
    world.fund(terms)
    world.make_due(terms, 1, share_bps=3_333)
    advance(DAY_S + GRACE_S + 1)
    before = world.balances(world.eur, world.importer)
    world.last_resort(terms, 1)
    assert world.balances(world.eur, world.importer) == [before[0] + 70_003 - 23_331]


# Lock ----------------------------------------------------------------------------------------------------------------


def locked(world: FxWorld, **changes: object) -> Fields:
    """A lock with a final milestone, its grace time passed."""
    terms = world.lock_terms(**changes)
    world.fund_lock(terms)
    world.accept(terms)
    advance(GRACE_S + 1)
    return terms


def test_last_resort_lock_is_refused_while_the_provider_can_pay(world: FxWorld) -> None:
    terms = locked(world)
    with boa.reverts("escrow: provider can pay"):
        world.last_resort(terms)
    order = (world.provider.address, 1, SCOPE_AVAILABLE, now_s() + DAY_S, ZERO_BYTES32)
    world.kes.order_freeze(*order, sender=world.issuer.address)
    with boa.reverts("escrow: provider can pay"):
        world.last_resort(terms)
    world.settle(terms)


def test_last_resort_lock_pays_the_price_when_the_provider_is_frozen(world: FxWorld) -> None:
    terms = locked(world)
    order = (world.provider.address, 1, SCOPE_ALL, now_s() + DAY_S, ZERO_BYTES32)
    world.kes.order_freeze(*order, sender=world.issuer.address)
    before = world.balances(world.eur, world.importer, world.provider)
    world.last_resort(terms)
    assert cause_of(world) == 3
    # The slice of 209.39 euros: 16 % tax, 0.5 % fee, the rest.
    assert world.balances(world.eur, world.tax, world.fee, world.exporter) == [3_350, 104, 17_485]
    assert world.balances(world.eur, world.importer, world.provider) == before
    (event,) = events_of(world.escrow, "FundingSliceSettled")
    assert (int(event["provider"], 16), event["sold"], event["refunded"]) == (0, 20_939, 0)
    (settled,) = events_of(world.escrow, "MilestoneSettled")
    assert (settled["paid"], settled["refunded"]) == (0, 0)
    assert world.kes.heldOf(world.provider.address) == INVOICE - 30_000
    assert {payment["token"] for payment in events_of(world.escrow, "PaymentMade")} == {world.eur.address}


def test_last_resort_lock_scales_the_price_up_when_a_part_is_due(world: FxWorld) -> None:
    terms = world.lock_terms(payees=[])
    world.fund_lock(terms)
    world.make_due(terms, 0, share_bps=3_333)
    advance(DAY_S + GRACE_S + 1)
    order = (world.provider.address, 1, SCOPE_ALL, now_s() + DAY_S, ZERO_BYTES32)
    world.kes.order_freeze(*order, sender=world.issuer.address)
    before = world.balances(world.eur, world.importer)
    world.last_resort(terms)
    assert world.balances(world.eur, world.exporter, world.importer) == [6_979, before[0] + 20_939 - 6_979]


def test_last_resort_lock_pays_the_price_when_the_providers_hold_expired(world: FxWorld) -> None:
    terms = locked(world)
    # A freeze of the importer lets its hold outlive the provider's.
    order = (world.importer.address, 1, SCOPE_ALL, now_s() + 2 * DAY_S, ZERO_BYTES32)
    world.eur.order_freeze(*order, sender=world.issuer.address)
    advance_to(terms["hold_expires_at"])
    with boa.reverts("escrow: provider can pay"):
        world.last_resort(terms)
    advance(1)
    with boa.reverts("token: hold expired"):
        world.settle(terms)
    world.last_resort(terms)
    assert cause_of(world) == 2


def test_last_resort_lock_works_when_the_token_gave_the_providers_hold_back(world: FxWorld) -> None:
    terms = locked(world, payees=[])
    order = (world.importer.address, 1, SCOPE_ALL, now_s() + 2 * DAY_S, ZERO_BYTES32)
    world.eur.order_freeze(*order, sender=world.issuer.address)
    advance_to(terms["hold_expires_at"] + 1)
    hold_id = world.escrow.get_trade(world.trade_id(terms)).invoice_hold
    world.kes.release_hold(hold_id, INVOICE, sender=world.stranger.address)
    world.escrow.last_resort(world.trade_id(terms), 0, [])
    assert world.balances(world.eur, world.exporter) == [20_939]


# Float ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share_bps", "rate", "paid"),
    [
        (0, 144, EXAMPLE_SLICE),
        (0, 150, 1_005_026),  # ceil(1,500,000.00 / 149.25)
        (0, 156, 975_753),  # ceil(1,500,000.00 / (154.50 x 0.995))
        (BPS, 156, 966_371),  # ceil(1,500,000.00 / (156 x 0.995))
        (BPS, 144, EXAMPLE_SLICE),
        (BPS, Fraction(291, 2), EXAMPLE_SLICE),
    ],
)
def test_last_resort_float_pays_in_the_funding_currency(market: FxWorld, share_bps: int, rate: int, paid: int) -> None:
    terms = market.float_terms(share_bps)
    market.fund_float(terms)
    market.report(rate)
    market.accept(terms)
    market.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, BPS, BPS, sender=market.governor.address)
    advance(GRACE_S)
    with boa.reverts(NOT_YET):
        market.last_resort(terms)
    advance(1)
    before = market.balances(market.eur, market.importer)
    market.last_resort(terms)  # the median is stale
    assert cause_of(market) == 4
    assert market.balances(market.eur, market.exporter, market.importer) == [paid, before[0] + EXAMPLE_SLICE - paid]
    (event,) = events_of(market.escrow, "FundingSliceSettled")
    assert (event["sold"], event["refunded"], event["median"]) == (paid, EXAMPLE_SLICE - paid, int(rate * 10**18))


def test_last_resort_float_pays_a_part(market: FxWorld) -> None:
    terms = market.float_terms()
    market.fund_float(terms)
    market.make_due(terms, share_bps=3_333)
    advance(DAY_S + GRACE_S + 1)
    market.last_resort(terms)
    assert market.balances(market.eur, market.exporter) == [334_975]  # ceil(499,950.00 / 149.25)
    (settled,) = events_of(market.escrow, "MilestoneSettled")
    assert (settled["paid"], settled["refunded"]) == (0, EXAMPLE - 49_995_000)


def test_last_resort_float_waits_for_a_running_call(market: FxWorld) -> None:
    terms = market.float_terms(BPS)
    market.fund_float(terms)
    market.report(144)
    market.accept(terms)
    advance(GRACE_S + 1)
    market.reprice(terms)
    advance(DAY_S)
    with boa.reverts("escrow: a call runs"):
        market.last_resort(terms)
    with boa.env.anchor():
        market.top_up(terms, 43_171)
        market.last_resort(terms)
        assert market.balances(market.eur, market.exporter) == [1_046_902]
    advance(1)
    market.last_resort(terms)
    assert market.balances(market.eur, market.exporter) == [EXAMPLE_SLICE]
