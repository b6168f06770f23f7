"""The keystore's file: one JSON object, its secrets sealed under a passphrase.

The passphrase goes through Argon2id to a master secret, HKDF makes an encryption key and a check value of
it. The check value tells a wrong passphrase from a changed file, and binds the file to one key (AES-GCM
alone does not). The header is authenticated with the content.

Source: docs/spec/keystore.md; RFC 9106 (Argon2id), RFC 5869 (HKDF), NIST SP 800-38D (GCM).
"""

import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from pqc.errors import InvalidKeyError, KeystoreFormatError, TamperedKeystoreError, WrongPassphraseError

FORMAT: Final = "landfall-keystore"
VERSION: Final = 2
"""Written; the content has generations and roles of a closed set."""
VERSIONS_READ: Final = (1, 2)
PASSPHRASE_BYTES_MAX: Final = 1024
FILE_BYTES_MAX: Final = 4 << 20
"""A thousand seeds take 0.4 MB; a destroyed one leaves its public key, 8 kB of file for ML-DSA-65."""
MEMORY_KIB_MIN: Final = 1024
MEMORY_KIB_MAX: Final = 256 * 1024
"""A hostile file can make the process take 256 MiB for a moment, not more."""
ITERATIONS_MAX: Final = 8
LANES_MAX: Final = 8

_BRACKETS_MAX: Final = 16
_CONTENT_BRACKETS_MAX: Final = 4000
"""Two for the whole, three for each of a thousand keys."""
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What one guess of the passphrase costs; written into the file, so that reading needs no configuration."""

    profile: str
    """Name for people and for policy: a bank refuses a keystore of the `devnet` profile."""
    iterations: int
    memory_kib: int
    lanes: int


STANDARD: Final = KdfCost("standard", iterations=3, memory_kib=64 * 1024, lanes=4)
"""RFC 9106, second recommended option."""

DEVNET: Final = KdfCost("devnet", iterations=1, memory_kib=MEMORY_KIB_MIN, lanes=1)
"""About a millisecond: keys of a laptop network, made anew by the dozen. No protection against guessing."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """A passphrase turned into keys, kept while a keystore is open."""

    cost: KdfCost
    salt: bytes
    key: bytes = field(repr=False)
    check: bytes = field(repr=False)


def new_sealer(passphrase: bytes, cost: KdfCost) -> Sealer:
    """Derive keys under a fresh salt.

    Raises:
        InvalidKeyError: the passphrase is empty, too long or no bytes.
        KeystoreFormatError: the cost is out of bounds.
    """
    return _derive(passphrase, cost, secrets.token_bytes(_SALT_BYTES))


def seal(sealer: Sealer, content: dict[str, Any]) -> bytes:
    """Return the file's bytes: `content` encrypted under a fresh nonce."""
    header = _header(sealer, secrets.token_bytes(_NONCE_BYTES))
    sealed = AESGCM(sealer.key).encrypt(
        bytes.fromhex(header["cipher"]["nonce"]), rfc8785.dumps(content), rfc8785.dumps(header)
    )
    return rfc8785.dumps({**header, "sealed": sealed.hex()}) + b"\n"


def unseal(data: bytes, passphrase: bytes) -> tuple[Sealer, int, Any]:
    """Return the keys, the format version and the content of a file.

    Raises:
        KeystoreFormatError: no keystore, an unknown version, or parameters out of bounds.
        WrongPassphraseError: the passphrase leads to another key.
        TamperedKeystoreError: the passphrase is right, the content was changed.
    """
    header, cost, salt, nonce, check, sealed = _parse(data)
    sealer = _derive(passphrase, cost, salt)
    if not hmac.compare_digest(sealer.check, check):
        raise WrongPassphraseError("passphrase: expected the one this keystore was written with, got another")
    try:
        content = AESGCM(sealer.key).decrypt(nonce, sealed, rfc8785.dumps(header))
    except InvalidTag:
        raise TamperedKeystoreError(
            "keystore: expected the content as it was written, got a changed file; restore it from a backup"
        ) from None
    return sealer, header["version"], _parse_json(content, _CONTENT_BRACKETS_MAX)


def _derive(passphrase: bytes, cost: KdfCost, salt: bytes) -> Sealer:
    if not isinstance(passphrase, bytes) or not 0 < len(passphrase) <= PASSPHRASE_BYTES_MAX:
        raise InvalidKeyError("passphrase", f"1 to {PASSPHRASE_BYTES_MAX} bytes", "something else")
    # Half of a surrogate pair could not be authenticated.
    if not isinstance(cost.profile, str) or not cost.profile.isascii():
        raise KeystoreFormatError(f"kdf.profile: expected a name in ASCII, got {str(cost.profile)[:40]!a}")
    _check_range("kdf.iterations", cost.iterations, 1, ITERATIONS_MAX)
    _check_range("kdf.lanes", cost.lanes, 1, LANES_MAX)
    _check_range("kdf.memory_kib", cost.memory_kib, MEMORY_KIB_MIN, MEMORY_KIB_MAX)
    master = Argon2id(
        salt=salt, length=32, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory_kib
    ).derive(passphrase)
    return Sealer(
        cost=cost,
        salt=salt,
        key=HKDFExpand(SHA256(), 32, b"landfall keystore 1 encryption").derive(master),
        check=HKDFExpand(SHA256(), 32, b"landfall keystore 1 check").derive(master),
    )


def _header(sealer: Sealer, nonce: bytes) -> dict[str, Any]:
    cost = sealer.cost
    return {
        "format": FORMAT,
        "version": VERSION,
        "kdf": {
            "name": "argon2id",
            "profile": cost.profile,
            "iterations": cost.iterations,
            "memory_kib": cost.memory_kib,
            "lanes": cost.lanes,
            "salt": sealer.salt.hex(),
        },
        "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex()},
        "check": sealer.check.hex(),
    }


def _parse(data: bytes) -> tuple[dict[str, Any], KdfCost, bytes, bytes, bytes, bytes]:
    if len(data) > FILE_BYTES_MAX:
        raise KeystoreFormatError(f"keystore: expected at most {FILE_BYTES_MAX} bytes, got {len(data)}")
    document = _parse_json(data, _BRACKETS_MAX)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise KeystoreFormatError(f"format: expected {FORMAT!r}, got another file")
    if document.get("version") not in VERSIONS_READ or isinstance(document["version"], bool):
        raise KeystoreFormatError(f"version: expected 1 or 2, got {str(document.get('version'))[:20]}")
    _check_keys("keystore", document, {"format", "version", "kdf", "cipher", "check", "sealed"})
    kdf, cipher = document["kdf"], document["cipher"]
    _check_keys("kdf", kdf, {"name", "profile", "iterations", "memory_kib", "lanes", "salt"})
    _check_keys("cipher", cipher, {"name", "nonce"})
    if kdf["name"] != "argon2id" or cipher["name"] != "aes-256-gcm":
        raise KeystoreFormatError("kdf.name, cipher.name: expected argon2id and aes-256-gcm, got something else")
    cost = KdfCost(kdf["profile"], kdf["iterations"], kdf["memory_kib"], kdf["lanes"])
    header = {name: value for name, value in document.items() if name != "sealed"}
    salt, nonce = _unhex("kdf.salt", kdf["salt"], _SALT_BYTES), _unhex("cipher.nonce", cipher["nonce"], _NONCE_BYTES)
    return header, cost, salt, nonce, _unhex("check", document["check"], 32), _unhex("sealed", document["sealed"], None)


def _parse_json(data: bytes, brackets_max: int) -> Any:
    # Some libraries raise Python's recursion limit, and deep JSON then overflows the stack.
    if data.count(b"[") + data.count(b"{") > brackets_max:
        raise KeystoreFormatError(f"keystore: expected at most {brackets_max} brackets, got more")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise KeystoreFormatError("keystore: expected a JSON object, got something else") from None


def _check_keys(field_name: str, value: Any, expected: set[str]) -> None:
    if not isinstance(value, dict) or set(value) != expected:
        raise KeystoreFormatError(f"{field_name}: expected an object of {', '.join(sorted(expected))}, got another")


def _check_range(field_name: str, value: Any, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise KeystoreFormatError(f"{field_name}: expected {low} to {high}, got {str(value)[:30]}")


def _unhex(field_name: str, value: Any, length: int | None) -> bytes:
    try:
        decoded = bytes.fromhex(value)
    except (TypeError, ValueError):
        raise KeystoreFormatError(f"{field_name}: expected hex digits, got something else") from None
    if length is not None and len(decoded) != length:
        raise KeystoreFormatError(f"{field_name}: expected {length} bytes, got {len(decoded)}")
    return decoded
