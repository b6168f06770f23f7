"""Runs a prepared validator until it is told to stop, and says in `status.json` what it does."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from node.app.restarting import UnitState, keep_running
from node.app.supervisor import locked_home
from node.app.validator.home import NodeSettings, ValidatorHome, read_settings
from node.app.validator.unit import validator_unit
from pqc import whole_file


async def run_validator(home: ValidatorHome, stop: asyncio.Event, tell: Callable[[UnitState], None]) -> None:
    """Keep the validator of a prepared home running until `stop` is set.

    Args:
        tell: Called with every change of state, after `status.json` was written.

    Raises:
        HomeError: the home is not prepared, or a validator runs in it.
        EngineMissingError: a program is not on this machine.
        ProcessError: the programs ended too often.
    """
    settings = read_settings(home)
    unit = validator_unit(home, settings)

    def write_and_tell(state: UnitState) -> None:
        # The validator runs on where the disk is full; who called is told all the same.
        with contextlib.suppress(OSError):
            _write_status(home, settings, state)
        tell(state)

    with locked_home(home.root) as lock:
        _allow_many_files()
        await keep_running(unit, lock, stop, write_and_tell)


def read_status(home: ValidatorHome) -> dict[str, Any] | None:
    """Return what the supervisor last wrote, or None where it never ran."""
    try:
        status: dict[str, Any] = json.loads(home.status.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return status


def is_running(home: ValidatorHome) -> bool:
    """Tell whether any process of a validator holds the home."""
    with contextlib.suppress(OSError), (home.root / "lock").open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def rpc_url(settings: NodeSettings) -> str:
    """Return where the node answers Ethereum JSON-RPC, as seen from this machine."""
    host = "127.0.0.1" if settings.rpc_host == "0.0.0.0" else settings.rpc_host  # noqa: S104
    return f"http://{host}:{settings.rpc_port}"


def _write_status(home: ValidatorHome, settings: NodeSettings, state: UnitState) -> None:
    status = {
        "name": settings.name,
        **asdict(state),
        "supervisor": os.getpid(),
        "since_s": int(time.time()),
        "engine": settings.engine,
        "rpc_url": rpc_url(settings),
    }
    whole_file.replace(home.status, json.dumps(status, indent=1).encode())


def _allow_many_files() -> None:
    """Raise the number of open files to what the system allows; databases and peers need thousands."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
