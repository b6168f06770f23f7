"""TradeEscrow under `float`: calls for a top-up when the rate falls, and top-ups (SPEC section 5)."""

from fractions import Fraction

import boa
import pytest

from tests.contracts.support import DAY_S, ZERO_BYTES32, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, FAILED, PAIR, PERIOD_S, Fields
from tests.contracts.trades_fx import EXAMPLE_SLICE, FxWorld

CALL = 43_171  # to ceil(1,500,000.00 / (144 x 0.97 x 0.995)), the importer bearing all beyond the band
TARGET = EXAMPLE_SLICE + CALL
NO_CALL = "escrow: no call possible"
WEI = Fraction(1, 10**18)


@pytest.fixture
def terms(market: FxWorld) -> Fields:
    """SPEC's example, the importer bearing the market, at 144."""
    return fallen(market)


def fallen(world: FxWorld, share_bps: int = BPS, **changes: object) -> Fields:
    terms = world.float_terms(share_bps, **changes)
    world.fund_float(terms)
    world.report(144)
    return terms


def leg(world: FxWorld, terms: Fields) -> tuple[int, int]:
    """Calls that count, and when the last one ends."""
    fx = world.escrow.get_fx(world.trade_id(terms))
    return fx.calls, fx.call_ends_at


# Calls ---------------------------------------------------------------------------------------------------------------


def test_reprice_calls_for_a_band_below_the_rate(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    (event,) = events_of(market.escrow, "Repriced")
    assert (event["missing"], event["median"], event["ends_at"]) == (CALL, 144 * 10**18, now_s() + DAY_S)
    assert (market.slice_of(terms), market.target_of(terms)) == (EXAMPLE_SLICE, TARGET)
    assert leg(market, terms) == (1, now_s() + DAY_S)


def test_reprice_asks_for_the_share_when_the_sides_share(market: FxWorld) -> None:
    market.reprice(fallen(market, BPS // 2))
    (event,) = events_of(market.escrow, "Repriced")
    assert event["missing"] == 21_145


def test_reprice_is_refused_when_the_exporter_bears_the_market(market: FxWorld) -> None:
    with boa.reverts(NO_CALL):
        market.reprice(fallen(market, 0))


def test_reprice_is_refused_when_the_rate_is_in_or_above_the_band(market: FxWorld, terms: Fields) -> None:
    for rate in (Fraction(291, 2), 150, 160):
        market.report(rate)
        with boa.reverts(NO_CALL):
            market.reprice(terms)
    market.report(Fraction(291, 2) - WEI)
    with boa.reverts("escrow: no slice too small"):  # by less than a cent
        market.reprice(terms)
    market.report(Fraction(291, 2) - Fraction(1, 1_000))
    market.reprice(terms)


def test_reprice_is_refused_when_the_median_is_stale(market: FxWorld, terms: Fields) -> None:
    market.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, BPS, BPS, sender=market.governor.address)
    advance(2 * PERIOD_S)
    with boa.reverts("oracle: median stale"):
        market.reprice(terms)


def test_reprice_runs_one_call_at_a_time_and_cools_down(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    _, ends_at = leg(market, terms)
    for time_s, reason in (
        (now_s(), "escrow: a call runs"),
        (ends_at, "escrow: a call runs"),
        (ends_at + 1, NO_CALL),
        (ends_at + DAY_S, NO_CALL),
    ):
        advance_to(time_s)
        with boa.reverts(reason):
            market.reprice(terms)
    advance(1)
    market.reprice(terms)
    assert leg(market, terms) == (2, now_s() + DAY_S)


def test_reprice_cools_down_from_the_moment_a_call_was_paid(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    advance(600)
    market.top_up(terms, CALL)
    paid_at = now_s()
    market.report(130)
    advance_to(paid_at - 1 + DAY_S)
    with boa.reverts(NO_CALL):
        market.reprice(terms)
    advance(1)
    market.reprice(terms)


def test_reprice_ends_with_the_terms_maximum_of_unpaid_calls(market: FxWorld) -> None:
    terms = fallen(market, fx={"calls_max": 1, "cool_down_s": 0})
    market.reprice(terms)
    market.top_up(terms, CALL)
    assert leg(market, terms)[0] == 0
    market.report(135)
    market.reprice(terms)
    advance(DAY_S + 1)
    with boa.reverts(NO_CALL):
        market.reprice(terms)


def test_reprice_is_refused_when_call_and_grace_would_outlive_the_hold(market: FxWorld, terms: Fields) -> None:
    market.accept(terms)
    latest = terms["hold_expires_at"] - DAY_S - 3 * DAY_S
    advance_to(latest)
    with boa.env.anchor():
        market.reprice(terms)
    advance(1)
    with boa.reverts(NO_CALL):
        market.reprice(terms)


def test_reprice_counts_the_time_a_freeze_added(market: FxWorld, terms: Fields) -> None:
    market.accept(terms)
    order = (market.importer.address, 1, 2, now_s() + DAY_S - 1, ZERO_BYTES32)
    market.eur.order_freeze(*order, sender=market.issuer.address)
    advance_to(terms["hold_expires_at"] - 3 * DAY_S)
    market.reprice(terms)


def test_reprice_asks_for_open_milestones_only(market: FxWorld) -> None:
    milestones = [market.milestone(2_000, now_s() + 10 * DAY_S) for _ in range(5)]
    terms = fallen(market, milestones=milestones)
    market.make_due(terms, 0, outcome=FAILED, share_bps=0)
    market.make_due(terms, 1)
    market.make_due(terms, 2, share_bps=5_000)
    market.dispute(terms, 2, market.importer)
    market.accept(terms, 3)
    market.settle_float(terms, 3, market.spot(terms, 144), market.exporter)
    market.reprice(terms)
    (event,) = events_of(market.escrow, "Repriced")
    assert event["missing"] == 3 * (215_856 - 207_222)
    # Each of 300,000.00: slice 2,072.22, target 2,158.56; refunded 0 and settled 3 are not asked for.
    assert [market.target_of(terms, index) for index in range(5)] == [0, 215_856, 215_856, 0, 215_856]
    market.top_up(terms, 3 * (215_856 - 207_222))
    assert [market.slice_of(terms, index) for index in range(5)] == [207_222, 215_856, 215_856, 207_222, 215_856]


def test_reprice_is_refused_when_silence_has_refunded_every_milestone(market: FxWorld, terms: Fields) -> None:
    advance_to(terms["milestones"][0]["deadline"] + 1)
    with boa.reverts("escrow: no slice too small"):
        market.reprice(terms)


def test_reprice_never_asks_for_less_than_there_is(market: FxWorld) -> None:
    terms = fallen(market, fx={"cool_down_s": 0, "calls_max": 9})
    market.report(120)
    market.reprice(terms)
    market.top_up(terms, market.target_of(terms) - EXAMPLE_SLICE)
    raised = market.slice_of(terms)
    assert raised == 1_295_136  # ceil(1,500,000.00 / (120 x 0.97 x 0.995))
    advance(1)
    market.report(144)
    with boa.reverts("escrow: no slice too small"):
        market.reprice(terms)
    assert market.slice_of(terms) == raised


# Top-ups -------------------------------------------------------------------------------------------------------------


def test_top_up_raises_hold_and_slice_and_ends_the_call(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    before = market.balances(market.eur, market.importer)
    market.top_up(terms, CALL)
    (event,) = events_of(market.escrow, "ToppedUp")
    assert (event["amount"], event["in_call"]) == (CALL, True)
    assert market.balances(market.eur, market.importer) == [before[0] - CALL]
    assert (market.slice_of(terms), market.funding_held(terms)) == (TARGET, TARGET)
    assert leg(market, terms) == (0, now_s() - 1)


@pytest.mark.parametrize("by", [-1, 1])
def test_top_up_is_refused_when_it_is_a_unit_off(market: FxWorld, terms: Fields, by: int) -> None:
    market.reprice(terms)
    with boa.reverts("escrow: not what is missing"):
        market.top_up(terms, CALL + by)
    with boa.reverts("token: bad signature"):
        market.top_up(terms, CALL, total=TARGET + by)
    market.top_up(terms, CALL)


def test_top_up_is_refused_when_nothing_was_asked_for_or_it_was_paid(market: FxWorld, terms: Fields) -> None:
    with boa.reverts("escrow: nothing to top up"):
        market.top_up(terms, CALL)
    market.reprice(terms)
    market.top_up(terms, CALL)
    with boa.reverts("escrow: nothing to top up"):
        market.top_up(terms, CALL)


def test_top_up_is_taken_in_the_last_second_and_after_it_as_late(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    _, ends_at = leg(market, terms)
    advance_to(ends_at)
    with boa.env.anchor():
        market.top_up(terms, CALL)
        assert leg(market, terms) == (0, ends_at - 1)
    advance(1)
    market.top_up(terms, CALL)
    (event,) = events_of(market.escrow, "ToppedUp")
    assert event["in_call"] is False
    assert leg(market, terms) == (1, ends_at)
    assert market.slice_of(terms) == TARGET


def test_top_up_is_refused_when_the_importer_did_not_sign_this(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    with boa.reverts("token: bad signature"):
        market.top_up(terms, CALL, market.exporter)
    with boa.reverts("token: bad signature"):
        market.top_up(terms, CALL, expires_at=terms["hold_expires_at"] + 1)
    with boa.reverts("token: signature expired"):
        market.top_up(terms, CALL, valid_until=now_s() - 1)


def test_top_up_waits_when_the_importer_is_frozen(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    order = (market.importer.address, 1, 1, now_s() + 2 * DAY_S, ZERO_BYTES32)
    market.eur.order_freeze(*order, sender=market.issuer.address)
    with boa.reverts("token: account frozen"):
        market.top_up(terms, CALL)
    assert (market.slice_of(terms), leg(market, terms)[0]) == (EXAMPLE_SLICE, 1)
    # Nothing blocks: unpaid, the milestone pays what the slice buys.
    advance(DAY_S + 1)
    market.accept(terms)
    advance(3_601)
    market.settle_float(terms, 0, market.spot(terms, "143.28"))
    assert market.balances(market.kes, market.exporter) == [148_453_697]


def test_top_up_is_refused_when_the_milestone_no_longer_pays(market: FxWorld, terms: Fields) -> None:
    market.reprice(terms)
    market.waive(terms, 0, terms["invoice_amount"])
    with boa.reverts("escrow: nothing to top up"):
        market.top_up(terms, CALL)


def test_calls_and_top_ups_are_refused_when_the_trade_is_another_or_closed(market: FxWorld) -> None:
    plain = market.terms()
    market.fund(plain)
    with boa.reverts("escrow: not a float"):
        market.reprice(plain)
    with boa.reverts("escrow: nothing to top up"):
        market.escrow.top_up(market.trade_id(plain), 1, now_s(), b"")
    terms = fallen(market)
    market.cancel(terms)
    with boa.reverts("escrow: trade closed"):
        market.reprice(terms)
    with boa.reverts("escrow: trade closed"):
        market.top_up(terms, CALL)
    with boa.reverts("escrow: no such trade"):
        market.reprice(market.float_terms())
