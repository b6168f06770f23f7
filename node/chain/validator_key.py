"""The sequencer's key file: `<home>/validator_key.json`, owner-readable, holding the seed.

A devnet's key is in the clear, as CometBFT keeps its own; the threat model says so.
"""

import json
import os
from pathlib import Path
from typing import Final

from node.chain.errors import GenesisError
from pqc import signatures
from pqc.errors import RejectedError as PqcRejectedError
from pqc.signatures import KeyPair

ALGORITHM: Final = "ML-DSA-65"
FILE_NAME: Final = "validator_key.json"


def load_or_create_validator_key(home: Path) -> KeyPair:
    """Return the key of this home, made at the first call.

    Raises:
        GenesisError: the file exists but holds no key.
    """
    path = home / FILE_NAME
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_validator_key(home, signatures.generate(ALGORITHM))
    try:
        document = json.loads(path.read_text("utf-8"))
        return signatures.from_seed(document["algorithm"], bytes.fromhex(document["seed"]))
    except (ValueError, KeyError, TypeError, PqcRejectedError) as error:
        raise GenesisError(FILE_NAME, "algorithm and seed (hex)", type(error).__name__) from error


def write_validator_key(home: Path, key: KeyPair) -> None:
    """Write the key file, complete or not at all; an existing one is left and the call fails."""
    path = home / FILE_NAME
    temporary = path.with_suffix(".new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, json.dumps({"algorithm": key.alg, "seed": key.seed.hex()}).encode())
        os.fsync(file)
    finally:
        os.close(file)
    os.link(temporary, path)
    temporary.unlink()
