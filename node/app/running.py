"""Runs a devnet: makes its home, then keeps its two processes running while somebody wants it."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from node.app.cast import load_cast
from node.app.home import Home, prepare_home, write_private
from node.app.network import shipped_genesis
from node.app.supervisor import Node, locked_home, running_node


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
        both_args = ["--liboqs", str(liboqs)] if liboqs else []
        chain_args = ["--interval-ms", str(interval_ms), *both_args]
        async with running_node(
            root,
            lock=lock,
            rpc_port=rpc_port,
            rest_port=rest_port,
            messages_port=messages_port,
            chain_args=chain_args,
            desk_args=both_args,
        ) as node:
            write_private(home.run, {"rpc_url": node.rpc_url, "rest_url": node.rest_url})
            try:
                yield node
            finally:
                home.run.unlink()


def _empty(home: Home) -> None:
    """Delete what a devnet keeps in its home, and nothing else."""
    for name in ("access.json", "cast.json", "genesis.json", "rates.csv", "validator_key.json"):
        (home.root / name).unlink(missing_ok=True)
    for name in ("chain", "institutions", "logs"):
        shutil.rmtree(home.root / name, ignore_errors=True)
