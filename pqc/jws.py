"""JSON Web Signatures in the compact form, with this room's signature algorithms.

The payload is embedded, or detached (RFC 7515, appendix F): then it travels beside the token, unchanged. `alg` is
the registry's name and `kid` the RFC 7638 thumbprint of the key, so a token names the one key that can verify it.
ML-DSA signs with an empty context (RFC 9964); `typ`, which is signed, keeps kinds of tokens apart.

Source: RFC 7515; RFC 9964; RFC 7638.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pqc import flat_json, jwk, signatures
from pqc.errors import MalformedError

HEADER_BYTES_MAX: Final = 2048
"""The longest values of every member together stay below it."""


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
        return jwk.encode(jwk.thumbprint(self.alg, self.public_key))


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token that could be read; nothing in it counts before `verify`."""

    header: flat_json.FlatObject
    payload: bytes
    signature: bytes
    signing_input: bytes


def sign(header: Mapping[str, str | int], payload: bytes, key: SigningKey, *, is_detached: bool) -> bytes:
    """Return the compact token; `alg` and `kid` are added to `header`."""
    members = {**header, "alg": key.alg, "kid": key.verifying_key.key_id}
    protected = jwk.encode(flat_json.dump(members)).encode()
    body = jwk.encode(payload).encode()
    signature = jwk.encode(key.sign(protected + b"." + body)).encode()
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
    header = flat_json.parse("header", jwk.decode("header", protected), HEADER_BYTES_MAX)
    payload = jwk.decode("payload", body) if detached_payload is None else detached_payload
    signed = protected + b"." + jwk.encode(payload).encode()
    return UnverifiedToken(header, payload, jwk.decode("signature", signature), signed)


def verify(token: UnverifiedToken, key: VerifyingKey) -> None:
    """Return when `key` signed the token.

    Raises:
        MalformedError: the token names another algorithm or key.
        InvalidSignatureError: the signature does not belong to header, payload and key.
        UnknownAlgorithmError, InvalidKeyError: `key` is no key of a registered algorithm.
    """
    for name, expected in (("alg", key.alg), ("kid", key.key_id)):
        if token.header.get(name) != expected:
            raise MalformedError(f"header.{name}", expected, repr(token.header.get(name))[:80])
    signatures.verify(key.alg, key.public_key, token.signing_input, token.signature)
