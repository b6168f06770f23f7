"""A whole trade while both processes are killed (-9) again and again at their persisted writes."""

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.proofs.evidence import verify_pack
from node.app.cast import load_cast
from node.app.demo.play import play
from node.app.demo.roses import roses
from node.app.devnet import Devnet
from node.app.errors import ProcessError
from node.app.home import Home, load_tokens, prepare_home
from node.app.network import shipped_genesis, shipped_genesis_hash
from node.app.steps import Steps
from node.app.supervisor import free_port
from node.client import LandfallClient, UnavailableError
from node.client.calls import Call

ROOT = Path(__file__).parents[2]
GIVE_UP_S = 120
LIVES = {"desk": (150, 400), "chain": (60, 140)}
"""Writes of a process until it is killed, fewest and most: more than a start takes."""


class Mortal:
    """The two processes on one home, started again whenever they are found dead."""

    def __init__(self, home: Path, lives: Iterator[int], victims: tuple[str, ...]) -> None:
        self._home, self._lives, self._victims = home, lives, victims
        self.rpc_port, self.rest_port, self.messages_port = free_port(), free_port(), free_port()
        self.deaths = 0
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._revive()
        self._over = threading.Event()
        self._nurse = threading.Thread(target=self._watch, daemon=True)
        self._nurse.start()

    def stop(self) -> None:
        """End both for good."""
        self._over.set()
        self._nurse.join()
        for process in self._processes.values():
            process.terminate()
            process.wait(30)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._revive()

    def _revive(self) -> None:
        """Start what is not running."""
        for name, arguments in self._arguments().items():
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                continue
            if process is not None:
                assert process.returncode == -9, f"{name} ended by itself: {process.returncode}"
                self.deaths += 1
            writes = next(self._lives) if name in self._victims else 0
            command = [sys.executable, "-W", "ignore", "-m", "tests.e2e.killed_process", name, str(writes), *arguments]
            with (self._home / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(command, cwd=ROOT, stderr=log, env=os.environ.copy())

    def _arguments(self) -> dict[str, list[str]]:
        home = ["--home", str(self._home)]
        return {
            "chain": [*home, "--port", str(self.rpc_port)],
            "desk": [
                *(*home, "--port", str(self.rest_port), "--rpc-url", f"http://127.0.0.1:{self.rpc_port}"),
                *("--messages-port", str(self.messages_port)),
            ],
        }


class PersistentClient(LandfallClient):
    """Repeats the same request, with its idempotency key, until somebody answers."""

    def send(self, call: Call) -> Any:
        end, prepared = time.monotonic() + GIVE_UP_S, call.prepared()
        while True:
            try:
                return super().send(prepared)
            except UnavailableError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)


class MortalDevnet(Devnet):
    """A devnet whose people never give up."""

    def client(self, owner: str) -> LandfallClient:
        if owner not in self._clients:
            self._clients[owner] = PersistentClient(self.rest_url, self.tokens[owner])
        return self._clients[owner]

    def rpc(self, method: str, *params: Any) -> Any:
        end = time.monotonic() + GIVE_UP_S
        while True:
            try:
                return super().rpc(method, *params)
            except (httpx.HTTPError, ProcessError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            if method == "landfall_advanceTo" and self.now_s() >= params[0]:
                return None


def _play(home: Path, lives: Iterator[int], victims: tuple[str, ...]) -> Mortal:
    prepare_home(Home(home), load_cast(), shipped_genesis())
    mortal = Mortal(home, lives, victims)
    urls = (f"http://127.0.0.1:{port}" for port in (mortal.rpc_port, mortal.rest_port))
    devnet = MortalDevnet(load_cast(), *urls, load_tokens(Home(home)))
    try:
        stories = play(Steps(devnet), lambda _line: None, {"roses": roses}, home)
    finally:
        devnet.close()
        mortal.stop()
    verified = verify_pack((home / "roses.evidence.json").read_bytes(), shipped_genesis_hash())
    assert verified.paid_minor == 150_000_000
    facts = [fact for story in stories for fact in story.facts]
    received = [fact["exporter_received_minor"] for fact in facts if "exporter_received_minor" in fact]
    assert received == ["44095500", "102889500"], json.dumps(facts)[:2000]
    return mortal


@pytest.mark.parametrize("victim", LIVES)
def test_trade_is_paid_once_when_a_process_is_killed_at_its_writes(victim: str, tmp_path: Path) -> None:
    dice = random.Random(victim)
    lives = iter(lambda: dice.randint(*LIVES[victim]), -1)
    mortal = _play(tmp_path / "home", lives, (victim,))
    assert mortal.deaths >= 2


@pytest.mark.soak
@pytest.mark.parametrize("victim", ["desk", "chain"])
def test_trade_is_paid_once_when_a_process_is_killed_every_few_writes(victim: str, tmp_path: Path) -> None:
    # Every fourth life is long enough to pass what a start itself writes, so that the trade goes on.
    dice = random.Random(victim)
    lives = (dice.randint(*span) for span in itertools.cycle(((2, 8), (2, 8), (2, 8), LIVES[victim])))
    mortal = _play(tmp_path / "home", lives, (victim,))
    assert mortal.deaths >= 10
