"""The float rule three times: fx/reprice.py, the model, the contracts' module. They agree to the unit."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fx.errors import NothingToPayError, QuoteTooLowError
from fx.rates import Rate
from fx.reprice import (
    FloatTerms,
    call_target,
    call_threshold,
    funding_slice,
    last_resort,
    lock_slices,
    settle,
    waived_slice,
)
from fx.slices import share_of
from tests.contracts.support import ROOT, ZERO_ADDRESS, ZERO_BYTES32, deploy
from tests.models.escrow import BPS, FloatRule
from tests.models.escrow.rates import lock_slices as model_lock_slices
from tests.models.escrow.rates import share_up

AMOUNT_MAX = 2**72 - 1
PART_MAX = 2**64 - 1
MEDIAN_MAX = 2**80 - 1
shares = st.sampled_from((1, 3_333, 5_000, 9_999, BPS))


@dataclass(frozen=True)
class Case:
    """One milestone under `float`, at one median and one quote."""

    rate_num: int
    rate_den: int
    band_bps: int
    spread_bps: int
    share_bps: int
    exponents: tuple[int, int]
    """Decimals of invoice and funding currency."""
    median: int
    amount: int
    held: int
    partial_bps: int
    quote: tuple[int, int]
    waived: int

    @property
    def shift(self) -> Fraction:
        return Fraction(10) ** (self.exponents[0] - self.exponents[1])

    @property
    def rate(self) -> Fraction:
        """The median in minor units."""
        return Fraction(self.median, 10**18) * self.shift

    def terms(self) -> FloatTerms:
        return FloatTerms(Rate(self.rate_num, self.rate_den), self.band_bps, self.spread_bps, self.share_bps)

    def rule(self) -> FloatRule:
        return FloatRule(Fraction(self.rate_num, self.rate_den), self.band_bps, self.spread_bps, self.share_bps)

    def leg(self) -> tuple[Any, ...]:
        """The contract's `FxLeg`."""
        fx = (3, self.rate_num, self.rate_den, self.band_bps, self.spread_bps, self.share_bps, 0, 0, 0)
        scale = (self.shift.numerator, self.shift.denominator)
        return (ZERO_BYTES32, ZERO_ADDRESS, ZERO_BYTES32, *scale, fx, 0, 0, 0)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Rates as markets have them, medians in, at and beyond the band, quotes about the worst that counts."""
    exponents = draw(st.tuples(*[st.sampled_from((0, 2, 3))] * 2))
    shift = Fraction(10) ** (exponents[0] - exponents[1])
    median_at_par = draw(st.integers(10**14, 10**22))
    agreed = (median_at_par * shift / 10**18).limit_denominator(10**9)
    if agreed.numerator == 0 or agreed.numerator > PART_MAX:
        agreed = Fraction(1)
    rule = FloatRule(
        agreed,
        draw(st.sampled_from((1, 300, 300, 2_000, 9_999))),
        draw(st.sampled_from((0, 50, 50, 9_999))),
        draw(st.sampled_from((0, 1, 5_000, BPS))),
    )
    at = draw(st.sampled_from((rule.rate, rule.lo, rule.hi, rule.rate * draw(st.integers(1, 40)) / 10)))
    median = min(MEDIAN_MAX, max(1, int(at / shift * 10**18) + draw(st.integers(-1, 1))))
    amount = draw(st.integers(1, 10**12))
    held = min(AMOUNT_MAX, rule.slice_of(amount))
    worst = rule.least_price(Fraction(median, 10**18) * shift).limit_denominator(10**9)
    quote = worst * draw(st.sampled_from((Fraction(999, 1_000), Fraction(1), Fraction(1_001, 1_000), Fraction(6, 5))))
    numerator = min(PART_MAX, max(1, quote.numerator))
    return Case(
        agreed.numerator,
        agreed.denominator,
        rule.band_bps,
        rule.spread_bps,
        rule.share_bps,
        exponents,
        median,
        amount,
        draw(st.sampled_from((held, held // 2 + 1, max(1, held - 1)))),
        draw(shares),
        (numerator, quote.denominator),
        draw(st.integers(0, amount)),
    )


@pytest.fixture(scope="module")
def harness() -> Any:
    return deploy("TradeFxHarness", folder=ROOT / "tests" / "contracts" / "harness")


def check(harness: Any, case: Case) -> None:
    """Compare every figure three ways."""
    terms, rule, r = case.terms(), case.rule(), case.rate
    median, quote = Rate(r.numerator, r.denominator), Rate(*case.quote)
    found = harness.figures(
        (case.leg(), case.median, case.amount, case.held, case.partial_bps, *case.quote, case.waived)
    )
    assert found.is_below == median.is_below(terms.low) == (r < rule.lo)
    assert found.is_above == terms.high.is_below(median) == (r > rule.hi)
    assert found.slice_ == rule.slice_of(case.amount)
    if found.slice_ <= AMOUNT_MAX:
        assert found.slice_ == funding_slice(terms, case.amount)
    assert found.threshold == rule.threshold(case.amount, r) == call_threshold(terms, case.amount, median)

    due = share_of(case.amount, case.partial_bps)
    price = Fraction(*case.quote)
    full = rule.full(due, r)
    paid = min(full, int(share_up(case.held, case.partial_bps) * price))
    assert (found.full, found.paid) == (full, paid)
    assert found.is_firm_enough == (price >= rule.least_price(r))
    try:
        settled = settle(terms, case.amount, case.held, case.partial_bps, median=median, quote=quote)
    except QuoteTooLowError:
        assert not found.is_firm_enough
    except NothingToPayError:
        assert paid == 0
    else:
        assert found.is_firm_enough
        assert (settled.full, settled.paid) == (full, paid)

    resort = min(rule.costs(due, rule.effective(r)), share_up(case.held, case.partial_bps)) if due else 0
    assert found.last_resort == resort
    assert last_resort(terms, case.amount, case.held, case.partial_bps, last_good=median) == resort
    assert found.waived_slice == waived_slice(case.held, case.amount, case.waived)
    if r < rule.lo:
        target = harness.target(case.leg(), case.median, case.amount)
        assert target == rule.target(case.amount, r)
        assert max(case.held, target) == call_target(terms, case.amount, case.held, median)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_float_rule_agrees_to_the_unit_when_terms_are_random(harness: Any, case: Case) -> None:
    check(harness, case)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_float_rule_agrees_to_the_unit_over_many_terms(harness: Any, case: Case) -> None:
    check(harness, case)


@pytest.mark.parametrize("share_bps", [0, 9_999, BPS])
@pytest.mark.parametrize("exponents", [(0, 3), (3, 0), (2, 2)])
@pytest.mark.parametrize("median", [1, MEDIAN_MAX])
@pytest.mark.parametrize("parts", [(PART_MAX, PART_MAX - 1), (PART_MAX, 1), (1, PART_MAX)])
def test_float_rule_never_overflows_when_every_part_is_at_its_limit(
    harness: Any, share_bps: int, exponents: tuple[int, int], median: int, parts: tuple[int, int]
) -> None:
    case = Case(*parts, 9_999, 9_999, share_bps, exponents, median, AMOUNT_MAX, AMOUNT_MAX, BPS, (1, PART_MAX), 1)
    check(harness, case)


@given(st.integers(1, AMOUNT_MAX), st.lists(st.integers(1, 2**69), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lock_slices_agree_when_a_price_is_divided(harness: Any, total: int, amounts: list[int]) -> None:
    slices = model_lock_slices(total, amounts)
    assert harness.lock_slices(total, amounts) == slices
    if 0 not in slices:
        assert lock_slices(total, amounts) == tuple(slices)
