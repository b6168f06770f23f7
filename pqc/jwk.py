"""AKP JSON Web Keys: how public keys of this room are written, and the thumbprints that name them.

The same form holds signature keys (RFC 9964 for ML-DSA) and sealing keys; `alg` is the registry's name. A
thumbprint covers algorithm and key, so naming a key also fixes what it may be used with.

Source: RFC 9964 (AKP), RFC 7638 (thumbprints), RFC 7515 section 2 (base64url).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import sha256
from typing import Final

from pqc.errors import InvalidKeyError

THUMBPRINT_BYTES: Final = 32


def to_jwk(alg: str, public_key: bytes, use: str) -> dict[str, str]:
    """Return the JSON Web Key of a public key; `use` is `sig` or `enc`."""
    return {
        "alg": alg,
        "kid": encode(thumbprint(alg, public_key)),
        "kty": "AKP",
        "pub": encode(public_key),
        "use": use,
    }


def thumbprint(alg: str, public_key: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes)."""
    return sha256(f'{{"alg":"{alg}","kty":"AKP","pub":"{encode(public_key)}"}}'.encode()).digest()


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(field: str, text: str | bytes) -> bytes:
    """Return the bytes of base64url text; each value has exactly one text.

    Raises:
        InvalidKeyError: other characters, padding, or bits left over.
    """
    written = text.encode() if isinstance(text, str) else text
    try:
        data = urlsafe_b64decode(written + b"=" * (-len(written) % 4))
    except (Error, ValueError):
        raise InvalidKeyError(field, "base64url without padding", "something else") from None
    if urlsafe_b64encode(data).rstrip(b"=") != written:
        raise InvalidKeyError(field, "base64url without padding", "another spelling")
    return data
