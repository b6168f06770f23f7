"""What a machine lacks to run a validator, and how to get it. Nothing is changed."""

import importlib.util
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.app.errors import EngineMissingError
from node.app.validator.engines import ENGINES, Engine, fault_of, find_engine
from node.app.validator.home import ValidatorHome
from node.chain.limits import UNIX_PATH_BYTES_MAX
from pqc import liboqs
from pqc.errors import BackendUnavailableError

PYTHON_MIN: Final = (3, 11)
FILES_MIN: Final = 4096
DISK_FREE_BYTES_MIN: Final = 10 * 10**9
LIBOQS: Final = Path(__file__).resolve().parents[3] / ".cache" / "liboqs"
_COMMAND_TIMEOUT_S: Final = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `is_needed` tells whether a validator runs without it."""

    what: str
    found: str
    is_good: bool
    help: str = ""
    is_needed: bool = True


def examine(home: ValidatorHome, engines: Path | None) -> list[Finding]:
    """Look at this machine."""
    return [
        _python(),
        *(_engine(one, engines) for one in ENGINES),
        _liboqs(),
        _files(),
        _disk(home),
        _clock(),
        _path(home),
    ]


def is_able(findings: Iterable[Finding]) -> bool:
    """Tell whether a validator can run here."""
    return all(one.is_good or not one.is_needed for one in findings)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", found, sys.version_info >= PYTHON_MIN, "install Python 3.11 or later")


def _engine(engine: Engine, folder: Path | None) -> Finding:
    try:
        program = find_engine(engine, folder)
    except EngineMissingError as error:
        return Finding(engine.name, "none", is_good=False, help=str(error))
    fault = fault_of(engine, program)
    if fault is None:
        return Finding(engine.name, f"{engine.version}, built from the pinned source, {program}", is_good=True)
    return Finding(engine.name, str(program), is_good=False, help=f"{fault}; run `make engines` in a checkout")


def _liboqs() -> Finding:
    help_ = "run `make liboqs` in a checkout, then give its folder with --liboqs: ML-DSA several times faster"
    if importlib.util.find_spec("oqs") is None:
        return Finding("liboqs", "none", is_good=False, help=help_, is_needed=False)
    try:
        liboqs.load(LIBOQS)
    except BackendUnavailableError as error:
        return Finding("liboqs", str(error), is_good=False, help=help_, is_needed=False)
    return Finding("liboqs", str(LIBOQS), is_good=True, is_needed=False)


def _files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    help_ = f"allow {FILES_MIN} or more: ulimit -n, or LimitNOFILE= of the systemd unit"
    return Finding("open files", "no limit" if unlimited else str(hard), unlimited or hard >= FILES_MIN, help_)


def _disk(home: ValidatorHome) -> Finding:
    place = next(folder for folder in (home.root.absolute(), *home.root.absolute().parents) if folder.exists())
    free = shutil.disk_usage(place).free
    help_ = f"make room on the file system of {place}: expected {DISK_FREE_BYTES_MIN / 1e9:.0f} GB or more"
    return Finding("disk", f"{free / 1e9:.1f} GB free", free >= DISK_FREE_BYTES_MIN, help_)


def _clock() -> Finding:
    help_ = "let this machine keep time (chrony or systemd-timesyncd): a block more than 1 s ahead is voted against"
    told = _output("timedatectl", "show", "--property", "NTPSynchronized", "--value")
    if told is None:
        return Finding("clock", "nobody to ask (no timedatectl)", is_good=False, help=help_, is_needed=False)
    return Finding(
        "clock", "synchronised" if told == "yes" else "not synchronised", told == "yes", help_, is_needed=False
    )


def _path(home: ValidatorHome) -> Finding:
    below = home.root.absolute() / "run"
    is_short = home.run == below
    found = f"sockets in {home.run}"
    help_ = f"{below} is too long for Unix sockets ({UNIX_PATH_BYTES_MAX} bytes), so they are elsewhere"
    return Finding("home", found, is_short, help_, is_needed=False)


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
