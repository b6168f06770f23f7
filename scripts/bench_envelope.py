"""Measure sealing and envelopes with a message of 2,048 bytes on this machine; prints one JSON object.

python scripts/bench_envelope.py
"""

import json
import os
import platform
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pqc import sealing, signatures
from pqc.envelope import Allowed, Header, pack, unpack
from pqc.jws import SigningKey
from pqc.qkd import QuantumKey
from scripts.bench_pqc import microseconds

MESSAGE = bytes(2048)
"""About as long as a pacs.008."""
SUITES = (
    (signatures.MESSAGE_ALGORITHM, "X-Wing"),
    ("id-MLDSA87-ECDSA-P384-SHA512", "MLKEM1024-P384"),
)


def figures(runs: int = 300) -> dict[str, float]:
    """Return the median times, in microseconds: seal and open alone, and whole envelopes."""
    found: dict[str, float] = {}
    for kem in sealing.kems():
        key = sealing.generate(kem)
        sealed = sealing.seal(kem, key.public_key, MESSAGE, b"")
        found[f"{kem}_seal_us"] = microseconds(partial(sealing.seal, kem, key.public_key, MESSAGE, b""), runs)
        found[f"{kem}_unseal_us"] = microseconds(partial(sealing.unseal, key, sealed, b""), runs)
    quantum = QuantumKey("bench", bytes(32))
    for alg, kem in SUITES:
        found |= envelope_figures(alg, kem, None, runs)
    alg, kem = SUITES[0]
    return found | {f"quantum_{name}": one for name, one in envelope_figures(alg, kem, quantum, runs).items()}


def envelope_figures(alg: str, kem: str, quantum: QuantumKey | None, runs: int) -> dict[str, float]:
    """Return the median times to sign and seal, and to open and verify, with one pair of keys."""
    signer, key = SigningKey.of(signatures.generate(alg)), sealing.generate(kem)
    header = Header("bench/1", "9999DEV02PLDRBANK004", "9999DEV03RIFTBANK006", "pacs.008.001.08", 0)
    sign_and_seal = partial(pack, header, MESSAGE, key=signer, seal_to=key.public_half, quantum=quantum)
    envelope = sign_and_seal()
    open_and_verify = partial(
        unpack,
        envelope,
        recipient=header.recipient,
        sealing_keys={key.public_half.key_id: key},
        verify_keys=lambda sender, key_id: signer.verifying_key,
        allowed=Allowed(frozenset({alg}), frozenset({kem})),
        now_s=0,
        quantum=quantum,
    )
    name = f"{alg}_{kem}"
    return {
        f"{name}_bytes": len(envelope),
        f"{name}_sign_and_seal_us": microseconds(sign_and_seal, runs),
        f"{name}_open_and_verify_us": microseconds(open_and_verify, runs),
    }


def main() -> None:
    machine = {"cpu": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"machine": machine, **figures()}, indent=2))


if __name__ == "__main__":
    main()
