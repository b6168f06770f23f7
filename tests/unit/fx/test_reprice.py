from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fx.currencies import get_currency
from fx.errors import InvalidNumberError, NothingToPayError, QuoteTooLowError, WeightsError
from fx.rates import Rate
from fx.reprice import (
    FloatTerms,
    call_target,
    call_threshold,
    cancel_fee_part,
    funding_slice,
    is_call_due,
    last_resort,
    lock_slices,
    median_rate,
    settle,
    slice_share,
    waived_slice,
)

# The example of docs/spec/settlement.md, section 5: KES and EUR both have two decimals.
INVOICE = 150_000_000
HELD = 1_036_109
MARKET = FloatTerms(Rate(150, 1), band_bps=300, spread_bps=50, share_bps=10_000)
HALF = replace(MARKET, share_bps=5_000)
EDGE = replace(MARKET, share_bps=0)
FULL = 10_000


def mid(rate: str) -> dict[str, Rate]:
    return {"median": Rate.parse(rate), "quote": Rate.parse(rate)}


@st.composite
def float_terms(draw: st.DrawFn) -> FloatTerms:
    """Terms with rates as currencies with 0, 2 and 3 decimals have them: 10**-6 to 10**7."""
    rate = Rate(draw(st.integers(1, 10**7)), draw(st.sampled_from((1, 100, 480, 1_000, 999_983, 10**6))))
    return FloatTerms(
        rate,
        band_bps=draw(st.sampled_from((1, 300, 300, 1_000, 9_999))),
        spread_bps=draw(st.sampled_from((0, 50, 50, 777, 5_000))),
        share_bps=draw(st.sampled_from((0, 1, 3_333, 5_000, 10_000))),
    )


@st.composite
def medians(draw: st.DrawFn, terms: FloatTerms) -> Rate:
    """A median anywhere from a twentieth to twentyfold, with the edges of the band among them."""
    moved = Rate(draw(st.integers(1, 400)), 20).times(terms.rate)
    return draw(st.sampled_from((terms.low, terms.high, terms.rate, moved)))


@st.composite
def cases(draw: st.DrawFn) -> tuple[FloatTerms, int, int, Rate, Rate]:
    """Terms, amount, slice, median and an acceptable quote."""
    terms = draw(float_terms())
    amount = draw(st.integers(1, 10**11))
    median = draw(medians(terms))
    quote = terms.least_quote(median).times(Rate(draw(st.integers(1_000, 1_100)), 1_000))
    held = funding_slice(terms, amount)
    return terms, amount, draw(st.sampled_from((held, held, held // 2 + 1, 2 * held))), median, quote


# The example --------------------------------------------------------------------------------------------------


def test_slice_is_the_examples_when_band_and_spread_are_its():
    assert funding_slice(EDGE, INVOICE) == funding_slice(MARKET, INVOICE) == HELD
    assert settle(EDGE, INVOICE, HELD, FULL, **mid("150")).paid == INVOICE
    assert settle(EDGE, INVOICE, HELD, FULL, **mid("145.5")).sold == 1_030_928


def test_settlement_pays_the_band_edge_when_the_importer_bears_nothing_beyond():
    settled = settle(EDGE, INVOICE, HELD, FULL, **mid("144"))
    assert (settled.paid, settled.full, settled.sold) == (148_453_608, 148_453_608, 1_030_928)
    assert not settled.is_short
    dear = settle(EDGE, INVOICE, HELD, FULL, median=Rate(144, 1), quote=Rate.parse("143.28"))
    assert (dear.paid, dear.sold, dear.refunded) == (148_453_608, HELD, 0)


@pytest.mark.parametrize(
    ("terms", "needed", "missing", "paid"),
    [(MARKET, 1_046_902, 43_171, INVOICE), (HALF, 1_041_477, 21_145, 149_222_797)],
)
def test_call_asks_for_the_examples_when_the_rate_leaves_the_band(
    terms: FloatTerms, needed: int, missing: int, paid: int
):
    median = Rate(144, 1)
    assert is_call_due(terms, [(INVOICE, HELD)], median)
    assert call_threshold(terms, INVOICE, median) == needed
    target = call_target(terms, INVOICE, HELD, median)
    assert target - HELD == missing
    topped_up = settle(terms, INVOICE, target, FULL, median=median, quote=Rate.parse("143.28"))
    assert (topped_up.paid, topped_up.is_short) == (paid, False)
    unpaid = settle(terms, INVOICE, HELD, FULL, median=median, quote=Rate.parse("143.28"))
    assert (unpaid.paid, unpaid.full, unpaid.sold) == (148_453_697, paid, HELD)
    assert unpaid.is_short


def test_settlement_shares_the_rise_when_the_rate_is_above_the_band():
    assert settle(EDGE, INVOICE, HELD, FULL, **mid("156")).paid == 151_456_310
    assert settle(MARKET, INVOICE, HELD, FULL, **mid("156")).paid == INVOICE


def test_settlement_scales_amount_down_and_slice_up_when_partial():
    settled = settle(EDGE, 101, 3, 5_000, **mid("150"))
    assert (settled.full, settled.paid, settled.sold, settled.refunded) == (50, 50, 1, 2)


def test_median_becomes_minor_units_when_exponents_differ():
    # docs/spec/settlement.md, introduction: invoice in KWD, funding in JPY, 480 JPY per KWD: 1000/480.
    jpy, kwd, eur, ugx = (get_currency(code) for code in ("JPY", "KWD", "EUR", "UGX"))
    kwd_per_jpy = 10**18 // 480
    assert median_rate(kwd_per_jpy, jpy, kwd) == Rate(kwd_per_jpy * 1_000, 10**18)
    assert median_rate(4_100 * 10**18, eur, ugx) == Rate(41, 1)
    assert median_rate(480 * 10**18, kwd, jpy) == Rate(480, 1_000)


@pytest.mark.parametrize("median", [0, -1, 2**80, 1.5, True])
def test_median_raises_when_it_is_no_median(median: Any):
    with pytest.raises(InvalidNumberError, match="median"):
        median_rate(median, get_currency("EUR"), get_currency("UGX"))


# Properties ---------------------------------------------------------------------------------------------------


@given(st.data())
def test_settlement_pays_the_invoice_amount_when_the_median_is_inside_the_band(data: st.DataObject):
    terms = data.draw(float_terms())
    amount = data.draw(st.integers(1, 10**11))
    inside = Fraction(data.draw(st.integers(10_000 - terms.band_bps, 10_000 + terms.band_bps)), 10_000)
    median = terms.rate.times(Rate(inside.numerator, inside.denominator))
    held = funding_slice(terms, amount)
    settled = settle(terms, amount, held, FULL, median=median, quote=terms.least_quote(median))
    assert settled.paid == settled.full == amount
    assert terms.effective(median) == median


@given(cases(), st.sampled_from((1, 3_333, 9_999, FULL)))
def test_settlement_never_sells_more_than_its_share_when_anything_is_paid(
    case: tuple[FloatTerms, int, int, Rate, Rate], share_bps: int
):
    terms, amount, held, median, quote = case
    try:
        settled = settle(terms, amount, held, share_bps, median=median, quote=quote)
    except NothingToPayError:
        effective = Fraction(terms.effective(median).numerator, terms.effective(median).denominator)
        owed = floor(amount * share_bps // FULL * Fraction(median.numerator, median.denominator) / effective)
        usable = floor(slice_share(held, share_bps) * Fraction(quote.numerator, quote.denominator))
        assert min(owed, usable) == 0
        return
    price = Fraction(quote.numerator, quote.denominator)
    assert 0 < settled.paid <= settled.full
    assert settled.sold <= slice_share(held, share_bps) <= held
    assert settled.sold + settled.refunded == held
    # The provider gives no more than its quote says, and less than one unit of F too much is sold.
    assert settled.paid <= settled.sold * price
    assert (settled.sold - 1) * price < settled.paid


@given(cases(), st.integers(1, 10**6))
def test_settlement_is_monotone_when_amount_slice_or_quote_grow(
    case: tuple[FloatTerms, int, int, Rate, Rate], more: int
):
    terms, amount, held, median, quote = case
    try:
        base = settle(terms, amount, held, FULL, median=median, quote=quote)
    except NothingToPayError:
        assume(False)
        return
    better = quote.times(Rate(10**6 + more, 10**6))
    for grown in (
        settle(terms, amount + more, held, FULL, median=median, quote=quote),
        settle(terms, amount, held + more, FULL, median=median, quote=quote),
        settle(terms, amount, held, FULL, median=median, quote=better),
    ):
        assert grown.paid >= base.paid


@given(st.data())
def test_effective_rate_is_monotone_and_lies_between_edge_and_median_when_beyond_the_band(data: st.DataObject):
    terms = data.draw(float_terms())
    first, second = data.draw(medians(terms)), data.draw(medians(terms))
    if second.is_below(first):
        first, second = second, first
    assert not terms.effective(second).is_below(terms.effective(first))
    # What the payees are owed falls with the rate, too.
    assert not second.times(terms.effective(second).inverse()).is_below(first.times(terms.effective(first).inverse()))
    for median in (first, second):
        if median.is_below(terms.low):
            assert not terms.effective(median).is_below(median)
            assert not terms.low.is_below(terms.effective(median))
        elif terms.high.is_below(median):
            assert not median.is_below(terms.effective(median))
            assert not terms.effective(median).is_below(terms.high)
        else:
            assert terms.is_within(median)


@given(float_terms(), st.integers(1, 10**11), st.integers(1, 999))
def test_paid_call_pays_in_full_down_to_a_band_below_when_the_rate_falls_on(
    terms: FloatTerms, amount: int, fallen_to: int
):
    held = funding_slice(terms, amount)
    median = terms.low.times(Rate(fallen_to, 1_000))
    target = call_target(terms, amount, held, median)
    assert target >= max(held, call_threshold(terms, amount, median))
    for rate in (median, median.times(Rate(10_000 - terms.band_bps, 10_000))):
        owed = rate.times(terms.effective(rate).inverse())
        if amount * owed.numerator >= owed.denominator and target < 2**72:
            assert not settle(terms, amount, target, FULL, median=rate, quote=terms.least_quote(rate)).is_short


@given(cases())
def test_call_is_due_only_when_an_unpaid_settlement_could_be_short(case: tuple[FloatTerms, int, int, Rate, Rate]):
    terms, amount, held, median, _ = case
    is_due = is_call_due(terms, [(amount, held)], median)
    assert is_due == (
        terms.share_bps > 0 and median.is_below(terms.low) and held < call_threshold(terms, amount, median)
    )
    assert not is_call_due(replace(terms, share_bps=0), [(amount, 0)], median)
    assert not is_call_due(terms, [(amount, 0)], terms.low)
    assert not is_call_due(terms, [], median)


@given(cases(), st.sampled_from((1, 3_333, 9_999, FULL)))
def test_last_resort_never_exceeds_the_share_of_the_slice_when_the_rate_fell(
    case: tuple[FloatTerms, int, int, Rate, Rate], share_bps: int
):
    terms, amount, held, median, _ = case
    paid = last_resort(terms, amount, held, share_bps, last_good=median)
    assert paid <= slice_share(held, share_bps) <= held
    effective = terms.least_quote(terms.effective(median))
    owed = ceil(Fraction(amount * share_bps // FULL * effective.denominator, effective.numerator))
    assert paid == min(owed, slice_share(held, share_bps))


# Divisions ----------------------------------------------------------------------------------------------------


@given(st.integers(10**6, 10**12), st.lists(st.integers(10**3, 10**6), min_size=1, max_size=8))
def test_lock_slices_sum_to_the_price_when_it_is_divided(sold: int, amounts: list[int]):
    slices = lock_slices(sold, amounts)
    assert sum(slices) == sold
    for part, amount in zip(slices, amounts, strict=True):
        assert abs(part - Fraction(sold * amount, sum(amounts))) < 1


def test_lock_slices_are_differences_of_ceilings_when_uneven():
    assert lock_slices(100, [1, 1, 1]) == (34, 33, 33)
    assert lock_slices(2, [1, 1]) == (1, 1)


@pytest.mark.parametrize(("sold", "amounts"), [(1, [1, 1]), (10, []), (10, [0]), (10, [5, 0])])
def test_lock_slices_raise_when_a_slice_would_be_zero(sold: int, amounts: list[int]):
    with pytest.raises(WeightsError):
        lock_slices(sold, amounts)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.data())
def test_waived_slice_covers_what_is_left_when_a_part_is_given_up(held: int, amount: int, data: st.DataObject):
    waived = data.draw(st.integers(0, amount))
    left = waived_slice(held, amount, waived)
    assert left <= held
    assert left * amount >= held * (amount - waived) > (left - 1) * amount


def test_cancel_fee_part_rounds_up_but_stays_below_what_is_released():
    assert cancel_fee_part(100, 1, 3, released=50) == 34
    assert cancel_fee_part(100, 3, 3, released=50) == 50
    assert cancel_fee_part(0, 1, 3, released=50) == 0


def test_quote_settles_down_to_the_spread_when_it_is_exactly_there():
    least = MARKET.least_quote(Rate(150, 1))
    assert settle(MARKET, INVOICE, HELD, FULL, median=Rate(150, 1), quote=least).paid == INVOICE
    worse = least.times(Rate(10**9 - 1, 10**9))
    with pytest.raises(QuoteTooLowError, match=r"expected a rate of at least 149\.25"):
        settle(MARKET, INVOICE, HELD, FULL, median=Rate(150, 1), quote=worse)


def test_settlement_raises_when_it_would_pay_nothing():
    with pytest.raises(NothingToPayError):
        settle(MARKET, 1, 1, 9_999, **mid("150"))
    assert settle(MARKET, 1, 1, FULL, **mid("150")).paid == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"band_bps": 0},
        {"band_bps": 10_000},
        {"spread_bps": 10_000},
        {"spread_bps": -1},
        {"share_bps": 10_001},
        {"share_bps": True},
        {"rate": Rate(2**64, 1)},
        {"rate": Rate(1, 2**64)},
    ],
)
def test_terms_raise_when_a_figure_is_out_of_range(bad: dict[str, Any]):
    with pytest.raises(InvalidNumberError):
        replace(MARKET, **bad)


@pytest.mark.parametrize("amount", [-1, 2**72, 1.0, True])
def test_amounts_raise_when_they_are_no_amounts(amount: Any):
    with pytest.raises(InvalidNumberError):
        funding_slice(MARKET, amount)
    with pytest.raises(InvalidNumberError):
        settle(MARKET, 1, amount, FULL, **mid("150"))
    with pytest.raises(InvalidNumberError):
        waived_slice(1, 0, 0)
