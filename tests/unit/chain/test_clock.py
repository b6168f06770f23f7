"""Ledger time goes forward in whole seconds, follows the wall clock, and says how far it has run ahead."""

import pytest

from node.chain.clock import LedgerClock
from node.chain.errors import TimeControlError
from node.chain.limits import CLOCK_AHEAD_S_MAX


def test_next_block_is_later_than_its_parent_and_not_before_the_clock() -> None:
    wall = [1_000.9]
    clock = LedgerClock(lambda: wall[0], offset_s=100)
    assert clock.next_block_s(900) == 1_100
    assert clock.next_block_s(1_100) == 1_101
    assert clock.drift_s(1_105) == 5
    wall[0] = 1_010.0
    assert clock.drift_s(1_105) == 0
    assert clock.next_block_s(1_105) == 1_110


def test_clock_goes_on_from_where_it_was_advanced_to() -> None:
    wall = [1_000.0]
    clock = LedgerClock(lambda: wall[0])
    clock.advance_to(5_000, 1_000)
    wall[0] += 7
    assert clock.next_block_s(1_000) == 5_007


def test_set_time_counts_for_one_block_and_the_clock_goes_on_from_it() -> None:
    wall = [1_000.0]
    clock = LedgerClock(lambda: wall[0])
    clock.set_next(9_000, 1_000)
    assert clock.next_block_s(1_000) == 9_000
    clock.block_made(9_000)
    wall[0] += 3
    assert clock.next_block_s(9_000) == 9_003


def test_increase_adds_up_and_returns_the_offset() -> None:
    clock = LedgerClock(lambda: 1_000.0)
    assert clock.increase(60) == 60
    assert clock.increase(0) == 60
    assert clock.next_block_s(1) == 1_060


@pytest.mark.parametrize("time_s", [999, 1_000, 1_000 + CLOCK_AHEAD_S_MAX + 1])
def test_time_is_refused_when_not_later_or_absurd(time_s: int) -> None:
    clock = LedgerClock(lambda: 1_000.0)
    with pytest.raises(TimeControlError, match="timestamp"):
        clock.advance_to(time_s, 1_000)
    with pytest.raises(TimeControlError, match="timestamp"):
        clock.set_next(time_s, 1_000)
    assert clock.next_block_s(1_000) == 1_001


@pytest.mark.parametrize("seconds", [-1, CLOCK_AHEAD_S_MAX + 1])
def test_increase_is_refused_when_backwards_or_absurd(seconds: int) -> None:
    with pytest.raises(TimeControlError, match="seconds"):
        LedgerClock(lambda: 1_000.0).increase(seconds)
