"""How a trade's story begins: the terms as agreed, the holds of its policy, the quote that was taken.

Source: docs/spec/settlement.md, sections 3 and 4.
"""

from collections.abc import Mapping
from typing import Any

from bridge.errors import EvidenceError
from bridge.proofs.milestones import new_milestone
from bridge.proofs.records import CONVERT_NOW, FLOAT, LOCK, NO_ONE, Conversion, FundingLeg, Hold, Story
from bridge.proofs.step import Step
from fx.rates import Rate
from fx.reprice import MEDIAN_DECIMALS, FloatTerms, funding_slice, lock_slices
from fx.slices import milestone_slices


def fund(step: Step) -> None:
    """Replay `fund`."""
    story, terms = step.story, step.story.terms
    step.require(not story.funded_at, "one funding", "a second")
    step.require(step.now_s <= terms["fund_by"], f"funding until {terms['fund_by']}", step.now_s)
    amounts = milestone_slices(terms["invoice_amount"], [one["weight_bps"] for one in terms["milestones"]])
    story.milestones = [
        new_milestone(index, one, amount, 1)
        for index, (one, amount) in enumerate(zip(terms["milestones"], amounts, strict=True))
    ]
    if story.policy == LOCK:
        funding = _lock(step, terms, amounts)
    elif story.policy == FLOAT:
        funding = _float(step, terms, amounts)
    else:
        funding = _convert(step, terms) if story.policy == CONVERT_NOW else terms["invoice_amount"]
        story.invoice_hold = _placed(step, terms["invoice_token"], terms["importer"], terms["invoice_amount"])
    names = ("importer", "exporter", "invoice_token", "invoice_amount")
    agreed = {name: terms[name] for name in names}
    step.take("TradeFunded", **agreed, policy=story.policy, funding_amount=funding)
    story.funded_at, story.funded_in, story.funding_minor = step.now_s, step.tx.block, funding


def median_rate(story: Story, median: int) -> Rate:
    """Return an oracle's median (18 decimals) in minor units of the invoice for one of the funding currency."""
    tokens, terms = story.network.tokens, story.terms
    invoice, funding = tokens[terms["invoice_token"]], tokens[terms["funding_token"]]
    return Rate(median * 10**invoice.decimals, 10 ** (MEDIAN_DECIMALS + funding.decimals))


def float_terms(terms: Mapping[str, Any]) -> FloatTerms:
    """Return what a float's terms agree about the rate."""
    fx = terms["fx"]
    return FloatTerms(Rate(fx["rate_num"], fx["rate_den"]), fx["band_bps"], fx["spread_bps"], fx["share_bps"])


def used_quote(step: Step, event: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return (the quote used in this transaction, the fields of the event that says so); the pack must have it."""
    events = step.outside(event, step.story.network.contracts["FxSettlement"])
    unused = [args for args in events if all(args["digest"] != one.digest for one in step.story.conversions)]
    step.require(bool(unused), f"a quote that was used ({event})", "none")
    args = unused[0]
    quote = step.story.quotes.get(args["digest"])
    if quote is None:
        raise EvidenceError("quotes", f"the quote that was used, 0x{args['digest'].hex()}", "others")
    terms = step.story.terms
    step.expect(f"{event}.provider", quote["provider"], args["provider"])
    step.expect(f"{event}.taker", terms["importer"], args["taker"])
    step.expect("quote.taker", terms["importer"], quote["taker"])
    step.expect("quote.sell_token", terms["funding_token"], quote["sell_token"])
    step.expect("quote.buy_token", terms["invoice_token"], quote["buy_token"])
    step.expect("quote.kind", 1 if event == "LockTaken" else 0, quote["kind"])
    step.require(step.now_s <= quote["expires_at"], f"its use until {quote['expires_at']}", step.now_s)
    bought, sold = args["buy_amount"], price(quote, args["buy_amount"])
    step.require(
        quote["min_amount"] <= bought <= quote["max_amount"],
        f"an amount from {quote['min_amount']} to {quote['max_amount']}",
        bought,
    )
    step.expect(f"{event}.sell_amount", sold, args["sell_amount"])
    return quote, args


def price(quote: Mapping[str, Any], bought: int) -> int:
    """Return what a quote asks for an amount: ceil(bought * den / num)."""
    return -(-bought * int(quote["rate_den"]) // int(quote["rate_num"]))


def convert(step: Step, milestone: int | None, args: Mapping[str, Any], median: int, median_at: int) -> None:
    """Note that a quote was used."""
    step.story.conversions.append(
        Conversion(args["digest"], milestone, args["sell_amount"], args["buy_amount"], median, median_at, step.now_s)
    )


def _placed(step: Step, token: str, owner: str, amount: int, *, at_least: bool = False) -> Hold:
    """Return the hold that was placed for the trade; a conversion's may be larger and end at another time."""
    story, expires_at = step.story, step.story.terms["hold_expires_at"]
    found = [
        args
        for args in step.outside("HoldPlaced", token)
        if (args["owner"], args["notary"], args["reference"]) == (owner, story.escrow, story.trade_id)
        and (args["amount"] >= amount if at_least else (args["amount"], args["expires_at"]) == (amount, expires_at))
    ]
    step.require(len(found) == 1, f"one hold of {owner} of {amount} minor units for this trade", len(found))
    args = found[0]
    return Hold(args["id"], token, owner, args["amount"], args["expires_at"], step.now_s)


def _convert(step: Step, terms: Mapping[str, Any]) -> int:
    quote, args = used_quote(step, "QuoteSettled")
    step.require(
        quote["trade_id"] in (bytes(32), step.story.trade_id), "a quote for this trade or any", "another trade's"
    )
    step.expect("QuoteSettled.buy_amount", terms["invoice_amount"], args["buy_amount"])
    sold: int = args["sell_amount"]
    hold = _placed(step, terms["funding_token"], terms["importer"], sold, at_least=True)
    step.watch(hold)
    step.execute(hold, quote["provider"], sold)
    step.deliver(terms["invoice_token"], quote["reserve_id"], terms["importer"], terms["invoice_amount"])
    _note_rate(step, args)
    return sold


def _lock(step: Step, terms: Mapping[str, Any], amounts: tuple[int, ...]) -> int:
    story = step.story
    quote, args = used_quote(step, "LockTaken")
    step.expect("quote.trade_id", story.trade_id, quote["trade_id"])
    step.require(quote["lock_until"] >= terms["hold_expires_at"], "a lock as long as the holds", quote["lock_until"])
    step.expect("LockTaken.buy_amount", terms["invoice_amount"], args["buy_amount"])
    sold: int = args["sell_amount"]
    step.require(quote["cancel_fee"] <= sold, f"a cancel fee of at most {sold}", quote["cancel_fee"])
    story.invoice_hold = _placed(step, terms["invoice_token"], quote["provider"], terms["invoice_amount"])
    held = sold + quote["premium"]
    story.funding_hold = _placed(step, terms["funding_token"], terms["importer"], held)
    if quote["premium"]:
        step.execute(story.funding_hold, quote["provider"], quote["premium"])
    _open(step, quote["provider"], sold, quote["rate_num"], quote["rate_den"], quote["premium"], quote["cancel_fee"])
    for one, part in zip(story.milestones, lock_slices(sold, amounts), strict=True):
        one.slice_minor = part
    _note_rate(step, args)
    return sold


def _float(step: Step, terms: Mapping[str, Any], amounts: tuple[int, ...]) -> int:
    story, agreed = step.story, float_terms(terms)
    latest = story.rounds.latest()
    if latest is None:
        raise step.refuse("a proven usable round of the oracle before the funding", "none")
    within = agreed.is_within(median_rate(story, latest.median))
    step.require(within, "a median within the band at funding", latest.median)
    slices = [funding_slice(agreed, amount) for amount in amounts]
    for one, part in zip(story.milestones, slices, strict=True):
        one.slice_minor = part
    story.funding_hold = _placed(step, terms["funding_token"], terms["importer"], sum(slices))
    _open(step, NO_ONE, sum(slices), terms["fx"]["rate_num"], terms["fx"]["rate_den"], 0, 0)
    return sum(slices)


def _open(step: Step, provider: str, amount: int, rate_num: int, rate_den: int, premium: int, fee: int) -> None:
    token, rate = step.story.terms["funding_token"], {"rate_num": rate_num, "rate_den": rate_den}
    step.take("FundingLegOpened", provider=provider, token=token, amount=amount, premium=premium, **rate)
    step.story.leg = FundingLeg(provider, rate_num, rate_den, premium, fee)


def _note_rate(step: Step, args: Mapping[str, Any]) -> None:
    """Note the conversion, beside the oracle's median where the pack has one, for the reader only."""
    latest = step.story.rounds.latest()
    convert(step, None, args, latest.median if latest else 0, latest.recorded_at if latest else 0)
