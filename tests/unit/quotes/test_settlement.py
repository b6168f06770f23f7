"""Quotes that settle a float: bounds that fit whatever the median does meanwhile, and the spread limit of the terms."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fx.errors import NothingToPayError, QuoteTooLowError
from fx.rates import Rate
from fx.reprice import FloatTerms, funding_slice, settle
from node.quotes.errors import NoQuoteError, QuoteRefusedError, RejectedError
from node.quotes.settlement import SLACK_BPS, payment_bounds, settlement_ask
from tests.unit.quotes.desks import BUY_MINOR, REPORTERS, TRADE_ID, accept, ask, held, offers, start_with_oracle
from tests.unit.trades.world import World

DAY_S = 86_400
BPS = 10_000
# docs/spec/settlement.md, section 5: 1,500,000.00 KES at 150, band 3 %, spread 0.5 %.
AMOUNT = 150_000_000
AGREED = Rate(150, 1)


def terms(share_bps: int = 0, spread_bps: int = 50) -> FloatTerms:
    return FloatTerms(AGREED, 300, spread_bps, share_bps)


def moved(rate: Rate, by_bps: int) -> Rate:
    return Rate(rate.numerator * (BPS + by_bps), rate.denominator * BPS)


def test_a_quote_is_for_exactly_the_amount_when_every_median_in_reach_is_inside_the_band() -> None:
    assert payment_bounds(terms(), AMOUNT, funding_slice(terms(), AMOUNT), BPS, AGREED) == (AMOUNT, AMOUNT, AMOUNT)


def test_a_quote_covers_a_range_when_the_median_can_leave_the_band() -> None:
    held_minor = funding_slice(terms(), AMOUNT)
    least, expected, most = payment_bounds(terms(), AMOUNT, held_minor, BPS, Rate(144, 1))
    # The example of section 5: 1,484,536.08 KES at 144; two percent lower and higher beside it.
    assert expected == 148_453_608
    assert (least, most) == (145_484_536, AMOUNT)
    assert payment_bounds(terms(), AMOUNT, held_minor, BPS, Rate(156, 1))[1] == 151_456_310


def test_a_partial_outcome_scales_the_bounds() -> None:
    held_minor = funding_slice(terms(), AMOUNT)
    assert payment_bounds(terms(), AMOUNT, held_minor, 2_500, AGREED) == (AMOUNT // 4, AMOUNT // 4, AMOUNT // 4)


def test_nothing_is_asked_for_when_the_payment_floors_to_zero() -> None:
    cheap = Rate(1, 1_000)
    float_terms = FloatTerms(cheap, 300, 50, 0)
    with pytest.raises(NothingToPayError):
        payment_bounds(float_terms, 1, 900, BPS, cheap)
    assert payment_bounds(float_terms, 1, 1_100, BPS, cheap) == (1, 1, 1)
    with pytest.raises(RejectedError, match="milestone: expected one that a quote can settle"):
        asked_for("r1", float_terms, cheap, amount=1, held_minor=900)


def asked_for(
    request_id: str, float_terms: FloatTerms, median: Rate, amount: int = AMOUNT, held_minor: int | None = None
) -> object:
    return settlement_ask(
        request_id=request_id,
        importer="0x" + "11" * 20,
        trade_id=TRADE_ID,
        currencies=("EUR", "KES"),
        terms=float_terms,
        amount=amount,
        held=funding_slice(float_terms, amount) if held_minor is None else held_minor,
        share_bps=BPS,
        median=median,
    )


@settings(max_examples=300, deadline=None)
@given(
    share_bps=st.integers(0, BPS),
    spread_bps=st.integers(0, 500),
    amount=st.integers(1_000, 10**12),
    outcome_bps=st.integers(1, BPS),
    slice_bps=st.integers(5_000, 15_000),
    start=st.integers(12_000, 18_000),
    by_bps=st.integers(-SLACK_BPS, SLACK_BPS),
    above_percent=st.integers(0, 100),
)
def test_whatever_settles_within_the_slack_lies_within_the_bounds(
    share_bps: int,
    spread_bps: int,
    amount: int,
    outcome_bps: int,
    slice_bps: int,
    start: int,
    by_bps: int,
    above_percent: int,
) -> None:
    float_terms = terms(share_bps, spread_bps)
    asked_at = Rate(start, 100)
    held_minor = funding_slice(float_terms, amount) * slice_bps // BPS
    executed_at = moved(asked_at, by_bps)
    # Any quote from the spread limit of that moment up to what a median within the slack could be.
    lowest, highest = (Fraction(rate.numerator, rate.denominator) for rate in (executed_at, moved(asked_at, SLACK_BPS)))
    lowest *= Fraction(BPS - spread_bps, BPS)
    exact = lowest + (highest - lowest) * above_percent / 100
    quote = Rate(exact.numerator, exact.denominator)
    try:
        settled = settle(float_terms, amount, held_minor, outcome_bps, median=executed_at, quote=quote)
    except (NothingToPayError, QuoteTooLowError):
        return
    least, expected, most = payment_bounds(float_terms, amount, held_minor, outcome_bps, asked_at)
    assert least <= settled.paid <= most
    assert least <= expected <= most


def ask_to_settle(world: World, spread_bps: int = 50) -> None:
    """Ask for the quote of an importer whose milestone is final."""
    asked_at = world["bank-nl"].run(world["bank-nl"].quotes.medians.median, "EUR/KES")
    found = settlement_ask(
        request_id="r1",
        importer=world.account("bank-nl", "bloem"),
        trade_id=TRADE_ID,
        currencies=("EUR", "KES"),
        terms=FloatTerms(AGREED, 300, spread_bps, 0),
        amount=AMOUNT,
        held=funding_slice(FloatTerms(AGREED, 300, spread_bps, 0), AMOUNT),
        share_bps=BPS,
        median=asked_at.rate,
    )
    world["bank-nl"].run(world["bank-nl"].quotes.taker.ask, found)
    world.settle_down()


def test_a_quote_is_taken_when_it_keeps_the_spread_limit_and_refused_with_the_reason_when_not() -> None:
    world = start_with_oracle()
    ask_to_settle(world)
    baobab, amber = offers(world)
    # 30 + 8 basis points at Baobab, 45 + 10 at Amber; the limit is 50.
    assert (baobab.provider, baobab.refusal) == ("fx-baobab", None)
    assert amber.refusal == "rate: expected at most 0.50 % below the median, got 0.5496 %"
    assert accept(world).digest == baobab.digest
    with pytest.raises(QuoteRefusedError, match="below the median"):
        accept(world, amber.digest)


@pytest.mark.parametrize(("limit_bps", "is_taken"), [(38, True), (37, False)])
def test_the_spread_limit_is_kept_to_the_basis_point(limit_bps: int, is_taken: bool) -> None:
    world = start_with_oracle()
    ask_to_settle(world, limit_bps)
    if is_taken:
        assert accept(world).provider == "fx-baobab"
    else:
        with pytest.raises(NoQuoteError, match=r"fx-baobab: rate: expected at most 0\.37 % below the median"):
            accept(world)


def test_a_provider_reserves_the_most_it_may_have_to_pay() -> None:
    world = start_with_oracle()
    ask(world, min_minor=BUY_MINOR - 5, max_minor=BUY_MINOR + 7)
    (offer, _) = offers(world)
    assert (offer.min_amount, offer.max_amount) == (BUY_MINOR - 5, BUY_MINOR + 7)
    assert held(world, "fx-amber") == held(world, "fx-baobab") == BUY_MINOR + 7


def test_no_quote_is_taken_when_the_median_is_stale() -> None:
    world = start_with_oracle()
    reporters = [world[name].quotes.reporter for name in REPORTERS]
    for name, reporter in zip(REPORTERS, reporters, strict=True):
        assert reporter is not None
        world[name].run(lambda session, _, reporter=reporter: reporter.pause(session, "EUR/KES", "staff"))
    started_at_s = world["bank-nl"].run(world["bank-nl"].quotes.medians.median, "EUR/KES").started_at_s
    world.advance_to(started_at_s + 4 * DAY_S - 60)
    ask(world, spread_bps_max=100)
    assert offers(world)[0].refusal is None
    accept(world)
    world.advance_to(started_at_s + 4 * DAY_S + 1)
    assert offers(world)[0].refusal == "median EUR/KES: expected a fresh one, got one of 345601 s"
    with pytest.raises(QuoteRefusedError, match="expected a fresh one"):
        world["bank-nl"].run(world["bank-nl"].quotes.taker.accepted, "r1")
