"""Signatures by algorithm name: one registry, so that a new algorithm or backend is one entry.

A key pair is a seed and what follows from it. A context string (at most 255 bytes) separates uses of one
key: a signature made for one purpose does not count for another.

Source: FIPS 204; RFC 9964 (AKP JSON Web Keys); RFC 7638 (thumbprints).
"""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pqc.errors import InvalidKeyError, InvalidSignatureError, UnknownAlgorithmError
from pqc.mldsa import ML_DSA_65
from pqc.ports import SignatureScheme

CONTEXT_BYTES_MAX: Final = 255
"""FIPS 204, algorithm 2: the context's length is one byte."""

_SCHEMES: Final[dict[str, SignatureScheme]] = {ML_DSA_65.name: ML_DSA_65}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A signing key; `repr` and logs show the public half only."""

    alg: str
    seed: bytes = field(repr=False)
    public_key: bytes


def algorithms() -> tuple[str, ...]:
    """Return the registered names, sorted."""
    return tuple(sorted(_SCHEMES))


def scheme(alg: str) -> SignatureScheme:
    """Return the scheme of this name.

    Raises:
        UnknownAlgorithmError: nothing is registered under `alg`.
    """
    try:
        return _SCHEMES[alg]
    except (KeyError, TypeError):
        raise UnknownAlgorithmError(str(alg), algorithms()) from None


def generate(alg: str) -> KeyPair:
    """Make a key pair from the operating system's randomness."""
    return from_seed(alg, secrets.token_bytes(scheme(alg).seed_bytes))


def from_seed(alg: str, seed: bytes) -> KeyPair:
    """Derive a key pair.

    Raises:
        UnknownAlgorithmError: `alg` is not registered.
        InvalidKeyError: `seed` is not bytes of the algorithm's length.
    """
    chosen = scheme(alg)
    _check_bytes("seed", seed, chosen.seed_bytes)
    return KeyPair(alg=alg, seed=bytes(seed), public_key=chosen.public_key(seed))


def sign(key: KeyPair, message: bytes, context: bytes = b"") -> bytes:
    """Sign `message`; hedged, so two calls give two signatures.

    Raises:
        InvalidKeyError: `context` is longer than 255 bytes.
    """
    _check_context(context)
    return scheme(key.alg).sign(key.seed, message, context)


def verify(alg: str, public_key: bytes, message: bytes, signature: bytes, context: bytes = b"") -> None:
    """Return when `signature` is valid.

    Raises:
        UnknownAlgorithmError: `alg` is not registered.
        InvalidKeyError: `public_key` or `context` has a wrong length.
        InvalidSignatureError: everything else, a wrong length included.
    """
    chosen = scheme(alg)
    _check_bytes("public_key", public_key, chosen.public_key_bytes)
    _check_context(context)
    if len(signature) != chosen.signature_bytes:
        raise InvalidSignatureError(alg, f"{len(signature)} bytes instead of {chosen.signature_bytes}")
    if not chosen.is_valid(public_key, message, signature, context):
        raise InvalidSignatureError(alg, "one that belongs to another message, context or key")


def thumbprint(alg: str, public_key: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes) of the key as an RFC 9964 AKP JSON Web Key."""
    _check_bytes("public_key", public_key, scheme(alg).public_key_bytes)
    pub = urlsafe_b64encode(public_key).rstrip(b"=").decode()
    return sha256(f'{{"alg":"{alg}","kty":"AKP","pub":"{pub}"}}'.encode()).digest()


def _check_bytes(field_name: str, value: bytes, length: int) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidKeyError(field_name, f"{length} bytes", type(value).__name__)
    if len(value) != length:
        raise InvalidKeyError(field_name, f"{length} bytes", f"{len(value)} bytes")


def _check_context(context: bytes) -> None:
    if len(context) > CONTEXT_BYTES_MAX:
        raise InvalidKeyError("context", f"at most {CONTEXT_BYTES_MAX} bytes", f"{len(context)} bytes")
