"""A validator's public key as an operator names it: hex, or a file that holds it."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from node.app.errors import ChangeError
from node.chain.cometbft_json import ALGORITHMS
from node.json_depth import json_depth
from pqc import signatures, whole_file
from pqc.errors import RejectedError as PqcRejectedError

FILE_BYTES_MAX: Final = 65_536
FILE_DEPTH_MAX: Final = 8
_NO_NODE: Final = bytes(20)
_BY_LENGTH: Final = {signatures.scheme(name).public_key_bytes: name for name in ("ML-DSA-65", "Ed25519")}


@dataclass(frozen=True, slots=True)
class ValidatorKey:
    """A key that may join the set; `node_id` is zeros where the file names no node."""

    algorithm: str
    public_key: bytes
    node_id: bytes = _NO_NODE


def read_key(text: str) -> ValidatorKey:
    """Return the key that `text` is, or that is in the file of this name.

    Files: a member's file (`landfall init bank`), what `cometbft show-validator` prints, or an object with `algorithm`,
    `public_key` and, if you like, `node_id` (hex).

    Raises:
        ChangeError: neither hex of a key nor a file with a public key.
    """
    plain = text.removeprefix("0x")
    if len(plain) % 2 == 0 and len(plain) // 2 in _BY_LENGTH and all(one in "0123456789abcdefABCDEF" for one in plain):
        return ValidatorKey(_BY_LENGTH[len(plain) // 2], bytes.fromhex(plain))
    return _read_file(Path(text))


def _read_file(path: Path) -> ValidatorKey:
    shown = str(path)[:100]
    try:
        data = whole_file.read(path, FILE_BYTES_MAX)
    except (OSError, ValueError) as error:
        raise ChangeError(
            f"KEY: expected a public key in hex (32 or 1,952 bytes) or a file, got {shown!r} ({error})"
        ) from error
    if len(data) > FILE_BYTES_MAX or json_depth(data) > FILE_DEPTH_MAX:
        raise ChangeError(f"{shown}: expected at most {FILE_BYTES_MAX} bytes of JSON, {FILE_DEPTH_MAX} deep, got more")
    try:
        return _key_of(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, PqcRejectedError) as error:
        raise ChangeError(
            f"{shown}: expected a member's file or an object with algorithm and public_key, got {error!r}"[:300]
        ) from error


def _key_of(document: Mapping[str, Any]) -> ValidatorKey:
    if "seed" in document or "priv_key" in document:
        raise ValueError("a secret key; give the public one, and keep this file where it is")
    if "member" in document:
        document = document["member"]["validator"]
    if "value" in document:
        algorithm, public_key = ALGORITHMS[document["type"]], base64.b64decode(document["value"], validate=True)
    else:
        algorithm, public_key = document["algorithm"], bytes.fromhex(document["public_key"].removeprefix("0x"))
    if _BY_LENGTH.get(len(public_key)) != algorithm:
        raise ValueError(f"{len(public_key)} bytes for {str(algorithm)[:20]!r}")
    node_id = bytes.fromhex(document.get("node_id", "") or "") or _NO_NODE
    if len(node_id) != len(_NO_NODE):
        raise ValueError(f"a node_id of {len(node_id)} bytes")
    return ValidatorKey(algorithm, public_key, node_id)
