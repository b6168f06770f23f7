"""The firm quotes of a pack: those that were used, and those that were offered beside them.

Source: docs/spec/evidence.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import EvidenceError
from bridge.limits import QUOTES_MAX
from bridge.proofs.facts import name_of
from bridge.proofs.fields import expect, get_bool, get_items, get_object
from bridge.proofs.messages import message_from_json
from bridge.proofs.network import FX_PROVIDER, Network
from bridge.proofs.records import FLOAT, LOCK, NONE, Conversion, Story
from bridge.proofs.signed import check_proof, proof_kind
from bridge.proofs.story_funding import median_rate, price
from bridge.proofs.verified import VerifiedQuote
from contracts.client import typed_data
from fx.errors import RejectedError as FxRejectedError
from fx.quotes import Cost, cost_of
from fx.rates import Rate

_RATE_LIMIT: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Offer:
    """A quote as the pack has it, its numbers in range."""

    path: str
    fields: Mapping[str, Any]
    message: Mapping[str, Any]
    """EIP-712 message `Quote`."""
    digest: bytes


def read_offers(value: object, network: Network) -> tuple[Offer, ...]:
    """Return a pack's quotes, not yet compared with the story."""
    found: list[Offer] = []
    for path, item in get_items(value, "quotes", QUOTES_MAX):
        fields = get_object(item, path, ("message", "proof", "used"), ("signature",))
        message = message_from_json("Quote", fields["message"], f"{path}.message")
        for name in ("rate_num", "rate_den"):
            if not 0 < message[name] < _RATE_LIMIT:
                raise EvidenceError(f"{path}.message.{name}", "1 to 2^64 - 1", message[name])
        digest = typed_data.digest(network.domain("FxSettlement"), "Quote", message)
        if found and digest <= found[-1].digest:
            raise EvidenceError(path, "quotes in ascending order of their digests, each once", "0x" + digest.hex())
        found.append(Offer(path, fields, message, digest))
    return tuple(found)


def check_offers(offers: tuple[Offer, ...], network: Network, story: Story) -> tuple[VerifiedQuote, ...]:
    """Return the quotes as proven facts, with what those that were used have cost."""
    if story.policy == NONE and offers:
        raise EvidenceError("quotes", "none, nothing was exchanged", f"{len(offers)}")
    used = {conversion.digest: conversion for conversion in story.conversions}
    return tuple(_check(offer, network, story, used.get(offer.digest)) for offer in offers)


def _check(offer: Offer, network: Network, story: Story, used: Conversion | None) -> VerifiedQuote:
    path, message, terms = offer.path, offer.message, story.versions[0]
    is_used = get_bool(offer.fields["used"], f"{path}.used")
    expect(f"{path}.used", used is not None, is_used)
    kind = proof_kind(offer.fields, path)
    if kind == "recorded" or (kind == "chain" and not is_used):
        raise EvidenceError(f"{path}.proof", "signature, or chain for one that was used", kind)
    provider = network.institutions.get(message["provider"])
    if not is_used and (provider is None or not provider.roles & FX_PROVIDER):
        raise EvidenceError(f"{path}.message.provider", "an FX provider of the genesis", message["provider"])
    check_proof(offer.fields, path, message["provider"], offer.digest, story, story.funded_at)
    expect(f"{path}.message.kind", 1 if story.policy == LOCK else 0, message["kind"])
    expect(f"{path}.message.taker", terms["importer"], message["taker"])
    expect(f"{path}.message.sell_token", terms["funding_token"], message["sell_token"])
    expect(f"{path}.message.buy_token", terms["invoice_token"], message["buy_token"])
    if message["trade_id"] not in (bytes(32), story.trade_id):
        raise EvidenceError(f"{path}.message.trade_id", "this trade's or zero", "0x" + message["trade_id"].hex())
    bought = _priced_amount(story, message, used)
    if not message["min_amount"] <= bought <= message["max_amount"]:
        raise EvidenceError(f"{path}.message.max_amount", f"a range that includes {bought}", message["max_amount"])
    cost = _cost(story, message, used) if used else None
    return VerifiedQuote(
        digest=offer.digest,
        provider=message["provider"],
        provider_name=name_of(network, message["provider"]),
        rate_num=message["rate_num"],
        rate_den=message["rate_den"],
        fee_bps=message["fee_bps"],
        premium_minor=message["premium"],
        cancel_fee_minor=message["cancel_fee"],
        sell_minor=price(message, bought),
        buy_minor=bought,
        is_used=is_used,
        milestone=used.milestone if used else None,
        median=used.median if used else 0,
        median_at=used.median_at if used else 0,
        fee_minor=cost.fee_minor if cost else None,
        spread_minor=cost.spread_minor if cost else None,
    )


def _priced_amount(story: Story, message: Mapping[str, Any], used: Conversion | None) -> int:
    """Return the amount a quote is shown for: what it bought, the invoice, or the most it offered for a milestone."""
    if used is not None:
        return used.bought_minor
    amount: int = message["max_amount"] if story.policy == FLOAT else story.versions[0]["invoice_amount"]
    return amount


def _cost(story: Story, message: Mapping[str, Any], used: Conversion) -> Cost | None:
    """Return a used quote's price apart: value at the median, spread, fee; None without a median, or beyond it."""
    if not used.median:
        return None
    rate = Rate(message["rate_num"], message["rate_den"])
    try:
        return cost_of(median_rate(story, used.median), rate, message["fee_bps"], used.bought_minor)
    except FxRejectedError:
        # Better than the median less the fee: there is no spread to show.
        return None
