"""Two banks and a stranger with keys, and the means to forge what `pqc.envelope` would never write."""

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from pqc import base64url, sealing, signatures
from pqc.envelope import Allowed, Header, Opened, pack, unpack
from pqc.jws import SigningKey, VerifyingKey
from pqc.qkd import QuantumKey
from pqc.sealing import SealingKey

NOW_S = 1_790_000_000
PAYLOAD = b"<Document>pay</Document>"
QUANTUM = QuantumKey("bc490419-7d60-487f-adc1-4ddcc177c139", bytes(range(32)))
# Ed25519 keeps envelopes small where a test tries every byte.
ALLOWED = Allowed(frozenset({"Ed25519", signatures.MESSAGE_ALGORITHM}), frozenset({"X-Wing"}))


@dataclass(frozen=True)
class Bank:
    """An institution with its keys."""

    lei: str
    signing: SigningKey
    sealing: SealingKey


def bank(lei: str, number: int, alg: str = "Ed25519", kem: str = "X-Wing") -> Bank:
    seed = sha256(bytes([number])).digest()
    return Bank(lei, SigningKey.of(signatures.from_seed(alg, seed)), sealing.from_seed(kem, seed))


PAYER = bank("9999DEV01PAYERBANK69", 1)
PAYEE = bank("9999DEV02PAYEEBANK11", 2)
STRANGER = bank("9999DEV03STRANGER028", 3)
BANKS = (PAYER, PAYEE, STRANGER)
HEADER = Header(
    message_id="pay/17",
    sender=PAYER.lei,
    recipient=PAYEE.lei,
    kind="pacs.008.001.08",
    created_at_s=NOW_S,
    thread="trade/17",
    uetr="7a562c67-ca16-48ba-b074-65581be6f001",
)


def verify_keys(sender: str, key_id: str) -> VerifyingKey | None:
    for one in BANKS:
        if (one.lei, one.signing.verifying_key.key_id) == (sender, key_id):
            return one.signing.verifying_key
    return None


def packed(header: Header = HEADER, payload: bytes = PAYLOAD, **changes: Any) -> bytes:
    arguments = {"key": PAYER.signing, "seal_to": PAYEE.sealing.public_half} | changes
    return pack(header, payload, **arguments)


def opened(data: bytes, reader: Bank = PAYEE, **changes: Any) -> Opened:
    arguments = {
        "recipient": reader.lei,
        "sealing_keys": {reader.sealing.public_half.key_id: reader.sealing},
        "verify_keys": verify_keys,
        "allowed": ALLOWED,
        "now_s": NOW_S,
    } | changes
    return unpack(data, **arguments)


# What follows is written from docs/spec/envelope.md, so that forgeries differ from the real thing in one point only.


def dumped(members: dict[str, Any]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def outer_members(recipient: Bank = PAYEE) -> dict[str, Any]:
    return {
        "typ": "landfall-envelope/1",
        "kem": recipient.sealing.kem,
        "sender": PAYER.lei,
        "recipient": recipient.lei,
        "recipient_key": recipient.sealing.public_half.key_id,
    }


def signed_members(outer: dict[str, Any] | None = None, header: Header = HEADER) -> dict[str, Any]:
    return (outer_members() if outer is None else outer) | {
        "alg": PAYER.signing.alg,
        "kid": PAYER.signing.verifying_key.key_id,
        "message_id": header.message_id,
        "kind": header.kind,
        "created_at_s": header.created_at_s,
        "thread": header.thread,
        "uetr": header.uetr,
    }


def forged(
    *,
    outer: bytes | None = None,
    signed: bytes | None = None,
    payload: bytes = PAYLOAD,
    key: SigningKey = PAYER.signing,
    token: bytes | None = None,
    seal_to: Bank = PAYEE,
) -> bytes:
    """Return an envelope whose parts are what the test says, the rest being right."""
    line = dumped(outer_members()) if outer is None else outer
    if token is None:
        protected = base64url.encode(dumped(signed_members()) if signed is None else signed)
        signature = key.sign(protected + b"." + base64url.encode(payload))
        token = protected + b".." + base64url.encode(signature)
    return sealed_line(line, token + b"\n" + payload, seal_to)


def sealed_line(line: bytes, plaintext: bytes, seal_to: Bank = PAYEE) -> bytes:
    info = b"landfall-envelope/1\x00" + sha256(line).digest()
    return line + b"\n" + sealing.seal(seal_to.sealing.kem, seal_to.sealing.public_key, plaintext, info)


def signed_by(bank_: Bank, alg: str) -> Bank:
    """Return the bank with a message key of another algorithm."""
    return replace(bank_, signing=SigningKey.of(signatures.from_seed(alg, bytes(32))))
