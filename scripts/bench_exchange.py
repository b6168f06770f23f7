"""Measures the exchange of messages: two processes over TLS, acknowledged messages a second, memory, nothing lost.

`python scripts/bench_exchange.py [--count N] [--liboqs DIR]` prints one JSON document (docs/benchmarks.md).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from node.app.cast import devnet_seed, load_cast
from node.app.home import message_key
from node.app.supervisor import free_ports
from node.messages import inbox
from node.messages.documents import check_document
from node.messages.ports import Arrival, Message
from node.storage.database import Database
from node.storage.migrate import prepare
from pqc import acknowledgement, envelope, liboqs, sealing, signatures
from pqc.acknowledgement import Acknowledgement, Outcome
from pqc.envelope import Allowed, Header
from pqc.jws import SigningKey

NODE = Path(__file__).with_name("exchange_node.py")
TRANSFER = Path(__file__).parent.parent / "examples" / "messages" / "customer-transfer.xml"
KIND = "pacs.008.001.08"
SPLIT_RUNS = 200
LEI = {one.id: one.lei for one in load_cast().institutions}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--liboqs", type=Path, help="folder of liboqs, which then computes ML-DSA")
    arguments = parser.parse_args()
    if arguments.liboqs:
        signatures.use_backend(liboqs.load(arguments.liboqs))
    with tempfile.TemporaryDirectory() as folder:
        figures = {"split_ms": measure_split(Path(folder)), "exchange": measure_exchange(Path(folder), arguments)}
    print(json.dumps(figures, indent=2))
    exchange = figures["exchange"]
    return 0 if exchange["stored"] == exchange["handled"] == exchange["effects"] == arguments.count else 1


def measure_exchange(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Let one process send `count` messages to another; return rate, memory and what became of them."""
    ports = free_ports(2)
    backend = ["--liboqs", str(arguments.liboqs)] if arguments.liboqs else []
    documents = {name: str(folder / name / "document.json") for name in ("bank-nl", "bank-ke")}
    roles = {
        "bank-ke": ["--to", "bank-nl", "--peer-document", documents["bank-nl"], "--expect", str(arguments.count)],
        "bank-nl": ["--to", "bank-ke", "--peer-document", documents["bank-ke"], "--count", str(arguments.count)],
    }
    processes = {
        name: subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", str(NODE), "--home", str(folder / name), "--as", name),
                *("--port", str(port), *role, *backend),
            ],
            stdout=subprocess.PIPE,
        )
        for (name, role), port in zip(roles.items(), ports, strict=True)
    }
    said = {name: json.loads(process.communicate()[0].splitlines()[-1]) for name, process in processes.items()}
    sender, recipient = said["bank-nl"], said["bank-ke"]
    return {
        "messages": arguments.count,
        "acknowledged_per_s": round(arguments.count / sender["seconds"], 1),
        "stored": sender["counts"].get("stored", 0),
        "handled": recipient["counts"].get("handled", 0),
        "effects": recipient["counts"]["effects"],
        "sender_cpu_ms_per_message": round(sender["cpu_seconds"] / arguments.count * 1e3, 2),
        "recipient_cpu_ms_per_message": round(recipient["cpu_seconds"] / arguments.count * 1e3, 2),
        "sender_rss_mb": _start_middle_end(sender),
        "recipient_rss_mb": _start_middle_end(recipient),
    }


def measure_split(folder: Path) -> dict[str, float]:
    """Return the median time of each step of one pacs.008, milliseconds."""
    document = TRANSFER.read_bytes()
    key, reader = (
        SigningKey.of(message_key("bank-nl")),
        sealing.from_seed(sealing.DEFAULT, devnet_seed("bank-ke", "sealing")),
    )
    now_s = int(time.time())
    header = Header("m", LEI["bank-nl"], LEI["bank-ke"], KIND, now_s, "trade", check_document(KIND, document))
    allowed = Allowed(frozenset({key.alg}), frozenset({reader.kem}))
    packed = envelope.pack(header, document, key=key, seal_to=reader.public_half)

    def open_envelope() -> envelope.Opened:
        return envelope.unpack(
            packed,
            recipient=LEI["bank-ke"],
            sealing_keys={reader.public_half.key_id: reader},
            verify_keys=lambda _lei, _kid: key.verifying_key,
            allowed=allowed,
            now_s=now_s,
        )

    database = Database(f"sqlite:///{folder}/split.sqlite")
    prepare(database)
    numbers = iter(range(1_000_000))

    def store() -> None:
        message = Message(f"m{next(numbers)}", "bank-nl", "bank-ke", "camt.053.001.08", document)
        with database.transaction() as session:
            inbox.take(session, [Arrival(message, now_s, None, b"x" * 5_000)], time.time())

    said = Acknowledgement(
        acknowledgement.envelope_hash(packed), LEI["bank-ke"], LEI["bank-nl"], Outcome.STORED, now_s, "m", None
    )
    own = SigningKey.of(message_key("bank-ke"))
    signed = acknowledgement.acknowledge(said, key=own)

    def read_acknowledgement() -> None:
        acknowledgement.read_acknowledgement(
            signed,
            header=header,
            sent_hash=acknowledgement.envelope_hash(packed),
            verify_keys=lambda _lei, _kid: own.verifying_key,
            allowed=allowed,
            now_s=now_s,
        )

    steps: dict[str, Callable[[], Any]] = {
        "validate": lambda: check_document(KIND, document),
        "sign_and_seal": lambda: envelope.pack(header, document, key=key, seal_to=reader.public_half),
        "open_and_verify": open_envelope,
        "store_alone": store,
        "sign_acknowledgement": lambda: acknowledgement.acknowledge(said, key=own),
        "verify_acknowledgement": read_acknowledgement,
        "open_verify_validate_store": lambda: (open_envelope(), check_document(KIND, document), store()),
    }
    return {name: round(_median_ms(step), 3) for name, step in steps.items()}


def _median_ms(step: Callable[[], Any]) -> float:
    times = []
    for _ in range(SPLIT_RUNS):
        began_s = time.perf_counter()
        step()
        times.append(time.perf_counter() - began_s)
    return statistics.median(times) * 1e3


def _start_middle_end(said: dict[str, Any]) -> list[float]:
    told = said["told"]
    return [told[min(1, len(told) - 1)]["rss_mb"], told[len(told) // 2]["rss_mb"], said["rss_mb"]]


if __name__ == "__main__":
    sys.exit(main())
