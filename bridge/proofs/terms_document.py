"""From the terms document that both parties signed to the struct that the contract enforces.

The document is free in what it says about goods and papers; its hash binds all of it. What the contract enforces
follows from the document and the network alone, and the verifier derives it by itself, so that the document a
person reads and the money that moved cannot differ.

Source: docs/spec/terms.md, docs/spec/evidence.md.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.proofs.canonical_json import canonical
from bridge.proofs.fields import get_address as address_at
from bridge.proofs.fields import get_bytes, get_digits, get_int, get_items, get_mapping, get_text
from bridge.proofs.network import Network

SCHEMA: Final = "landfall-terms/1"
POLICIES: Final = {"none": 0, "convert_now": 1, "lock": 2, "float": 3}
_OPTIONS: Final = {"share": 0, "wait": 1, "refund": 2}
_ROOT: Final = "terms.document"
_ARRAY_MAX: Final = 8
_SECONDS: Final = 1 << 40
_SILENCE: Final = {"refund": False, "pay": True}


def document_hash(document: Mapping[str, Any]) -> bytes:
    """Return the struct's `document_hash`: SHA-256 of the document's canonical JSON (RFC 8785)."""
    return sha256(canonical(dict(document))).digest()


def struct_from_document(document: Mapping[str, Any], network: Network) -> dict[str, Any]:
    """Return the EIP-712 message `Terms` of a document on a network.

    Raises:
        EvidenceError: a field the contract needs is missing or malformed; names its path.
    """
    _choice(document.get("schema"), f"{_ROOT}.schema", {SCHEMA: 0})
    invoice, funding = _part(document, "invoice"), _part(document, "funding")
    currency = get_text(invoice.get("currency"), f"{_ROOT}.invoice.currency")
    funded_in = get_text(funding.get("currency"), f"{_ROOT}.funding.currency")
    return {
        "importer": _account(_part(document, "importer"), f"{_ROOT}.importer"),
        "exporter": _account(_part(document, "exporter"), f"{_ROOT}.exporter"),
        "arbiter": _account(_part(document, "arbiter"), f"{_ROOT}.arbiter"),
        "invoice_token": network.token_of(currency, f"{_ROOT}.invoice.currency").address,
        "invoice_amount": get_digits(invoice.get("amount_minor"), f"{_ROOT}.invoice.amount_minor", 72),
        "funding_token": network.token_of(funded_in, f"{_ROOT}.funding.currency").address,
        "fx": _fx(funding, _choice(funding.get("policy"), f"{_ROOT}.funding.policy", POLICIES)),
        "milestones": [
            _milestone(get_mapping(item, path), path)
            for path, item in get_items(document.get("milestones"), f"{_ROOT}.milestones", _ARRAY_MAX, 1)
        ],
        "payees": [
            _payee(get_mapping(item, path), path)
            for path, item in get_items(document.get("payees"), f"{_ROOT}.payees", _ARRAY_MAX)
        ],
        "windows": _windows(_part(document, "windows")),
        "hold_expires_at": get_int(document.get("hold_expires_at_s"), f"{_ROOT}.hold_expires_at_s", _SECONDS),
        "fund_by": get_int(document.get("fund_by_s"), f"{_ROOT}.fund_by_s", _SECONDS),
        "document_hash": document_hash(document),
        "salt": get_bytes(document.get("salt"), f"{_ROOT}.salt", 32, 32),
    }


def _milestone(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    attesters = get_items(fields.get("attesters"), f"{path}.attesters", _ARRAY_MAX)
    return {
        "kind": _kind(fields.get("kind"), f"{path}.kind"),
        "weight_bps": get_int(fields.get("weight_bps"), f"{path}.weight_bps", 10_001),
        "deadline": get_int(fields.get("deadline_s"), f"{path}.deadline_s", _SECONDS),
        "quorum": get_int(fields.get("quorum"), f"{path}.quorum", _ARRAY_MAX + 1),
        "silence_pays": bool(_choice(fields.get("silence"), f"{path}.silence", _SILENCE)),
        "attesters": [_account(get_mapping(item, where), where) for where, item in attesters],
    }


def _payee(fields: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {
        "account": _account(fields, path),
        "share_bps": get_int(fields.get("share_bps"), f"{path}.share_bps", 10_001),
    }


def _windows(fields: Mapping[str, Any]) -> dict[str, int]:
    names = ("dispute_s", "award_s", "call_s", "choice_s", "grace_s")
    found = {name: get_int(fields.get(name), f"{_ROOT}.windows.{name}", _SECONDS) for name in names}
    unawarded = fields.get("unawarded_bps")
    # Without award the outcome that was due stands, unless the terms set a split; the contract writes that as 0.
    share = 0 if unawarded is None else get_int(unawarded, f"{_ROOT}.windows.unawarded_bps", 10_001)
    return found | {"unawarded_bps": share}


def _fx(funding: Mapping[str, Any], policy: int) -> dict[str, int]:
    """Return what `funding.float` agrees about the rate; all zero where the policy is another."""
    path, names = f"{_ROOT}.funding.float", ("band_bps", "spread_bps", "share_bps", "cool_down_s", "calls_max")
    given = funding.get("float")
    if policy != POLICIES["float"]:
        if given is not None:
            raise EvidenceError(path, "nothing under another policy", "terms of a float")
        return {"policy": policy, "option": 0} | dict.fromkeys(("rate_num", "rate_den", *names), 0)
    fields = get_mapping(given, path)
    rate = {name: get_digits(fields.get(name), f"{path}.{name}", 64) for name in ("rate_num", "rate_den")}
    option = _choice(fields.get("option"), f"{path}.option", _OPTIONS)
    found = {name: get_int(fields.get(name), f"{path}.{name}", _SECONDS) for name in names}
    return {"policy": policy, "option": option} | rate | found


def _kind(value: object, path: str) -> bytes:
    text = get_text(value, path, 32)
    return get_bytes("0x" + text.encode().hex(), path, 32, 1).ljust(32, b"\0")


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return get_mapping(document.get(name), f"{_ROOT}.{name}")


def _account(fields: Mapping[str, Any], path: str) -> str:
    return address_at(fields.get("account"), f"{path}.account")


def _choice(value: object, path: str, choices: Mapping[str, int]) -> int:
    if not isinstance(value, str) or value not in choices:
        raise EvidenceError(path, f"one of {', '.join(choices)}", value)
    return choices[value]
