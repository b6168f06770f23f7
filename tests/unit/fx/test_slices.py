import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.errors import InvalidNumberError, WeightsError
from fx.slices import milestone_slices, payee_split, share_of

amounts = st.integers(0, 2**72 - 1)


@st.composite
def weights(draw: st.DrawFn) -> list[int]:
    cuts = sorted(draw(st.sets(st.integers(1, 9_999), max_size=6)))
    edges = [0, *cuts, 10_000]
    return [high - low for low, high in itertools.pairwise(edges)]


def test_milestone_slices_floor_and_give_the_last_the_rest_when_uneven():
    assert milestone_slices(150_000_000, [3000, 7000]) == (45_000_000, 105_000_000)
    assert milestone_slices(100, [3333, 3333, 3334]) == (33, 33, 34)
    assert milestone_slices(101, [5000, 5000]) == (50, 51)


@given(st.integers(10_000, 2**72 - 1), weights())
def test_milestone_slices_sum_to_the_amount_when_valid(amount: int, weights_bps: list[int]):
    slices = milestone_slices(amount, weights_bps)
    assert sum(slices) == amount
    for part, weight in zip(slices[:-1], weights_bps[:-1], strict=True):
        assert part * 10_000 <= amount * weight < (part + 1) * 10_000


@pytest.mark.parametrize(
    ("amount", "weights_bps", "error"),
    [
        (100, [3000, 6999], WeightsError),
        (100, [3000, 7001], WeightsError),
        (100, [], WeightsError),
        (100, [1, 9999], WeightsError),
        (0, [10_000], WeightsError),
        (100, [0, 10_000], InvalidNumberError),
        (100, [-1, 10_001], InvalidNumberError),
        (100, [5000.0, 5000], InvalidNumberError),
        (100.0, [10_000], InvalidNumberError),
        (True, [10_000], InvalidNumberError),
        (-1, [10_000], InvalidNumberError),
    ],
)
def test_milestone_slices_raise_when_input_is_bad(amount: Any, weights_bps: Any, error: type[Exception]):
    with pytest.raises(error):
        milestone_slices(amount, weights_bps)


@given(amounts, weights())
def test_payee_split_loses_nothing_when_shares_are_valid(amount: int, weights_bps: list[int]):
    shares = weights_bps[:-1]
    parts, exporter = payee_split(amount, shares)
    assert sum(parts) + exporter == amount
    assert all(part * 10_000 <= amount * share for part, share in zip(parts, shares, strict=True))
    assert exporter * 10_000 >= amount * (10_000 - sum(shares))


def test_payee_split_keeps_positions_when_a_part_is_zero():
    assert payee_split(45_000_000, [200, 50]) == ((900_000, 225_000), 43_875_000)
    assert payee_split(10, [500, 5000]) == ((0, 5), 5)
    assert payee_split(10, []) == ((), 10)


@pytest.mark.parametrize(
    ("shares", "error"),
    [
        ([5000, 5001], WeightsError),
        ([0], InvalidNumberError),
        ([10_001], InvalidNumberError),
        ([True], InvalidNumberError),
    ],
)
def test_payee_split_raises_when_shares_are_bad(shares: Any, error: type[Exception]):
    with pytest.raises(error):
        payee_split(100, shares)


def test_share_of_rounds_down_when_partial():
    assert share_of(101, 5000) == 50
    assert share_of(101, 10_000) == 101
    with pytest.raises(InvalidNumberError):
        share_of(101, 10_001)
