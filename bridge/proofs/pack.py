"""Assembling an evidence pack from what a trade's bank has: terms, signatures, documents, receipts, finality proofs.

Pure: the caller fetches. The builder picks the receipts that belong to the trade, makes their proofs, writes the
statement and hands out nothing that the verifier would not accept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.proofs.blocks import decode_events, pack_finality
from bridge.proofs.canonical_json import canonical
from bridge.proofs.event_logs import Event
from bridge.proofs.evidence import FORMAT, evidence_to_json, verify_content, verify_pack
from bridge.proofs.messages import check_signer, message_to_json
from bridge.proofs.network import Network, genesis_hash, read_network
from bridge.proofs.receipts import encode_receipt, prove_receipt
from bridge.proofs.records import Signed, Story, Transaction, pair_of
from bridge.proofs.signed import Decision
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
    """A message that a party signed after the funding, such as `Waive`, `Amend` or `ChooseQuote`."""

    type: str
    signer: str
    message: Mapping[str, Any]
    """EIP-712 message of the type."""
    signature: bytes = b""
    """Empty where an institution recorded the digest."""


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


def build_pack(inputs: PackInputs) -> bytes:
    """Return the file's bytes.

    Raises:
        EvidenceError: the inputs do not prove a closed trade; says what is missing or does not fit.
        InvalidProofError: a receipt is malformed.
    """
    genesis = {
        "chain_id": inputs.chain_id,
        "ethereum_genesis_hash": "0x" + inputs.ethereum_genesis_hash.hex(),
        "hash": "0x" + genesis_hash(inputs.ethereum_genesis_hash, inputs.landfall).hex(),
        "landfall": dict(inputs.landfall),
    }
    network = read_network(genesis, None)
    domain = network.domain("TradeEscrow")
    trade_id = typed_data.digest(domain, "Terms", inputs.terms)
    consents = {
        side: (
            inputs.terms[side],
            typed_data.digest(
                domain,
                "Consent",
                {"terms": inputs.terms, "valid_until": consent.valid_until, "action": consent.action},
            ),
        )
        for side, consent in inputs.consents.items()
    }
    digests = {typed_data.digest(domain, "Attestation", one.message): one for one in inputs.attestations}
    wanted = set(consents.values()) | {(one.attester, digest) for digest, one in digests.items()}
    wanted |= {(one.signer, typed_data.digest(domain, one.type, one.message)) for one in inputs.decisions}
    chosen = _choose_blocks(inputs, network, trade_id, wanted)
    events = [event for block in chosen for event in block.events]
    recorded = {(event.args["institution"], event.args["digest"]) for event in events if event.name == "DigestRecorded"}
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
        "quotes": _quotes(inputs.quotes, network, events),
        "attestations": _attestations(events, digests, recorded, network, trade_id),
        "blocks": [block.fields for block in chosen],
    }
    finder = _DecisionFinder(inputs.decisions, network, recorded)
    verified = verify_content(pack, None, finder)
    pack["decisions"] = finder.entries
    pack["statement"] = list(verified.statement)
    data = canonical(pack)
    verify_pack(data, genesis_hash(inputs.ethereum_genesis_hash, inputs.landfall))
    return data


@dataclass(frozen=True, slots=True)
class _ChosenBlock:
    number: int
    fields: dict[str, Any]
    events: list[Event]


def _choose_blocks(
    inputs: PackInputs, network: Network, trade_id: bytes, wanted: set[tuple[str, bytes]]
) -> list[_ChosenBlock]:
    """Return the receipts that belong to the trade, proven, by block."""
    blocks = {int(block.receipts[0]["blockNumber"], 16): block for block in inputs.blocks if block.receipts}
    encoded = {number: [encode_receipt(one) for one in blocks[number].receipts] for number in sorted(blocks)}
    transactions = [
        Transaction("", number, 0, index, decode_events(receipt, network))
        for number, receipts in encoded.items()
        for index, receipt in enumerate(receipts)
    ]
    escrow, tokens = network.contracts["TradeEscrow"], {inputs.terms["invoice_token"], inputs.terms["funding_token"]}
    rounds = rounds_used(transactions, escrow, trade_id, pair_of(network, inputs.terms))
    owners = _hold_owners(transactions, network, trade_id)
    chosen: dict[int, _ChosenBlock] = {}
    for position, one in enumerate(transactions):
        freezes = any(_is_freeze(event, tokens, owners) for event in one.events)
        belongs = any(_belongs(event, network, trade_id, wanted) for event in one.events)
        if belongs or freezes or position in rounds:
            fields = {"finality": pack_finality(blocks[one.block].finality), "receipts": []}
            block = chosen.setdefault(one.block, _ChosenBlock(one.block, fields, []))
            proof = ["0x" + node.hex() for node in prove_receipt(encoded[one.block], one.index)]
            block.fields["receipts"].append({"index": one.index, "proof": proof})
            block.events.extend(one.events)
    return list(chosen.values())


def _hold_owners(transactions: Sequence[Transaction], network: Network, trade_id: bytes) -> set[tuple[str, str]]:
    """Return (token, owner) of the trade's holds."""
    found = set()
    for one in transactions:
        if any(_belongs(event, network, trade_id, set()) for event in one.events):
            found |= {
                (event.address, event.args["owner"])
                for event in one.events
                if event.name == "HoldPlaced" and event.args["reference"] == trade_id
            }
    return found


def _is_freeze(event: Event, tokens: set[str], owners: set[tuple[str, str]]) -> bool:
    named = event.name in ("FreezeOrdered", "FreezeLifted") and event.address in tokens
    return named and (event.address, event.args["account"]) in owners


def _belongs(event: Event, network: Network, trade_id: bytes, wanted: set[tuple[str, bytes]]) -> bool:
    if event.name == "DigestRecorded":
        return (event.args["institution"], event.args["digest"]) in wanted
    return event.address == network.contracts["TradeEscrow"] and event.args.get("trade_id") == trade_id


class _DecisionFinder:
    """Finds the messages that the escrow took among those that parties signed, in the order of the replay."""

    def __init__(self, decisions: Sequence[DecisionInput], network: Network, recorded: set[tuple[str, bytes]]) -> None:
        self._waiting = list(decisions)
        self._network = network
        self._recorded = recorded
        self.entries: list[dict[str, Any]] = []
        self.decisions: list[Decision] = []
        self.digests: set[tuple[str, bytes]] = set()

    def __call__(self, signed: Signed) -> Mapping[str, Any] | None:
        """Return the message's own fields if a party signed it."""
        found = next((one for one in self._waiting if _is_message(one, signed)), None)
        if found is None:
            return None
        self._waiting.remove(found)
        digest = typed_data.digest(self._network.domain("TradeEscrow"), found.type, found.message)
        proof = _proof(found.signer, digest, found.signature, self._recorded)
        own = {name: found.message[name] for name in _OWN if name in found.message}
        entry: dict[str, Any] = {"number": signed.number, "signer": found.signer, "type": found.type, **proof}
        self.decisions.append(Decision(found.type, found.signer, signed.fields, proof["proof"], signed.time_s))
        if proof["proof"] == "chain":
            self.entries.append(entry)
            return {}
        self.entries.append(entry | {name: str(value) for name, value in own.items()})
        self.digests.add((found.signer, digest))
        return own

    def finish(self, story: Story) -> None:
        """Leave out what the escrow never took."""


_OWN: Final = ("valid_until", "action", "least")


def _is_message(one: DecisionInput, signed: Signed) -> bool:
    if (one.type, one.signer) != (signed.type, signed.signer):
        return False
    own = {name: one.message[name] for name in _OWN if name in one.message}
    taken = typed_data.hash_struct(signed.type, {**signed.fields, **own})
    return taken == typed_data.hash_struct(one.type, one.message)


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


def _quotes(quotes: Sequence[QuoteInput], network: Network, events: Sequence[Event]) -> list[dict[str, Any]]:
    settled = {event.args["digest"] for event in events if event.name in ("QuoteSettled", "LockTaken")}
    found = {}
    for quote in quotes:
        digest = typed_data.digest(network.domain("FxSettlement"), "Quote", quote.message)
        found[digest] = {
            "message": message_to_json("Quote", quote.message),
            "used": digest in settled,
            **_proof(quote.message["provider"], digest, quote.signature, set()),
        }
    return [found[digest] for digest in sorted(found)]


def _attestations(
    events: Sequence[Event],
    inputs: Mapping[bytes, AttestationInput],
    recorded: set[tuple[str, bytes]],
    network: Network,
    trade_id: bytes,
) -> list[dict[str, Any]]:
    found = []
    for event in events:
        if event.name == "AttestationRecorded" and _belongs(event, network, trade_id, set()):
            digest = event.args["signature_digest"]
            one = inputs.get(digest)
            if one is None:
                raise EvidenceError("attestations", f"the attestation recorded as 0x{digest.hex()}", "none such")
            found.append(
                {
                    "attester": one.attester,
                    "message": message_to_json("Attestation", one.message),
                    "evidence": evidence_to_json(one.evidence),
                    **_proof(one.attester, digest, one.signature, recorded),
                }
            )
    return found
