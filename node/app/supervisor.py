"""Runs the programs of a node as one unit: a devnet's `chain` and `desk`, a validator's three or four.

What a program writes goes to `<home>/logs/<name>.log`, which is turned over before it grows too long. A program is
ready when it logs an agreed event or accepts connections on a Unix socket. When one ends by itself all are stopped,
in the reverse of their order, and the unit is started again or fails with the reason.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import itertools
import json
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from node.app.errors import HomeError, ProcessError, StoppedForGoodError

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
LOG_LINE_BYTES_MAX: Final = 1 << 20
LOG_FILE_BYTES_MAX: Final = 16 << 20
LOG_FILES_KEPT: Final = 3
_TAIL_BYTES: Final = 4096
_TAIL_CHARACTERS: Final = 1000
_POLL_S: Final = 0.02
_PORTS: Final = range(15_000, 32_768)
"""Below those that Linux gives to outgoing connections."""
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True)
class Program:
    """One process of a unit.

    Args:
        ready: The event that it logs (JSON lines), or the Unix socket that it listens on, once it is ready.
        after: Programs that must be ready before this one starts.
        stop_timeout_s: How long it may take to end by SIGTERM before it is killed.
        final_code: The exit code by which it says that starting it again does not help.
    """

    name: str
    command: tuple[str, ...]
    ready: str | Path
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    start_timeout_s: float = START_TIMEOUT_S
    stop_timeout_s: float = STOP_TIMEOUT_S
    final_code: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Programs that live and die together.

    Args:
        programs: They are stopped one after the other, the last one first.
        prepare: Done before every start, in a thread.
    """

    home: Path
    programs: tuple[Program, ...]
    prepare: Callable[[], None] = _nothing


class RunningUnit:
    """The processes of a unit while they run."""

    def __init__(self, unit: Unit, lock: int) -> None:
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self._unit = unit
        self._lock = lock
        self._ready = {program.name: asyncio.Event() for program in unit.programs}
        self._first_end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._watches: list[asyncio.Task[None]] = []

    async def ended(self) -> str:
        """Wait until one of the processes ends by itself; return a sentence that says which.

        Raises:
            StoppedForGoodError: starting it again does not help.
        """
        await asyncio.shield(self._first_end)
        program = await self._cause()
        log = log_path(self._unit.home, program.name)
        code = self.processes[program.name].returncode
        reason = f"{program.name} ended with code {code}; see {log}: {tail_of(log)}"
        if code == program.final_code:
            raise StoppedForGoodError(reason)
        return reason

    async def start(self) -> None:
        """Start every program; return when all are ready.

        Raises:
            ProcessError: one of them did not start; the message has its last log lines.
            StoppedForGoodError: starting it again does not help.
        """
        await asyncio.to_thread(self._unit.prepare)
        log_path(self._unit.home, "").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        starting = asyncio.create_task(self._start_all())
        either: set[asyncio.Future[Any]] = {starting, self._first_end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            starting.cancel()
            (failure,) = await asyncio.gather(starting, return_exceptions=True)
        if self._first_end.done():
            program = await self._cause()
            is_final = self.processes[program.name].returncode == program.final_code
            reason = f"{program.name} did not start: {tail_of(log_path(self._unit.home, program.name))}"
            raise StoppedForGoodError(reason) if is_final else ProcessError(reason)
        if isinstance(failure, BaseExceptionGroup):
            raise failure.exceptions[0]

    async def stop(self) -> None:
        """Stop what runs, the last program first."""
        for program in reversed(self._unit.programs):
            if process := self.processes.get(program.name):
                await _stop(process, program.stop_timeout_s)
        await asyncio.gather(*self._watches)

    async def _cause(self) -> Program:
        """Stop what still runs; return the program that says why the unit ended.

        One that needs another often ends first, when that one fails: then the other ends with an error too.
        """
        await self.stop()
        name = self._first_end.result()
        return next(one for one in self._unit.programs if one.name == name or self._has_failed(one.name))

    def _has_failed(self, name: str) -> bool:
        process = self.processes.get(name)
        return process is not None and process.returncode is not None and process.returncode > 0

    async def _start_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for program in self._unit.programs:
                group.create_task(self._start(program))

    async def _start(self, program: Program) -> None:
        for name in program.after:
            await self._ready[name].wait()
        process = await _spawn(program, self._lock)
        self.processes[program.name] = process
        self._watches.append(asyncio.create_task(self._watch(program, process)))
        try:
            async with asyncio.timeout(program.start_timeout_s):
                if isinstance(program.ready, Path):
                    await _listening(program.ready)
                    self._ready[program.name].set()
                await self._ready[program.name].wait()
        except TimeoutError:
            tail = tail_of(log_path(self._unit.home, program.name))
            raise ProcessError(f"{program.name} did not start within {program.start_timeout_s:g} s: {tail}") from None

    async def _watch(self, program: Program, process: asyncio.subprocess.Process) -> None:
        pump = asyncio.create_task(self._pump(program, process))
        await process.wait()
        # What it wrote last says why; a process that it left behind may hold the pipe open.
        await asyncio.wait({pump}, timeout=STOP_TIMEOUT_S)
        pump.cancel()
        if not self._first_end.done():
            self._first_end.set_result(program.name)

    async def _pump(self, program: Program, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None, "spawned with a pipe"
        path = log_path(self._unit.home, program.name)
        log = RotatingFileHandler(path, maxBytes=LOG_FILE_BYTES_MAX, backupCount=LOG_FILES_KEPT, encoding="utf-8")
        ready = self._ready[program.name]
        with contextlib.closing(log):
            while line := await _read_line(process.stdout):
                log.emit(logging.makeLogRecord({"msg": line.decode("utf-8", "replace").rstrip("\n")}))
                if not ready.is_set() and _event_of(line) == program.ready:
                    ready.set()


@contextlib.asynccontextmanager
async def running_unit(unit: Unit, lock: int) -> AsyncIterator[RunningUnit]:
    """Start a unit, yield when all of it is ready, stop it on exit.

    Args:
        lock: Descriptor that the processes inherit, of `locked_home`.

    Raises:
        ProcessError: a program did not start.
    """
    running = RunningUnit(unit, lock)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


def python_module(*arguments: str) -> tuple[str, ...]:
    """Return the command that runs one of our modules."""
    return (sys.executable, "-W", "ignore::UserWarning", "-m", *arguments)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return different loopback ports that were free a moment ago, and that no outgoing connection is given."""
    start = random.SystemRandom().randrange(len(_PORTS))
    return list(itertools.islice(filter(_is_free, (*_PORTS[start:], *_PORTS[:start])), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def locked_home(home: Path) -> Iterator[int]:
    """Hold the home directory's lock, so that no two nodes write the same files.

    Yields:
        The lock's descriptor. A process that inherits it holds the lock too: the programs keep the home theirs
        even when whoever started them was killed.

    Raises:
        HomeError: another node runs in `home`.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HomeError(f"home: {home} is in use by a running node; stop it or choose another --home") from error
        yield lock.fileno()


def log_path(home: Path, name: str) -> Path:
    """Return where a program's output goes."""
    return home / "logs" / f"{name}.log"


def tail_of(log: Path) -> str:
    """Return the end of a log in one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return " | ".join(file.read().decode("utf-8", "replace").splitlines()[-5:])[-_TAIL_CHARACTERS:]
    except OSError:
        return "no output"


async def _spawn(program: Program, lock: int) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LOG_LINE_BYTES_MAX,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=_end_with_parent,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | dict(program.environment),
        )
    except OSError as error:
        raise ProcessError(f"{program.name}: {program.command[0]} cannot be run ({error.strerror})") from error


def _end_with_parent() -> None:
    """Let the kernel end this process when its supervisor was killed (Linux; elsewhere it would run on alone)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line of more than 1 MiB was left out)\n"


def _event_of(line: bytes) -> object:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry.get("event") if isinstance(entry, dict) else None


async def _listening(path: Path) -> None:
    while True:
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(_POLL_S)
        else:
            writer.close()
            return


async def _stop(process: asyncio.subprocess.Process, timeout_s: float) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
