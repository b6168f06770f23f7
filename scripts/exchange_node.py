"""One institution's exchange of messages, wired as the product wires it but without a chain: for figures and tests.

python scripts/exchange_node.py --home DIR --as bank-nl --port 8701 --peer-document FILE --count N ...
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from node.app.cast import load_cast
from node.app.home import Home, prepare_home
from node.app.logs import configure_logging
from node.app.network import shipped_genesis
from node.app.wiring import build_chain, build_institutions
from node.compliance.store import DecisionRow
from node.identity.passkeys import Site
from node.messages import outbox
from node.messages.listener import Listener
from node.messages.ports import Message
from node.messages.service import MessageService
from node.messages.store import ReceivedMessage, SentMessage
from node.messages.wire import PATH
from node.participants.own import OwnPapers
from node.participants.peers import Peers
from node.printing.press import Press
from node.storage.database import Database
from pqc import liboqs, signatures

KIND = "bench.effect"
CHUNK = 50
NOWHERE = "http://127.0.0.1:9"


class ExchangeNode:
    """An institution of the devnet's cast that takes and sends messages, and follows no chain."""

    def __init__(self, root: Path, institution_id: str, port: int) -> None:
        home, cast, genesis = Home(root), load_cast(), shipped_genesis()
        prepare_home(home, cast, genesis)
        chain = build_chain(NOWHERE, genesis)
        alone = cast.model_copy(update={"institutions": (cast.institution(institution_id),)})
        url = f"https://127.0.0.1:{port}{PATH}"
        site = Site("localhost", cast.network, "http://localhost:1")
        built = build_institutions(home, alone, chain, "http://127.0.0.1:1/v1", url, site, Press())[institution_id]
        self.id, self.port, self.desk = institution_id, port, built.desk
        self.database: Database = built.desk.database
        self.messages = built.desk.get(MessageService)
        self.genesis_time_s = chain.deployment.genesis_time_s
        self.hosted = built.hosted
        self._exchange = built.exchange
        self.messages.register(KIND, self._on_message)

    def document(self) -> bytes:
        """Return the institution's signed document."""
        with self.database.transaction() as session:
            return self.desk.get(OwnPapers).document(session, self.genesis_time_s).data

    def take(self, paper: bytes) -> None:
        """Take another institution's paper."""
        with self.database.transaction() as session:
            self.desk.get(Peers).take(session, paper, self.genesis_time_s + 60)

    def send(self, to: str, numbers: range, threads: int, body_bytes: int) -> None:
        """Queue messages in one transaction; those that were queued before stay as they are."""
        filler = "x" * body_bytes
        with self.database.transaction() as session:
            for number in numbers:
                self.messages.send(
                    session,
                    to=to,
                    kind=KIND,
                    message_id=f"{self.id}/{number}",
                    body={"number": number, "filler": filler},
                    thread=f"thread-{number % threads}",
                )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and work while the context lasts."""
        async with Listener([self.hosted]).listening("127.0.0.1", self.port):
            work = asyncio.create_task(self._exchange())
            try:
                yield
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    def counts(self) -> dict[str, int]:
        """Return how many messages are in which state, and how many effects there were."""
        with self.database.read() as session:
            sent = session.execute(select(SentMessage.state, func.count()).group_by(SentMessage.state))
            received = session.execute(select(ReceivedMessage.state, func.count()).group_by(ReceivedMessage.state))
        states: dict[str, int] = dict((*sent.tuples(), *received.tuples()))
        return states | {"effects": self.effects()}

    def waiting(self, to: str) -> int:
        """Return how many messages wait for a recipient."""
        with self.database.read() as session:
            return outbox.waiting_for(session, to)

    def effects(self) -> int:
        """Return how many effects there were."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(DecisionRow)) or 0

    @staticmethod
    def _on_message(session: Session, message: Message) -> None:
        # A row by its key: a second effect of one message would fail.
        key = f"{message.thread}/{message.body['number']}"
        session.add(DecisionRow(trade_id=key, outcome=message.sender, list_version=None, decided_at_s=1))
        session.flush()


async def run(arguments: argparse.Namespace) -> None:
    """Send and take until everything is done on this side and the peer has had time to say so too."""
    node = ExchangeNode(arguments.home, arguments.institution, arguments.port)
    mine = arguments.home / "document.json"
    mine.with_suffix(".new").write_bytes(node.document())
    mine.with_suffix(".new").replace(mine)
    # Another process writes it, which rings nobody.
    while not arguments.peer_document.exists():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    node.take(arguments.peer_document.read_bytes())
    if arguments.kill_at:
        _kill_at(arguments.kill_at)
    _say("ready")
    async with node.running():
        queued = 0
        began_s = time.perf_counter()
        cpu_s = time.process_time()
        told: list[dict[str, Any]] = []
        while True:
            waiting = node.waiting(arguments.to)
            if queued < arguments.count and waiting < arguments.window:
                following = range(queued, min(queued + CHUNK, arguments.count))
                node.send(arguments.to, following, arguments.threads, arguments.body_bytes)
                queued = following.stop
            progress = max(queued - waiting, node.effects())
            if not told or progress - told[-1]["messages"] >= max(arguments.count, arguments.expect) // 10:
                told.append({"messages": progress, "seconds": time.perf_counter() - began_s, "rss_mb": _rss_mb()})
            if queued == arguments.count and not waiting and node.effects() >= arguments.expect:
                break
            await asyncio.sleep(0 if waiting < arguments.window and queued < arguments.count else arguments.look_s)
        counts = node.counts()
        if arguments.stay:
            _say("done", counts=counts)
            await asyncio.Event().wait()
        _say(
            "finished",
            seconds=time.perf_counter() - began_s,
            cpu_seconds=time.process_time() - cpu_s,
            counts=counts,
            told=told,
            rss_mb=_rss_mb(),
        )


def _kill_at(commits: int) -> None:
    left = commits

    def count(_connection: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    from sqlalchemy import Engine

    event.listen(Engine, "commit", count)


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return round(pages * resource.getpagesize() / 1e6, 1)


def _say(what: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": what, **fields}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--as", dest="institution", required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--peer-document", type=Path, required=True)
    parser.add_argument("--count", type=int, default=0, help="messages to send")
    parser.add_argument("--expect", type=int, default=0, help="messages to take before the end")
    parser.add_argument("--threads", type=int, default=100)
    parser.add_argument("--window", type=int, default=400, help="messages that wait")
    parser.add_argument("--body-bytes", type=int, default=2_500)
    parser.add_argument("--look-s", type=float, default=0.1)
    parser.add_argument("--kill-at", type=int, default=0, help="end by SIGKILL before the N-th commit; 0 = never")
    parser.add_argument("--stay", action="store_true", help="go on serving when done")
    parser.add_argument("--liboqs", type=Path)
    arguments = parser.parse_args()
    configure_logging("warning", "exchange")
    if arguments.liboqs:
        signatures.use_backend(liboqs.load(arguments.liboqs))
    asyncio.run(run(arguments))


if __name__ == "__main__":
    main()
