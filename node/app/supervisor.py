"""Runs a node's two processes, `chain` and `desk`, as one unit.

Both start side by side. What they log goes to `<home>/logs`; the first line that says `listening`
means ready. When one ends by itself the other is stopped and the unit fails with the reason.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from node.app.errors import HomeError, ProcessError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
LOG_LINE_BYTES_MAX = 1 << 20
LISTENING_EVENTS = {"chain_listening", "desk_listening"}


@dataclass(frozen=True, slots=True)
class Node:
    """A running node: where to reach it, and its processes."""

    home: Path
    rpc_url: str
    rest_url: str
    processes: dict[str, asyncio.subprocess.Process]


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def locked_home(home: Path) -> Iterator[int]:
    """Hold the home directory's lock, so that no two nodes write the same files.

    Yields:
        The lock's descriptor. A process that inherits it holds the lock too: chain and desk keep the home theirs
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


@contextlib.asynccontextmanager
async def running_node(
    home: Path,
    *,
    lock: int,
    rpc_port: int,
    rest_port: int,
    messages_port: int,
    chain_args: list[str],
    desk_args: list[str],
) -> AsyncIterator[Node]:
    """Start both processes on a prepared home, yield when both listen, stop them on exit.

    Raises:
        ProcessError: one of them did not start; the message has its last log lines.
    """
    rpc_port = rpc_port or free_port()
    rest_port = rest_port or free_port()
    messages_port = messages_port or free_port()
    rpc_url = f"http://127.0.0.1:{rpc_port}"
    commands = {
        "chain": ["node.chain", "--home", str(home), "--port", str(rpc_port), *chain_args],
        "desk": [
            *("node.app.desk", "--home", str(home), "--rpc-url", rpc_url),
            *("--port", str(rest_port), "--messages-port", str(messages_port)),
            *desk_args,
        ],
    }
    _log_path(home, "").parent.mkdir(parents=True, exist_ok=True)
    processes: dict[str, asyncio.subprocess.Process] = {}
    pumps: list[asyncio.Task[None]] = []
    try:
        ready = {}
        for name, arguments in commands.items():
            processes[name] = await _spawn(arguments, lock)
            ready[name] = asyncio.Event()
            pumps.append(asyncio.create_task(_pump(processes[name], _log_path(home, name), ready[name])))
        for name in commands:
            await _wait_ready(name, processes[name], ready[name], _log_path(home, name))
        yield Node(home, rpc_url, f"http://127.0.0.1:{rest_port}", processes)
    finally:
        for process in processes.values():
            await _stop(process)
        await asyncio.gather(*pumps)


async def wait_for_end(node: Node) -> str:
    """Wait until one of the processes ends by itself; return a sentence that says which."""
    waits = {asyncio.create_task(process.wait()): name for name, process in node.processes.items()}
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    name = waits[next(iter(done))]
    return f"{name} ended with code {node.processes[name].returncode}; see {_log_path(node.home, name)}"


async def _spawn(arguments: list[str], lock: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore::UserWarning",
        "-m",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=LOG_LINE_BYTES_MAX,
        start_new_session=True,
        pass_fds=(lock,),
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


async def _pump(process: asyncio.subprocess.Process, log_path: Path, ready: asyncio.Event) -> None:
    assert process.stderr is not None, "spawned with a pipe"
    with log_path.open("ab", buffering=0) as log:
        async for line in process.stderr:
            log.write(line)
            if not ready.is_set() and _is_listening(line):
                ready.set()


def _log_path(home: Path, name: str) -> Path:
    return home / "logs" / f"{name}.log"


def _tail(log_path: Path) -> str:
    return " | ".join(log_path.read_text("utf-8", "replace").splitlines()[-5:])


def _is_listening(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.get("event") in LISTENING_EVENTS


async def _wait_ready(name: str, process: asyncio.subprocess.Process, ready: asyncio.Event, log_path: Path) -> None:
    ended = asyncio.create_task(process.wait())
    started = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({ended, started}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        started.cancel()
    if not ready.is_set():
        tail = _tail(log_path)
        raise ProcessError(f"{name} did not start: " + tail)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
