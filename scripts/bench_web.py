"""What one desk process takes: reads, payments and escrow calls, console pages, subscribers of events, memory.

python scripts/bench_web.py [--seconds N] [--trades N] [--subscribers N]

A devnet is started with money but nothing else on it. Requests are sent at their rate whether or not those before were
answered, so that waiting counts. What has to be final is timed from its request until the event stream tells of it.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from node.app.devnet import issue_starting_money  # noqa: E402
from node.app.steps import Steps, open_steps  # noqa: E402
from scripts.bench_settlement import BANK, INSPECTOR, edits, fund, perform, until, vary  # noqa: E402

LANDFALL = (sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli")
READS = (
    "/balances",
    "/payments?limit=20",
    "/trades?limit=20",
    "/events?limit=50&sort=-id",
    "/institutions/bank-ke",
    "/statements/EUR?limit=20",
)
READS_PER_S, PAYMENTS_PER_S, ESCROWS_PER_S = 300, 50, 5
PERSON = "bank-nl/anna"
PAGES = ("/", "/trades", "/trades/{reference}", "/money")
PAGE_LOADS = 25


def main() -> None:
    """Start a devnet, measure, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--trades", type=int, default=25)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--interval-ms", type=int, default=0, help="between blocks; 0 = at once")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        ports = ("--rpc-port", "18751", "--rest-port", "18752", "--messages-port", "0")
        command = [*LANDFALL, "devnet", "--home", str(home), *ports, "--block-interval-ms", str(arguments.interval_ms)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ)
        try:
            until(lambda: (home / "run.json").exists(), 60)
            with open_steps(home) as steps:
                issue_starting_money(steps.devnet)
                references = prepared(steps, arguments.trades, Path(folder))
                desk = desk_pid(process.pid)
                figures = asyncio.run(measure(steps, references, arguments.seconds, arguments.subscribers, desk))
            print(json.dumps(figures, indent=2))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def prepared(steps: Steps, trades: int, folder: Path) -> list[str]:
    """Fund trades and bring each to where it can be settled; return their references."""
    perform(steps, settles=False)
    references = [fund(steps, number, folder) for number in range(trades)]
    for number, reference in enumerate(references):
        statement = vary("coffee/statement.json", edits(number), folder / f"s{number}")
        steps.attest(INSPECTOR, reference, "statements", statement)
    steps.devnet.advance(steps.devnet.now_s() + 1)
    return references


async def measure(steps: Steps, references: Sequence[str], seconds: int, subscribers: int, desk: int) -> dict[str, Any]:
    """Return every figure, times in milliseconds."""
    token, base = steps.devnet.tokens[BANK], steps.devnet.rest_url
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(base, headers=headers, connector=connector, timeout=timeout) as session:
        figures: dict[str, Any] = {"idle_desk_mib": resident_mib(desk)}
        figures["reads_300_per_s_ms"] = await reads(session, seconds)
        async with following(session) as heard:
            figures["payments_50_per_s_ms"] = await payments(session, heard, seconds)
            figures["escrow_calls_5_per_s_ms"] = await escrows(session, heard, references)
        figures["console"] = await pages(base, references[0])
        figures["subscribers"] = await stream_to_many(session, subscribers, desk)
    return figures


async def reads(session: aiohttp.ClientSession, seconds: int) -> dict[str, float]:
    """Read at a rate, the resources in turn."""
    paths = itertools.cycle(READS)

    async def read() -> None:
        async with session.get(f"/v1{next(paths)}") as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()

    await at_rate(read, READS_PER_S, READS_PER_S * 2)
    return summary(await at_rate(read, READS_PER_S, READS_PER_S * seconds))


async def payments(session: aiohttp.ClientSession, heard: "Heard", seconds: int) -> dict[str, float]:
    """Pay customers at a rate; each payment is timed until the stream says that it is settled."""

    async def pay() -> None:
        order = {"payee": "bloem", "currency": "EUR", "amount": "1"}
        async with session.post("/v1/payments", json=order, headers={"Idempotency-Key": os.urandom(8).hex()}) as answer:
            made = await answer.json()
            assert answer.status == 202, made
        await heard.wait_for(f"payment.settled {made['id']}")

    return summary(await at_rate(pay, PAYMENTS_PER_S, PAYMENTS_PER_S * seconds))


async def escrows(session: aiohttp.ClientSession, heard: "Heard", references: Sequence[str]) -> dict[str, float]:
    """Settle milestones at a rate; each is timed until the stream says that it is settled."""
    waiting = iter(references)

    async def settle() -> None:
        reference = next(waiting)
        headers = {"Idempotency-Key": reference}
        path = f"/v1/trades/{reference}/milestones/0/settle"
        async with session.post(path, json={}, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
        await heard.wait_for(f"trade.MilestoneSettled {reference}")

    return summary(await at_rate(settle, ESCROWS_PER_S, len(references)))


async def pages(base: str, reference: str) -> dict[str, Any]:
    """Load pages of the console one after the other, as one of the cast, and the first one as a new browser does.

    Bytes are those of the bodies as they are transferred.
    """
    headers, timeout = {"Accept": "text/html", "Accept-Encoding": "gzip"}, aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(base, headers=headers, auto_decompress=False, timeout=timeout) as session:
        entering = {"person": PERSON, "next": "/"}
        async with session.post("/login/devnet", data=entering, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
            # Sent back by hand: a jar keeps a cookie that is for TLS alone from an address without.
            session.headers["Cookie"] = "; ".join(f"{one.key}={one.value}" for one in answer.cookies.values())
        first = await _load(session, PAGES[0])
        linked = set(re.findall(rb'(?:href|src)="(/static/[^"]+)"', first))
        sizes = [len(await _load(session, path.decode())) for path in sorted(linked)]
        took: list[float] = []
        for path in itertools.islice(itertools.cycle(PAGES), PAGE_LOADS * len(PAGES)):
            started = time.monotonic()
            await _load(session, path.format(reference=reference))
            took.append((time.monotonic() - started) * 1_000)
    return {"page_ms": summary(took), "first_transfer_bytes": len(first) + sum(sizes)}


async def _load(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path) as answer:
        assert answer.status == 200, (path, answer.status)
        return await answer.read()


async def stream_to_many(session: aiohttp.ClientSession, count: int, desk: int) -> dict[str, Any]:
    """Let many follow the stream; time from an event until the last one has it."""
    async with session.get("/v1/events?sort=-id&limit=1") as answer:
        (newest,) = await answer.json()
    streams = [await session.get(f"/v1/events/stream?after={newest['id']}") for _ in range(count)]
    delays = []
    for number in range(5):
        order = {"id": f"bench-{number}", "name": "Bench"}
        started = time.monotonic()
        async with session.post("/v1/customers", json=order, headers={"Idempotency-Key": f"c{number}"}) as answer:
            assert answer.status == 201, await answer.text()
        await asyncio.gather(*(_next_event(stream, f"bench-{number}") for stream in streams))
        delays.append((time.monotonic() - started) * 1_000)
    memory = resident_mib(desk)
    for stream in streams:
        stream.close()
    return {"count": count, "event_to_all_ms": summary(delays), "desk_mib": memory}


async def _next_event(stream: aiohttp.ClientResponse, wanted: str) -> None:
    async for line in stream.content:
        if line.startswith(b"data: ") and wanted.encode() in line:
            return


class Heard:
    """What the stream has told, and who waits for it."""

    def __init__(self) -> None:
        self._told: dict[str, asyncio.Event] = {}

    def tell(self, event: dict[str, Any]) -> None:
        body = event["body"]
        self._event(f"{event['kind']} {body.get('id') or body.get('reference')}").set()

    async def wait_for(self, name: str) -> None:
        await asyncio.wait_for(self._event(name).wait(), 300)

    def _event(self, name: str) -> asyncio.Event:
        return self._told.setdefault(name, asyncio.Event())


class following:  # noqa: N801 - a context
    """Follow the stream of the bank while the context lasts."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._heard = Heard()

    async def __aenter__(self) -> Heard:
        async with self._session.get("/v1/events?sort=-id&limit=1") as answer:
            (newest,) = await answer.json()
        self._stream = await self._session.get(f"/v1/events/stream?after={newest['id']}")
        self._task = asyncio.create_task(self._read())
        return self._heard

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self._stream.close()

    async def _read(self) -> None:
        async for line in self._stream.content:
            if line.startswith(b"data: "):
                self._heard.tell(json.loads(line[6:]))


async def at_rate(do: Callable[[], Awaitable[None]], per_s: int, count: int) -> list[float]:
    """Start `do` so often, each at its time; return how long each took from when it was due."""
    took: list[float] = []
    began = time.monotonic()

    async def one(number: int) -> None:
        due = began + number / per_s
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await do()
        took.append((time.monotonic() - due) * 1_000)

    await asyncio.gather(*(one(number) for number in range(count)))
    return took


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return median, 95th and 99th percentile and maximum."""
    ordered = sorted(values)

    def at(percent: int) -> float:
        return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1)

    return {"p50": at(50), "p95": at(95), "p99": at(99), "max": round(ordered[-1], 1), "count": len(ordered)}


def desk_pid(parent: int) -> int:
    """Return the desk process that a devnet has started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(int(one) for one in children if b"node.app.desk" in Path(f"/proc/{one}/cmdline").read_bytes())


def resident_mib(pid: int) -> float:
    """Return a process's resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    raise SystemExit(f"process {pid}: expected VmRSS")


if __name__ == "__main__":
    main()
