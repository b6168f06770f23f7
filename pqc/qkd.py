"""Keys of quantum key distribution, taken from a key server by ETSI GS QKD 014, as a layer inside the seal.

Both institutions have a key server nearby; the two servers share keys that came over the quantum link. The sender
takes a key and its id (`enc_keys`), the recipient takes the same key by the id (`dec_keys`). A message is first
encrypted under such a key, then sealed: the layer adds to HPKE and never stands in for it, since a key server is one
more party to trust. This file makes and reads what is said to the server; who speaks to it is a `ports.KeySource`.

Source: ETSI GS QKD 014 V1.1.1, clauses 5 and 6; RFC 5869 (HKDF); NIST SP 800-38D (GCM); docs/spec/envelope.md.
"""

import json
import re
import secrets
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pqc.errors import KeySourceError, MalformedError, QuantumRequiredError, UnsealError

KEY_BITS: Final = 256
ANSWER_BYTES_MAX: Final = 64 * 1024
"""One key takes some hundred bytes; extensions of a vendor may add to it."""
LAYER_BYTES: Final = 12 + 16
"""Nonce and tag."""

_BRACKETS_MAX: Final = 64
_SAE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEY_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_INFO: Final = b"landfall quantum layer 1"


class Policy(StrEnum):
    """Whether messages to a peer have a quantum layer."""

    REQUIRE = "require"
    """A message without one is neither sent nor taken."""
    PREFER = "prefer"
    """A message has one when the key server gives a key; it goes without when it does not."""
    OFF = "off"
    """The key server is not asked."""


@dataclass(frozen=True, slots=True)
class QuantumKey:
    """One key for one message; `repr` and logs show its id only."""

    key_id: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            MalformedError: no id of ETSI GS QKD 014, or not 32 bytes.
        """
        if not isinstance(self.key_id, str) or not _KEY_ID.fullmatch(self.key_id):
            raise MalformedError("key_ID", "1 to 64 of 0-9 A-Z a-z -", repr(self.key_id)[:80])
        if not isinstance(self.key, bytes) or len(self.key) != KEY_BITS // 8:
            raise MalformedError("key", f"{KEY_BITS} bits", "another length")


@dataclass(frozen=True, slots=True)
class Status:
    """What a key server says of its keys for one peer."""

    stored_key_count: int
    key_size: int
    """Bits of a key when no size is asked for."""
    min_key_size: int
    """Bits."""
    max_key_size: int
    """Bits."""
    max_key_per_request: int

    @property
    def has_key(self) -> bool:
        """Tell whether a key of the layer's size can be had now."""
        return self.stored_key_count > 0 and self.min_key_size <= KEY_BITS <= self.max_key_size


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy made of the key server's answer; `reason` is kept with the message."""

    key: QuantumKey | None
    reason: str


def decide(policy: Policy, answer: QuantumKey | KeySourceError | None) -> Decision:
    """Return whether a message is sent with a quantum layer.

    Args:
        policy: The policy for its recipient.
        answer: What the key server gave; None when it was not asked.

    Raises:
        QuantumRequiredError: the policy requires a key and there is none.
    """
    if policy is Policy.OFF:
        return Decision(None, "off by policy")
    if isinstance(answer, QuantumKey):
        return Decision(answer, "key from the key server")
    reason = "no key server is configured" if answer is None else answer.reason
    if policy is Policy.REQUIRE:
        raise QuantumRequiredError(reason)
    return Decision(None, reason)


def add_layer(key: QuantumKey, plaintext: bytes, header: bytes) -> bytes:
    """Encrypt under the key and the hash of the envelope's clear header: nonce, ciphertext, tag."""
    nonce = secrets.token_bytes(12)
    return nonce + _cipher(key, header).encrypt(nonce, plaintext, None)


def remove_layer(key: QuantumKey, layered: bytes, header: bytes) -> bytes:
    """Return the plain text.

    Raises:
        UnsealError: another key or header, or changed on the way.
    """
    try:
        return _cipher(key, header).decrypt(layered[:12], layered[12:], None)
    except (InvalidTag, ValueError):
        raise UnsealError("quantum") from None


def status_path(peer_sae: str) -> str:
    """Return the path that asks how many keys there are for a peer's SAE (clause 5.1)."""
    return f"/api/v1/keys/{_sae(peer_sae)}/status"


def sending_key_path(peer_sae: str) -> str:
    """Return the path that takes a new key for a peer's SAE (clause 5.2)."""
    return f"/api/v1/keys/{_sae(peer_sae)}/enc_keys"


def receiving_key_path(peer_sae: str) -> str:
    """Return the path that takes the key which a peer's SAE took before (clause 5.3)."""
    return f"/api/v1/keys/{_sae(peer_sae)}/dec_keys"


def build_key_request() -> dict[str, Any]:
    """Return the body for `sending_key_path`: one key of the layer's size (clause 6.2)."""
    return {"number": 1, "size": KEY_BITS}


def build_key_ids(key_id: str) -> dict[str, Any]:
    """Return the body for `receiving_key_path` (clause 6.4)."""
    if not _KEY_ID.fullmatch(key_id):
        raise MalformedError("qkd_key_id", "1 to 64 of 0-9 A-Z a-z -", repr(key_id)[:80])
    return {"key_IDs": [{"key_ID": key_id}]}


def parse_status(data: bytes) -> Status:
    """Read the answer of `status_path` (clause 6.1).

    Raises:
        KeySourceError: it is no status.
    """
    document = _answer(data)
    names = ("stored_key_count", "key_size", "min_key_size", "max_key_size", "max_key_per_request")
    values = {}
    for name in names:
        value = document.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise KeySourceError(f"a status whose {name} is no count")
        values[name] = value
    return Status(**values)


def parse_key(data: bytes, key_id: str | None = None) -> QuantumKey:
    """Read the one key of a key container (clause 6.3).

    Args:
        data: Answer of `sending_key_path` or `receiving_key_path`.
        key_id: The id that was asked for; None for a new key.

    Raises:
        KeySourceError: it is no container of one key, or of another key than asked for.
    """
    keys = _answer(data).get("keys")
    if not isinstance(keys, list) or len(keys) != 1 or not isinstance(keys[0], dict):
        raise KeySourceError("an answer without exactly one key")
    try:
        key = QuantumKey(keys[0]["key_ID"], b64decode(keys[0]["key"], validate=True))
    except (KeyError, TypeError, Error, ValueError, MalformedError):
        raise KeySourceError(f"a key without an id or {KEY_BITS} bits") from None
    if key_id is not None and key.key_id != key_id:
        raise KeySourceError("a key of another id than asked for")
    return key


def parse_error(data: bytes) -> str:
    """Return the message of an error answer (clause 6.5), or say that there is none."""
    try:
        message = _answer(data).get("message")
    except KeySourceError:
        message = None
    return message[:100] if isinstance(message, str) and message.isprintable() else "no message"


def _answer(data: bytes) -> dict[str, Any]:
    if len(data) > ANSWER_BYTES_MAX:
        raise KeySourceError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
    if data.count(b"[") + data.count(b"{") > _BRACKETS_MAX:
        raise KeySourceError(f"an answer of more than {_BRACKETS_MAX} brackets")
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise KeySourceError("an answer that is no JSON object")
    return document


def _sae(peer_sae: str) -> str:
    if not _SAE_ID.fullmatch(peer_sae):
        raise MalformedError("SAE id", "1 to 64 of A-Z a-z 0-9 . _ -", repr(peer_sae)[:80])
    return peer_sae


def _cipher(key: QuantumKey, header: bytes) -> AESGCM:
    hkdf = HKDF(SHA256(), KEY_BITS // 8, salt=sha256(header).digest(), info=_INFO)
    return AESGCM(hkdf.derive(key.key))
