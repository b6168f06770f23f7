"""Write tests/vectors/envelope/envelopes.json: envelopes and acknowledgements of docs/spec/envelope.md, in parts.

    python scripts/build_envelope_vectors.py

Keys, lines and headers follow from fixed seeds and are the same in every run. Signatures with ML-DSA are hedged and
HPKE draws a fresh key, so tokens and envelopes differ from run to run; a reader has to open them all the same.
"""

import json
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pqc import sealing, signatures
from pqc.acknowledgement import Acknowledgement, Outcome, acknowledge, envelope_hash
from pqc.envelope import Allowed, Header, pack, unpack
from pqc.jws import SigningKey
from pqc.qkd import QuantumKey

TARGET: Final = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "envelope" / "envelopes.json"
SENDER, RECIPIENT = "9999DEV02PLDRBANK004", "9999DEV03RIFTBANK006"
CREATED_AT_S: Final = 1_790_000_000
UETR: Final = "7a562c67-ca16-48ba-b074-65581be6f001"
QUANTUM_KEY_ID: Final = "bc490419-7d60-487f-adc1-4ddcc177c139"


@dataclass(frozen=True)
class Case:
    """One envelope to write."""

    name: str
    alg: str
    kem: str
    header: Header
    payload: bytes
    has_quantum: bool = False


def header(name: str, thread: str | None = None, uetr: str | None = None) -> Header:
    return Header(f"vector/{name}", SENDER, RECIPIENT, "pacs.008.001.08", CREATED_AT_S, thread, uetr)


CASES: Final = (
    Case(
        "default",
        signatures.MESSAGE_ALGORITHM,
        "X-Wing",
        header("default", "trade/17", UETR),
        "<Document>Überweisung</Document>".encode(),
    ),
    Case("large-keys", "id-MLDSA87-ECDSA-P384-SHA512", "MLKEM1024-P384", header("large-keys"), bytes(range(256))),
    Case("quantum", signatures.MESSAGE_ALGORITHM, "X-Wing", header("quantum", "trade/17"), b"with a layer", True),
    Case("plain-ml-dsa", "ML-DSA-65", "X-Wing", header("plain-ml-dsa"), b""),
)


def seed(label: str) -> bytes:
    return sha256(f"landfall envelope vector {label}".encode()).digest()


def write_case(case: Case) -> dict[str, Any]:
    pair = signatures.from_seed(case.alg, seed(f"{case.name} signer"))
    signer, key = SigningKey.of(pair), sealing.from_seed(case.kem, seed(f"{case.name} recipient"))
    quantum = QuantumKey(QUANTUM_KEY_ID, seed(f"{case.name} quantum")) if case.has_quantum else None
    envelope = pack(case.header, case.payload, key=signer, seal_to=key.public_half, quantum=quantum)
    opened = unpack(
        envelope,
        recipient=RECIPIENT,
        sealing_keys={key.public_half.key_id: key},
        verify_keys=lambda sender, key_id: signer.verifying_key,
        allowed=Allowed(frozenset({case.alg}), frozenset({case.kem})),
        now_s=CREATED_AT_S,
        quantum=quantum,
    )
    said = [
        Acknowledgement(
            envelope_hash(envelope), RECIPIENT, SENDER, Outcome.STORED, CREATED_AT_S + 1, case.header.message_id, None
        ),
        Acknowledgement(envelope_hash(envelope), RECIPIENT, SENDER, Outcome.REFUSED, CREATED_AT_S + 2, None, "pqc/44"),
    ]
    # The recipient's signing key is the sender's here: a reader needs no second one.
    return {
        "name": case.name,
        "alg": case.alg,
        "signer_seed": pair.seed.hex(),
        "signer_public_key": pair.public_key.hex(),
        "signer_key_id": signer.verifying_key.key_id,
        "kem": case.kem,
        "recipient_seed": key.seed.hex(),
        "recipient_public_key": key.public_key.hex(),
        "recipient_key_id": key.public_half.key_id,
        "quantum_key": quantum.key.hex() if quantum else None,
        "header": asdict(case.header),
        "payload": case.payload.hex(),
        "line": envelope.partition(b"\n")[0].decode(),
        "token": opened.token.decode(),
        "envelope": envelope.hex(),
        "acknowledgements": [{"says": asdict(one), "token": acknowledge(one, key=signer).decode()} for one in said],
    }


def main() -> None:
    TARGET.write_text(json.dumps([write_case(case) for case in CASES], indent=1, ensure_ascii=False) + "\n")
    print(f"wrote {TARGET.name}: {len(CASES)} envelopes")


if __name__ == "__main__":
    main()
