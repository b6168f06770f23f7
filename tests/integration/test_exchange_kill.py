"""A thousand messages between two processes over TLS while either is killed (-9) at its commits, again and again."""

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.app.home import Home
from node.app.supervisor import free_port
from node.compliance.store import DecisionRow
from node.messages.store import HANDLED, STORED, ReceivedMessage, SentMessage
from node.storage.database import Database

ROOT = Path(__file__).parents[2]
GIVE_UP_S = 150
NAMES = ("bank-nl", "bank-ke")
LONG = (40, 120)
"""Commits of a life that passes what a start takes."""


@dataclass
class Pair:
    """Two processes that send messages to each other, started again whenever one is found dead."""

    folder: Path
    count: int
    dice: random.Random
    spans: Sequence[tuple[int, int]]
    """Commits of one life after the other, fewest and most."""
    deaths: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 0))
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in NAMES})
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def revive(self) -> None:
        """Start whatever does not run."""
        for name, other in (NAMES, NAMES[::-1]):
            process = self.processes.get(name)
            if process is not None:
                if process.poll() is None:
                    continue
                assert process.returncode == -9, (self.folder / f"{name}.log").read_text("utf-8")[-3_000:]
                self.deaths[name] += 1
            # Each walks through the spans by itself: one that is seldom killed has its long lives too.
            life = self.dice.randint(*self.spans[self.deaths[name] % len(self.spans)])
            command = [
                *(sys.executable, "-W", "ignore", "scripts/exchange_node.py", "--home", str(self.folder / name)),
                *("--as", name, "--to", other, "--port", str(self.ports[name])),
                *("--peer-document", str(self.folder / other / "document.json"), "--count", str(self.count)),
                *("--expect", str(self.count), "--kill-at", str(life), "--body-bytes", "200", "--threads", "17"),
                *("--stay", "--look-s", "0.5"),
            ]
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(30)

    def databases(self) -> Iterator[tuple[str, Database]]:
        for name in NAMES:
            yield name, Database(Home(self.folder / name).database_url(name))

    def is_done(self) -> bool:
        return all((self.folder / f"{name}.log").read_bytes().count(b'"done"') for name in NAMES)


def _assert_once(pair: Pair) -> None:
    for name, database in pair.databases():
        with database.read() as session:
            sent = dict(session.execute(select(SentMessage.state, func.count()).group_by(SentMessage.state)).all())
            got = session.execute(select(ReceivedMessage.state, func.count()).group_by(ReceivedMessage.state)).all()
            effects = set(session.scalars(select(DecisionRow.trade_id)))
            lanes = session.execute(
                select(ReceivedMessage.lane, ReceivedMessage.message_id).order_by(ReceivedMessage.id)
            ).all()
        assert (name, sent, dict(got)) == (name, {STORED: pair.count}, {HANDLED: pair.count})
        assert effects == {f"thread-{number % 17}/{number}" for number in range(pair.count)}
        order = [(lane, int(message_id.rpartition("/")[2])) for lane, message_id in lanes]
        for lane in range(17):
            numbers = [number for one, number in order if one == f"thread-{lane}"]
            assert numbers == sorted(numbers), "a thread keeps its order, whoever dies"
        database.close()


def _run(folder: Path, count: int, *spans: tuple[int, int]) -> Pair:
    pair = Pair(folder, count, random.Random(count), spans)
    end_s = time.monotonic() + GIVE_UP_S
    with contextlib.ExitStack() as stack:
        stack.callback(pair.stop)
        pair.revive()
        while not pair.is_done():
            assert time.monotonic() < end_s, [path.read_text("utf-8")[-2_000:] for path in folder.glob("*.log")]
            time.sleep(0.1)
            pair.revive()
    _assert_once(pair)
    return pair


def test_every_message_has_its_effect_once_when_both_nodes_are_killed_at_their_commits(tmp_path: Path) -> None:
    pair = _run(tmp_path, 500, LONG)
    assert min(pair.deaths.values()) >= 1


@pytest.mark.soak
def test_every_message_has_its_effect_once_when_both_nodes_are_killed_every_few_commits(tmp_path: Path) -> None:
    pair = _run(tmp_path, 1_000, (5, 20), (5, 20), (5, 20), LONG)
    assert min(pair.deaths.values()) >= 10
