"""Sealing to a public key: HPKE (RFC 9180) in base mode with a hybrid KEM, by the `cryptography` package.

Whoever holds the public key can seal; only the holder of the seed can open. An attacker must break ML-KEM and
the elliptic curve. Sealing says nothing about who sealed: a signature inside does (`pqc.envelope`).

A name fixes the whole suite, so there is nothing to negotiate below it:

| name | KEM | KDF | AEAD |
|---|---|---|---|
| `X-Wing` (default) | 0x647A: ML-KEM-768 and X25519 | HKDF-SHA256 | AES-256-GCM |
| `MLKEM1024-P384` | 0x0051: ML-KEM-1024 and P-384 | HKDF-SHA384 | AES-256-GCM |

The only secret is a seed of 32 bytes. SHAKE256 stretches it: the first 64 bytes are the seed of ML-KEM (FIPS 203,
d then z), the rest is the private scalar of X25519 (32 bytes, little-endian) or P-384 (48 bytes, big-endian).
A public key is the ML-KEM key followed by the X25519 key or the uncompressed P-384 point.

Source: RFC 9180; draft-ietf-hpke-pq (KEM numbers); draft-irtf-cfrg-concrete-hybrid-kems (keys from seeds,
combiners); FIPS 203.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pqc import base64url
from pqc.errors import InvalidKeyError, SizeLimitError, UnknownAlgorithmError, UnsealError

DEFAULT: Final = "X-Wing"
SEED_BYTES: Final = 32
PLAINTEXT_BYTES_MAX: Final = 2 << 20
"""Twice the largest message: what one call may take of memory."""
INFO_BYTES_MAX: Final = 1024
"""`info` is a label and a hash; a document belongs into the plain text."""
TAG_BYTES: Final = 16

# An institution's own, with those of a few rotations; expanding one takes as long as opening with it.
_EXPANDED_KEYS: Final = 64
_MLKEM_SEED_BYTES: Final = 64
_MLKEM768_BYTES: Final = 1184
_MLKEM1024_BYTES: Final = 1568
"""Encapsulation keys, FIPS 203, table 3."""

_PrivateKey: TypeAlias = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey
_PublicKey: TypeAlias = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key that opens what was sealed to it; `repr` and logs show the public half only."""

    kem: str
    seed: bytes = field(repr=False)
    public_key: bytes

    @property
    def public_half(self) -> "PublicSealingKey":
        """Return what senders need."""
        return PublicSealingKey(self.kem, self.public_key)


@dataclass(frozen=True, slots=True)
class PublicSealingKey:
    """What a sender needs of a recipient."""

    kem: str
    public_key: bytes

    @property
    def key_id(self) -> str:
        """Return the RFC 7638 thumbprint, base64url."""
        return base64url.encode(thumbprint(self.kem, self.public_key)).decode()


@dataclass(frozen=True, slots=True)
class _Kem:
    """One suite; sizes in bytes."""

    suite: Suite
    public_key_bytes: int
    encapsulated_bytes: int
    seed_bytes: int
    """What SHAKE256 makes of the 32-byte seed: the seed of ML-KEM, then the scalar."""
    load_private: Callable[[bytes], tuple[_PrivateKey, bytes]]
    """From the stretched seed to the private key and the public key's bytes."""
    load_public: Callable[[bytes], _PublicKey]


def kems() -> tuple[str, ...]:
    """Return the registered names, sorted."""
    return tuple(sorted(_KEMS))


def generate(kem: str = DEFAULT) -> SealingKey:
    """Make a key from the operating system's randomness."""
    return from_seed(kem, secrets.token_bytes(SEED_BYTES))


def from_seed(kem: str, seed: bytes) -> SealingKey:
    """Derive a key.

    Raises:
        UnknownAlgorithmError: `kem` is not registered.
        InvalidKeyError: `seed` is not 32 bytes.
    """
    if not isinstance(seed, bytes) or len(seed) != SEED_BYTES:
        raise InvalidKeyError("seed", f"{SEED_BYTES} bytes", "something else")
    return SealingKey(kem, seed, _private(kem, seed)[1])


def seal(kem: str, public_key: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Return the encapsulated key followed by the ciphertext; `info` is bound, not contained.

    Raises:
        UnknownAlgorithmError: `kem` is not registered.
        InvalidKeyError: `public_key` is not a key of this KEM.
        SizeLimitError: plain text or `info` is over its limit.
    """
    chosen = _kem(kem)
    _check_size("plaintext", plaintext, 0, PLAINTEXT_BYTES_MAX)
    _check_size("info", info, 0, INFO_BYTES_MAX)
    _check_public_key(kem, public_key)
    try:
        return chosen.suite.encrypt(plaintext, chosen.load_public(public_key), info)
    except ValueError:
        raise InvalidKeyError("public_key", f"a public key of {kem}", "bytes that are none") from None


def unseal(key: SealingKey, sealed: bytes, info: bytes) -> bytes:
    """Return the plain text.

    Raises:
        UnknownAlgorithmError: the key's `kem` is not registered.
        SizeLimitError: shorter than any sealed text, or over the limit.
        UnsealError: sealed to another key, under another `info`, or changed on the way.
    """
    chosen = _kem(key.kem)
    overhead = chosen.encapsulated_bytes + TAG_BYTES
    _check_size("sealed", sealed, overhead, PLAINTEXT_BYTES_MAX + overhead)
    _check_size("info", info, 0, INFO_BYTES_MAX)
    try:
        return chosen.suite.decrypt(sealed, _private(key.kem, key.seed)[0], info)
    except (InvalidTag, ValueError):
        raise UnsealError(key.kem) from None


def jwk(kem: str, public_key: bytes) -> dict[str, str]:
    """Return the key as an AKP JSON Web Key of its required members; `alg` is the KEM's name."""
    _check_public_key(kem, public_key)
    return {"alg": kem, "kty": "AKP", "pub": base64url.encode(public_key).decode()}


def from_jwk(key: Mapping[str, object]) -> PublicSealingKey:
    """Read a public JSON Web Key. Members other than the required ones are not read.

    Raises:
        UnknownAlgorithmError: its `alg` is not registered.
        InvalidKeyError: not a public key of that KEM, or one that carries its private half.
        MalformedError: `pub` is not base64url.
    """
    if "priv" in key:
        raise InvalidKeyError("priv", "a public key (withdraw this one: its private half was given away)", "it")
    alg, kty, pub = key.get("alg"), key.get("kty"), key.get("pub")
    if kty != "AKP" or not isinstance(alg, str) or not isinstance(pub, str):
        raise InvalidKeyError("jwk", "kty AKP and text members alg and pub", "something else")
    return PublicSealingKey(alg, base64url.decode_key("pub", pub, _kem(alg).public_key_bytes))


def thumbprint(kem: str, public_key: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes) of `jwk`."""
    canonical = json.dumps(jwk(kem, public_key), sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).digest()


def _kem(name: str) -> _Kem:
    try:
        return _KEMS[name]
    except (KeyError, TypeError):
        raise UnknownAlgorithmError(str(name), kems()) from None


@lru_cache(maxsize=_EXPANDED_KEYS)
def _private(kem: str, seed: bytes) -> tuple[_PrivateKey, bytes]:
    chosen = _kem(kem)
    return chosen.load_private(shake_256(seed).digest(chosen.seed_bytes))


def _check_public_key(kem: str, public_key: bytes) -> None:
    expected = _kem(kem).public_key_bytes
    if not isinstance(public_key, bytes) or len(public_key) != expected:
        got = f"{len(public_key)} bytes" if isinstance(public_key, bytes) else type(public_key).__name__
        raise InvalidKeyError("public_key", f"{expected} bytes", got)


def _check_size(field_name: str, value: bytes, low: int, high: int) -> None:
    if not low <= len(value) <= high:
        raise SizeLimitError(field_name, low, high, len(value))


def _x_wing_private(stretched: bytes) -> tuple[_PrivateKey, bytes]:
    lattice = mlkem.MLKEM768PrivateKey.from_seed_bytes(stretched[:_MLKEM_SEED_BYTES])
    curve = x25519.X25519PrivateKey.from_private_bytes(stretched[_MLKEM_SEED_BYTES:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(lattice, curve), public


def _x_wing_public(public_key: bytes) -> _PublicKey:
    lattice = mlkem.MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM768_BYTES])
    return MLKEM768X25519PublicKey(lattice, x25519.X25519PublicKey.from_public_bytes(public_key[_MLKEM768_BYTES:]))


def _p384_private(stretched: bytes) -> tuple[_PrivateKey, bytes]:
    lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(stretched[:_MLKEM_SEED_BYTES])
    # The draft draws no second scalar for P-384: the first is out of range once in 2^192 seeds.
    scalar = int.from_bytes(stretched[_MLKEM_SEED_BYTES:], "big")
    curve = ec.derive_private_key(scalar, ec.SECP384R1())
    point = curve.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return MLKEM1024P384PrivateKey(lattice, curve), lattice.public_key().public_bytes_raw() + point


def _p384_public(public_key: bytes) -> _PublicKey:
    lattice = mlkem.MLKEM1024PublicKey.from_public_bytes(public_key[:_MLKEM1024_BYTES])
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public_key[_MLKEM1024_BYTES:])
    return MLKEM1024P384PublicKey(lattice, point)


_KEMS: Final[dict[str, _Kem]] = {
    "X-Wing": _Kem(
        suite=Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
        public_key_bytes=_MLKEM768_BYTES + 32,
        encapsulated_bytes=1088 + 32,
        seed_bytes=_MLKEM_SEED_BYTES + 32,
        load_private=_x_wing_private,
        load_public=_x_wing_public,
    ),
    "MLKEM1024-P384": _Kem(
        suite=Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM),
        public_key_bytes=_MLKEM1024_BYTES + 97,
        encapsulated_bytes=1568 + 97,
        seed_bytes=_MLKEM_SEED_BYTES + 48,
        load_private=_p384_private,
        load_public=_p384_public,
    ),
}
