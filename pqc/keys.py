"""Keys of every kind by algorithm name: what a 32-byte seed becomes, and how its public half is written down.

Source: RFC 7517 (JWK), RFC 7638 (thumbprints), RFC 8812 (secp256k1), RFC 9964 (AKP).
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from pqc import base64url, sealing, secp256k1, signatures
from pqc.errors import InvalidKeyError, UnknownAlgorithmError
from pqc.roles import KeyRole

SEED_BYTES: Final = 32
"""Of every algorithm: a keystore holds seeds of this size and nothing else that is secret."""

DEFAULT_ALGORITHMS: Final = {
    KeyRole.TRANSACTION: secp256k1.ALGORITHM,
    KeyRole.MESSAGE: signatures.MESSAGE_ALGORITHM,
    KeyRole.SEALING: sealing.DEFAULT,
    KeyRole.VALIDATOR: "ML-DSA-65",
    KeyRole.EVIDENCE: signatures.MESSAGE_ALGORITHM,
}
"""What a role's keys are made with unless told otherwise."""
TIME_S_MAX: Final = 253_402_300_799
"""31 December 9999, the last second that a date with four digits can show."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """The public half of one generation of a named key."""

    name: str
    alg: str
    role: KeyRole
    public_key: bytes
    """As its algorithm encodes it; 33 bytes compressed for secp256k1."""
    thumbprint: bytes
    """RFC 7638, SHA-256, 32 bytes: names this generation everywhere."""
    address: str | None
    """Checksummed; secp256k1 only."""
    valid_from_s: int = 0
    """First second at which it counts, unix time; 0 = it always has."""
    valid_until_s: int | None = None
    """First second at which it no longer counts; None while it is the current generation."""
    successor: bytes | None = None
    """Thumbprint of the generation that took its place."""
    is_destroyed: bool = False
    """The seed is gone; only this public half is left."""

    def is_valid_at(self, time_s: int) -> bool:
        """Tell whether what it signed at `time_s` counts."""
        return self.valid_from_s <= time_s and (self.valid_until_s is None or time_s < self.valid_until_s)


def key_info(
    name: str, alg: str, role: str, public_key: bytes, valid_from_s: int, valid_until_s: int | None = None
) -> KeyInfo:
    """Return a checked public half.

    Raises:
        InvalidKeyError: name, role, public key or a time is malformed, or the algorithm does not fit the role.
        UnknownAlgorithmError: there is no such algorithm.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidKeyError("name", "1 to 64 of a-z 0-9 . _ -, a letter or digit first", repr(name)[:80])
    checked_role = parse_role(role)
    check_algorithm(alg, checked_role)
    check_seconds("valid_from_s", valid_from_s, TIME_S_MAX)
    if valid_until_s is not None:
        check_seconds("valid_until_s", valid_until_s, TIME_S_MAX)
    return KeyInfo(
        name=name,
        alg=alg,
        role=checked_role,
        public_key=public_key,
        thumbprint=thumbprint(alg, public_key),
        address=secp256k1.address_of(public_key) if alg == secp256k1.ALGORITHM else None,
        valid_from_s=valid_from_s,
        valid_until_s=valid_until_s,
    )


def parse_role(role: str) -> KeyRole:
    """Return the role of this name.

    Raises:
        InvalidKeyError: there is no such role.
    """
    try:
        return KeyRole(role)
    except ValueError:
        raise InvalidKeyError("role", f"one of {', '.join(KeyRole)}", repr(role)[:80]) from None


def algorithms(role: KeyRole) -> tuple[str, ...]:
    """Return the algorithms that a key for `role` may have, sorted."""
    if role is KeyRole.SEALING:
        return sealing.kems()
    accounts = (secp256k1.ALGORITHM,) if role is KeyRole.TRANSACTION else ()
    return tuple(sorted((*signatures.algorithms(), *accounts)))


def check_algorithm(alg: str, role: KeyRole) -> None:
    """Return when a key for `role` may have this algorithm.

    Raises:
        UnknownAlgorithmError: there is no such algorithm.
        InvalidKeyError: the algorithm is for another role.
    """
    fitting = algorithms(role)
    if not any(alg in algorithms(one) for one in KeyRole):
        raise UnknownAlgorithmError(str(alg), fitting)
    if alg not in fitting:
        raise InvalidKeyError("alg", f"for role {role} one of {', '.join(fitting)}", alg)


def new_seed(alg: str) -> bytes:
    """Make a seed from the operating system's randomness."""
    seed = secrets.token_bytes(SEED_BYTES)
    while alg == secp256k1.ALGORITHM and not secp256k1.is_valid_seed(seed):
        seed = secrets.token_bytes(SEED_BYTES)
    return seed


def public_key(alg: str, seed: bytes) -> bytes:
    """Derive the public key.

    Raises:
        InvalidKeyError: `seed` is not a seed of this algorithm.
        UnknownAlgorithmError: there is no such algorithm.
    """
    if alg == secp256k1.ALGORITHM:
        return secp256k1.public_key(seed)
    if alg in sealing.kems():
        return sealing.from_seed(alg, seed).public_key
    return signatures.from_seed(alg, seed).public_key


def jwk(alg: str, public_key: bytes) -> dict[str, str]:
    """Return the public key as a JSON Web Key with its thumbprint as `kid`, and its `use`.

    Raises:
        InvalidKeyError: `public_key` is not one of this algorithm.
        UnknownAlgorithmError: there is no such algorithm.
    """
    return {
        **_required_members(alg, public_key),
        "kid": base64url.encode(thumbprint(alg, public_key)).decode(),
        "use": "enc" if alg in sealing.kems() else "sig",
    }


def thumbprint(alg: str, public_key: bytes) -> bytes:
    """Return the RFC 7638 thumbprint (SHA-256, 32 bytes) of `jwk`."""
    if alg == secp256k1.ALGORITHM:
        return secp256k1.thumbprint(public_key)
    if alg in sealing.kems():
        return sealing.thumbprint(alg, public_key)
    return signatures.thumbprint(alg, public_key)


def _required_members(alg: str, public_key: bytes) -> dict[str, str]:
    if alg == secp256k1.ALGORITHM:
        return secp256k1.jwk(public_key)
    if alg in sealing.kems():
        return sealing.jwk(alg, public_key)
    return signatures.jwk(alg, public_key)


def check_seconds(field_name: str, value: int, high: int) -> None:
    """Return when `value` is 0 to `high`.

    Raises:
        InvalidKeyError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise InvalidKeyError(field_name, f"0 to {high} seconds", repr(value)[:30])
