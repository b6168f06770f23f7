"""Measure building, judging and reading a pacs.008 with its header on this machine; prints one JSON object."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from node.messages.iso20022.codec import build, parse
from node.messages.iso20022.validation import validate

EXAMPLE = Path(__file__).parent.parent / "examples" / "messages" / "customer-transfer.xml"
RUNS = 1_000


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of one call, the first apart: it compiles schemas."""
    call()
    samples = []
    for _ in range(RUNS):
        started = time.perf_counter_ns()
        call()
        samples.append((time.perf_counter_ns() - started) / 1_000_000)
    return round(statistics.median(samples), 3)


def main() -> None:
    received = parse(EXAMPLE.read_bytes())
    data = build(received.message, received.header)
    figures = {
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "bytes": len(data),
        "build_and_validate_ms": milliseconds(lambda: build(received.message, received.header)),
        "validate_ms": milliseconds(lambda: validate(data)),
        "validate_and_parse_ms": milliseconds(lambda: parse(data)),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
