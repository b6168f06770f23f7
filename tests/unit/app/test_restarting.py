"""When a unit is started again, and when it is given up. Time is the test's."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.app import restarting
from node.app.errors import ProcessError
from node.app.restarting import ENDS_MAX, ENDS_WINDOW_S, UnitState, keep_running
from node.app.supervisor import Unit


@dataclass
class FakeProcess:
    """A program that has a number."""

    pid: int


@dataclass
class FakeRun:
    """A run that was ready and ends at once, or never."""

    ends: bool
    processes: dict[str, FakeProcess] = field(default_factory=lambda: {"chain": FakeProcess(7)})

    async def ended(self) -> str:
        """Say which program ended."""
        if not self.ends:
            await asyncio.Event().wait()
        return "chain ended with code -9"


@dataclass
class Machine:
    """Runs end as listed: ready and ended, not ready, then on and on."""

    runs: list[str]
    seconds_each: float = 1.0
    now_s: float = 0.0
    stops: int = 0
    waits_s: list[float] = field(default_factory=list)
    is_on: bool = False
    told: list[UnitState] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running_unit(self, _unit: Unit, _lock: int) -> AsyncIterator[FakeRun]:
        """Stand in for the real one."""
        self.now_s += self.seconds_each
        how = self.runs.pop(0) if self.runs else "on"
        self.is_on = how == "on"
        if how == "disk full":
            raise OSError(28, "No space left on device")
        if how == "not ready":
            raise ProcessError("geth did not start: no space left")
        try:
            yield FakeRun(ends=how == "ended")
        finally:
            self.stops += 1

    async def pause(self, _stop: asyncio.Event, pause_s: float) -> None:
        """Note how long is waited, and wait no time."""
        self.waits_s.append(pause_s)
        self.now_s += pause_s


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Machine], "asyncio.Task[None]"]:
    """Start `keep_running` on a machine; it is told to stop once it runs on."""

    def start(machine: Machine) -> "asyncio.Task[None]":
        stop = asyncio.Event()

        def tell(state: UnitState) -> None:
            machine.told.append(state)
            if state.state == "running" and machine.is_on:
                stop.set()

        monkeypatch.setattr(restarting, "running_unit", machine.running_unit)
        monkeypatch.setattr(restarting, "_pause", machine.pause)
        return asyncio.create_task(keep_running(Unit(tmp_path, ()), 0, stop, tell, lambda: machine.now_s))

    return start


Keep = Callable[[Machine], "asyncio.Task[None]"]


async def test_unit_is_stopped_when_it_is_wished(keep: Keep) -> None:
    machine = Machine([])
    await keep(machine)
    assert [one.state for one in machine.told] == ["starting", "running", "stopped"]
    assert machine.stops == 1


async def test_unit_starts_again_with_the_reason_when_a_program_ended(keep: Keep) -> None:
    machine = Machine(["ended"])
    await keep(machine)
    assert [one.state for one in machine.told] == ["starting", "running", "waiting", "starting", "running", "stopped"]
    again = machine.told[-2]
    assert (again.restarts, again.reason, again.pids) == (1, "chain ended with code -9", {"chain": 7})


async def test_unit_waits_longer_and_longer_when_it_does_not_get_ready(keep: Keep) -> None:
    machine = Machine(["not ready"] * 9 + ["ended"])
    await keep(machine)
    assert machine.waits_s == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0, 0.1]


async def test_unit_is_given_up_when_it_ends_too_often(keep: Keep) -> None:
    machine = Machine(["ended"] * (2 * ENDS_MAX))
    with pytest.raises(ProcessError, match="given up after 20 ends within 600 s; the last: chain ended"):
        await keep(machine)
    assert machine.told[-1].state == "failed"
    assert len(machine.runs) == ENDS_MAX


async def test_unit_goes_on_when_it_ends_as_often_but_over_a_longer_time(keep: Keep) -> None:
    machine = Machine(["ended"] * (2 * ENDS_MAX), seconds_each=ENDS_WINDOW_S / (ENDS_MAX - 1))
    await keep(machine)
    assert machine.told[-1].state == "stopped"
    assert machine.told[-1].restarts == 2 * ENDS_MAX


async def test_unit_starts_again_when_the_disk_was_full(keep: Keep) -> None:
    machine = Machine(["disk full"])
    await keep(machine)
    assert machine.told[-2].state == "running"
    assert "No space left" in machine.told[-2].reason
