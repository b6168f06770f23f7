"""Signed acknowledgements: what the recipient did with one envelope, so that it cannot be denied later.

An acknowledgement names the message and the hash of the envelope's bytes. Only the recipient's signature counts,
and only for that envelope: one of an earlier delivery, of another message or of another institution does not.

Source: docs/spec/envelope.md, "Acknowledgements"; RFC 7515.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from pqc import flat_json, jws
from pqc.envelope import USUAL_CLOCK, Allowed, ClockLimits, Header
from pqc.errors import (
    AcknowledgementMismatchError,
    AlgorithmNotAllowedError,
    MalformedError,
    SizeLimitError,
    UnknownSignerError,
)

TYPE: Final = "landfall-acknowledgement/1"
ACKNOWLEDGEMENT_BYTES_MAX: Final = 16 * 1024
"""A body and a header of their largest sizes and the largest signature take 11 KiB in base64url."""

_BODY_BYTES_MAX: Final = 1024
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_REASON: Final = re.compile(r"[a-z_]{1,32}/[0-9]{1,6}")
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_BODY: Final = frozenset({"envelope_hash", "sender", "recipient", "outcome", "at_s"})
_BODY_OPTIONAL: Final = frozenset({"message_id", "reason"})


class Outcome(StrEnum):
    """What the recipient did."""

    STORED = "stored"
    """The message is durable there: the sender never has to send it again."""
    REFUSED = "refused"
    """The message will not be taken in this envelope; `reason` says why."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What an institution says of one envelope it was sent."""

    envelope_hash: str
    """SHA-256 of the envelope's bytes, hex."""
    sender: str
    """LEI of who acknowledges: the message's recipient."""
    recipient: str
    """LEI of the message's sender."""
    outcome: Outcome
    at_s: int
    """Clock of who acknowledges, unix seconds UTC."""
    message_id: str | None
    """None when the envelope could not be opened."""
    reason: str | None
    """Codespace and code of the error, `pqc/46`; None when stored."""

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            MalformedError: a stored message without its id, a refusal without its reason, or a value out of its form.
        """
        if not _HASH.fullmatch(self.envelope_hash):
            raise MalformedError("envelope_hash", "64 hex digits", repr(self.envelope_hash)[:80])
        if self.outcome is Outcome.STORED and (self.message_id is None or self.reason is not None):
            raise MalformedError("outcome", "a message id and no reason when stored", "another combination")
        if self.outcome is Outcome.REFUSED and (self.reason is None or not _REASON.fullmatch(self.reason)):
            raise MalformedError("reason", "codespace/code when refused", repr(self.reason)[:80])


def envelope_hash(envelope: bytes) -> str:
    """Return what an acknowledgement names an envelope by: SHA-256, hex."""
    return sha256(envelope).hexdigest()


def acknowledge(acknowledgement: Acknowledgement, *, key: jws.SigningKey) -> bytes:
    """Return the signed acknowledgement: a compact JWS with its payload."""
    body: flat_json.FlatObject = {
        "envelope_hash": acknowledgement.envelope_hash,
        "sender": acknowledgement.sender,
        "recipient": acknowledgement.recipient,
        "outcome": acknowledgement.outcome.value,
        "at_s": acknowledgement.at_s,
    }
    if acknowledgement.message_id is not None:
        body["message_id"] = acknowledgement.message_id
    if acknowledgement.reason is not None:
        body["reason"] = acknowledgement.reason
    return jws.sign({"typ": TYPE}, flat_json.dump(body), key, is_detached=False)


def read_acknowledgement(
    data: bytes,
    *,
    header: Header,
    sent_hash: str,
    verify_keys: Callable[[str, str], jws.VerifyingKey | None],
    allowed: Allowed,
    now_s: int,
    clock: ClockLimits = USUAL_CLOCK,
) -> Acknowledgement:
    """Check an acknowledgement of an envelope that was sent.

    Args:
        data: What came back.
        header: Header of the message that was sent.
        sent_hash: `envelope_hash` of the envelope that was sent.
        verify_keys: From (institution, key id) to a key of that institution, None if it has no such key.
        allowed: What the recipient may sign with.
        now_s: Clock reading, unix seconds UTC.
        clock: How far the acknowledgement's time may be from `now_s`.

    Raises:
        SizeLimitError, MalformedError: it is no acknowledgement.
        AlgorithmNotAllowedError, UnknownSignerError, InvalidSignatureError: the recipient did not sign it.
        AcknowledgementMismatchError: it acknowledges something else.
        MessageTimeError: it is genuine, but too old or from the future.
    """
    if len(data) > ACKNOWLEDGEMENT_BYTES_MAX:
        raise SizeLimitError("acknowledgement", 0, ACKNOWLEDGEMENT_BYTES_MAX, len(data))
    token = jws.parse(data)
    flat_json.check_members("header", token.header, _HEADER, frozenset())
    if token.header["typ"] != TYPE:
        raise MalformedError("typ", repr(TYPE), repr(token.header["typ"])[:80])
    alg, key_id = token.algorithm, flat_json.text(token.header, "kid")
    if alg not in allowed.signatures:
        raise AlgorithmNotAllowedError("alg", alg, allowed.signatures)
    key = verify_keys(header.recipient, key_id)
    if key is None:
        raise UnknownSignerError(header.recipient, key_id)
    jws.verify(token, key)
    found = _read_body(token.payload)
    _check_same(found, header, sent_hash)
    clock.check("at_s", found.at_s, now_s)
    return found


def _read_body(payload: bytes) -> Acknowledgement:
    body = flat_json.parse("acknowledgement", payload, _BODY_BYTES_MAX)
    flat_json.check_members("acknowledgement", body, _BODY, _BODY_OPTIONAL)
    outcome = flat_json.text(body, "outcome")
    if outcome not in set(Outcome):
        raise MalformedError("outcome", "stored or refused", repr(outcome)[:80])
    return Acknowledgement(
        envelope_hash=flat_json.text(body, "envelope_hash"),
        sender=flat_json.text(body, "sender"),
        recipient=flat_json.text(body, "recipient"),
        outcome=Outcome(outcome),
        at_s=flat_json.number(body, "at_s"),
        message_id=flat_json.text_or_none(body, "message_id"),
        reason=flat_json.text_or_none(body, "reason"),
    )


def _check_same(found: Acknowledgement, header: Header, sent_hash: str) -> None:
    for name, expected, got in (
        ("envelope_hash", sent_hash, found.envelope_hash),
        ("sender", header.recipient, found.sender),
        ("recipient", header.sender, found.recipient),
    ):
        if got != expected:
            raise AcknowledgementMismatchError(name, expected, got)
    if found.message_id is not None and found.message_id != header.message_id:
        raise AcknowledgementMismatchError("message_id", header.message_id, found.message_id)
