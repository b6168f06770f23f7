"""Runs a prepared validator until it is told to stop, and says in `status.json` what it does."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from node.app.errors import ProcessError
from node.app.restarting import UnitState, keep_running
from node.app.supervisor import locked_home
from node.app.validator.home import NodeSettings, ValidatorHome, read_settings
from node.app.validator.preparing import prepare_desk_run
from node.app.validator.unit import desk_unit, validator_unit
from pqc import whole_file

VALIDATOR: Final = "validator"
DESK: Final = "desk"
Tell = Callable[[str, UnitState], None]
"""Takes the name of a unit and its new state."""


async def run_validator(home: ValidatorHome, stop: asyncio.Event, tell: Tell) -> None:
    """Keep the validator of a prepared home running until `stop` is set, and its desk beside it, if it has one.

    Args:
        stop: Set as well when the validator is given up.
        tell: Called with every change of state, after `status.json` was written.

    Raises:
        HomeError: the home or its desk's is not prepared, or a validator runs in it.
        EngineMissingError: a program is not on this machine.
        ProcessError: the validator's programs ended too often.
    """
    settings = read_settings(home)
    unit = validator_unit(home, settings)
    states: dict[str, UnitState] = {}

    def write_and_tell(name: str, state: UnitState) -> None:
        states[name] = state
        # The validator runs on where the disk is full: what it says goes to files too.
        for say in (partial(_write_status, home, settings, states), partial(tell, name, state)):
            with contextlib.suppress(OSError):
                say()

    with locked_home(home.root) as lock:
        _allow_many_files()
        if settings.desk is not None:
            prepare_desk_run(home, settings, settings.desk)
        desk = asyncio.create_task(_run_desk(home, settings, lock, stop, partial(write_and_tell, DESK)))
        try:
            await keep_running(unit, lock, stop, partial(write_and_tell, VALIDATOR))
        finally:
            stop.set()
            await desk


async def _run_desk(
    home: ValidatorHome, settings: NodeSettings, lock: int, stop: asyncio.Event, tell: Callable[[UnitState], None]
) -> None:
    if settings.desk is None:
        return
    # Given up, it has told why; the validator goes on.
    with contextlib.suppress(ProcessError):
        await keep_running(desk_unit(home, settings, settings.desk), lock, stop, tell)


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


def pids_of(status: Mapping[str, Any]) -> dict[str, int]:
    """Return the process ids of the programs that `status.json` names, of the desk as well."""
    return {**status.get("pids", {}), **status.get(DESK, {}).get("pids", {})}


def _write_status(home: ValidatorHome, settings: NodeSettings, states: Mapping[str, UnitState]) -> None:
    status = {
        "name": settings.name,
        **asdict(states.get(VALIDATOR, UnitState("starting"))),
        **({DESK: asdict(states.get(DESK, UnitState("starting")))} if settings.desk else {}),
        "supervisor": os.getpid(),
        "since_s": int(time.time()),
        "engine": settings.engine,
        "rpc_url": settings.rpc_url,
    }
    whole_file.replace(home.status, json.dumps(status, indent=1).encode())


def _allow_many_files() -> None:
    """Raise the number of open files to what the system allows; databases and peers need thousands."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
