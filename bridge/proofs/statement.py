"""The statement a person reads, written from proven facts alone.

A pack carries these lines so that it can be read without a program; the verifier writes them again and compares.
"""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from bridge.proofs.verified import VerifiedHappening, VerifiedMilestone, VerifiedPack, VerifiedQuote

_CLOSED: Final = {
    1: "every milestone is settled",
    2: "cancelled by both parties",
    3: "lapsed, the hold had expired",
    4: "closed out of band",
}
_WHY: Final = {
    "attested": "attested",
    "silence": "no quorum by the deadline",
    "accepted": "accepted by the importer",
    "awarded": "awarded by the arbiter",
    "unawarded": "no award in time, the terms' split",
    "waived": "waived whole",
    "cancelled": "cancelled",
    "lapsed": "lapsed",
    "out_of_band": "rate out of band",
}
_LAST_RESORT: Final = {
    1: "without waiting for anyone",
    2: "in the funding currency, the provider's hold had expired",
    3: "in the funding currency, the provider was frozen",
    4: "in the funding currency, nobody converted",
}
_LOCK: Final = 2
_FLOAT: Final = 3
_YEAR_10000_S: Final = 253_402_300_800


def write_statement(pack: VerifiedPack) -> tuple[str, ...]:
    """Return the statement's lines."""
    return (
        *_parties(pack),
        *_funding(pack),
        *(_happening(pack, one) for one in pack.happenings),
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
    held, paid = pack.invoice_token.shown(pack.invoice_minor), pack.funding_token.shown(pack.funding_minor)
    where = f"{_time(pack.funded_at)}, block {pack.funded_in}"
    offers = tuple(_offer(pack, quote) for quote in pack.quotes)
    used = next((quote for quote in pack.quotes if quote.is_used and quote.milestone is None), None)
    if pack.policy == _FLOAT:
        return (*offers, f"Funded {where}: {paid} held for the exporter, to be exchanged when milestones settle.")
    if used is None:
        return (f"Funded {where}: {held} held for the exporter.",)
    if pack.policy == _LOCK:
        premium = pack.funding_token.shown(pack.premium_minor)
        line = f"Funded {where}: {paid} of the importer and {held} of {used.provider_name} held, premium {premium}."
    else:
        line = f"Funded {where}: {paid} exchanged with {used.provider_name} for {held}, held for the exporter."
    return (*offers, line, *_cost(pack, used))


def _offer(pack: VerifiedPack, quote: VerifiedQuote) -> str:
    asked, bought = pack.funding_token.shown(quote.sell_minor), pack.invoice_token.shown(quote.buy_minor)
    taken = ", taken" if quote.is_used else ""
    premium = f", premium {pack.funding_token.shown(quote.premium_minor)}" if quote.premium_minor else ""
    return (
        f"Firm quote of {quote.provider_name}: {asked} for {bought} at {_rate(pack, quote)} all-in,"
        f" fee {_percent(quote.fee_bps)}{premium}{taken}."
    )


def _rate(pack: VerifiedPack, quote: VerifiedQuote) -> str:
    major = Fraction(quote.rate_num * 10**pack.funding_token.decimals, quote.rate_den * 10**pack.invoice_token.decimals)
    return f"{_decimal(major, 6)} {pack.invoice_token.currency} per {pack.funding_token.currency}"


def _cost(pack: VerifiedPack, quote: VerifiedQuote) -> tuple[str, ...]:
    """Return what an exchange cost, spread and fee apart; nothing where the pack proves no median."""
    if not quote.median:
        return ()
    median = f"median {_decimal(Fraction(quote.median, 10**18), 6)} of {_time(quote.median_at)}"
    if quote.fee_minor is None or quote.spread_minor is None:
        return (f"  Cost of the exchange: none, the rate is better than the oracle's {median}.",)
    spread, fee = pack.funding_token.shown(quote.spread_minor), pack.funding_token.shown(quote.fee_minor)
    return (f"  Cost of the exchange against the oracle's {median}: FX spread {spread}, fee {fee}.",)


def _happening(pack: VerifiedPack, one: VerifiedHappening) -> str:
    milestone = "" if one.milestone is None else f"milestone {one.milestone + 1}"
    invoice, funding = pack.invoice_token.shown(one.amount_minor), pack.funding_token.shown(one.amount_minor)
    said = {
        "waived": f"The exporter's side waived {invoice} of {milestone}",
        "assigned": f"The exporter assigned {milestone} to {one.account}",
        "amended": f"The terms were amended, version {one.detail}",
        "deferred": f"The deadline of {milestone} was deferred to {_time(one.detail)}",
        "called": f"The importer was called to top up {funding} until {_time(one.detail)}",
        "topped_up": f"The importer topped up {funding}",
        "cancel_fee": f"{one.account} got {funding} as cancel fee",
        "disputed": f"{one.account} disputed {milestone}",
    }
    return f"{said[one.kind]}, {_time(one.time_s)}, block {one.block}."


def _milestone(pack: VerifiedPack, milestone: VerifiedMilestone) -> tuple[str, ...]:
    shown = pack.invoice_token.shown
    waived = f" after {shown(milestone.waived_minor)} waived" if milestone.waived_minor else ""
    share = f"{_percent(milestone.weight_bps)} of the invoice, {shown(milestone.amount_minor)}{waived}"
    lines = [f"Milestone {milestone.index + 1}, {milestone.kind}: {share}."]
    for one in pack.attestations:
        if one.milestone == milestone.index:
            said = "fulfilled" if one.outcome == 1 else "failed"
            part = f" {_percent(one.share_bps)}" if one.outcome == 1 and one.share_bps < 10_000 else ""
            lines.append(
                f"  {one.attester_name}: {said}{part}, {_time(one.time_s)}, block {one.block},"
                f" evidence sha256 {one.evidence_hash.hex()}."
            )
    end = f"  Settled {_time(milestone.settled_at)}, block {milestone.settled_in}, {_WHY[milestone.why]}"
    lines.append(f"{end}: {shown(milestone.paid_minor)} paid, {shown(milestone.refunded_minor)} refunded.")
    lines += _exchange(pack, milestone)
    for payment in pack.payments:
        if payment.milestone == milestone.index:
            amount, token = payment.amount_minor, payment.token
            blocked = f", {token.shown(payment.blocked_minor)} of it blocked" if payment.blocked_minor else ""
            lines.append(f"  Paid {token.shown(amount)} to {payment.name} ({payment.purpose}){blocked}.")
    return tuple(lines)


def _exchange(pack: VerifiedPack, milestone: VerifiedMilestone) -> list[str]:
    """Return what became of a milestone's slice: sold, paid as it is, given back; and the float's adjustment."""
    invoice, funding = pack.invoice_token.shown, pack.funding_token.shown
    lines = []
    if milestone.fx_adjustment_minor:
        adjusted = _signed(pack, milestone.fx_adjustment_minor)
        lines.append(f"  Due {invoice(milestone.due_minor)} of the invoice, FX adjustment {adjusted}.")
    if milestone.last_resort:
        lines.append(f"  Paid at the last resort, {_LAST_RESORT[milestone.last_resort]}.")
    if milestone.sold_minor:
        sold, back = funding(milestone.sold_minor), funding(milestone.returned_minor)
        lines.append(f"  {sold} of {funding(milestone.slice_minor)} went to the provider, {back} back to the importer.")
    elif milestone.paid_funding_minor or milestone.returned_minor:
        paid, back = funding(milestone.paid_funding_minor), funding(milestone.returned_minor)
        lines.append(f"  Of {funding(milestone.slice_minor)} held, {paid} went to the payees, {back} to the importer.")
    for quote in pack.quotes:
        if quote.is_used and quote.milestone == milestone.index:
            lines += _cost(pack, quote)
    return lines


def _equivocations(pack: VerifiedPack) -> tuple[str, ...]:
    return tuple(
        f"{attester} later said otherwise about milestone {index + 1}, block {block}."
        for index, attester, block in pack.equivocations
    )


def _closing(pack: VerifiedPack) -> tuple[str, ...]:
    paid, refunded = pack.invoice_token.shown(pack.paid_minor), pack.invoice_token.shown(pack.refunded_minor)
    funding = sum(milestone.paid_funding_minor for milestone in pack.milestones)
    in_funding = f" and {pack.funding_token.shown(funding)}" if funding else ""
    adjustment = pack.fx_adjustment_minor
    adjusted = f" with FX adjustments of {_signed(pack, adjustment)}" if adjustment else ""
    least = min(pack.blocks, key=lambda block: Fraction(block.signed_power, block.power_total))
    changes = f", as {pack.validator_changes} changes since made them" if pack.validator_changes else ""
    return (
        *_signatures(pack),
        f"Closed {_time(pack.closed_at)}, block {pack.closed_in}, {_CLOSED[pack.closed_cause]}:"
        f" {paid}{in_funding} paid{adjusted}, {refunded} refunded.",
        f"Proven by {len(pack.blocks)} blocks, each signed by at least {least.signed_power} of {least.power_total}"
        f" voting power of the genesis validators{changes}.",
    )


def _signatures(pack: VerifiedPack) -> tuple[str, ...]:
    """Return which decisions are proven by more than the chain's word."""
    proven = [one for one in pack.decisions if one.proof != "chain"]
    names = {party.account: party.name for party in (pack.exporter, pack.importer)}
    return tuple(f"Signed: {one.type} by {names.get(one.signer, one.signer)}, {_time(one.time_s)}." for one in proven)


def _signed(pack: VerifiedPack, amount_minor: int) -> str:
    return f"{'+' if amount_minor > 0 else '-'}{pack.invoice_token.shown(abs(amount_minor))}"


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
