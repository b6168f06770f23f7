"""Measure signatures by either library, secp256k1 recovery and keystore opening; prints one JSON object."""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pqc import liboqs, secp256k1, signatures
from pqc.batch import Signed, verify_many
from pqc.errors import BackendUnavailableError
from pqc.keystore import DEVNET, STANDARD, Keystore

ALG = "ML-DSA-65"
MESSAGE = bytes(2048)
"""About as long as a pacs.008."""


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


def signing(messages: int = 1_000) -> dict[str, float]:
    """Return medians of signing and verifying with the library in use, and signatures verified per second."""
    figures: dict[str, float] = {}
    for name, alg in (("mldsa65", ALG), ("composite", signatures.MESSAGE_ALGORITHM)):
        key = signatures.generate(alg)
        signature = signatures.sign(key, MESSAGE)
        item = Signed(alg, key.public_key, MESSAGE, signature)
        figures[f"{name}_sign_us"] = microseconds(partial(signatures.sign, key, MESSAGE), messages)
        figures[f"{name}_verify_us"] = microseconds(
            partial(signatures.verify, alg, key.public_key, MESSAGE, signature), 2 * messages
        )
        figures[f"{name}_verify_many_per_s"] = per_second([item] * messages)
    return figures


def per_second(items: list[Signed]) -> float:
    """Return the items verified per second by `verify_many`: the median of nine batches."""
    return round(len(items) / (microseconds(lambda: verify_many(items), 9) / 1e6))


def main() -> None:
    """Measure with `cryptography`, then with liboqs where it is built."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--liboqs", type=Path, default=Path(".cache/liboqs"), help="folder of liboqs (`make liboqs`)")
    folder = parser.parse_args().liboqs
    key = signatures.generate(ALG)
    account, digest = bytes([1] * 32), bytes(range(32))
    recoverable = secp256k1.sign_digest(account, digest)
    with tempfile.TemporaryDirectory() as temporary:
        keystore = keystore_opening(Path(temporary))
    figures: dict[str, object] = {
        "machine": {
            "cpu": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        },
        "mldsa65_from_seed_us": microseconds(lambda: signatures.from_seed(ALG, key.seed), 200),
        "secp256k1_sign_us": microseconds(lambda: secp256k1.sign_digest(account, digest), 500),
        "secp256k1_recover_us": microseconds(lambda: secp256k1.recover(digest, recoverable), 500),
        **keystore,
        "cryptography": signing(),
    }
    try:
        signatures.use_backend(liboqs.load(folder))
    except BackendUnavailableError as error:
        figures["liboqs"] = str(error)
    else:
        figures["liboqs"] = signing()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
