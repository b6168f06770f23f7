"""Public halves as a JSON Web Key Set: what an institution publishes, with when each key counts.

Beside the members of RFC 7517: `nbf` and `exp` (seconds, as in a JWT) say from when and until when a key counts,
`landfall` holds its name and role. The secret half has no place here: a set that holds one is refused.

Source: RFC 7517 (JWK sets), RFC 9964 (AKP), RFC 8037 (OKP), RFC 8812 (secp256k1), RFC 7638 (`kid`).
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from pqc import keys, sealing, secp256k1, signatures
from pqc.errors import JwksFormatError, RejectedError
from pqc.key_ring import KEYS_MAX
from pqc.keys import KeyInfo, key_info

BYTES_MAX: Final = 8 << 20
"""A thousand keys of the longest algorithm take 4 MB."""
_BRACKETS_MAX: Final = 2 * KEYS_MAX + 2


def build_jwks(infos: Iterable[KeyInfo]) -> dict[str, Any]:
    """Return the set, in the given order."""
    return {"keys": [_member(info) for info in infos]}


def read_jwks(data: bytes) -> tuple[KeyInfo, ...]:
    """Return the public halves of a set that this program wrote.

    Successors are not part of a set, so `successor` is None.

    Raises:
        JwksFormatError: another format, over the limits, a key that does not fit its `kid`, or a private half.
    """
    if len(data) > BYTES_MAX or data.count(b"[") + data.count(b"{") > _BRACKETS_MAX:
        raise JwksFormatError(f"jwks: expected at most {BYTES_MAX} bytes and {KEYS_MAX} keys, got more")
    try:
        return tuple(_info(member) for member in json.loads(data)["keys"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise JwksFormatError("jwks: expected a JSON Web Key Set as this program writes it, got another") from None
    except JwksFormatError:
        raise
    except RejectedError as error:
        raise JwksFormatError(f"jwks: {error}") from None


def _member(info: KeyInfo) -> dict[str, Any]:
    member: dict[str, Any] = {
        **keys.jwk(info.alg, info.public_key),
        "landfall": {"name": info.name, "role": str(info.role)},
        "nbf": info.valid_from_s,
    }
    return member if info.valid_until_s is None else {**member, "exp": info.valid_until_s}


def _info(member: dict[str, Any]) -> KeyInfo:
    alg, public_key = _public_key(member)
    named = member["landfall"]
    info = key_info(named["name"], alg, named["role"], public_key, member["nbf"], member.get("exp"))
    if (expected := _member(info)) != member:
        raise JwksFormatError(f"jwks: expected public members with kid {expected['kid']}, got others")
    return info


def _public_key(member: dict[str, Any]) -> tuple[str, bytes]:
    if member["kty"] == "EC":
        return secp256k1.ALGORITHM, secp256k1.from_jwk(member)
    if member.get("alg") in sealing.kems():
        found = sealing.from_jwk(member)
        return found.kem, found.public_key
    return signatures.from_jwk(member)
