"""Runs a devnet: makes its home, then keeps its two processes running while somebody wants it."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from node.app.cast import load_cast
from node.app.home import Home, prepare_home, write_private
from node.app.network import shipped_genesis
from node.app.supervisor import Program, RunningUnit, Unit, free_ports, locked_home, python_module, running_unit


@dataclass(frozen=True, slots=True)
class Node:
    """A running devnet: where to reach it, and its processes."""

    rpc_url: str
    rest_url: str
    unit: RunningUnit


@contextlib.asynccontextmanager
async def running_devnet(
    root: Path,
    *,
    rpc_port: int,
    rest_port: int,
    messages_port: int,
    interval_ms: int = 0,
    rates_file: Path | None = None,
    liboqs: Path | None = None,
    fresh: bool = False,
) -> AsyncIterator[Node]:
    """Prepare `root`, run a devnet in it while the context lasts.

    Raises:
        HomeError: the home is in use or holds another network.
        ProcessError: a process did not start.
    """
    home, cast = Home(root), load_cast()
    with locked_home(root) as lock:
        if fresh:
            _empty(home)
        prepare_home(home, cast, shipped_genesis(), rates_file)
        rpc, rest, messages = (
            wanted or free for wanted, free in zip((rpc_port, rest_port, messages_port), free_ports(3), strict=True)
        )
        unit = Unit(root, _programs(root, rpc, rest, messages, interval_ms, liboqs))
        async with running_unit(unit, lock) as running:
            node = Node(f"http://127.0.0.1:{rpc}", f"http://127.0.0.1:{rest}", running)
            write_private(home.run, {"rpc_url": node.rpc_url, "rest_url": node.rest_url})
            try:
                yield node
            finally:
                home.run.unlink()


def _programs(
    root: Path, rpc_port: int, rest_port: int, messages_port: int, interval_ms: int, liboqs: Path | None
) -> tuple[Program, ...]:
    both = ("--home", str(root), *(("--liboqs", str(liboqs)) if liboqs else ()))
    chain = ("--port", str(rpc_port), "--interval-ms", str(interval_ms))
    desk = (
        *("--rpc-url", f"http://127.0.0.1:{rpc_port}"),
        *("--port", str(rest_port), "--messages-port", str(messages_port)),
    )
    return (
        Program("chain", python_module("node.chain", *both, *chain), ready="chain_listening"),
        Program("desk", python_module("node.app.desk", *both, *desk), ready="desk_listening"),
    )


def _empty(home: Home) -> None:
    """Delete what a devnet keeps in its home, and nothing else."""
    for name in ("access.json", "cast.json", "genesis.json", "rates.csv", "validator_key.json"):
        (home.root / name).unlink(missing_ok=True)
    for name in ("chain", "institutions", "logs"):
        shutil.rmtree(home.root / name, ignore_errors=True)
