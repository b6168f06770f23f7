"""Random whole trades in the model, seeded: every failure names its seed, its terms and its acts."""

from collections import Counter

import pytest

from tests.models.escrow import Cause, Policy
from tests.models.random_trades import play_random

SEEDED = 1_000
SOAKED = 100_000
CHUNK = 5_000


def test_random_trades_keep_every_invariant_when_a_thousand_are_played() -> None:
    told = [play_random(seed) for seed in range(SEEDED)]
    ends = Counter((one.play.trade.policy, one.play.trade.cause) for one in told)
    acts = Counter(act[0] for one in told for act in one.acts)
    # The generator reaches what it is for: every policy paid in full, every way out, every call taken.
    assert all(ends[policy, Cause.SETTLED] > 20 for policy in Policy)
    assert {cause for _, cause in ends} == {*Cause, None}
    assert {name for name, count in acts.items() if count} >= {
        "attest", "silence", "accept", "waive", "assign", "dispute", "award", "defer", "settle", "settle_float",
        "last_resort", "reprice", "top_up", "cancel", "close_out_of_band", "lapse", "amend", "freeze", "lift",
    }  # fmt: skip
    assert sum(one.refused for one in told) > SEEDED


@pytest.mark.soak
@pytest.mark.parametrize("first", range(SEEDED, SEEDED + SOAKED, CHUNK))
def test_random_trades_keep_every_invariant_when_a_hundred_thousand_are_played(first: int) -> None:
    for seed in range(first, first + CHUNK):
        play_random(seed)
