"""Ledger time: whole seconds that only go forward, at the wall clock's pace from where genesis or someone put it.

A block's time is `max(parent + 1, wall clock + offset)`. The offset is fixed at genesis and moved only by time
control, which a network of several banks does not have. Many blocks within a second push the chain ahead of its
clock; the difference is reported as drift and disappears while the chain rests.
"""

from collections.abc import Callable
from dataclasses import dataclass

from node.chain.errors import TimeControlError
from node.chain.limits import CLOCK_AHEAD_S_MAX


@dataclass(slots=True)
class LedgerClock:
    """`wall_s` reads the machine's clock in unix seconds; `offset_s` is added to it."""

    wall_s: Callable[[], float]
    offset_s: int = 0
    next_s: int | None = None
    """Time of the next block, when someone has set it."""

    def read_s(self) -> int:
        """Return ledger time now, without regard to the chain's head."""
        return int(self.wall_s()) + self.offset_s

    def next_block_s(self, parent_s: int) -> int:
        """Return the time of a block made now."""
        return max(parent_s + 1, self.read_s() if self.next_s is None else self.next_s)

    def advance_to(self, time_s: int, parent_s: int) -> None:
        """Let the clock show `time_s` now and go on from there.

        Raises:
            TimeControlError: not after the head block, or absurdly far.
        """
        self._check(time_s, parent_s)
        self.offset_s = time_s - int(self.wall_s())
        self.next_s = None

    def set_next(self, time_s: int, parent_s: int) -> None:
        """Give the next block this time; the clock goes on from there."""
        self._check(time_s, parent_s)
        self.next_s = time_s

    def increase(self, seconds: int) -> int:
        """Move the clock forward and return the new offset."""
        if seconds < 0 or self.offset_s + seconds > CLOCK_AHEAD_S_MAX:
            raise TimeControlError(f"seconds: expected 0 to {CLOCK_AHEAD_S_MAX - self.offset_s}, got {seconds}")
        self.offset_s += seconds
        return self.offset_s

    def block_made(self, time_s: int) -> None:
        """Take note that a block was made; a time set for it becomes where the clock goes on from."""
        if self.next_s is not None:
            self.offset_s = time_s - int(self.wall_s())
            self.next_s = None

    def drift_s(self, head_s: int) -> int:
        """Return how far the head block is ahead of the ledger clock (0 when it is not)."""
        return max(0, head_s - self.read_s())

    def _check(self, time_s: int, parent_s: int) -> None:
        if time_s <= parent_s:
            raise TimeControlError(f"timestamp: expected later than the head block's {parent_s}, got {time_s}")
        if time_s - int(self.wall_s()) > CLOCK_AHEAD_S_MAX:
            raise TimeControlError(f"timestamp: expected at most {CLOCK_AHEAD_S_MAX} s ahead, got {time_s}")
