"""A devnet of real processes, driven through the real command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 90
LANDFALL = (sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli")


@dataclass(frozen=True)
class Shell:
    """Runs `landfall` as a user would; `home` is the devnet's directory."""

    home: Path

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return what it printed (standard error where it fails)."""
        done = subprocess.run(
            [*LANDFALL, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stdout + done.stderr

    def trade(self, *arguments: str, who: str, code: int = 0) -> str:
        """Run `landfall trade ...` against the devnet."""
        return self.run("trade", *arguments, "--as", who, "--home", str(self.home), code=code)

    def wallet(self, *arguments: str, who: str, code: int = 0) -> str:
        """Run `landfall wallet ...` against the devnet."""
        return self.run("wallet", *arguments, "--as", who, "--home", str(self.home), code=code)

    def trade_json(self, *arguments: str, who: str) -> Any:
        """Run it with --json."""
        return json.loads(self.trade(*arguments, "--json", who=who))

    def advance(self, *arguments: str) -> str:
        """Move ledger time."""
        return self.run("devnet", "--home", str(self.home), "advance", *arguments)


def start_devnet(home: Path) -> "subprocess.Popen[bytes]":
    """Start `landfall devnet` on free ports and wait until both processes answer."""
    process = subprocess.Popen(
        [*LANDFALL, "devnet", "--home", str(home), "--rpc-port", "0", "--rest-port", "0", "--messages-port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    end = time.monotonic() + START_TIMEOUT_S
    while not (home / "run.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            output = process.communicate()[0].decode()
            pytest.fail(f"devnet did not start: {output}")
        time.sleep(0.05)
    return process


def stop_devnet(process: "subprocess.Popen[bytes]") -> None:
    """Stop it as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A fresh devnet."""
    home = tmp_path / "devnet"
    process = start_devnet(home)
    yield Shell(home)
    stop_devnet(process)


@pytest.fixture
def landfall(tmp_path: Path) -> Callable[..., str]:
    """The command alone, without a devnet."""
    return Shell(tmp_path).run
