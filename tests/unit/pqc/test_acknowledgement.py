from dataclasses import replace
from typing import Any

import pytest

from pqc import base64url, signatures
from pqc.acknowledgement import (
    ACKNOWLEDGEMENT_BYTES_MAX,
    Acknowledgement,
    Outcome,
    acknowledge,
    envelope_hash,
    read_acknowledgement,
)
from pqc.envelope import Allowed
from pqc.errors import (
    AcknowledgementMismatchError,
    AlgorithmNotAllowedError,
    InvalidSignatureError,
    MalformedError,
    MessageTimeError,
    RejectedError,
    SizeLimitError,
    UnknownSignerError,
)
from pqc.jws import SigningKey
from tests.unit.pqc.envelopes import (
    ALLOWED,
    HEADER,
    NOW_S,
    PAYEE,
    PAYER,
    STRANGER,
    dumped,
    opened,
    packed,
    signed_by,
    verify_keys,
)

ENVELOPE = packed()
STORED = Acknowledgement(
    envelope_hash=envelope_hash(ENVELOPE),
    sender=PAYEE.lei,
    recipient=PAYER.lei,
    outcome=Outcome.STORED,
    at_s=NOW_S + 1,
    message_id=HEADER.message_id,
    reason=None,
)
REFUSED = replace(STORED, outcome=Outcome.REFUSED, reason="pqc/46")


def read(data: bytes, **changes: Any) -> Acknowledgement:
    arguments = {
        "header": HEADER,
        "sent_hash": envelope_hash(ENVELOPE),
        "verify_keys": verify_keys,
        "allowed": ALLOWED,
        "now_s": NOW_S + 2,
    } | changes
    return read_acknowledgement(data, **arguments)


def forged(changes: dict[str, Any], header: dict[str, Any] | None = None, key: SigningKey = PAYEE.signing) -> bytes:
    """Return a token whose body is `STORED` with changes."""
    body = {
        "envelope_hash": STORED.envelope_hash,
        "sender": STORED.sender,
        "recipient": STORED.recipient,
        "outcome": "stored",
        "at_s": STORED.at_s,
        "message_id": STORED.message_id,
    } | changes
    members = {"typ": "landfall-acknowledgement/1", "alg": key.alg, "kid": key.verifying_key.key_id}
    protected = base64url.encode(dumped(members | (header or {})))
    signing_input = protected + b"." + base64url.encode(dumped(body))
    return signing_input + b"." + base64url.encode(key.sign(signing_input))


@pytest.mark.parametrize("said", [STORED, REFUSED, replace(REFUSED, message_id=None)])
def test_read_acknowledgement_returns_what_was_said_when_the_recipient_said_it(said: Acknowledgement):
    assert read(acknowledge(said, key=PAYEE.signing)) == said


def test_read_acknowledgement_returns_what_was_said_when_signed_by_the_default_algorithm():
    payee = signed_by(PAYEE, signatures.MESSAGE_ALGORITHM)
    data = acknowledge(STORED, key=payee.signing)
    assert read(data, verify_keys=lambda sender, key_id: payee.signing.verifying_key) == STORED


def test_read_acknowledgement_takes_the_forgers_token_when_nothing_is_changed():
    assert read(forged({})) == STORED


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (replace(STORED, envelope_hash=envelope_hash(packed())), "envelope_hash"),
        (replace(STORED, sender=STRANGER.lei), "sender"),
        (replace(STORED, recipient=STRANGER.lei), "recipient"),
        (replace(STORED, message_id="pay/18"), "message_id"),
    ],
)
def test_read_acknowledgement_refuses_when_it_is_of_something_else(said: Acknowledgement, field: str):
    with pytest.raises(AcknowledgementMismatchError, match=f"{field}: expected"):
        read(acknowledge(said, key=PAYEE.signing))


@pytest.mark.parametrize("signer", [STRANGER, PAYER])
def test_read_acknowledgement_refuses_when_another_than_the_recipient_signed(signer):
    with pytest.raises(UnknownSignerError, match=PAYEE.lei):
        read(acknowledge(STORED, key=signer.signing))
    as_recipient = {"kid": PAYEE.signing.verifying_key.key_id}
    with pytest.raises(InvalidSignatureError):
        read(forged({}, as_recipient, signer.signing))


def test_read_acknowledgement_refuses_when_the_peer_may_not_use_the_algorithm():
    with pytest.raises(AlgorithmNotAllowedError):
        read(acknowledge(STORED, key=PAYEE.signing), allowed=Allowed(frozenset({"ML-DSA-65"}), frozenset()))


def test_read_acknowledgement_refuses_when_given_the_signature_of_a_message():
    message = opened(
        packed(
            replace(HEADER, sender=PAYEE.lei, recipient=PAYER.lei), key=PAYEE.signing, seal_to=PAYER.sealing.public_half
        ),
        PAYER,
    )
    with pytest.raises(MalformedError):
        read(message.token)


@pytest.mark.parametrize(("now_s", "is_taken"), [(-299, True), (-300, False), (604_801, True), (604_802, False)])
def test_read_acknowledgement_takes_it_only_when_its_time_is_within_the_limits(now_s: int, is_taken: bool):
    data = acknowledge(STORED, key=PAYEE.signing)
    if is_taken:
        assert read(data, now_s=NOW_S + now_s) == STORED
    else:
        with pytest.raises(MessageTimeError, match="at_s"):
            read(data, now_s=NOW_S + now_s)


def test_read_acknowledgement_refuses_when_any_byte_is_changed_or_missing():
    data = acknowledge(STORED, key=PAYEE.signing)
    for at in range(len(data)):
        for wrong in (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], data[:at]):
            with pytest.raises(RejectedError):
                read(wrong)


def test_read_acknowledgement_refuses_when_it_is_over_its_limit():
    with pytest.raises(SizeLimitError, match="acknowledgement"):
        read(b"a" * (ACKNOWLEDGEMENT_BYTES_MAX + 1))
    with pytest.raises(MalformedError, match="acknowledgement: expected at most 1024 bytes"):
        read(forged({"message_id": "a" * 1024}))


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "handled"},
        {"outcome": "refused"},
        {"outcome": "refused", "reason": "no"},
        {"reason": "pqc/46"},
        {"at_s": "now"},
        {"at_s": 1.5},
        {"sender": 1},
        {"envelope_hash": "00"},
        {"extra": "x"},
    ],
)
def test_read_acknowledgement_refuses_when_the_body_is_in_another_form(changes: dict):
    with pytest.raises(MalformedError):
        read(forged(changes))


@pytest.mark.parametrize("header", [{"typ": "landfall-envelope/1"}, {"crit": "x"}, {"kid": 1}])
def test_read_acknowledgement_refuses_when_the_header_is_in_another_form(header: dict):
    with pytest.raises(MalformedError):
        read(forged({}, header))


def test_acknowledgement_refuses_when_its_parts_do_not_belong_together():
    for changes in ({"message_id": None}, {"reason": "pqc/46"}, {"outcome": Outcome.REFUSED}):
        with pytest.raises(MalformedError):
            replace(STORED, **changes)
