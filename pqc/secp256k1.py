"""secp256k1 as Ethereum uses it: addresses, recoverable signatures with low s, strict recovery.

Post-quantum keys protect messages and votes; accounts and EIP-712 signatures still need this curve.

Source: SEC 1; RFC 8812 (JWK); EIP-2 (low s); EIP-55 (checksummed addresses); RFC 6979 (deterministic
nonces, by libsecp256k1).
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import rfc8785
from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from pqc import base64url
from pqc.errors import InvalidKeyError, InvalidSignatureError, MalformedError

ALGORITHM: Final = "secp256k1"
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 65
ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def is_valid_seed(seed: bytes) -> bool:
    """Tell whether these bytes are a private key: 32 bytes, 1 to the group order less one."""
    return len(seed) == SEED_BYTES and 0 < int.from_bytes(seed, "big") < ORDER


def public_key(seed: bytes) -> bytes:
    """Return the compressed public key (33 bytes).

    Raises:
        InvalidKeyError: `seed` is not a private key of this curve.
    """
    return PrivateKey(_checked_seed(seed)).public_key.format(compressed=True)


def address_of(public_key_bytes: bytes) -> str:
    """Return the EIP-55 checksummed address of a public key (33 or 65 bytes)."""
    return checksummed(keccak(PublicKey(public_key_bytes).format(compressed=False)[1:])[12:])


def jwk(public_key_bytes: bytes) -> dict[str, str]:
    """Return the public key as a JSON Web Key of its required members (RFC 8812).

    Without `alg`: ES256K signs SHA-256, Ethereum signs Keccak-256.

    Raises:
        InvalidKeyError: the bytes are no point of this curve.
    """
    try:
        point = PublicKey(public_key_bytes).format(compressed=False)
    except ValueError:
        raise InvalidKeyError("public_key", "a point of secp256k1", f"{len(public_key_bytes)} other bytes") from None
    x, y = base64url.encode(point[1:33]).decode(), base64url.encode(point[33:]).decode()
    return {"crv": ALGORITHM, "kty": "EC", "x": x, "y": y}


def from_jwk(key: Mapping[str, object]) -> bytes:
    """Read a public JSON Web Key: the compressed public key. Members other than the required ones are not read.

    Raises:
        InvalidKeyError: not a public key of this curve, or one that carries its private half.
    """
    x, y = key.get("x"), key.get("y")
    if (key.get("kty"), key.get("crv")) != ("EC", ALGORITHM) or not isinstance(x, str) or not isinstance(y, str):
        raise InvalidKeyError("jwk", f"members kty EC, crv {ALGORITHM}, x and y", "something else")
    if "d" in key:
        raise InvalidKeyError("d", "a public key (withdraw this one: its private half was given away)", "it")
    try:
        point = base64url.decode("x", x.encode()) + base64url.decode("y", y.encode())
        return PublicKey(b"\x04" + point).format(compressed=True)
    except (ValueError, MalformedError):
        raise InvalidKeyError("x, y", f"the coordinates of a point of {ALGORITHM}", "others") from None


def thumbprint(public_key_bytes: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes) of the key's `jwk`."""
    return sha256(rfc8785.dumps(jwk(public_key_bytes))).digest()


def checksummed(address: bytes) -> str:
    """Return 20 bytes as an EIP-55 checksummed address."""
    if len(address) != 20:
        raise InvalidKeyError("address", "20 bytes", f"{len(address)} bytes")
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(m, 16) > 7 else c for c, m in zip(digits, marks, strict=False))


def sign_digest(seed: bytes, digest: bytes) -> bytes:
    """Sign 32 bytes: r, s, v (65 bytes), s in the lower half of the order, v 27 or 28."""
    _check_digest(digest)
    signature = PrivateKey(_checked_seed(seed)).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def recover(digest: bytes, signature: bytes) -> str:
    """Return the checksummed address that signed `digest`.

    Raises:
        InvalidSignatureError: not 65 bytes, v not 27 or 28, r or s out of range, s in the upper half, no such point.
    """
    _check_digest(digest)
    if len(signature) != SIGNATURE_BYTES:
        raise InvalidSignatureError(ALGORITHM, f"{len(signature)} bytes instead of {SIGNATURE_BYTES}")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28):
        raise InvalidSignatureError(ALGORITHM, f"v = {v} instead of 27 or 28")
    if not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        raise InvalidSignatureError(ALGORITHM, "r or s out of range (s must be in the lower half)")
    try:
        recovered = PublicKey.from_signature_and_message(signature[:64] + bytes([v - 27]), digest, hasher=None)
    except Exception as error:
        # libsecp256k1 raises a bare Exception when r is no point of the curve.
        raise InvalidSignatureError(ALGORITHM, "an r that is no point of the curve") from error
    return address_of(recovered.format(compressed=True))


def _checked_seed(seed: bytes) -> bytes:
    if not isinstance(seed, bytes) or not is_valid_seed(seed):
        raise InvalidKeyError("seed", "32 bytes, 1 to the order of secp256k1 less one", "something else")
    return seed


def _check_digest(digest: bytes) -> None:
    if len(digest) != 32:
        raise InvalidKeyError("digest", "32 bytes", f"{len(digest)} bytes")
