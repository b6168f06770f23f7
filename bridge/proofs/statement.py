"""The statement a person reads, written from proven facts alone.

A pack carries these lines so that it can be read without a program; the verifier writes them again and compares.
"""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from bridge.proofs.verified import VerifiedMilestone, VerifiedPack, VerifiedQuote

_CLOSED: Final = {1: "every milestone is settled", 2: "cancelled by both parties", 3: "lapsed, the hold had expired"}
_WHY: Final = {
    "attested": "attested",
    "silence": "no quorum by the deadline",
    "accepted": "accepted by the importer",
    "awarded": "awarded by the arbiter",
    "unawarded": "no award in time, the terms' split",
    "cancelled": "cancelled",
    "lapsed": "lapsed",
}
_YEAR_10000_S: Final = 253_402_300_800


def write_statement(pack: VerifiedPack) -> tuple[str, ...]:
    """Return the statement's lines."""
    return (
        *_parties(pack),
        *_funding(pack),
        *(line for milestone in pack.milestones for line in _milestone(pack, milestone)),
        *_equivocations(pack),
        *_closing(pack),
    )


def printable(text: str) -> str:
    """Return text without control characters, so that a name cannot forge a line of the statement."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _parties(pack: VerifiedPack) -> tuple[str, ...]:
    invoice = pack.document.get("invoice", {})
    number = printable(str(invoice.get("number", "")))[:80]
    return (
        f"Trade 0x{pack.trade_id.hex()} on network {printable(pack.network)}, chain {pack.chain_id}.",
        f"{pack.importer.name} ({pack.importer.bank}) pays {pack.exporter.name} ({pack.exporter.bank})"
        f" {pack.invoice_token.shown(pack.invoice_minor)}, invoice {number}.",
    )


def _funding(pack: VerifiedPack) -> tuple[str, ...]:
    held = pack.invoice_token.shown(pack.invoice_minor)
    where = f"{_time(pack.funded_at)}, block {pack.funded_in}"
    used = next((quote for quote in pack.quotes if quote.is_used), None)
    if used is None:
        return (f"Funded {where}: {held} held for the exporter.",)
    paid = pack.funding_token.shown(pack.funding_minor)
    return (
        *(_offer(pack, quote) for quote in pack.quotes),
        f"Funded {where}: {paid} exchanged with {used.provider_name} for {held}, held for the exporter.",
    )


def _offer(pack: VerifiedPack, quote: VerifiedQuote) -> str:
    major = Fraction(quote.rate_num * 10**pack.funding_token.decimals, quote.rate_den * 10**pack.invoice_token.decimals)
    rate = f"{_decimal(major, 6)} {pack.invoice_token.currency} per {pack.funding_token.currency}"
    asked = pack.funding_token.shown(quote.sell_minor)
    taken = ", taken" if quote.is_used else ""
    return f"Firm quote of {quote.provider_name}: {asked} at {rate} all-in, fee {_percent(quote.fee_bps)}{taken}."


def _milestone(pack: VerifiedPack, milestone: VerifiedMilestone) -> tuple[str, ...]:
    name = f"Milestone {milestone.index + 1}, {milestone.kind}"
    shown = pack.invoice_token.shown
    lines = [f"{name}: {_percent(milestone.weight_bps)} of the invoice, {shown(milestone.amount_minor)}."]
    for one in pack.attestations:
        if one.milestone == milestone.index:
            said = "fulfilled" if one.outcome == 1 else "failed"
            share = f" {_percent(one.share_bps)}" if one.outcome == 1 and one.share_bps < 10_000 else ""
            lines.append(
                f"  {one.attester_name}: {said}{share}, {_time(one.time_s)}, block {one.block},"
                f" evidence sha256 {one.evidence_hash.hex()}."
            )
    end = f"  Settled {_time(milestone.settled_at)}, block {milestone.settled_in}, {_WHY[milestone.why]}"
    lines.append(f"{end}: {shown(milestone.paid_minor)} paid, {shown(milestone.refunded_minor)} refunded.")
    for payment in pack.payments:
        if payment.milestone == milestone.index:
            blocked = f", {shown(payment.blocked_minor)} of it blocked" if payment.blocked_minor else ""
            lines.append(f"  Paid {shown(payment.amount_minor)} to {payment.name} ({payment.purpose}){blocked}.")
    return tuple(lines)


def _equivocations(pack: VerifiedPack) -> tuple[str, ...]:
    return tuple(
        f"{attester} later said otherwise about milestone {index + 1}, block {block}."
        for index, attester, block in pack.equivocations
    )


def _closing(pack: VerifiedPack) -> tuple[str, ...]:
    paid, refunded = pack.invoice_token.shown(pack.paid_minor), pack.invoice_token.shown(pack.refunded_minor)
    least = min(block.signed_power for block in pack.blocks)
    return (
        f"Closed {_time(pack.closed_at)}, block {pack.closed_in}, {_CLOSED[pack.closed_cause]}:"
        f" {paid} paid, {refunded} refunded.",
        f"Proven by {len(pack.blocks)} blocks, each signed by at least {least} of {pack.power_total} voting power"
        " of the genesis validators.",
    )


def _time(seconds: int) -> str:
    if seconds >= _YEAR_10000_S:
        return f"second {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02d} %"


def _decimal(value: Fraction, places: int) -> str:
    scaled = (2 * value.numerator * 10**places + value.denominator) // (2 * value.denominator)
    whole, rest = divmod(scaled, 10**places)
    return f"{whole:,}.{rest:0{places}d}"
