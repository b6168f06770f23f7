"""The evidence pack: one file that proves a closed trade to anyone who knows the network's genesis hash.

No network, no node, no clock: everything follows from the bytes. The file is canonical JSON, unknown keys are
refused and every value is either hashed, signed, proven or computed again, so a changed byte is always noticed and
the error says where.

Source: docs/spec/evidence.md.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.limits import (
    AMENDMENTS_MAX,
    ATTESTATIONS_MAX,
    EVIDENCE_BYTES_MAX,
    PACK_BYTES_MAX,
    PACK_DEPTH_MAX,
    STATEMENT_LINES_MAX,
)
from bridge.proofs.blocks import read_blocks, read_validators
from bridge.proofs.canonical_json import parse_canonical
from bridge.proofs.event_logs import Event
from bridge.proofs.facts import collect_facts, name_of
from bridge.proofs.fields import (
    expect,
    get_address,
    get_hash,
    get_items,
    get_mapping,
    get_object,
    get_text,
)
from bridge.proofs.messages import message_from_json
from bridge.proofs.network import Network, read_network
from bridge.proofs.offers import check_offers, read_offers
from bridge.proofs.records import Attested, Story, Transaction
from bridge.proofs.signed import DecisionBook, check_proof, check_valid, proof_kind, read_consents
from bridge.proofs.statement import write_statement
from bridge.proofs.story import replay
from bridge.proofs.surroundings import rounds_used
from bridge.proofs.terms_document import struct_from_document
from bridge.proofs.verified import VerifiedAttestation, VerifiedPack
from contracts.client import typed_data

FORMAT: Final = "landfall-evidence/2"
_KEYS: Final = (
    "amendments",
    "attestations",
    "blocks",
    "consents",
    "decisions",
    "format",
    "genesis",
    "quotes",
    "statement",
    "terms",
    "trade_id",
)
_OPTIONAL_KEYS: Final = ("validator_changes",)


def verify_pack(data: bytes, trusted_genesis_hash: bytes | None) -> VerifiedPack:
    """Return what the pack proves.

    Args:
        data: The file's bytes.
        trusted_genesis_hash: What the verifier trusts (32 bytes); None checks that the pack agrees with itself.

    Raises:
        EvidenceError: the pack is not what it claims; `path` says where, the message what was expected.
    """
    pack = parse_canonical(data, PACK_BYTES_MAX, PACK_DEPTH_MAX)
    fields = get_object(pack, "pack", _KEYS, _OPTIONAL_KEYS)
    verified = verify_content(fields, trusted_genesis_hash)
    given = [
        get_text(line, path, 2_000) for path, line in get_items(fields["statement"], "statement", STATEMENT_LINES_MAX)
    ]
    for index, line in enumerate(verified.statement):
        expect(f"statement[{index}]", line, given[index] if index < len(given) else "nothing")
    expect("statement", f"{len(verified.statement)} lines", f"{len(given)} lines")
    return verified


def verify_content(
    fields: Mapping[str, Any],
    trusted_genesis_hash: bytes | None,
) -> VerifiedPack:
    """Return what a parsed pack proves, its own statement left aside: `verify_pack` and the builder share this."""
    expect("format", FORMAT, fields["format"])
    network = read_network(fields["genesis"], trusted_genesis_hash)
    document, terms = _read_terms(fields["terms"], "terms", network)
    trade_id = typed_data.digest(network.domain("TradeEscrow"), "Terms", terms)
    expect("trade_id", trade_id, get_hash(fields["trade_id"], "trade_id"))
    amended = [
        _read_terms(item, path, network) for path, item in get_items(fields["amendments"], "amendments", AMENDMENTS_MAX)
    ]
    offers = read_offers(fields["quotes"], network)
    history = read_validators(fields, network)
    blocks, transactions = read_blocks(fields["blocks"], network, history)
    book = DecisionBook(fields["decisions"], network)
    versions = [terms, *(struct for _, struct in amended)]
    quotes = {offer.digest: offer.message for offer in offers}
    story = replay(trade_id, network, versions, quotes, transactions, book)
    book.finish(story)
    consents, consent_digests = read_consents(fields["consents"], network, story)
    verified_quotes = check_offers(offers, network, story)
    attestations = _read_attestations(fields["attestations"], network, story)
    used = {(one.attester, one.digest) for one in story.attestations} | consent_digests | book.digests
    _check_relevant(transactions, story, used)
    documents = (document, *(given for given, _ in amended))
    bare = collect_facts(network, documents, story, blocks, history, trusted_genesis_hash is not None)
    filled = replace(
        bare,
        consents=consents,
        quotes=verified_quotes,
        attestations=attestations,
        decisions=tuple(book.decisions),
    )
    return replace(filled, statement=write_statement(filled))


def _read_terms(value: object, path: str, network: Network) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Return (document, struct) of one version of the terms, the struct derived again."""
    fields = get_object(value, path, ("document", "struct"))
    document = get_mapping(fields["document"], f"{path}.document")
    terms = message_from_json("Terms", fields["struct"], f"{path}.struct")
    try:
        _check_terms(terms, struct_from_document(document, network))
    except EvidenceError as error:
        # Paths inside name the first terms; an amendment has its own place.
        where = error.path.replace("terms.", f"{path}.", 1)
        raise EvidenceError(where, error.expected, error.got) from None
    return document, terms


def _check_terms(given: Mapping[str, Any], derived: Mapping[str, Any]) -> None:
    for name, value in derived.items():
        if isinstance(value, dict):
            for inner, part in value.items():
                expect(f"terms.struct.{name}.{inner}", part, given[name][inner])
        elif isinstance(value, list):
            expect(f"terms.struct.{name}", f"{len(value)} items", f"{len(given[name])} items")
            for index, (item, other) in enumerate(zip(value, given[name], strict=True)):
                for inner, part in item.items():
                    expect(f"terms.struct.{name}[{index}].{inner}", part, other[inner])
        else:
            expect(f"terms.struct.{name}", value, given[name])


def _read_attestations(value: object, network: Network, story: Story) -> tuple[VerifiedAttestation, ...]:
    items = list(get_items(value, "attestations", ATTESTATIONS_MAX))
    expect("attestations", f"{len(story.attestations)} attestations", f"{len(items)} attestations")
    return tuple(
        _check_attestation(item, path, recorded, network, story)
        for (path, item), recorded in zip(items, story.attestations, strict=True)
    )


def _check_attestation(
    item: object, path: str, recorded: Attested, network: Network, story: Story
) -> VerifiedAttestation:
    fields = get_object(item, path, ("attester", "evidence", "message", "proof"), ("signature",))
    expect(f"{path}.attester", recorded.attester, get_address(fields["attester"], f"{path}.attester"))
    message = message_from_json("Attestation", fields["message"], f"{path}.message")
    demanded = {
        "trade_id": story.trade_id,
        "milestone": recorded.milestone,
        "milestone_hash": recorded.bound,
        "outcome": recorded.outcome,
        "share_bps": recorded.share_bps,
        "evidence_hash": recorded.evidence_hash,
    }
    for name, wanted in demanded.items():
        expect(f"{path}.message.{name}", wanted, message[name])
    check_valid(f"{path}.message", message["valid_until"], recorded.time_s)
    digest = typed_data.digest(network.domain("TradeEscrow"), "Attestation", message)
    expect(f"{path}.message", f"the one recorded, 0x{recorded.digest.hex()}", f"the one recorded, 0x{digest.hex()}")
    kind = proof_kind(fields, path)
    check_proof(fields, path, recorded.attester, digest, story, recorded.time_s)
    evidence = _read_evidence(fields["evidence"], f"{path}.evidence")
    expect(f"{path}.evidence", recorded.evidence_hash, sha256(evidence).digest())
    return VerifiedAttestation(
        milestone=recorded.milestone,
        attester=recorded.attester,
        attester_name=name_of(network, recorded.attester),
        outcome=recorded.outcome,
        share_bps=recorded.share_bps,
        proof=kind,
        evidence=evidence,
        evidence_hash=recorded.evidence_hash,
        block=recorded.block,
        time_s=recorded.time_s,
    )


def evidence_to_json(evidence: bytes) -> dict[str, str]:
    """Return an evidence document as a pack holds it: `text` where its bytes are UTF-8, else `base64`."""
    try:
        return {"text": evidence.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(evidence).decode("ascii")}


def _read_evidence(value: object, path: str) -> bytes:
    fields = get_object(value, path, (), ("base64", "text"))
    if len(fields) != 1:
        raise EvidenceError(path, "either text or base64", ", ".join(fields) or "nothing")
    if "text" in fields:
        raw = get_text(fields["text"], f"{path}.text", EVIDENCE_BYTES_MAX).encode("utf-8")
    else:
        text = get_text(fields["base64"], f"{path}.base64", 2 * EVIDENCE_BYTES_MAX)
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise EvidenceError(f"{path}.base64", "base64", error) from None
    if len(raw) > EVIDENCE_BYTES_MAX:
        raise EvidenceError(path, f"at most {EVIDENCE_BYTES_MAX} bytes", len(raw))
    if evidence_to_json(raw) != fields:
        raise EvidenceError(path, "text for UTF-8, else base64 in its one spelling", "another spelling")
    return raw


def _check_relevant(transactions: Sequence[Transaction], story: Story, used: set[tuple[str, bytes]]) -> None:
    """Refuse receipts that have nothing to do with the trade."""
    rounds = rounds_used(transactions, story.escrow, story.trade_id, story.pair)
    for position, transaction in enumerate(transactions):
        own = any(
            event.address == story.escrow and event.args.get("trade_id") == story.trade_id
            for event in transaction.events
        )
        records = any(
            event.name == "DigestRecorded" and (event.args["institution"], event.args["digest"]) in used
            for event in transaction.events
        )
        freezes = any(is_freeze(event, story) for event in transaction.events)
        if not own and not records and not freezes and position not in rounds:
            raise EvidenceError(transaction.path, "a transaction of this trade", "another one")


def is_freeze(event: Event, story: Story) -> bool:
    """Tell whether an event stops or restarts the clock of one of the trade's holds."""
    holds = [hold for hold in (story.invoice_hold, story.funding_hold) if hold is not None]
    named = event.name in ("FreezeOrdered", "FreezeLifted")
    return named and any((event.address, event.args["account"]) == (hold.token, hold.owner) for hold in holds)
