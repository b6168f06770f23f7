"""Messages into envelopes and back, for one institution: whose keys count now, and by which clock.

The clock is ledger time, as far as this institution has followed the chain: keys hold in windows of ledger time, and
every institution has the same one, give or take how far it has followed. A message from ahead of it waits for it.
"""

from dataclasses import dataclass
from typing import Final

from node.errors import abci_code
from node.messages.errors import PeerNotReadyError, PeerSuspendedError, PeerUnavailableError, WrongCertificateError
from node.messages.papers import KIND as PAPER
from node.messages.ports import Arrival, Message
from node.messages.quantum import Quantum, choose_key
from node.participants import peers as peers_room
from node.participants.clock import check_not_ahead
from node.participants.directory import Directory
from node.participants.keys import SEALING_KEY, Generation, MessageKey
from node.participants.limits import LAG_S_MAX
from node.participants.peers import PeerKeys, Peers
from node.participants.ports import SealingRing
from node.storage import cursor
from node.storage.database import Database
from node.storage.signals import Subscription
from pqc import acknowledgement, envelope, qkd, sealing
from pqc.acknowledgement import Acknowledgement, Outcome
from pqc.envelope import Allowed, ClockLimits, Header, Opened, Outer, Protection
from pqc.errors import KeySourceError, QuantumRequiredError
from pqc.jws import SigningKey, VerifyingKey

# Whoever has not followed the chain as far as the other: what lies ahead is looked at by `check_not_ahead`.
_CLOCK: Final = ClockLimits(ahead_s=LAG_S_MAX)
_SHUT_OUT: Final = ("suspended", "key_revoked")


@dataclass(frozen=True, slots=True)
class Packed:
    """An envelope on its way."""

    header: Header
    data: bytes
    peer: PeerKeys
    protection: Protection


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an institution, until a block or a paper changes it."""

    now_s: int
    """Ledger time."""
    peer: PeerKeys
    keys: dict[str, VerifyingKey]
    """That hold now, by key id."""
    allowed: Allowed


class Envelopes:
    """Packs, opens, acknowledges and reads acknowledgements."""

    def __init__(
        self,
        *,
        database: Database,
        institution_id: str,
        directory: Directory,
        peers: Peers,
        key: MessageKey,
        ring: SealingRing,
        genesis_time_s: int,
        quantum: Quantum,
    ) -> None:
        self._database = database
        self._lei = directory.institution(institution_id).lei
        self._directory = directory
        self._peers = peers
        self._key = key
        self._ring = ring
        self._genesis_time_s = genesis_time_s
        self._quantum = quantum
        self._known: dict[str, _Known] = {}
        self._bells: tuple[Subscription, ...] = ()

    @property
    def lei(self) -> str:
        """Of this institution."""
        return self._lei

    async def pack(self, message: Message) -> Packed:
        """Sign and seal a message to its recipient.

        Raises:
            UnknownInstitutionError: the network has no such recipient.
            PeerNotReadyError: its keys or its endpoint are not known now.
            PeerUnavailableError: there is no quantum key for it, and the policy requires one.
            OwnKeyMissingError: the keystore lacks the key that the registry holds.
            pqc's RejectedError: the message does not fit into an envelope.
        """
        lei = self._directory.institution(message.recipient).lei
        known = self._look_up(lei)
        peer = known.peer
        if peer.status != "active":
            raise PeerNotReadyError(peer.id, peer.status)
        quantum = await self._sending_key(lei)
        header = Header(message.message_id, self._lei, lei, message.kind, known.now_s, message.thread, message.uetr)
        key, seal_to = self._signing_key(message.kind), peer.sealing_keys[0]
        data = envelope.pack(header, message.payload, key=key, seal_to=seal_to, quantum=quantum)
        quantum_id = None if quantum is None else quantum.key_id
        protection = Protection(key.alg, key.verifying_key.key_id, seal_to.kem, seal_to.key_id, quantum_id)
        return Packed(header, data, peer, protection)

    def read_acknowledgement(self, packed: Packed, data: bytes) -> Acknowledgement:
        """Return what the recipient has signed of an envelope.

        Raises:
            pqc's RejectedError: it did not sign this, or not for this envelope.
        """
        known = self._look_up(packed.peer.lei)
        return acknowledgement.read_acknowledgement(
            data,
            header=packed.header,
            sent_hash=acknowledgement.envelope_hash(packed.data),
            verify_keys=lambda lei, kid: known.keys.get(kid),
            allowed=known.allowed,
            now_s=known.now_s,
            clock=_CLOCK,
        )

    async def open(self, data: bytes, outer: Outer, certificate: bytes) -> Arrival:
        """Open and verify an envelope.

        Args:
            data: The envelope.
            outer: Its clear line.
            certificate: What whoever brings it has shown in TLS, DER.

        Raises:
            UnknownInstitutionError: the network does not have the institution it says it is from.
            WrongCertificateError: it is brought by somebody else.
            PeerSuspendedError: the sender may not take part.
            PeerNotReadyError: its keys are not known yet.
            AheadOfLedgerError: this institution has not followed the chain to the message's time.
            KeySourceError: the key server does not give the quantum key now.
            KeyNotValidError, KeyPendingError: the sender signed with a key that did not hold then.
            pqc's RejectedError: it is not a sound envelope of this sender to this institution.
        """
        known = self._sender(outer, certificate)
        # A key is given once: nobody but the sender, who is known now, has it fetched.
        quantum = await self._receiving_key(outer)
        opened = envelope.unpack(
            data,
            recipient=self._lei,
            sealing_keys={key.public_half.key_id: key for key in self._ring.sealing_keys(SEALING_KEY)},
            verify_keys=lambda lei, kid: known.keys.get(kid) or self._earlier_key(lei, kid),
            allowed=known.allowed,
            now_s=known.now_s,
            quantum=quantum,
            clock=_CLOCK,
        )
        header, signer_key = opened.header, opened.protection.signer_key
        check_not_ahead(header.sender, "created_at_s", header.created_at_s, known.now_s)
        if header.created_at_s != known.now_s or signer_key not in known.keys:
            with self._database.read() as session:
                self._peers.key_at(session, header.sender, signer_key, header.created_at_s)
        return self._arrival(opened, known.peer.id)

    def acknowledge(self, data: bytes, outer: Outer, message_id: str | None, refusal: Exception | None) -> bytes:
        """Sign what was done with an envelope: stored, or refused for a reason."""
        said = Acknowledgement(
            envelope_hash=acknowledgement.envelope_hash(data),
            sender=self._lei,
            recipient=outer.sender,
            outcome=Outcome.STORED if refusal is None else Outcome.REFUSED,
            at_s=self._look_up(outer.sender).now_s,
            message_id=message_id,
            reason=None if refusal is None else "{}/{}".format(*abci_code(refusal)),
        )
        return acknowledgement.acknowledge(said, key=_signing(self._key.anchored))

    def _sender(self, outer: Outer, certificate: bytes) -> _Known:
        """Return what is known of who an envelope says it is from, once it is them who bring it."""
        known = self._look_up(outer.sender)
        peer = known.peer
        if peer.status in _SHUT_OUT:
            raise PeerSuspendedError(peer.id, peer.status)
        if peer.status != "active":
            raise PeerNotReadyError(peer.id, peer.status)
        if certificate not in peer.endpoints.certificates_der:
            raise WrongCertificateError(outer.sender)
        return known

    def _look_up(self, lei: str) -> _Known:
        if not self._bells:
            self._bells = tuple(self._database.signals.subscribe(topic) for topic in (cursor.TOPIC, peers_room.TOPIC))
        if any(bell.was_rung() for bell in self._bells):
            self._known.clear()
        if lei not in self._known:
            with self._database.read() as session:
                now_s = max(cursor.booked_until_s(session), self._genesis_time_s)
                peer = self._peers.keys_of(session, lei, now_s)
            is_required = self._quantum.policy_for(lei) is qkd.Policy.REQUIRE
            allowed = Allowed(peer.algorithms, frozenset(sealing.kems()), is_required)
            self._known[lei] = _Known(now_s, peer, {key.key_id: key for key in peer.verify_keys}, allowed)
        return self._known[lei]

    def _earlier_key(self, lei: str, kid: str) -> VerifyingKey | None:
        """Return a key that held before, to read with it when that was."""
        with self._database.read() as session:
            return self._peers.known_key(session, lei, kid)

    def _signing_key(self, kind: str) -> SigningKey:
        # Whoever was away while a key was rotated reads of the new one under the old one.
        return _signing(self._key.earliest(self._look_up(self._lei).keys) if kind == PAPER else self._key.anchored)

    async def _sending_key(self, lei: str) -> qkd.QuantumKey | None:
        policy = self._quantum.policy_for(lei)
        try:
            return (await choose_key(policy, self._quantum.source, self._quantum.saes.get(lei, ""))).key
        except QuantumRequiredError as error:
            raise PeerUnavailableError(str(error)) from error

    async def _receiving_key(self, outer: Outer) -> qkd.QuantumKey | None:
        if outer.qkd_key_id is None:
            return None
        sae = self._quantum.saes.get(outer.sender)
        if self._quantum.source is None or sae is None:
            raise KeySourceError("an envelope with a quantum layer, and no quantum link with its sender")
        return await self._quantum.source.fetch_receiving_key(sae, outer.qkd_key_id)

    def _arrival(self, opened: Opened, sender: str) -> Arrival:
        header = opened.header
        recipient = self._directory.institution(self._lei).id
        message = Message(header.message_id, sender, recipient, header.kind, opened.payload, header.thread, header.uetr)
        return Arrival(message, header.created_at_s, opened.protection, opened.token)


def _signing(generation: Generation) -> SigningKey:
    return SigningKey(generation.algorithm, generation.public_key, lambda signed: generation.sign(signed, b""))
