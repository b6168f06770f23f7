"""The sealed envelope: one message from one institution to another, signed, then sealed.

Sign-then-encrypt is only sound when the signature also names the reader. Here the signed header holds every field,
sender and recipient and both keys included, and the clear first line of the envelope repeats exactly the members a
reader needs before opening: `unpack` compares them. Its hash is bound by HPKE as well. So a layer cannot be
stripped, swapped or downgraded, and a message cannot be sealed anew to a third institution.

Source: docs/spec/envelope.md; RFC 7515, RFC 9180.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from pqc import flat_json, jws, qkd, sealing
from pqc.errors import (
    AlgorithmNotAllowedError,
    MalformedError,
    MessageTimeError,
    NotForUsError,
    QuantumKeyMissingError,
    QuantumRequiredError,
    SizeLimitError,
    UnknownSignerError,
)

TYPE: Final = "landfall-envelope/1"
PAYLOAD_BYTES_MAX: Final = 1 << 20
"""A pacs.008 takes some kilobytes, a day's statement of a busy account some hundred."""
TOKEN_BYTES_MAX: Final = 16 * 1024
"""A header of its largest size and the largest signature take 9 KiB in base64url."""
OUTER_BYTES_MAX: Final = 1024
ENVELOPE_BYTES_MAX: Final = PAYLOAD_BYTES_MAX + 32 * 1024

_OUTER: Final = frozenset({"typ", "kem", "sender", "recipient", "recipient_key"})
_OUTER_OPTIONAL: Final = frozenset({"qkd_key_id"})
_SIGNED: Final = _OUTER | {"alg", "kid", "message_id", "kind", "created_at_s"}
_SIGNED_OPTIONAL: Final = _OUTER_OPTIONAL | {"thread", "uetr"}

_ID: Final = re.compile(r"[A-Za-z0-9._:/@+-]{1,200}")
_FORMS: Final = {
    "message_id": (_ID, "1 to 200 of A-Z a-z 0-9 . _ : / @ + -"),
    "sender": (re.compile(r"[0-9A-Z]{18}[0-9]{2}"), "an LEI"),
    "recipient": (re.compile(r"[0-9A-Z]{18}[0-9]{2}"), "an LEI"),
    "kind": (re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"), "1 to 64 of a-z 0-9 . _ -"),
    "thread": (_ID, "1 to 200 of A-Z a-z 0-9 . _ : / @ + -"),
    "uetr": (
        re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        "a version 4 UUID in lower case",
    ),
}
_YEAR_10000_S: Final = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Header:
    """What a message says about itself; all of it is signed, and none but the two LEIs can be read before opening."""

    message_id: str
    """Made by the sender, unique among its messages: the recipient's key against replay."""
    sender: str
    """LEI (ISO 17442)."""
    recipient: str
    """LEI (ISO 17442)."""
    kind: str
    """What the payload is: `pacs.008.001.08`, `trades.invite`."""
    created_at_s: int
    """Sender's clock, unix seconds UTC."""
    thread: str | None = None
    """What orders messages: those of one thread are handled in the order they were sent. A trade's id."""
    uetr: str | None = None
    """Unique end-to-end transaction reference of the payment."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            MalformedError: one is not in its form.
        """
        for name, (form, expected) in _FORMS.items():
            value = getattr(self, name)
            if value is None and name in ("thread", "uetr"):
                continue
            if not isinstance(value, str) or not form.fullmatch(value):
                raise MalformedError(name, expected, repr(value)[:80])
        created = self.created_at_s
        if isinstance(created, bool) or not isinstance(created, int) or not 0 <= created < _YEAR_10000_S:
            raise MalformedError("created_at_s", f"0 to {_YEAR_10000_S - 1}", repr(created)[:80])


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one peer may protect its messages with; anything else is a downgrade."""

    signatures: frozenset[str]
    """Names of `pqc.signatures`."""
    kems: frozenset[str]
    """Names of `pqc.sealing`."""
    is_quantum_required: bool = False
    """Refuse messages without a quantum layer (`qkd.Policy.REQUIRE`)."""


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """How far a message's time may be from the recipient's clock."""

    ahead_s: int = 300
    """Clocks of institutions differ by less than minutes."""
    age_s: int = 7 * 86_400
    """A peer may be away over a long weekend; the inbox remembers message ids for longer than this."""

    def check(self, field: str, at_s: int, now_s: int) -> None:
        """Check a message's time.

        Raises:
            MessageTimeError: it is outside the limits.
        """
        if not now_s - self.age_s <= at_s <= now_s + self.ahead_s:
            raise MessageTimeError(field, now_s - self.age_s, now_s + self.ahead_s, at_s)


USUAL_CLOCK: Final = ClockLimits()


@dataclass(frozen=True, slots=True)
class Outer:
    """The clear first line of an envelope: hints of where to look for keys. Nothing in it counts before `unpack`."""

    kem: str
    sender: str
    recipient: str
    recipient_key: str
    """RFC 7638 thumbprint of the recipient's sealing key, base64url."""
    qkd_key_id: str | None
    """Key of the quantum layer at the key servers; None without one."""


@dataclass(frozen=True, slots=True)
class Protection:
    """How a message was protected: kept with it, so that anybody can tell later which messages had what."""

    alg: str
    signer_key: str
    kem: str
    recipient_key: str
    qkd_key_id: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that was opened, verified and is meant for us; whether it is new the inbox says, by its id."""

    header: Header
    payload: bytes
    protection: Protection
    token: bytes
    """The detached signature: with the payload it shows anybody what the sender said, to whom and when."""


def pack(
    header: Header,
    payload: bytes,
    *,
    key: jws.SigningKey,
    seal_to: sealing.PublicSealingKey,
    quantum: qkd.QuantumKey | None = None,
) -> bytes:
    """Return the envelope; each call seals anew, so two envelopes of one message differ.

    Args:
        header: What is signed; its sender owns `key`, its recipient `seal_to`.
        payload: The message.
        key: Signs.
        seal_to: The only key that opens.
        quantum: Adds the inner layer; a key is for one envelope.

    Raises:
        SizeLimitError: the payload is over its limit.
        UnknownAlgorithmError, InvalidKeyError: `seal_to` is no key of a registered KEM.
    """
    _check_payload(payload)
    outer: flat_json.FlatObject = {
        "typ": TYPE,
        "kem": seal_to.kem,
        "sender": header.sender,
        "recipient": header.recipient,
        "recipient_key": seal_to.key_id,
    }
    if quantum is not None:
        outer["qkd_key_id"] = quantum.key_id
    line = flat_json.dump(outer)
    plaintext = jws.sign(outer | _members(header), payload, key, is_detached=True) + b"\n" + payload
    if quantum is not None:
        plaintext = qkd.add_layer(quantum, plaintext, line)
    return line + b"\n" + sealing.seal(seal_to.kem, seal_to.public_key, plaintext, _info(line))


def read_outer(data: bytes) -> Outer:
    """Return the clear part of an envelope, to find the keys that `unpack` needs.

    Raises:
        SizeLimitError: the envelope is over its limit.
        MalformedError: it does not start with the line that an envelope starts with.
    """
    return _split(data)[1]


def unpack(
    data: bytes,
    *,
    recipient: str,
    sealing_keys: Mapping[str, sealing.SealingKey],
    verify_keys: Callable[[str, str], jws.VerifyingKey | None],
    allowed: Allowed,
    now_s: int,
    quantum: qkd.QuantumKey | None = None,
    clock: ClockLimits = USUAL_CLOCK,
) -> Opened:
    """Open and check an envelope.

    Args:
        data: The envelope.
        recipient: LEI of the institution that reads.
        sealing_keys: Its keys by key id, the retired ones it still reads with included.
        verify_keys: From (sender, key id) to a key of that sender, None if it has no such key.
        allowed: What this sender may use.
        now_s: Clock reading, unix seconds UTC.
        quantum: The key that `read_outer` named, if it did.
        clock: How far the message's time may be from `now_s`.

    Raises:
        SizeLimitError, MalformedError: it is no envelope.
        AlgorithmNotAllowedError, QuantumRequiredError: it is protected by less than `allowed`.
        NotForUsError: it is for another institution or key.
        QuantumKeyMissingError: `quantum` is not the key it names.
        UnsealError: it was changed, or its quantum layer is under another key.
        UnknownSignerError, InvalidSignatureError: the sender did not sign it.
        MessageTimeError: it is genuine, but too old or from the future.
    """
    line, outer, sealed = _split(data)
    _check_allowed("kem", outer.kem, allowed.kems)
    if allowed.is_quantum_required and outer.qkd_key_id is None:
        raise QuantumRequiredError("a message without one")
    if outer.recipient != recipient:
        raise NotForUsError("recipient", outer.recipient)
    key = sealing_keys.get(outer.recipient_key)
    if key is None:
        raise NotForUsError("recipient_key", outer.recipient_key)
    if key.kem != outer.kem:
        # Else a sender could name a KEM it may use and seal with another.
        raise MalformedError("kem", f"{key.kem}, the KEM of recipient_key", repr(outer.kem)[:80])
    plaintext = sealing.unseal(key, sealed, _info(line))
    if outer.qkd_key_id is not None:
        if quantum is None or quantum.key_id != outer.qkd_key_id:
            raise QuantumKeyMissingError(outer.qkd_key_id)
        plaintext = qkd.remove_layer(quantum, plaintext, line)
    return _verified(plaintext, line, outer, verify_keys, allowed, now_s, clock)


def _verified(
    plaintext: bytes,
    line: bytes,
    outer: Outer,
    verify_keys: Callable[[str, str], jws.VerifyingKey | None],
    allowed: Allowed,
    now_s: int,
    clock: ClockLimits,
) -> Opened:
    token_bytes, payload = _until_newline("token", plaintext, TOKEN_BYTES_MAX)
    _check_payload(payload)
    token = jws.parse(token_bytes, payload)
    header = token.header
    flat_json.check_members("header", header, _SIGNED, _SIGNED_OPTIONAL)
    if flat_json.dump({name: header[name] for name in header if name in _OUTER | _OUTER_OPTIONAL}) != line:
        raise MalformedError("outer header", "the members that were signed", "others")
    alg, key_id = token.algorithm, flat_json.text(header, "kid")
    _check_allowed("alg", alg, allowed.signatures)
    key = verify_keys(outer.sender, key_id)
    if key is None:
        raise UnknownSignerError(outer.sender, key_id)
    jws.verify(token, key)
    message = _header(header)
    clock.check("created_at_s", message.created_at_s, now_s)
    protection = Protection(alg, key_id, outer.kem, outer.recipient_key, outer.qkd_key_id)
    return Opened(message, payload, protection, token_bytes)


def _split(data: bytes) -> tuple[bytes, Outer, bytes]:
    if len(data) > ENVELOPE_BYTES_MAX:
        raise SizeLimitError("envelope", 0, ENVELOPE_BYTES_MAX, len(data))
    line, sealed = _until_newline("outer header", data, OUTER_BYTES_MAX)
    members = flat_json.parse("outer header", line, OUTER_BYTES_MAX)
    flat_json.check_members("outer header", members, _OUTER, _OUTER_OPTIONAL)
    if members["typ"] != TYPE:
        raise MalformedError("typ", repr(TYPE), repr(members["typ"])[:80])
    outer = Outer(
        kem=flat_json.text(members, "kem"),
        sender=flat_json.text(members, "sender"),
        recipient=flat_json.text(members, "recipient"),
        recipient_key=flat_json.text(members, "recipient_key"),
        qkd_key_id=flat_json.text_or_none(members, "qkd_key_id"),
    )
    return line, outer, sealed


def _until_newline(field: str, data: bytes, bytes_max: int) -> tuple[bytes, bytes]:
    end = data.find(b"\n", 0, bytes_max + 1)
    if end < 0:
        raise MalformedError(field, f"a line of at most {bytes_max} bytes", "none")
    return data[:end], data[end + 1 :]


def _members(header: Header) -> flat_json.FlatObject:
    members: flat_json.FlatObject = {
        "message_id": header.message_id,
        "kind": header.kind,
        "created_at_s": header.created_at_s,
    }
    if header.thread is not None:
        members["thread"] = header.thread
    if header.uetr is not None:
        members["uetr"] = header.uetr
    return members


def _header(members: flat_json.FlatObject) -> Header:
    return Header(
        message_id=flat_json.text(members, "message_id"),
        sender=flat_json.text(members, "sender"),
        recipient=flat_json.text(members, "recipient"),
        kind=flat_json.text(members, "kind"),
        created_at_s=flat_json.number(members, "created_at_s"),
        thread=flat_json.text_or_none(members, "thread"),
        uetr=flat_json.text_or_none(members, "uetr"),
    )


def _check_payload(payload: bytes) -> None:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise SizeLimitError("payload", 0, PAYLOAD_BYTES_MAX, len(payload))


def _check_allowed(field: str, name: str, allowed: frozenset[str]) -> None:
    if name not in allowed:
        raise AlgorithmNotAllowedError(field, name, allowed)


def _info(line: bytes) -> bytes:
    return TYPE.encode() + b"\x00" + sha256(line).digest()
