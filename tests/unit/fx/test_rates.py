from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.currencies import get_currency
from fx.errors import InvalidNumberError
from fx.money import Money
from fx.rates import Rate, Rounding, convert, divide, major_rate, minor_rate

parts = st.integers(1, 2**64 - 1)
rates = st.builds(Rate, parts, parts)
EUR, KES, JPY, KWD = (get_currency(code) for code in ("EUR", "KES", "JPY", "KWD"))


def fraction(rate: Rate) -> Fraction:
    return Fraction(rate.numerator, rate.denominator)


def test_rate_is_exact_and_reduced_when_parsed():
    assert Rate.parse("150.77292623") == Rate(15077292623, 10**8)
    assert Rate.parse("150.50") == Rate(301, 2) == Rate(602, 4)


@pytest.mark.parametrize("text", ["", "0", "0.000", "-1", "1e5", "1,5", ".5", "nan", "1." + "0" * 19, 1.5, 2, None])
def test_rate_parse_raises_when_text_is_no_positive_decimal(text: Any):
    with pytest.raises(InvalidNumberError):
        Rate.parse(text)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (1, 0), (-1, 1), (1.0, 1), (1, True), (1 << 513, 1)])
def test_rate_raises_when_a_part_is_no_positive_int(numerator: Any, denominator: Any):
    with pytest.raises(InvalidNumberError, match=r"numerator|denominator"):
        Rate(numerator, denominator)


def test_minor_rate_follows_the_exponents_when_currencies_differ_in_them():
    # docs/spec/settlement.md: invoice in KWD, funding in JPY, 480 JPY per KWD: r = 1000/480.
    assert minor_rate(Rate(1, 480), JPY, KWD) == Rate(1000, 480)
    assert minor_rate(Rate(150, 1), EUR, KES) == Rate(150, 1)
    assert major_rate(Rate(1000, 480), JPY, KWD) == Rate(1, 480)


def test_convert_rounds_as_told_when_not_even():
    rate = Rate(1000, 480)
    assert convert(Money(100, JPY), rate, KWD, rounding=Rounding.FLOOR) == Money(208, KWD)
    assert convert(Money(100, JPY), rate, KWD, rounding=Rounding.CEIL) == Money(209, KWD)


def test_rounding_has_no_default_when_left_out():
    with pytest.raises(TypeError, match="rounding"):
        Rate(1, 3).scaled(10)  # type: ignore[call-arg]


@pytest.mark.parametrize("amount", [1.0, True, -1, 2**72])
def test_scaled_raises_when_amount_is_no_amount(amount: Any):
    with pytest.raises(InvalidNumberError, match="amount"):
        Rate(1, 3).scaled(amount, rounding=Rounding.FLOOR)


@given(rates, rates)
def test_cross_and_inverse_are_exact_when_composed(first: Rate, second: Rate):
    assert fraction(first.times(second)) == fraction(first) * fraction(second)
    assert first.times(first.inverse()) == Rate(1, 1)
    assert first.is_below(second) == (fraction(first) < fraction(second))


@given(rates, st.integers(0, 2**72 - 1))
def test_round_trip_never_creates_value_when_both_ways_round_down(rate: Rate, amount: int):
    there = divide(amount * rate.numerator, rate.denominator, rounding=Rounding.FLOOR)
    back = divide(there * rate.denominator, rate.numerator, rounding=Rounding.FLOOR)
    assert back <= amount


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_divide_brackets_the_quotient_when_rounded_both_ways(numerator: int, denominator: int):
    low = divide(numerator, denominator, rounding=Rounding.FLOOR)
    high = divide(numerator, denominator, rounding=Rounding.CEIL)
    assert low <= Fraction(numerator, denominator) <= high
    assert high - low == (numerator % denominator != 0)


@given(st.integers(1, 2**200), st.integers(1, 2**200))
def test_bounded_fits_and_stays_on_its_side_when_possible(numerator: int, denominator: int):
    rate = Rate(numerator, denominator)
    try:
        low, high = rate.bounded(rounding=Rounding.FLOOR), rate.bounded(rounding=Rounding.CEIL)
    except InvalidNumberError:
        # Only a rate that is itself near the ends of the range cannot be written.
        assert not Fraction(1, 2**60) < fraction(rate) < 2**60
        return
    assert low.fits()
    assert high.fits()
    assert fraction(low) <= fraction(rate) <= fraction(high)
    if rate.fits():
        assert low == rate == high


def test_decimal_rounds_half_up_when_shown():
    assert Rate(1, 8).decimal(2) == "0.13"
    assert Rate(150, 1).decimal(0) == "150"
    assert Rate.parse("150.77292623").decimal(4) == "150.7729"
