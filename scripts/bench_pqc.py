"""Measure ML-DSA-65, secp256k1 recovery and keystore opening on this machine; prints one JSON object."""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pqc import secp256k1, signatures
from pqc.keystore import DEVNET, STANDARD, Keystore

ALG = "ML-DSA-65"


def microseconds(call: Callable[[], object], runs: int) -> float:
    """Return the median time of one call."""
    samples = []
    for _ in range(runs):
        started = time.perf_counter_ns()
        call()
        samples.append((time.perf_counter_ns() - started) / 1000)
    return round(statistics.median(samples), 1)


def keystore_opening(folder: Path) -> dict[str, float]:
    """Return the time to open a keystore of two keys, per profile."""
    figures = {}
    for cost in (STANDARD, DEVNET):
        path = folder / f"{cost.profile}.json"
        keystore = Keystore.create(path, b"benchmark", cost)
        keystore.add("vote", ALG, "validator")
        keystore.add("pay", "secp256k1", "transaction")
        figures[f"keystore_open_{cost.profile}_us"] = microseconds(partial(Keystore.open, path, b"benchmark"), 9)
    return figures


def main() -> None:
    key = signatures.generate(ALG)
    message = bytes(122)
    signature = signatures.sign(key, message)
    account, digest = bytes([1] * 32), bytes(range(32))
    recoverable = secp256k1.sign_digest(account, digest)
    with tempfile.TemporaryDirectory() as folder:
        keystore = keystore_opening(Path(folder))
    figures = {
        "machine": {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        "mldsa65_from_seed_us": microseconds(lambda: signatures.from_seed(ALG, key.seed), 200),
        "mldsa65_sign_us": microseconds(lambda: signatures.sign(key, message), 500),
        "mldsa65_verify_us": microseconds(lambda: signatures.verify(ALG, key.public_key, message, signature), 500),
        "secp256k1_sign_us": microseconds(lambda: secp256k1.sign_digest(account, digest), 500),
        "secp256k1_recover_us": microseconds(lambda: secp256k1.recover(digest, recoverable), 500),
        **keystore,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
