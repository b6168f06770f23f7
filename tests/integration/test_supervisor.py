"""Units of small real processes: started in order, stopped in order, ended together."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from node.app.errors import ProcessError, StoppedForGoodError
from node.app.supervisor import LOG_LINE_BYTES_MAX, Program, Unit, locked_home, log_path, running_unit

STOPPABLE = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: (note('stopped'), sys.exit(0)))"
WAIT = f"{STOPPABLE}; time.sleep(60)"
# The handler first: who reads "ready" may stop it at once.
READY = f"{STOPPABLE}; note('ready'); time.sleep(60)"
NOTE = "import json, sys\ndef note(event): print(json.dumps({'event': event}), flush=True)\n"


def program(name: str, script: str = READY, **more: object) -> Program:
    """A program in Python that can log events."""
    settings: dict[str, object] = {"ready": "ready", "start_timeout_s": 20, **more}
    return Program(name, (sys.executable, "-c", NOTE + script), **settings)  # type: ignore[arg-type]


def is_alive(pid: int) -> bool:
    """Whether it runs: neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def log_of(home: Path, name: str) -> str:
    """What a program has written."""
    return log_path(home, name).read_text("utf-8")


async def test_unit_yields_when_every_program_is_ready(tmp_path: Path) -> None:
    unit = Unit(tmp_path, (program("first"), program("second")))
    with locked_home(tmp_path) as lock:
        async with running_unit(unit, lock) as running:
            pids = [process.pid for process in running.processes.values()]
    assert sorted(running.processes) == ["first", "second"]
    assert not any(map(is_alive, pids))
    assert "stopped" in log_of(tmp_path, "first")


async def test_program_starts_only_when_the_one_before_listens(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listen = (
        "import socket, time; time.sleep(0.3); s = socket.socket(socket.AF_UNIX)\n"
        f"s.bind({str(path)!r}); s.listen(1); note('bound')\n{WAIT}"
    )
    seen = f"import os; note('ready' if os.path.exists({str(path)!r}) else 'too early')\n{WAIT}"
    unit = Unit(tmp_path, (program("server", listen, ready=path), program("client", seen, after=("server",))))
    with locked_home(tmp_path) as lock:
        async with running_unit(unit, lock):
            assert "too early" not in log_of(tmp_path, "client")


async def test_programs_stop_last_first_when_the_unit_ends(tmp_path: Path) -> None:
    order = tmp_path / "order"
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (open({path!r}, 'a').write({name!r}), sys.exit(0)))\n"
        "note('ready')\ntime.sleep(60)"
    )
    programs = tuple(program(name, script.format(path=str(order), name=name)) for name in ("a", "b", "c"))
    with locked_home(tmp_path) as lock:
        async with running_unit(Unit(tmp_path, programs), lock):
            pass
    assert order.read_text() == "cba"


async def test_unit_fails_with_the_last_lines_when_a_program_ends_before_it_is_ready(tmp_path: Path) -> None:
    unit = Unit(tmp_path, (program("good", ready=tmp_path / "never"), program("bad", "sys.exit('no disk')")))
    with locked_home(tmp_path) as lock, pytest.raises(ProcessError, match="bad did not start: no disk"):
        async with running_unit(unit, lock):
            pytest.fail("must not be ready")


async def test_unit_fails_when_a_program_is_not_ready_in_time(tmp_path: Path) -> None:
    unit = Unit(tmp_path, (program("slow", f"note('not yet')\n{WAIT}", start_timeout_s=0.5),))
    with locked_home(tmp_path) as lock, pytest.raises(ProcessError, match=r"slow did not start within 0\.5 s"):
        async with running_unit(unit, lock):
            pytest.fail("must not be ready")


async def test_unit_fails_when_a_program_cannot_be_run(tmp_path: Path) -> None:
    unit = Unit(tmp_path, (Program("none", (str(tmp_path / "missing"),), ready="ready"),))
    with locked_home(tmp_path) as lock, pytest.raises(ProcessError, match="cannot be run"):
        async with running_unit(unit, lock):
            pytest.fail("must not be ready")


async def test_unit_says_which_program_ended_when_one_is_killed(tmp_path: Path) -> None:
    with locked_home(tmp_path) as lock:
        async with running_unit(Unit(tmp_path, (program("a"), program("b"))), lock) as running:
            os.kill(running.processes["b"].pid, signal.SIGKILL)
            assert "b ended with code -9" in await asyncio.wait_for(running.ended(), 20)


@pytest.mark.parametrize(("code", "named"), [(1, "a ended with code 1"), (0, "b ended with code 2")])
async def test_unit_names_the_program_that_failed_when_another_ended_with_it(
    tmp_path: Path, code: int, named: str
) -> None:
    """One that needs another notices first, and ends first."""
    go = tmp_path / "go"
    wait = f"import os, time\nnote('ready')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
    ignore = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    needed = program("a", f"{ignore}{wait}time.sleep(0.3)\nsys.exit({code})")
    needing = program("b", f"{wait}sys.exit(2)")
    with locked_home(tmp_path) as lock:
        async with running_unit(Unit(tmp_path, (needed, needing)), lock) as running:
            go.touch()
            assert named in await asyncio.wait_for(running.ended(), 20)


@pytest.mark.parametrize("script", ["sys.exit(3)", "note('ready')\nimport time\ntime.sleep(0.3)\nsys.exit(3)"])
async def test_unit_stops_for_good_when_a_program_says_so(tmp_path: Path, script: str) -> None:
    for final_code in (3, 4):
        with locked_home(tmp_path) as lock, pytest.raises(ProcessError) as raised:
            async with running_unit(Unit(tmp_path, (program("a", script, final_code=final_code),)), lock) as running:
                raise ProcessError(await running.ended())
        assert isinstance(raised.value, StoppedForGoodError) == (final_code == 3)


async def test_program_is_killed_when_it_does_not_stop(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); note('ready'); time.sleep(60)"
    with locked_home(tmp_path) as lock:
        async with running_unit(Unit(tmp_path, (program("deaf", deaf, stop_timeout_s=0.2),)), lock) as running:
            pass
    assert running.processes["deaf"].returncode == -signal.SIGKILL


async def test_long_line_is_left_out_and_the_next_is_kept(tmp_path: Path) -> None:
    script = f"print('x' * {2 * LOG_LINE_BYTES_MAX}, flush=True)\n{READY}"
    with locked_home(tmp_path) as lock:
        async with running_unit(Unit(tmp_path, (program("loud", script),)), lock):
            pass
    assert "left out" in log_of(tmp_path, "loud")
    assert "stopped" in log_of(tmp_path, "loud")


async def test_programs_end_when_their_supervisor_was_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, pathlib\n"
        "from node.app.supervisor import Program, Unit, locked_home, running_unit\n"
        "async def main():\n"
        f"    home = pathlib.Path({str(tmp_path)!r})\n"
        f"    command = ({sys.executable!r}, '-c', {NOTE + 'note(chr(114))' + chr(10) + WAIT!r})\n"
        "    with locked_home(home) as lock:\n"
        "        async with running_unit(Unit(home, (Program('child', command, ready='r'),)), lock) as running:\n"
        "            print(running.processes['child'].pid, flush=True)\n"
        "            await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    pid = int(await asyncio.wait_for(process.stdout.readline(), 20))
    process.kill()
    await process.wait()
    async with asyncio.timeout(20):
        while is_alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
