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

from eth_hash.auto import keccak

from bridge.errors import EvidenceError
from bridge.limits import (
    ATTESTATIONS_MAX,
    EVIDENCE_BYTES_MAX,
    PACK_BYTES_MAX,
    PACK_DEPTH_MAX,
    QUOTES_MAX,
    STATEMENT_LINES_MAX,
)
from bridge.proofs.blocks import read_blocks
from bridge.proofs.canonical_json import parse_canonical
from bridge.proofs.facts import collect_facts, name_of
from bridge.proofs.fields import (
    expect,
    get_address,
    get_bool,
    get_bytes,
    get_digits,
    get_hash,
    get_items,
    get_mapping,
    get_object,
    get_text,
)
from bridge.proofs.messages import check_signer, message_from_json
from bridge.proofs.network import FX_PROVIDER, Network, read_network
from bridge.proofs.statement import write_statement
from bridge.proofs.story import Attested, Story, Transaction, replay
from bridge.proofs.terms_document import struct_from_document
from bridge.proofs.verified import VerifiedAttestation, VerifiedPack, VerifiedQuote
from contracts.client import typed_data

FORMAT: Final = "landfall-evidence/1"
_KEYS: Final = ("attestations", "blocks", "consents", "format", "genesis", "quotes", "statement", "terms", "trade_id")
_SIGNATURE_BYTES: Final = 65
_RATE_LIMIT: Final = 1 << 64
_PROOFS: Final = ("chain", "recorded", "signature")


def verify_pack(data: bytes, trusted_genesis_hash: bytes | None) -> VerifiedPack:
    """Return what the pack proves.

    Args:
        data: The file's bytes.
        trusted_genesis_hash: What the verifier trusts (32 bytes); None checks that the pack agrees with itself.

    Raises:
        EvidenceError: the pack is not what it claims; `path` says where, the message what was expected.
    """
    pack = parse_canonical(data, PACK_BYTES_MAX, PACK_DEPTH_MAX)
    fields = get_object(pack, "pack", _KEYS)
    verified = verify_content(fields, trusted_genesis_hash)
    given = [
        get_text(line, path, 2_000) for path, line in get_items(fields["statement"], "statement", STATEMENT_LINES_MAX)
    ]
    for index, line in enumerate(verified.statement):
        expect(f"statement[{index}]", line, given[index] if index < len(given) else "nothing")
    expect("statement", f"{len(verified.statement)} lines", f"{len(given)} lines")
    return verified


def verify_content(fields: Mapping[str, Any], trusted_genesis_hash: bytes | None) -> VerifiedPack:
    """Return what a parsed pack proves, its own statement left aside: `verify_pack` and the builder share this."""
    expect("format", FORMAT, fields["format"])
    network = read_network(fields["genesis"], trusted_genesis_hash)
    terms_fields = get_object(fields["terms"], "terms", ("document", "struct"))
    document = get_mapping(terms_fields["document"], "terms.document")
    terms = message_from_json("Terms", terms_fields["struct"], "terms.struct")
    _check_terms(terms, struct_from_document(document, network))
    trade_id = typed_data.digest(network.domain("TradeEscrow"), "Terms", terms)
    expect("trade_id", trade_id, get_hash(fields["trade_id"], "trade_id"))
    blocks, transactions = read_blocks(fields["blocks"], network)
    story = replay(trade_id, network.contracts["TradeEscrow"], terms, transactions)
    consents, consent_digests = _read_consents(fields["consents"], network, story)
    quotes = _read_quotes(fields["quotes"], network, story)
    attestations = _read_attestations(fields["attestations"], network, story)
    used = {(one.attester, one.digest) for one in story.attestations} | consent_digests
    _check_relevant(transactions, story, used)
    bare = collect_facts(network, document, story, blocks, trusted_genesis_hash is not None)
    filled = replace(bare, consents=consents, quotes=quotes, attestations=attestations)
    return replace(filled, statement=write_statement(filled))


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


def _read_consents(value: object, network: Network, story: Story) -> tuple[dict[str, str], set[tuple[str, bytes]]]:
    sides = get_object(value, "consents", ("exporter", "importer"))
    proofs, digests = {}, set()
    for side in ("importer", "exporter"):
        path = f"consents.{side}"
        fields = get_object(sides[side], path, ("proof",), ("action", "signature", "valid_until"))
        proofs[side] = _proof_kind(fields, path)
        if proofs[side] == "chain":
            get_object(sides[side], path, ("proof",))
            continue
        valid_until = get_digits(fields.get("valid_until"), f"{path}.valid_until")
        action = get_digits(fields.get("action"), f"{path}.action")
        message = {"terms": story.terms, "valid_until": valid_until, "action": action}
        digest = typed_data.digest(network.domain("TradeEscrow"), "Consent", message)
        signer = story.terms[side]
        _check_proof(fields, path, signer, digest, story, story.funded_at)
        _check_valid(path, valid_until, story.funded_at)
        digests.add((signer, digest))
    return proofs, digests


def _proof_kind(fields: Mapping[str, Any], path: str) -> str:
    kind = get_text(fields["proof"], f"{path}.proof")
    if kind not in _PROOFS:
        raise EvidenceError(f"{path}.proof", f"one of {', '.join(_PROOFS)}", kind)
    if (kind == "signature") != ("signature" in fields):
        raise EvidenceError(f"{path}.signature", "a signature exactly where that is the proof", kind)
    return kind


def _check_proof(fields: Mapping[str, Any], path: str, signer: str, digest: bytes, story: Story, used_at: int) -> None:
    if fields["proof"] == "signature":
        signature = get_bytes(fields["signature"], f"{path}.signature", _SIGNATURE_BYTES, _SIGNATURE_BYTES)
        check_signer(f"{path}.signature", signer, digest, signature)
    if fields["proof"] == "recorded":
        recorded_at = story.recorded.get((signer, digest))
        if recorded_at is None or recorded_at > used_at:
            raise EvidenceError(
                path, f"DigestRecorded by {signer} of 0x{digest.hex()} in a block of the pack, before its use", "none"
            )


def _check_valid(path: str, valid_until: int, used_at: int) -> None:
    if valid_until < used_at:
        raise EvidenceError(f"{path}.valid_until", f"{used_at} (its use) or later", valid_until)


def _read_quotes(value: object, network: Network, story: Story) -> tuple[VerifiedQuote, ...]:
    found: list[VerifiedQuote] = []
    for path, item in get_items(value, "quotes", QUOTES_MAX):
        fields = get_object(item, path, ("message", "proof", "used"), ("signature",))
        message = message_from_json("Quote", fields["message"], f"{path}.message")
        quote = _check_quote(fields, message, path, network, story)
        if found and quote.digest <= found[-1].digest:
            digest = "0x" + quote.digest.hex()
            raise EvidenceError(path, "quotes in ascending order of their digests, each once", digest)
        found.append(quote)
    if story.quote_digest and not any(quote.is_used for quote in found):
        raise EvidenceError("quotes", f"the quote that was settled, 0x{story.quote_digest.hex()}", "others")
    if not story.quote_digest and found:
        raise EvidenceError("quotes", "none, nothing was exchanged", f"{len(found)}")
    return tuple(found)


def _check_quote(
    fields: Mapping[str, Any], message: Mapping[str, Any], path: str, network: Network, story: Story
) -> VerifiedQuote:
    terms, amount = story.terms, story.terms["invoice_amount"]
    digest = typed_data.digest(network.domain("FxSettlement"), "Quote", message)
    is_used = get_bool(fields["used"], f"{path}.used")
    expect(f"{path}.used", digest == story.quote_digest, is_used)
    kind = _proof_kind(fields, path)
    if kind == "recorded" or (kind == "chain" and not is_used):
        raise EvidenceError(f"{path}.proof", "signature, or chain for the one that was used", kind)
    provider = network.institutions.get(message["provider"])
    if not is_used and (provider is None or not provider.roles & FX_PROVIDER):
        raise EvidenceError(f"{path}.message.provider", "an FX provider of the genesis", message["provider"])
    _check_proof(fields, path, message["provider"], digest, story, story.funded_at)
    expect(f"{path}.message.kind", 0, message["kind"])
    expect(f"{path}.message.taker", terms["importer"], message["taker"])
    expect(f"{path}.message.sell_token", terms["funding_token"], message["sell_token"])
    expect(f"{path}.message.buy_token", terms["invoice_token"], message["buy_token"])
    if message["trade_id"] not in (bytes(32), story.trade_id):
        raise EvidenceError(f"{path}.message.trade_id", "this trade's or zero", "0x" + message["trade_id"].hex())
    for name in ("rate_num", "rate_den"):
        if not 0 < message[name] < _RATE_LIMIT:
            raise EvidenceError(f"{path}.message.{name}", "1 to 2^64 - 1", message[name])
    if not message["min_amount"] <= amount <= message["max_amount"]:
        raise EvidenceError(f"{path}.message.max_amount", f"a range that includes {amount}", message["max_amount"])
    sell = -(-amount * message["rate_den"] // message["rate_num"])
    if is_used:
        expect(f"{path}.message (price of {amount})", story.funding_minor, sell)
        _check_valid(f"{path}.message", message["expires_at"], story.funded_at)
    return VerifiedQuote(
        digest=digest,
        provider=message["provider"],
        provider_name=name_of(network, message["provider"]),
        rate_num=message["rate_num"],
        rate_den=message["rate_den"],
        fee_bps=message["fee_bps"],
        sell_minor=sell,
        is_used=is_used,
    )


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
    milestone = story.milestones[recorded.milestone]
    demanded = {
        "trade_id": story.trade_id,
        "milestone": recorded.milestone,
        "milestone_hash": milestone_hash(milestone.terms, milestone.index, milestone.amount_minor),
        "outcome": recorded.outcome,
        "share_bps": recorded.share_bps,
        "evidence_hash": recorded.evidence_hash,
    }
    for name, wanted in demanded.items():
        expect(f"{path}.message.{name}", wanted, message[name])
    _check_valid(f"{path}.message", message["valid_until"], recorded.time_s)
    digest = typed_data.digest(network.domain("TradeEscrow"), "Attestation", message)
    expect(f"{path}.message", f"the one recorded, 0x{recorded.digest.hex()}", f"the one recorded, 0x{digest.hex()}")
    kind = _proof_kind(fields, path)
    _check_proof(fields, path, recorded.attester, digest, story, recorded.time_s)
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


def milestone_hash(milestone: Mapping[str, Any], index: int, amount_minor: int) -> bytes:
    """Return what attestations bind of a milestone: keccak(abi.encode(hashStruct(Milestone), index, amount))."""
    words = index.to_bytes(32, "big") + amount_minor.to_bytes(32, "big")
    return keccak(typed_data.hash_struct("Milestone", milestone) + words)


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
    for transaction in transactions:
        own = any(
            event.address == story.escrow and event.args.get("trade_id") == story.trade_id
            for event in transaction.events
        )
        records = any(
            event.name == "DigestRecorded" and (event.args["institution"], event.args["digest"]) in used
            for event in transaction.events
        )
        if not own and not records:
            raise EvidenceError(transaction.path, "a transaction of this trade", "another one")
