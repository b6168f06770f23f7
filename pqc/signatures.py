"""Signatures by algorithm name: one registry, so that a new algorithm or backend is one entry.

A key pair is a seed and what follows from it. A context string (at most 255 bytes) separates uses of one
key: a signature made for one purpose does not count for another.

Source: docs/spec/signatures.md; FIPS 204; RFC 9964 and RFC 8037 (JSON Web Keys); RFC 7638 (thumbprints).
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from pqc import base64url
from pqc.classical import ED25519
from pqc.composite import composites
from pqc.errors import InvalidKeyError, InvalidSignatureError, UnknownAlgorithmError
from pqc.mldsa import PARAMETER_SETS
from pqc.ports import SignatureScheme

MESSAGE_ALGORITHM: Final = "id-MLDSA65-Ed25519-SHA512"
"""Default for messages between institutions."""


def _registry(ml_dsa: Iterable[SignatureScheme]) -> dict[str, SignatureScheme]:
    registry: dict[str, SignatureScheme] = {one.name: one for one in ml_dsa}
    registry[ED25519.name] = ED25519
    registry |= {one.name: one for one in composites(registry)}
    return registry


_SCHEMES: Final[dict[str, SignatureScheme]] = _registry(PARAMETER_SETS)


def use_backend(ml_dsa: Iterable[SignatureScheme]) -> None:
    """Let another library compute ML-DSA, also inside composites: once, at start.

    Args:
        ml_dsa: The three parameter sets: `pqc.liboqs.load(...)`, or `pqc.mldsa.PARAMETER_SETS` for the default.
    """
    _SCHEMES.update(_registry(ml_dsa))


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
    return KeyPair(alg=alg, seed=bytes(seed), public_key=chosen.public_key(bytes(seed)))


def sign(key: KeyPair, message: bytes, context: bytes = b"") -> bytes:
    """Sign `message`; hedged except with Ed25519, so two calls give two signatures.

    Raises:
        InvalidKeyError: `context` is longer than 255 bytes, or not empty with Ed25519.
    """
    chosen = scheme(key.alg)
    _check_context(chosen, context)
    return chosen.sign(key.seed, message, context)


def verify(alg: str, public_key: bytes, message: bytes, signature: bytes, context: bytes = b"") -> None:
    """Return when `signature` is valid.

    Raises:
        UnknownAlgorithmError: `alg` is not registered.
        InvalidKeyError: `public_key` is not a key of `alg`, or `context` has a wrong length.
        InvalidSignatureError: everything else, a wrong length included.
    """
    chosen = scheme(alg)
    _check_bytes("public_key", public_key, chosen.public_key_bytes)
    _check_context(chosen, context)
    shortest, longest = chosen.signature_bytes_min, chosen.signature_bytes
    if not shortest <= len(signature) <= longest:
        expected = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
        raise InvalidSignatureError(alg, f"{len(signature)} bytes instead of {expected}")
    if not chosen.is_valid(bytes(public_key), message, signature, context):
        raise InvalidSignatureError(alg, "one that belongs to another message, context or key")


def jwk(alg: str, public_key: bytes) -> dict[str, str]:
    """Return the public key as a JSON Web Key of its required members: AKP (RFC 9964), for Ed25519 OKP (RFC 8037).

    Raises:
        UnknownAlgorithmError: `alg` is not registered.
        InvalidKeyError: `public_key` has a wrong length.
    """
    _check_bytes("public_key", public_key, scheme(alg).public_key_bytes)
    encoded = base64url.encode(public_key).decode()
    if alg == ED25519.name:
        return {"crv": alg, "kty": "OKP", "x": encoded}
    return {"alg": alg, "kty": "AKP", "pub": encoded}


def from_jwk(key: Mapping[str, object]) -> tuple[str, bytes]:
    """Read a public JSON Web Key: algorithm name and public key. Members other than the required ones are not read.

    Raises:
        UnknownAlgorithmError: its algorithm is not registered.
        InvalidKeyError: not a public key of that algorithm, or one that carries its private half.
        MalformedError: its key is not base64url.
    """
    name_member, key_member = ("crv", "x") if key.get("kty") == "OKP" else ("alg", "pub")
    for private in ("priv", "d"):
        if private in key:
            raise InvalidKeyError(private, "a public key (withdraw this one: its private half was given away)", "it")
    alg, encoded = key.get(name_member), key.get(key_member)
    if not isinstance(alg, str) or not isinstance(encoded, str):
        raise InvalidKeyError("jwk", f"text members {name_member} and {key_member}", "something else")
    public_key = base64url.decode_key(key_member, encoded, scheme(alg).public_key_bytes)
    if key.get("kty") != jwk(alg, public_key)["kty"]:
        raise InvalidKeyError("kty", f"AKP, or OKP for {ED25519.name}", repr(key.get("kty"))[:80])
    return alg, public_key


def thumbprint(alg: str, public_key: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes) of the key's `jwk`."""
    canonical = json.dumps(jwk(alg, public_key), sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).digest()


def _check_bytes(field_name: str, value: bytes, length: int) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise InvalidKeyError(field_name, f"{length} bytes", type(value).__name__)
    if len(value) != length:
        raise InvalidKeyError(field_name, f"{length} bytes", f"{len(value)} bytes")


def _check_context(chosen: SignatureScheme, context: bytes) -> None:
    longest = chosen.context_bytes_max
    if len(context) > longest:
        expected = f"at most {longest} bytes" if longest else f"none, as {chosen.name} knows no context"
        raise InvalidKeyError("context", expected, f"{len(context)} bytes")
