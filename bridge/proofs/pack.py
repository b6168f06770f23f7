"""Assembling an evidence pack from what a trade's bank has: terms, signatures, documents, receipts, finality proofs.

Pure: the caller fetches. The builder picks the receipts that belong to the trade, makes their proofs, writes the
statement and hands out nothing that the verifier would not accept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import EvidenceError
from bridge.proofs.blocks import decode_events, pack_finality
from bridge.proofs.canonical_json import canonical
from bridge.proofs.event_logs import Event
from bridge.proofs.evidence import FORMAT, evidence_to_json, verify_content, verify_pack
from bridge.proofs.messages import check_signer, message_to_json
from bridge.proofs.network import Network, genesis_hash, read_network
from bridge.proofs.receipts import encode_receipt, prove_receipt
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
    """Blocks with a transaction of the trade, or with the record of a digest used in it; others are left out."""


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
    chosen = _choose_blocks(inputs.blocks, network, trade_id, wanted)
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
        "consents": {side: _consent(consent, *consents[side], recorded) for side, consent in inputs.consents.items()},
        "quotes": _quotes(inputs.quotes, network, events),
        "attestations": _attestations(events, digests, recorded, network, trade_id),
        "blocks": [block.fields for block in chosen],
    }
    pack["statement"] = list(verify_content(pack, None).statement)
    data = canonical(pack)
    verify_pack(data, genesis_hash(inputs.ethereum_genesis_hash, inputs.landfall))
    return data


@dataclass(frozen=True, slots=True)
class _ChosenBlock:
    number: int
    fields: dict[str, Any]
    events: list[Event]


def _choose_blocks(
    blocks: Sequence[BlockInput], network: Network, trade_id: bytes, wanted: set[tuple[str, bytes]]
) -> list[_ChosenBlock]:
    chosen = {}
    for block in blocks:
        encoded = [encode_receipt(receipt) for receipt in block.receipts]
        receipts: list[dict[str, Any]] = []
        events: list[Event] = []
        for index, receipt in enumerate(encoded):
            found = decode_events(receipt, network)
            if any(_belongs(event, network, trade_id, wanted) for event in found):
                proof = ["0x" + node.hex() for node in prove_receipt(encoded, index)]
                receipts.append({"index": index, "proof": proof})
                events += found
        if receipts:
            number = int(block.receipts[0]["blockNumber"], 16)
            fields = {"finality": pack_finality(block.finality), "receipts": receipts}
            chosen[number] = _ChosenBlock(number, fields, events)
    return [chosen[number] for number in sorted(chosen)]


def _belongs(event: Event, network: Network, trade_id: bytes, wanted: set[tuple[str, bytes]]) -> bool:
    if event.name == "DigestRecorded":
        return (event.args["institution"], event.args["digest"]) in wanted
    return event.address == network.contracts["TradeEscrow"] and event.args.get("trade_id") == trade_id


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
    settled = {event.args["digest"] for event in events if event.name == "QuoteSettled"}
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
