"""Envelopes by whose keys count now: rotations, revocations, ledger time, quantum keys."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from node.messages.envelopes import Envelopes
from node.messages.errors import PeerNotReadyError, PeerSuspendedError, PeerUnavailableError, WrongCertificateError
from node.messages.ports import Arrival
from node.messages.quantum import Quantum
from node.messages.tls import make_pair
from node.participants.errors import AheadOfLedgerError, UnknownInstitutionError
from node.participants.keys import MessageKey
from node.participants.limits import CLOCK_SKEW_S
from node.participants.papers import Jwk, ParticipantDocument
from pqc import base64url, envelope, qkd, sealing
from pqc.acknowledgement import Outcome
from pqc.errors import (
    AcknowledgementMismatchError,
    KeySourceError,
    QuantumKeyMissingError,
    QuantumRequiredError,
    UnknownSignerError,
)
from pqc.qkd import Policy, QuantumKey
from tests.unit.client.fake_chain import Actor
from tests.unit.messages.post import message
from tests.unit.participants.network import (
    BANK,
    NOW_S,
    FakeRing,
    Key,
    Watcher,
    document,
    key,
    network_deployment,
    notice,
    revocation,
    sealing_jwk,
)

LEIS = {entry.id: entry.lei for entry in network_deployment().participants}


@dataclass
class Link:
    """Keys of a quantum link, each given once."""

    count: int = 10
    waiting: dict[str, QuantumKey] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    async def fetch_status(self, peer_sae: str) -> qkd.Status:
        return qkd.Status(self.count, 256, 64, 1024, 1)

    async def fetch_sending_key(self, peer_sae: str) -> QuantumKey:
        if not self.count:
            raise KeySourceError("no keys left")
        self.count -= 1
        made = QuantumKey(f"key-{self.count}", bytes([self.count]) * 32)
        self.waiting[made.key_id] = made
        return made

    async def fetch_receiving_key(self, peer_sae: str, key_id: str) -> QuantumKey:
        self.fetched.append(key_id)
        if key_id not in self.waiting:
            raise QuantumKeyMissingError(key_id)
        return self.waiting.pop(key_id)


class Ring(FakeRing):
    """A ring that opens as well."""

    def sealing_keys(self, name: str) -> list[sealing.SealingKey]:
        assert name == "sealing"
        return [sealing.from_seed(sealing.DEFAULT, self.owner.encode().ljust(32, b"."))]


def certificate() -> bytes:
    return load_pem_x509_certificate(make_pair(BANK)).public_bytes(Encoding.DER)


CERTIFICATES = {name: certificate() for name in ("bank-nl", "bank-ke")}


def paper(name: str, signer: Key | None = None, **changes: Any) -> ParticipantDocument:
    """The document of bank-nl or bank-ke, with endpoint and certificate."""
    endpoints = {
        "messages": f"https://{name}.example/messages",
        "certificates": [base64url.encode(CERTIFICATES[name]).decode()],
    }
    own = signer or key(name)
    keys = [Jwk.of("message", own.algorithm, own.public_key).model_dump(), sealing_jwk(name).model_dump()]
    fields = {"lei": LEIS[name], "account": Actor(name).address, "endpoints": endpoints, "jwks": {"keys": keys}}
    return document(own, **(fields | changes))


class Desk(Watcher):
    """One institution with its envelopes."""

    name = "bank-nl"

    def equip(self, name: str, quantum: Quantum = Quantum()) -> Self:  # noqa: B008 - frozen
        self.name = name
        self.ring = Ring(name)
        self.envelopes = Envelopes(
            database=self.database,
            institution_id=name,
            directory=self.directory,
            peers=self.peers,
            key=MessageKey(self.ring, self.directory, name),
            ring=self.ring,
            genesis_time_s=network_deployment().genesis_time_s,
            quantum=quantum,
        )
        return self

    async def open(self, data: bytes, certificate: bytes) -> Arrival:
        return await self.envelopes.open(data, envelope.read_outer(data), certificate)


def desk(name: str, quantum: Quantum = Quantum(), *, at_s: int = NOW_S) -> Desk:  # noqa: B008 - frozen
    """A desk that has followed to `at_s` and knows the documents of both."""
    made = Desk.in_memory().followed_to(at_s).equip(name, quantum)
    for other in ("bank-nl", "bank-ke"):
        made.take(paper(other), now_s=at_s)
    return made


def linked(policy: Policy, link: Link | None, peer: str) -> Quantum:
    return Quantum(policy, link, {LEIS[peer]: f"sae-{peer}"})


MESSAGE = message("m1", "bank-nl", "bank-ke", "trades.offer", {"n": "1"}, "T-1")


async def test_message_arrives_whole_when_keys_are_known() -> None:
    packed = await desk("bank-nl").envelopes.pack(MESSAGE)
    arrival = await desk("bank-ke").open(packed.data, CERTIFICATES["bank-nl"])
    assert (arrival.message, arrival.created_at_s) == (MESSAGE, NOW_S)
    assert arrival.protection == packed.protection


async def test_acknowledgement_is_read_when_the_recipient_signed_it() -> None:
    sender, recipient = desk("bank-nl"), desk("bank-ke")
    packed = await sender.envelopes.pack(MESSAGE)
    outer = envelope.read_outer(packed.data)
    signed = recipient.envelopes.acknowledge(packed.data, outer, "m1", None)
    assert sender.envelopes.read_acknowledgement(packed, signed).outcome is Outcome.STORED
    refused = recipient.envelopes.acknowledge(packed.data, outer, None, WrongCertificateError("x"))
    assert sender.envelopes.read_acknowledgement(packed, refused).reason == "messages/19"
    with pytest.raises(AcknowledgementMismatchError):
        sender.envelopes.read_acknowledgement(await sender.envelopes.pack(MESSAGE), signed)
    with pytest.raises(UnknownSignerError):
        sender.envelopes.read_acknowledgement(packed, sender.envelopes.acknowledge(packed.data, outer, "m1", None))


async def test_envelope_is_not_opened_when_somebody_else_brings_it() -> None:
    packed = await desk("bank-nl").envelopes.pack(MESSAGE)
    with pytest.raises(WrongCertificateError):
        await desk("bank-ke").open(packed.data, CERTIFICATES["bank-ke"])


async def test_message_waits_when_its_recipient_has_followed_the_chain_less_far() -> None:
    packed = await desk("bank-nl", at_s=NOW_S + CLOCK_SKEW_S + 1).envelopes.pack(MESSAGE)
    recipient = desk("bank-ke")
    with pytest.raises(AheadOfLedgerError):
        await recipient.open(packed.data, CERTIFICATES["bank-nl"])
    recipient.followed_to(NOW_S + 1)
    await asyncio.sleep(0)
    assert (await recipient.open(packed.data, CERTIFICATES["bank-nl"])).message == MESSAGE


async def test_message_waits_when_papers_of_either_side_are_missing() -> None:
    stranger = Desk.in_memory().followed_to(NOW_S).equip("bank-nl")
    with pytest.raises(PeerNotReadyError, match="no_document"):
        await stranger.envelopes.pack(MESSAGE)
    packed = await desk("bank-nl").envelopes.pack(MESSAGE)
    with pytest.raises(PeerNotReadyError, match="no_document"):
        await Desk.in_memory().followed_to(NOW_S).equip("bank-ke").open(packed.data, CERTIFICATES["bank-nl"])
    with pytest.raises(UnknownInstitutionError):
        await desk("bank-nl").envelopes.pack(message("m1", "bank-nl", "nobody", "trades.offer", {}))


async def test_message_is_refused_from_then_on_when_the_senders_key_is_revoked() -> None:
    sender, recipient = desk("bank-ke"), desk("bank-nl")
    packed = await sender.envelopes.pack(message("m1", "bank-ke", "bank-nl", "trades.offer", {}))
    assert (await recipient.open(packed.data, CERTIFICATES["bank-ke"])).message.message_id == "m1"
    recipient.take(revocation(key("bank-ke")))
    await asyncio.sleep(0)
    with pytest.raises(PeerSuspendedError, match="key_revoked"):
        await recipient.open(packed.data, CERTIFICATES["bank-ke"])


async def test_old_and_new_key_count_while_a_rotation_overlaps() -> None:
    recipient, sender = desk("bank-nl"), desk("bank-ke")
    before = await sender.envelopes.pack(message("m1", "bank-ke", "bank-nl", "trades.offer", {}))
    following = paper("bank-ke", key("bank-ke/1"))
    for one in (recipient, sender):
        one.take(notice(key("bank-ke"), key("bank-ke/1"), document=following))
        one.anchor(key("bank-ke/1").thumbprint, NOW_S + 1)
        one.followed_to(NOW_S + 2)
    sender.ring.rotate("message", NOW_S, 0)
    await asyncio.sleep(0)
    after = await sender.envelopes.pack(message("m2", "bank-ke", "bank-nl", "trades.offer", {}))
    assert before.protection.signer_key != after.protection.signer_key
    for packed in (before, after):
        assert (await recipient.open(packed.data, CERTIFICATES["bank-ke"])).protection == packed.protection


async def test_a_rotation_is_read_by_who_was_away_while_the_old_key_still_holds() -> None:
    recipient, sender = desk("bank-nl"), desk("bank-ke")
    sender.take(notice(key("bank-ke"), key("bank-ke/1"), document=paper("bank-ke", key("bank-ke/1"))))
    sender.anchor(key("bank-ke/1").thumbprint, NOW_S + 1)
    sender.ring.rotate("message", NOW_S, 0)
    for one in (recipient, sender):
        one.followed_to(NOW_S + 2)
    await asyncio.sleep(0)
    offer, notified = [
        await sender.envelopes.pack(message("m1", "bank-ke", "bank-nl", kind, {}))
        for kind in ("trades.offer", "participant.paper")
    ]
    assert (await recipient.open(notified.data, CERTIFICATES["bank-ke"])).message.kind == "participant.paper"
    with pytest.raises(UnknownSignerError):
        await recipient.open(offer.data, CERTIFICATES["bank-ke"])


async def test_message_has_a_quantum_layer_when_both_sides_share_a_link() -> None:
    link = Link()
    sender = desk("bank-nl", linked(Policy.REQUIRE, link, "bank-ke"))
    recipient = desk("bank-ke", linked(Policy.REQUIRE, link, "bank-nl"))
    packed = await sender.envelopes.pack(MESSAGE)
    assert packed.protection.qkd_key_id == "key-9"
    assert (await recipient.open(packed.data, CERTIFICATES["bank-nl"])).protection == packed.protection
    with pytest.raises(QuantumKeyMissingError):
        await recipient.open(packed.data, CERTIFICATES["bank-nl"])


async def test_quantum_key_is_not_fetched_when_somebody_else_brings_the_envelope() -> None:
    link = Link()
    packed = await desk("bank-nl", linked(Policy.PREFER, link, "bank-ke")).envelopes.pack(MESSAGE)
    with pytest.raises(WrongCertificateError):
        await desk("bank-ke", linked(Policy.PREFER, link, "bank-nl")).open(packed.data, CERTIFICATES["bank-ke"])
    assert link.fetched == []


async def test_message_waits_or_goes_without_by_policy_when_the_link_has_no_key() -> None:
    empty = Link(count=0)
    with pytest.raises(PeerUnavailableError, match="no keys left"):
        await desk("bank-nl", linked(Policy.REQUIRE, empty, "bank-ke")).envelopes.pack(MESSAGE)
    packed = await desk("bank-nl", linked(Policy.PREFER, empty, "bank-ke")).envelopes.pack(MESSAGE)
    assert packed.protection.qkd_key_id is None
    with pytest.raises(QuantumRequiredError):
        await desk("bank-ke", linked(Policy.REQUIRE, empty, "bank-nl")).open(packed.data, CERTIFICATES["bank-nl"])
    opened = await desk("bank-ke", linked(Policy.PREFER, empty, "bank-nl")).open(packed.data, CERTIFICATES["bank-nl"])
    assert opened.message == MESSAGE


async def test_message_waits_when_it_has_a_quantum_layer_and_its_recipient_no_link() -> None:
    packed = await desk("bank-nl", linked(Policy.PREFER, Link(), "bank-ke")).envelopes.pack(MESSAGE)
    with pytest.raises(KeySourceError):
        await desk("bank-ke").open(packed.data, CERTIFICATES["bank-nl"])
