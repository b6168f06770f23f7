"""How long a milestone takes on a running devnet: settling it, and from its event to the exporter's money.

python scripts/bench_settlement.py [--trades N]

Each trade is in one currency with one milestone and a dispute window of no seconds. For half of them the bank's watch
only proposes, and a settlement is timed from its request until the desk has it from the chain. For the others
an inspector's statement is timed from its arrival until the exporter's money is available; ledger time moves a second
on in between, as a window of no seconds asks.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from node.app.demo.papers import vary  # noqa: E402
from node.app.demo.scenes import available  # noqa: E402
from node.app.devnet import issue_starting_money  # noqa: E402
from node.app.steps import Steps, open_steps  # noqa: E402

IMPORTER, EXPORTER, BANK, INSPECTOR = "bloem", "vanrijn", "bank-nl", "inspector"
LANDFALL = (sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli")
TIMEOUT_S = 30.0


def main() -> None:
    """Start a devnet, run the trades, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=40)
    trades = parser.parse_args().trades
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        process = subprocess.Popen(
            [
                *LANDFALL,
                "devnet",
                "--home",
                str(home),
                "--rpc-port",
                "18747",
                "--rest-port",
                "18748",
                "--messages-port",
                "0",
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            until(lambda: (home / "run.json").exists(), 60)
            with open_steps(home) as steps:
                print(json.dumps(measure(steps, trades, Path(folder)), indent=2))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def measure(steps: Steps, trades: int, folder: Path) -> dict[str, Any]:
    """Return milliseconds of both figures."""
    issue_starting_money(steps.devnet)
    settled: list[tuple[float, float]] = []
    paid: list[float] = []
    for number in range(trades):
        reference = fund(steps, number, folder)
        statement = vary("coffee/statement.json", edits(number), folder / str(number))
        if number % 2:
            paid.append(event_to_money(steps, reference, statement))
        else:
            settled.append(settle(steps, reference, statement))
    on_chain, in_books = zip(*settled, strict=True)
    return {
        "settle_to_block_ms": figures(on_chain),
        "settle_to_books_ms": figures(in_books),
        "event_to_money_ms": figures(paid),
    }


def fund(steps: Steps, number: int, folder: Path) -> str:
    """Agree and fund a trade of ten euros; return its reference."""
    reference = f"BENCH-{number}"
    terms = {
        'reference = "VR-2026-0098"': f'reference = "{reference}"',
        'number = "2026/98"': f'number = "2026/{number}"',
        "order/2026-98": f"order/{number}",
        'amount = "4800.00"': 'amount = "10.00"',
        'attesters = ["carrier"]': 'attesters = ["inspector"]',
        "dispute_s = 86400": "dispute_s = 0",
    }
    steps.draft(EXPORTER, vary("no-delivery/terms.toml", terms, folder / str(number)), None)
    steps.sign(IMPORTER, reference)
    steps.sign(EXPORTER, reference)
    steps.fund(IMPORTER, reference)
    return reference


def edits(number: int) -> dict[str, str]:
    """The inspector's statement about this trade, made as the ledger starts."""
    return {
        "https://rwenzori.example/lot/2026-031": f"https://vanrijn.example/order/{number}",
        "LIS-2026-00611": f"LIS-2026-{number:05}",
        "2026-08-16T09:00:00+02:00": "2026-08-01T09:00:00+02:00",
    }


def settle(steps: Steps, reference: str, statement: Path) -> tuple[float, float]:
    """Return milliseconds from asking for a settlement to its block, and to the trade closed in the bank's books."""
    perform(steps, settles=False)
    steps.attest(INSPECTOR, reference, "statements", statement)
    steps.devnet.advance(steps.devnet.now_s() + 1)
    bank, path = steps.devnet.client(BANK), f"/trades/{reference}"
    head = steps.devnet.rpc("eth_blockNumber")
    started = time.monotonic()
    bank.post(f"{path}/milestones/0/settle", {})
    until(lambda: steps.devnet.rpc("eth_blockNumber") != head)
    mined = time.monotonic()
    until(lambda: bank.get(path)["state"] == "closed")
    return (mined - started) * 1_000, (time.monotonic() - started) * 1_000


def event_to_money(steps: Steps, reference: str, statement: Path) -> float:
    """Return milliseconds from a statement's arrival to the exporter's available money."""
    perform(steps, settles=True)
    before, now_s = available(steps, EXPORTER, "EUR"), steps.devnet.now_s()
    bank, content = steps.devnet.client(BANK), statement.read_bytes()
    started = time.monotonic()
    steps.devnet.client(INSPECTOR).post_bytes(f"/trades/{reference}/statements", content)
    until(lambda: bank.get(f"/trades/{reference}")["milestones"][0]["state"] != "pending")
    steps.devnet.rpc("landfall_advanceTo", max(now_s, steps.devnet.now_s()) + 1)
    until(lambda: available(steps, EXPORTER, "EUR") > before)
    return (time.monotonic() - started) * 1_000


def perform(steps: Steps, *, settles: bool) -> None:
    """Let the bank's watch settle by itself, or not."""
    steps.devnet.client(BANK).post("/watch", {"step": "settle", "performs": settles})


def until(is_so: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Wait for a condition, a few milliseconds at a time."""
    end = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end:
            raise SystemExit(f"devnet: expected an answer within {timeout_s:.0f} s")
        time.sleep(0.003)


def figures(values: Sequence[float]) -> dict[str, float]:
    """Return minimum, median, 95th percentile and maximum."""
    ordered = sorted(values)
    return {
        "min": round(ordered[0], 1),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)], 1),
        "max": round(ordered[-1], 1),
        "runs": len(ordered),
    }


if __name__ == "__main__":
    main()
