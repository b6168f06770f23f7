"""Public keys of programs: which are taken, and what they are called."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

if TYPE_CHECKING:
    from joserfc.jwk import Key

ALGORITHMS: Final = ("ES256", "ES384", "Ed25519", "EdDSA", "PS256")
"""Of proofs and assertions: asymmetric, none that a verifier could forge (RFC 9449, section 4.2)."""
_KINDS: Final = frozenset({"EC", "OKP", "RSA"})
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS_MIN: Final = 2_048


def public_key(members: object) -> "Key":
    """Read a public JSON Web Key.

    Raises:
        ValueError: it is none, carries its private half, or is too weak.
    """
    from joserfc import jwk
    from joserfc.errors import JoseError

    if not isinstance(members, Mapping) or members.get("kty") not in _KINDS:
        raise ValueError("a public key of type EC, OKP or RSA is expected")
    if _PRIVATE & members.keys():
        raise ValueError("a public key is expected, without its private half")
    plain: dict[str, Any] = {str(name): value for name, value in members.items()}
    try:
        key: Key = jwk.import_key(plain)
        raw = key.raw_value
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError("a public JSON Web Key is expected") from error
    if isinstance(raw, RSAPublicKey) and raw.key_size < _RSA_BITS_MIN:
        raise ValueError(f"an RSA key of at least {_RSA_BITS_MIN} bits is expected")
    return key
