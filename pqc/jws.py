"""JSON Web Signatures in the compact form, with this room's signature algorithms.

The payload is embedded, or detached (RFC 7515, appendix F): then it travels beside the token, unchanged. `kid` is the
RFC 7638 thumbprint of the key, so a token names the one key that can verify it. The context string is empty
(RFC 9964); `typ`, which is signed, keeps kinds of tokens apart.

`alg` is the registry's name where that is a registered one (ML-DSA: RFC 9964, Ed25519: RFC 9864). The composites are
still drafts: theirs is private and carries the version of what is signed, so that a later draft gets another value.

Source: RFC 7515; RFC 9964; RFC 7638; docs/spec/envelope.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from pqc import base64url, flat_json, signatures
from pqc.errors import MalformedError, UnknownAlgorithmError

HEADER_BYTES_MAX: Final = 2048
"""The longest values of every member together stay below it."""

# Asked for several times with every token; a network has some hundred keys.
_KEY_IDS: Final = 1024
_COMPOSITE: Final = "id-"
_VERSIONED: Final = "landfall.1."
"""Version 1: labels with the prefix CompositeAlgorithmSignatures2025."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs messages, wherever it lives: a key pair, a keystore, an HSM."""

    alg: str
    public_key: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    """From a message to its signature, with an empty context."""

    @classmethod
    def of(cls, pair: signatures.KeyPair) -> "SigningKey":
        """Return the signing key of a key pair in memory."""
        return cls(pair.alg, pair.public_key, lambda message: signatures.sign(pair, message))

    @property
    def verifying_key(self) -> "VerifyingKey":
        """Return the public half."""
        return VerifyingKey(self.alg, self.public_key)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """The public half of a signing key."""

    alg: str
    public_key: bytes

    @property
    def key_id(self) -> str:
        """Return the RFC 7638 thumbprint, base64url."""
        return _key_id(self.alg, self.public_key)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token that could be read; nothing in it counts before `verify`."""

    header: flat_json.FlatObject
    payload: bytes
    signature: bytes
    signing_input: bytes

    @property
    def algorithm(self) -> str:
        """Return the registry's name of `alg`.

        Raises:
            UnknownAlgorithmError: no algorithm of the registry is written so.
        """
        written = self.header.get("alg")
        for name in signatures.algorithms():
            if _header_alg(name) == written:
                return name
        raise UnknownAlgorithmError(str(written), tuple(map(_header_alg, signatures.algorithms())))


def sign(header: Mapping[str, str | int], payload: bytes, key: SigningKey, *, is_detached: bool) -> bytes:
    """Return the compact token; `alg` and `kid` are added to `header`."""
    members = {**header, "alg": _header_alg(key.alg), "kid": key.verifying_key.key_id}
    protected = base64url.encode(flat_json.dump(members))
    body = base64url.encode(payload)
    signature = base64url.encode(key.sign(protected + b"." + body))
    return b".".join((protected, b"" if is_detached else body, signature))


def parse(token: bytes, detached_payload: bytes | None = None) -> UnverifiedToken:
    """Read a token, with the payload it was detached from if it was.

    Raises:
        MalformedError: not a compact token, its header not flat canonical JSON, or its payload at the wrong place.
    """
    if token.count(b".") != 2:
        raise MalformedError("token", "three parts", f"{token.count(b'.') + 1}")
    protected, body, signature = token.split(b".")
    if len(protected) > HEADER_BYTES_MAX * 4 // 3 + 1:
        raise MalformedError("header", f"at most {HEADER_BYTES_MAX} bytes", "more")
    if detached_payload is not None and body:
        raise MalformedError("token", "a detached payload", "an embedded one")
    header = flat_json.parse("header", base64url.decode("header", protected), HEADER_BYTES_MAX)
    payload = base64url.decode("payload", body) if detached_payload is None else detached_payload
    signed = protected + b"." + base64url.encode(payload)
    return UnverifiedToken(header, payload, base64url.decode("signature", signature), signed)


def verify(token: UnverifiedToken, key: VerifyingKey) -> None:
    """Return when `key` signed the token.

    Raises:
        MalformedError: the token names another algorithm or key.
        InvalidSignatureError: the signature does not belong to header, payload and key.
        UnknownAlgorithmError, InvalidKeyError: `key` is no key of a registered algorithm.
    """
    for name, expected in (("alg", _header_alg(key.alg)), ("kid", key.key_id)):
        if token.header.get(name) != expected:
            raise MalformedError(f"header.{name}", expected, repr(token.header.get(name))[:80])
    signatures.verify(key.alg, key.public_key, token.signing_input, token.signature)


@lru_cache(maxsize=_KEY_IDS)
def _key_id(alg: str, public_key: bytes) -> str:
    return base64url.encode(signatures.thumbprint(alg, public_key)).decode()


def _header_alg(alg: str) -> str:
    return _VERSIONED + alg if alg.startswith(_COMPOSITE) else alg
