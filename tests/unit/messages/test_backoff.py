"""The wait between attempts."""

from itertools import pairwise

import pytest

from node.messages.backoff import delay_s
from node.messages.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S


def test_delay_doubles_up_to_its_limit_when_failures_go_on() -> None:
    waits = [delay_s(failures, 1.0) for failures in range(1, 40)]
    assert waits[0] == BACKOFF_FIRST_S
    for shorter, longer in pairwise(waits):
        assert longer == min(BACKOFF_MAX_S, shorter * 2)
    assert waits[-1] == BACKOFF_MAX_S


@pytest.mark.parametrize("failures", [1, 5, 1_000_000])
def test_delay_is_half_left_to_chance_when_many_failed_together(failures: int) -> None:
    longest_s = delay_s(failures, 1.0)
    assert delay_s(failures, 0.0) == longest_s / 2
    assert longest_s / 2 < delay_s(failures, 0.5) < longest_s
