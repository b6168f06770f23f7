from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.errors import InvalidNumberError, NoOfferError
from fx.quotes import best_quote, cost_of, percent_text, price, sell_amount, total_cost_bps, total_cost_percent
from fx.rates import Rate

mids = st.builds(Rate, st.integers(1, 10**15), st.integers(1, 10**15))
bps = st.integers(0, 2000)
MID = Rate(150, 1)


@dataclass(frozen=True)
class FakeOffer:
    all_in: Rate
    premium: int = 0
    min_amount: int = 1
    max_amount: int = 10**12


def test_price_takes_fee_then_spread_when_both_are_charged():
    quoted = price(MID, spread_bps=30, fee_bps=20)
    assert quoted.all_in == Rate(150 * 9970 * 9980, 10_000 * 10_000)
    assert total_cost_bps(MID, quoted.all_in) == Fraction(10_000) - Fraction(9970 * 9980, 10_000)
    assert percent_text(total_cost_percent(MID, quoted.all_in)) == "0.50 %"


def test_price_is_mid_when_nothing_is_charged():
    assert price(MID, 0, 0).all_in == MID
    assert total_cost_bps(MID, MID) == 0


@pytest.mark.parametrize(("spread", "fee"), [(-1, 0), (0, -1), (10_000, 0), (0, 10_000), (1.5, 0), (0, True)])
def test_price_raises_when_spread_or_fee_is_out_of_range(spread: Any, fee: Any):
    with pytest.raises(InvalidNumberError, match="_bps"):
        price(MID, spread, fee)


def test_sell_amount_rounds_up_when_not_even():
    # docs/spec/settlement.md, section 4: Q = ceil(A / r).
    assert sell_amount(MID, 150_000_000) == 1_000_000
    assert sell_amount(MID, 150_000_001) == 1_000_001
    assert sell_amount(MID, 0) == 0


@pytest.mark.parametrize("amount", [-1, 1.0, True, 2**72])
def test_sell_amount_raises_when_amount_is_no_amount(amount: Any):
    with pytest.raises(InvalidNumberError):
        sell_amount(MID, amount)


def test_sell_amount_raises_when_result_exceeds_72_bits():
    with pytest.raises(InvalidNumberError, match="sell_amount"):
        sell_amount(Rate(1, 2**40), 2**40)


@given(mids, bps, bps, st.integers(0, 2**60))
def test_taker_never_gains_when_buying_and_selling_back_at_mid(mid: Rate, spread: int, fee: int, buy: int):
    quoted = price(mid, spread, fee)
    assert quoted.all_in.fits()
    assert not mid.is_below(quoted.all_in)
    try:
        sold = sell_amount(quoted.all_in, buy)
    except InvalidNumberError:
        return
    # What the bought amount is worth at mid is never more than what was paid.
    assert buy * mid.denominator <= sold * mid.numerator


@given(mids, bps, bps, st.integers(0, 2**40), st.integers(0, 2**40))
def test_splitting_an_order_never_saves_when_sold_in_parts(mid: Rate, spread: int, fee: int, one: int, two: int):
    all_in = price(mid, spread, fee).all_in
    try:
        parts, whole = sell_amount(all_in, one) + sell_amount(all_in, two), sell_amount(all_in, one + two)
    except InvalidNumberError:
        return
    assert parts >= whole


@given(st.integers(1, 10**6), bps, bps, st.integers(0, 2**50))
def test_cost_parts_add_up_when_priced_here(mid: int, spread: int, fee: int, buy: int):
    rate = Rate(mid, 1000)
    cost = cost_of(rate, price(rate, spread, fee).all_in, fee, buy)
    assert cost.value_minor + cost.spread_minor + cost.fee_minor == cost.sell_minor
    assert cost.total_minor == cost.sell_minor - cost.value_minor
    assert min(cost.value_minor, cost.spread_minor, cost.fee_minor) >= 0


def test_cost_of_raises_when_rate_is_better_than_mid():
    with pytest.raises(InvalidNumberError, match="all_in"):
        cost_of(MID, Rate(151, 1), 0, 150_000_000)


def test_best_quote_takes_lowest_total_when_premium_and_limits_differ():
    cheap_rate_dear_premium = FakeOffer(Rate(150, 1), premium=10_000)
    best = FakeOffer(Rate(149, 1))
    too_small = FakeOffer(Rate(155, 1), max_amount=100)
    too_large = FakeOffer(Rate(155, 1), min_amount=10**11)
    offers = [cheap_rate_dear_premium, too_small, best, too_large, FakeOffer(Rate(149, 1))]
    assert best_quote(offers, 150_000_000) is best
    assert best_quote(offers, 100) is too_small


def test_best_quote_raises_when_no_offer_covers_the_amount():
    with pytest.raises(NoOfferError, match="ask for quotes again"):
        best_quote([FakeOffer(MID, max_amount=10)], 11)
    with pytest.raises(NoOfferError):
        best_quote([], 1)


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (Fraction(1, 200), "0.01 %"),
        (Fraction(-1, 2), "-0.50 %"),
        (Fraction(-1, 1000), "0.00 %"),
        (Fraction(3), "3.00 %"),
    ],
)
def test_percent_text_rounds_half_away_when_shown(percent: Fraction, text: str):
    assert percent_text(percent) == text
