"""Keeps a unit running: starts it again when a program ended, and gives up when that does not help."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from node.app.errors import ProcessError
from node.app.supervisor import Unit, running_unit

ENDS_MAX: Final = 20
ENDS_WINDOW_S: Final = 600.0
"""So many ends within this time: starting again does not help."""
_PAUSE_FIRST_S: Final = 0.1
_PAUSE_MAX_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class UnitState:
    """What a unit does now; `reason` says why it was last started again or given up."""

    state: Literal["starting", "running", "waiting", "stopped", "failed"]
    restarts: int = 0
    reason: str = ""
    pids: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Ends:
    """When the unit ended by itself, and how long to wait before the next start."""

    clock: Callable[[], float]
    total: int = 0
    not_ready: int = 0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=ENDS_MAX))

    def add(self, was_ready: bool) -> None:
        self.total += 1
        self.not_ready = 0 if was_ready else self.not_ready + 1
        self.times.append(self.clock())

    @property
    def is_too_many(self) -> bool:
        return len(self.times) == ENDS_MAX and self.times[-1] - self.times[0] < ENDS_WINDOW_S

    @property
    def pause_s(self) -> float:
        """At once after a run that was ready; longer and longer while the unit does not get that far."""
        return min(_PAUSE_FIRST_S * float(1 << min(self.not_ready, 10)), _PAUSE_MAX_S)


async def keep_running(
    unit: Unit,
    lock: int,
    stop: asyncio.Event,
    tell: Callable[[UnitState], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run a unit until `stop` is set.

    Args:
        tell: Called with every change of state.

    Raises:
        ProcessError: it ended too often.
    """
    ends = _Ends(clock)
    reason = ""
    while not stop.is_set():
        run = asyncio.create_task(_run_once(unit, lock, tell, UnitState("starting", ends.total, reason)))
        if not await _before_stop(run, stop):
            break
        was_ready, reason = run.result()
        ends.add(was_ready)
        if ends.is_too_many:
            tell(UnitState("failed", ends.total, reason))
            raise ProcessError(f"given up after {ENDS_MAX} ends within {ENDS_WINDOW_S:.0f} s; the last: {reason}")
        tell(UnitState("waiting", ends.total, reason))
        await _pause(stop, ends.pause_s)
    tell(UnitState("stopped", ends.total, reason))


async def _run_once(unit: Unit, lock: int, tell: Callable[[UnitState], None], starting: UnitState) -> tuple[bool, str]:
    """Run the unit until a program ends; return whether all were ready before, and what happened."""
    tell(starting)
    try:
        async with running_unit(unit, lock) as running:
            pids = {name: process.pid for name, process in running.processes.items()}
            tell(UnitState("running", starting.restarts, starting.reason, pids))
            return True, await running.ended()
    except (ProcessError, OSError) as error:
        # A full disk, for one, may have room again at the next start.
        return False, str(error)


async def _pause(stop: asyncio.Event, pause_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), pause_s)


async def _before_stop(run: "asyncio.Task[tuple[bool, str]]", stop: asyncio.Event) -> bool:
    """Wait for the run or for the wish to stop, which ends the run; return whether the run ended by itself."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({run, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return run.done()
    finally:
        stopping.cancel()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
