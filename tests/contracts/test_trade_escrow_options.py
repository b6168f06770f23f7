"""TradeEscrow: the options of `float` while every milestone is pending: `wait` and `refund` (SPEC section 5)."""

from fractions import Fraction

import boa
import pytest

from tests.contracts.support import DAY_S, advance, advance_to, events_of, now_s
from tests.contracts.trades import BPS, PAIR, PERIOD_S, Fields
from tests.contracts.trades_fx import EXAMPLE_SLICE, FxWorld
from tests.models.escrow import Cause

WAIT, REFUND = 1, 2
WINDOWS_S = (1 + 2 + 1 + 3 + 1) * DAY_S  # dispute, award, call, grace, the last day
INSIDE = "escrow: rate within the band"
WEI = Fraction(1, 10**18)


def optional(world: FxWorld, option: int, milestones: int = 1) -> Fields:
    """A funded float with an option."""
    parts = [world.milestone(BPS // milestones, now_s() + 10 * DAY_S) for _ in range(milestones)]
    terms = world.float_terms(fx={"option": option}, milestones=parts)
    world.fund_float(terms)
    return terms


# Wait ----------------------------------------------------------------------------------------------------------------


def test_defer_moves_the_deadline_and_leaves_what_was_attested(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    old = terms["milestones"][0]["deadline"]
    market.attest(terms, 0, market.attesters[0])
    market.defer(terms, 0, old + DAY_S)
    (event,) = events_of(market.escrow, "DeadlineDeferred")
    assert (event["milestone"], event["deadline"]) == (0, old + DAY_S)
    record = market.escrow.get_milestone(market.trade_id(terms), 0)
    assert (record.deadline, bytes(record.terms_hash)) == (old + DAY_S, market.milestone_hash(terms, 0))
    advance_to(old + DAY_S)
    market.attest(terms, 0, market.attesters[1])
    assert len(events_of(market.escrow, "MilestoneDue")) == 1


def test_defer_is_bounded_by_the_holds_expiry(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    latest = terms["hold_expires_at"] - WINDOWS_S
    with boa.reverts("terms: hold ends too early"):
        market.defer(terms, 0, latest + 1)
    with boa.reverts("terms: hold ends too early"):
        market.defer(terms, 0, 2**256 - 1)
    market.defer(terms, 0, latest)


def test_defer_is_refused_when_the_deadline_is_not_later(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    for earlier in (0, 1):
        with boa.reverts("escrow: deadline not later"):
            market.defer(terms, 0, terms["milestones"][0]["deadline"] - earlier)
    market.defer(terms, 0, terms["milestones"][0]["deadline"] + 1)


def test_defer_is_refused_when_the_exporters_side_did_not_sign(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    later = terms["milestones"][0]["deadline"] + 1
    for signer in (market.importer, market.stranger):
        with boa.reverts("escrow: bad signature"):
            market.defer(terms, 0, later, signer)
    market.assign(terms)
    with boa.reverts("escrow: bad signature"):
        market.defer(terms, 0, later)
    market.defer(terms, 0, later, market.financier)


def test_defer_is_refused_when_a_milestone_is_no_longer_pending(market: FxWorld) -> None:
    terms = optional(market, WAIT, 2)
    later = terms["milestones"][0]["deadline"] + DAY_S
    with boa.env.anchor():
        market.make_due(terms, 1)
        with boa.reverts("escrow: not all pending"):
            market.defer(terms, 0, later)
    advance_to(terms["milestones"][0]["deadline"])
    with boa.env.anchor():
        market.defer(terms, 0, later)
    advance(1)
    with boa.reverts("escrow: not all pending"):
        market.defer(terms, 0, later)


def test_defer_is_refused_when_the_terms_do_not_have_the_option(market: FxWorld) -> None:
    for terms in (optional(market, 0), optional(market, REFUND)):
        with boa.reverts("escrow: not the terms' option"):
            market.defer(terms, 0, terms["milestones"][0]["deadline"] + 1)
    plain = market.terms()
    market.fund(plain)
    with boa.reverts("escrow: not the terms' option"):
        market.defer(plain, 0, plain["milestones"][0]["deadline"] + 1)


def test_defer_is_refused_when_there_is_no_such_milestone_or_trade(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    consent = (now_s(), 1, b"")
    with boa.reverts("escrow: no such milestone"):
        market.escrow.defer(market.trade_id(terms), 1, now_s() + 11 * DAY_S, consent, sender=market.exporter.address)
    with boa.reverts("escrow: no such trade"):
        market.escrow.defer(b"\7" * 32, 0, now_s(), consent)


# Refund --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rates", [(140, 140), (160, 160), (140, 160)])
@pytest.mark.parametrize("by_importer", [True, False])
def test_close_out_of_band_gives_everything_back_after_two_rounds(
    market: FxWorld, rates: tuple[int, int], by_importer: bool
) -> None:
    terms = optional(market, REFUND, 2)
    before = market.balances(market.eur, market.importer)
    for rate in rates:
        market.report(rate)
    signer = market.importer if by_importer else market.exporter
    market.close_out_of_band(terms, signer, by_importer=by_importer)
    (closed,) = events_of(market.escrow, "TradeClosed")
    assert closed["cause"] == Cause.OUT_OF_BAND
    assert len(events_of(market.escrow, "MilestoneSettled")) == 2
    assert market.balances(market.eur, market.importer) == [before[0] + market.float_sum(terms)]


@pytest.mark.parametrize("rates", [(140,), (140, 150), (150, 140), (Fraction(291, 2), 140), (140, Fraction(309, 2))])
def test_close_out_of_band_is_refused_when_one_of_two_rounds_is_inside(market: FxWorld, rates: tuple[int, ...]) -> None:
    terms = optional(market, REFUND)
    for rate in rates:
        market.report(rate)
    with boa.reverts(INSIDE):
        market.close_out_of_band(terms, market.importer, by_importer=True)


def test_close_out_of_band_counts_a_hair_beyond_the_band(market: FxWorld) -> None:
    terms = optional(market, REFUND)
    market.report(Fraction(291, 2) - WEI)
    market.report(Fraction(309, 2) + WEI)
    market.close_out_of_band(terms, market.importer, by_importer=True)
    assert market.balances(market.eur, market.exporter) == [0]


def test_close_out_of_band_is_refused_when_the_median_is_not_usable(market: FxWorld) -> None:
    terms = optional(market, REFUND)
    market.report(140)
    market.report(140)
    market.oracle.configure_pair(PAIR, PERIOD_S, PERIOD_S, BPS, BPS, sender=market.governor.address)
    advance(2 * PERIOD_S)
    with boa.reverts("oracle: median stale"):
        market.close_out_of_band(terms, market.importer, by_importer=True)


def test_close_out_of_band_is_refused_when_the_side_did_not_sign(market: FxWorld) -> None:
    terms = optional(market, REFUND, 2)
    market.report(140)
    market.report(140)
    for by_importer, signer in ((True, market.exporter), (False, market.importer)):
        with boa.reverts("escrow: bad signature"):
            market.close_out_of_band(terms, signer, by_importer=by_importer)
    with boa.reverts("escrow: too many consents"):
        market.close_out_of_band(terms, market.importer, market.importer, by_importer=True)
    with boa.reverts("escrow: too many consents"):
        market.close_out_of_band(terms, by_importer=True)
    with boa.reverts("escrow: consent missing"):
        market.close_out_of_band(terms, by_importer=False)
    with boa.reverts("escrow: too many consents"):
        market.close_out_of_band(terms, market.exporter, market.exporter, by_importer=False)


def test_close_out_of_band_needs_every_holder(market: FxWorld) -> None:
    terms = optional(market, REFUND, 2)
    market.assign(terms, 1)
    market.report(140)
    market.report(140)
    with boa.reverts("escrow: consent missing"):
        market.close_out_of_band(terms, market.exporter, by_importer=False)
    with boa.reverts("escrow: bad signature"):
        market.close_out_of_band(terms, market.financier, market.exporter, by_importer=False)
    market.close_out_of_band(terms, market.exporter, market.financier, by_importer=False)


def test_close_out_of_band_is_refused_when_a_milestone_is_no_longer_pending(market: FxWorld) -> None:
    terms = optional(market, REFUND)
    market.make_due(terms)
    market.report(140)
    market.report(140)
    with boa.reverts("escrow: not all pending"):
        market.close_out_of_band(terms, market.importer, by_importer=True)


def test_close_out_of_band_is_refused_when_the_terms_do_not_have_the_option(market: FxWorld) -> None:
    terms = optional(market, WAIT)
    market.report(140)
    market.report(140)
    with boa.reverts("escrow: not the terms' option"):
        market.close_out_of_band(terms, market.importer, by_importer=True)
    assert market.slice_of(terms) == EXAMPLE_SLICE
