"""What a lock costs beyond its rate: the premium for standing ready, the fee for giving it up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.errors import InvalidNumberError
from fx.quotes import cancel_fee, effective_rate, lock_premium, percent_text, sell_amount, total_cost_percent
from fx.rates import Rate

DAY_S = 86_400
MID = Rate(150, 1)
amounts = st.integers(1, 2**60)
parts = st.integers(1, 2**64 - 1)


def test_lock_premium_is_pro_rata_of_time_and_rounds_up_toward_the_provider():
    # 40 basis points of 1,000,000 for 30 days are 4,000.
    assert lock_premium(1_000_000, 40, 30 * DAY_S) == 4_000
    assert lock_premium(1_000_000, 40, 30 * DAY_S + 1) == 4_001
    assert lock_premium(1_000_000, 40, 60 * DAY_S) == 8_000
    assert lock_premium(1, 1, 1) == 1
    assert lock_premium(1_000_000, 40, 0) == lock_premium(1_000_000, 0, DAY_S) == lock_premium(0, 40, DAY_S) == 0


def test_cancel_fee_is_a_share_of_the_price_and_never_above_it():
    assert cancel_fee(1_000_000, 50) == 5_000
    assert cancel_fee(1_000_001, 50) == 5_001
    assert cancel_fee(1_000_000, 10_000) == 1_000_000
    assert cancel_fee(1_000_000, 0) == 0


@pytest.mark.parametrize("bad", [-1, 10_001, 1.0, True])
def test_premium_and_fee_raise_when_the_basis_points_are_out_of_range(bad: Any):
    with pytest.raises(InvalidNumberError, match="bps_per_30d"):
        lock_premium(1, bad, 1)
    with pytest.raises(InvalidNumberError, match="fee_bps"):
        cancel_fee(1, bad)


def test_lock_premium_raises_when_the_time_is_negative_or_the_result_has_more_than_72_bits():
    with pytest.raises(InvalidNumberError, match="length_s"):
        lock_premium(1, 1, -1)
    with pytest.raises(InvalidNumberError, match="premium"):
        lock_premium(2**72 - 1, 10_000, 400 * DAY_S)


def test_total_cost_counts_the_premium_when_there_is_one():
    price = Rate(150 * 9_950, 10_000)
    # 1 - 0.995 x 1,000,000 / 1,004,000: half a percent of rate, 0.4 % of premium on what is paid.
    paid = sell_amount(price, 149_250_000)
    assert paid == 1_000_000
    assert percent_text(total_cost_percent(MID, effective_rate(price, 4_000, 149_250_000))) == "0.90 %"
    assert percent_text(total_cost_percent(MID, effective_rate(price, 0, 149_250_000))) == "0.50 %"


def test_effective_rate_raises_when_nothing_is_bought():
    with pytest.raises(InvalidNumberError, match="buy_minor"):
        effective_rate(MID, 1, 0)


@given(parts, parts, amounts)
def test_effective_rate_is_the_quotes_own_when_there_is_no_premium(num: int, den: int, buy: int):
    assert effective_rate(Rate(num, den), 0, buy) == Rate(num, den)


@given(parts, parts, st.integers(1, 2**60), amounts)
def test_effective_rate_is_below_the_quotes_when_there_is_a_premium(num: int, den: int, premium: int, buy: int):
    assert effective_rate(Rate(num, den), premium, buy).is_below(Rate(num, den))
