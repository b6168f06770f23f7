"""Assembling an evidence pack from what a trade's bank has: terms, signatures, documents, receipts, finality proofs.

Pure: the caller fetches. The builder picks the receipts that belong to the trade, makes their proofs, writes the
statement and hands out nothing that the verifier would not accept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.proofs.blocks import decode_events, pack_finality, read_payload
from bridge.proofs.canonical_json import canonical
from bridge.proofs.event_logs import Event
from bridge.proofs.evidence import FORMAT, evidence_to_json, is_freeze, verify_content, verify_pack
from bridge.proofs.messages import check_signer, message_to_json
from bridge.proofs.network import Network, genesis_hash, read_network
from bridge.proofs.receipts import encode_receipt, prove_receipt
from bridge.proofs.records import Signed, Story, Transaction
from bridge.proofs.story import replay
from bridge.proofs.surroundings import rounds_used
from contracts.client import typed_data


@dataclass(frozen=True, slots=True)
class ConsentInput:
    """A side's consent to the terms; `signature` empty where an institution recorded its digest."""

    valid_until: int
    action: int
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class QuoteInput:
    """A firm quote that was offered: EIP-712 message `Quote` and the provider's signature."""

    message: Mapping[str, Any]
    signature: bytes


@dataclass(frozen=True, slots=True)
class AttestationInput:
    """An attestation: EIP-712 message `Attestation`, and the evidence document's bytes as received."""

    attester: str
    message: Mapping[str, Any]
    evidence: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """A message that a party signed after the funding, such as `Waive`, `Amend` or `ChooseQuote`.

    The builder replays the trade and so knows what else such a message said, and whose it was.
    """

    type: str
    own: Mapping[str, int]
    """`valid_until` and `action`, of a `ChooseQuote` also `least`."""
    signature: bytes = b""
    """Empty where an institution recorded the digest or called itself."""
    place: tuple[int, int] | None = None
    """Block and index of the transaction that carried it; without it, signature or record tell where it belongs."""


@dataclass(frozen=True, slots=True)
class AmendmentInput:
    """Terms that took the place of earlier ones."""

    document: bytes
    """Canonical JSON."""
    terms: Mapping[str, Any]
    """EIP-712 message `Terms`."""


@dataclass(frozen=True, slots=True)
class BlockInput:
    """A block in which something happened to the trade."""

    finality: Mapping[str, Any]
    """Answer of `landfall_getFinalityProof`."""
    receipts: Sequence[Mapping[str, Any]]
    """Answer of `eth_getBlockReceipts`: every receipt of the block, in order."""


@dataclass(frozen=True, slots=True)
class PackInputs:
    """Everything a pack is made of."""

    chain_id: int
    ethereum_genesis_hash: bytes
    landfall: Mapping[str, Any]
    """The genesis file's section of that name, as it is."""
    terms_document: bytes
    """Canonical JSON; its SHA-256 is the struct's `document_hash`."""
    terms: Mapping[str, Any]
    """EIP-712 message `Terms`."""
    consents: Mapping[str, ConsentInput]
    """By `importer` and `exporter`."""
    quotes: Sequence[QuoteInput]
    """All that were offered, in any order."""
    attestations: Sequence[AttestationInput]
    """All that were recorded, in any order."""
    blocks: Sequence[BlockInput]
    """Blocks with a transaction of the trade, the record of a digest used in it, a freeze order of a hold's owner, or a
    round of the oracle that a step rests on; others are left out."""
    amendments: Sequence[AmendmentInput] = ()
    """In the order of their versions, from 2."""
    decisions: Sequence[DecisionInput] = ()
    """In any order; what the escrow never took is left out."""
    validator_changes: Sequence[Mapping[str, Any]] = ()
    """Answer of `landfall_getValidatorChanges` from height 1 on; those after the last block are left out."""


def build_pack(inputs: PackInputs) -> bytes:
    """Return the file's bytes.

    Raises:
        EvidenceError: the inputs do not prove a closed trade; says what is missing or does not fit.
        InvalidProofError: a receipt is malformed.
    """
    genesis, network = _genesis(inputs)
    transactions, events = _decode(inputs, network)
    recorded = {(event.args["institution"], event.args["digest"]) for event in events if event.name == "DigestRecorded"}
    finder, trade_id = _DecisionFinder(inputs.decisions, network, recorded), _trade_id(inputs, network)
    story = _replay(inputs, network, transactions, finder)
    domain = network.domain("TradeEscrow")
    consents = {side: _consent_of(inputs, side, network) for side in inputs.consents}
    digests = {typed_data.digest(domain, "Attestation", one.message): one for one in inputs.attestations}
    wanted = set(consents.values()) | {(one.attester, digest) for digest, one in digests.items()} | finder.digests
    pack: dict[str, Any] = {
        "format": FORMAT,
        "genesis": genesis,
        "trade_id": "0x" + trade_id.hex(),
        "terms": {
            "document": json.loads(inputs.terms_document),
            "struct": message_to_json("Terms", inputs.terms),
        },
        "amendments": [
            {"document": json.loads(one.document), "struct": message_to_json("Terms", one.terms)}
            for one in inputs.amendments
        ],
        "consents": {side: _consent(consent, *consents[side], recorded) for side, consent in inputs.consents.items()},
        "decisions": finder.entries,
        "quotes": _quotes(inputs.quotes, network, story),
        "attestations": _attestations(story, digests, recorded),
        "blocks": _blocks(inputs, network, transactions, _chosen(transactions, story, wanted)),
    }
    last = pack["blocks"][-1]["finality"]["header"]["height"] if pack["blocks"] else 0
    changes = [dict(link) for link in inputs.validator_changes if link["header"]["height"] < last]
    if changes:
        pack["validator_changes"] = changes
    pack["statement"] = list(verify_content(pack, None).statement)
    data = canonical(pack)
    verify_pack(data, genesis_hash(inputs.ethereum_genesis_hash, inputs.landfall))
    return data


def find_records(inputs: PackInputs) -> set[tuple[str, bytes]]:
    """Return (signer, digest) of decisions that no signature proves: give the blocks with their `DigestRecorded` too.

    Raises:
        EvidenceError: the inputs do not prove a closed trade.
    """
    _, network = _genesis(inputs)
    transactions, _ = _decode(inputs, network)
    finder = _DecisionFinder(inputs.decisions, network, set())
    _replay(inputs, network, transactions, finder)
    return finder.unproven


def _genesis(inputs: PackInputs) -> tuple[dict[str, Any], Network]:
    genesis = {
        "chain_id": inputs.chain_id,
        "ethereum_genesis_hash": "0x" + inputs.ethereum_genesis_hash.hex(),
        "hash": "0x" + genesis_hash(inputs.ethereum_genesis_hash, inputs.landfall).hex(),
        "landfall": dict(inputs.landfall),
    }
    return genesis, read_network(genesis, None)


def _trade_id(inputs: PackInputs, network: Network) -> bytes:
    return typed_data.digest(network.domain("TradeEscrow"), "Terms", inputs.terms)


def _consent_of(inputs: PackInputs, side: str, network: Network) -> tuple[str, bytes]:
    """Return (signer, digest) of a side's consent."""
    consent = inputs.consents[side]
    message = {"terms": inputs.terms, "valid_until": consent.valid_until, "action": consent.action}
    return inputs.terms[side], typed_data.digest(network.domain("TradeEscrow"), "Consent", message)


def _decode(inputs: PackInputs, network: Network) -> tuple[list[Transaction], list[Event]]:
    """Return every transaction of the given blocks, in order, and their events."""
    found: list[Transaction] = []
    for block in _sorted(inputs):
        header = read_payload(block.finality)
        for index, receipt in enumerate(block.receipts):
            events = decode_events(encode_receipt(receipt), network)
            where = f"block {header.number}, transaction {index}"
            found.append(Transaction(where, header.number, header.time_s, index, events))
    return found, [event for one in found for event in one.events]


def _sorted(inputs: PackInputs) -> list[BlockInput]:
    blocks = {read_payload(block.finality).number: block for block in inputs.blocks if block.receipts}
    return [blocks[number] for number in sorted(blocks)]


def _replay(
    inputs: PackInputs, network: Network, transactions: Sequence[Transaction], finder: "_DecisionFinder"
) -> Story:
    domain = network.domain("FxSettlement")
    quotes = {typed_data.digest(domain, "Quote", one.message): one.message for one in inputs.quotes}
    versions = [inputs.terms, *(one.terms for one in inputs.amendments)]
    return replay(_trade_id(inputs, network), network, versions, quotes, transactions, finder)


def _chosen(transactions: Sequence[Transaction], story: Story, wanted: set[tuple[str, bytes]]) -> set[tuple[int, int]]:
    """Return (block, index) of the transactions that belong to the trade."""
    rounds = rounds_used(transactions, story.escrow, story.trade_id, story.pair)
    found = set()
    for position, one in enumerate(transactions):
        own = any(_belongs(event, story, wanted) or is_freeze(event, story) for event in one.events)
        if own or position in rounds:
            found.add((one.block, one.index))
    return found


def _belongs(event: Event, story: Story, wanted: set[tuple[str, bytes]]) -> bool:
    if event.name == "DigestRecorded":
        return (event.args["institution"], event.args["digest"]) in wanted
    return event.address == story.escrow and event.args.get("trade_id") == story.trade_id


def _blocks(
    inputs: PackInputs, network: Network, transactions: Sequence[Transaction], chosen: set[tuple[int, int]]
) -> list[dict[str, Any]]:
    """Return the blocks of the chosen receipts, with their proofs."""
    found = []
    for block in _sorted(inputs):
        number = read_payload(block.finality).number
        indexes = sorted(index for at, index in chosen if at == number)
        if indexes:
            encoded = [encode_receipt(receipt) for receipt in block.receipts]
            proofs = [["0x" + node.hex() for node in prove_receipt(encoded, index)] for index in indexes]
            receipts = [{"index": index, "proof": proof} for index, proof in zip(indexes, proofs, strict=True)]
            found.append({"finality": pack_finality(block.finality), "receipts": receipts})
    return found


class _DecisionFinder:
    """Finds the messages that the escrow took among those that parties signed, in the order of the replay."""

    def __init__(self, decisions: Sequence[DecisionInput], network: Network, recorded: set[tuple[str, bytes]]) -> None:
        self._waiting = list(decisions)
        self._network = network
        self._recorded = recorded
        self.entries: list[dict[str, Any]] = []
        self.digests: set[tuple[str, bytes]] = set()
        self.unproven: set[tuple[str, bytes]] = set()

    def __call__(self, signed: Signed) -> Mapping[str, Any] | None:
        """Return the message's own fields if a party signed it."""
        candidates = [one for one in self._waiting if one.type == signed.type and one.place in (None, signed.place)]
        tried = [(one, *self._prove(one, signed)) for one in candidates]
        proven = [each for each in tried if each[1]["proof"] != "chain"]
        if not proven:
            self.unproven |= {(signed.signer, digest) for _, _, digest in tried}
            # Who closed out of band is only known by the signature; all others sign in a fixed order.
            proven = [each for each in tried if each[0].place and signed.type != _EITHER_SIDE][:1]
        if not proven:
            return None
        found, proof, digest = proven[0]
        self._waiting.remove(found)
        entry: dict[str, Any] = {"number": signed.number, "signer": signed.signer, "type": signed.type, **proof}
        if proof["proof"] == "chain":
            self.entries.append(entry)
            return {}
        self.entries.append(entry | {name: str(value) for name, value in found.own.items()})
        self.digests.add((signed.signer, digest))
        return found.own

    def _prove(self, one: DecisionInput, signed: Signed) -> tuple[dict[str, str], bytes]:
        message = {**signed.fields, **one.own}
        digest = typed_data.digest(self._network.domain("TradeEscrow"), signed.type, message)
        return _proof(signed.signer, digest, one.signature, self._recorded), digest


_EITHER_SIDE: Final = "CloseOutOfBand"


def _proof(signer: str, digest: bytes, signature: bytes, recorded: set[tuple[str, bytes]]) -> dict[str, str]:
    """Return the strongest proof there is: the signer's own, its record, else the chain's word."""
    if signature:
        try:
            check_signer("signature", signer, digest, signature)
        except EvidenceError:
            # An EIP-1271 account: only its contract can say, and the chain asked it.
            return {"proof": "recorded" if (signer, digest) in recorded else "chain"}
        return {"proof": "signature", "signature": "0x" + signature.hex()}
    return {"proof": "recorded" if (signer, digest) in recorded else "chain"}


def _consent(consent: ConsentInput, signer: str, digest: bytes, recorded: set[tuple[str, bytes]]) -> dict[str, str]:
    proof = _proof(signer, digest, consent.signature, recorded)
    if proof["proof"] == "chain":
        return proof
    return {**proof, "action": str(consent.action), "valid_until": str(consent.valid_until)}


def _quotes(quotes: Sequence[QuoteInput], network: Network, story: Story) -> list[dict[str, Any]]:
    used = {conversion.digest for conversion in story.conversions}
    found = {}
    for quote in quotes:
        digest = typed_data.digest(network.domain("FxSettlement"), "Quote", quote.message)
        found[digest] = {
            "message": message_to_json("Quote", quote.message),
            "used": digest in used,
            **_proof(quote.message["provider"], digest, quote.signature, set()),
        }
    return [found[digest] for digest in sorted(found)]


def _attestations(
    story: Story, inputs: Mapping[bytes, AttestationInput], recorded: set[tuple[str, bytes]]
) -> list[dict[str, Any]]:
    found = []
    for attested in story.attestations:
        one = inputs.get(attested.digest)
        if one is None:
            raise EvidenceError("attestations", f"the attestation recorded as 0x{attested.digest.hex()}", "none such")
        found.append(
            {
                "attester": one.attester,
                "message": message_to_json("Attestation", one.message),
                "evidence": evidence_to_json(one.evidence),
                **_proof(one.attester, attested.digest, one.signature, recorded),
            }
        )
    return found
