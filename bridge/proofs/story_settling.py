"""How a final milestone is paid: by its policy, at a quote, or at the last in the funding currency.

Source: docs/spec/settlement.md, sections 3 to 5.
"""

from dataclasses import replace
from typing import Final

from bridge.proofs.milestones import current, holder_of
from bridge.proofs.records import (
    BY_SETTLEMENT,
    CONVERT_NOW,
    FINAL,
    FLOAT,
    LOCK,
    NO_ONE,
    NONE,
    SETTLED,
    FundingLeg,
    Hold,
    Milestone,
)
from bridge.proofs.step import Step
from bridge.proofs.story_calls import is_call_open, is_call_possible
from bridge.proofs.story_funding import convert, float_terms, median_rate, used_quote
from fx.rates import Rate
from fx.reprice import Settlement, last_resort, settle, slice_share
from fx.slices import share_of

ORDINARY: Final = 1
PROVIDER_EXPIRED: Final = 2
PROVIDER_FROZEN: Final = 3
NO_CONVERSION: Final = 4
DAY_S: Final = 86_400


def settle_held(step: Step, one: Milestone) -> None:
    """Replay `settle`: the ordinary payment, and under any policy a refund."""
    story, now = step.story, _final(step, one)
    due = share_of(now.amount_minor, now.share_bps)
    step.require(story.policy != FLOAT or due == 0, "a float that is settled at a quote", "an ordinary settlement")
    _settle(step, now, paid=due, due=due)
    now = story.milestones[one.index]
    if story.funding_hold is not None and story.leg is not None:
        sold = slice_share(now.slice_minor, now.share_bps)
        if sold:
            step.execute(story.funding_hold, story.leg.provider, sold)
        _settle_slice(step, now, story.leg.provider, sold, 0)
    if story.invoice_hold is not None:
        step.pay(story.invoice_hold, now, due)
        step.release(story.invoice_hold, now.amount_minor - due)


def settle_at_quote(step: Step, one: Milestone) -> None:
    """Replay `settle_float`: the payees get what the rule says of median and quote, from the quote's reserve."""
    story, now = step.story, _final(step, one)
    hold = _float_hold(step)
    step.require(now.share_bps != 0, "a milestone that pays something", "a refund")
    latest = story.rounds.latest()
    if latest is None:
        raise step.refuse("a proven usable round of the oracle before the settlement", "none")
    quote, args = used_quote(step, "QuoteSettled")
    step.require(quote["trade_id"] in (bytes(32), story.trade_id), "a quote for this trade or any", "another trade's")
    median = median_rate(story, latest.median)
    rule = settle(
        float_terms(story.terms),
        now.amount_minor,
        now.slice_minor,
        now.share_bps,
        median=median,
        quote=Rate(quote["rate_num"], quote["rate_den"]),
    )
    _check_choice(step, now, rule, args["digest"], quote["trade_id"], median)
    step.expect("QuoteSettled.buy_amount", rule.paid, args["buy_amount"])
    _settle(step, now, paid=rule.paid, due=share_of(now.amount_minor, now.share_bps))
    now = story.milestones[one.index]
    step.execute(hold, quote["provider"], rule.sold)
    step.pay_from_reserve(story.terms["invoice_token"], quote["reserve_id"], now, rule.paid)
    _settle_slice(step, now, quote["provider"], rule.sold, latest.median)
    convert(step, one.index, args, latest.median, latest.recorded_at)


def settle_at_last(step: Step, one: Milestone) -> None:
    """Replay `last_resort` that pays in the funding currency."""
    story, now = step.story, _final(step, one)
    leg, hold = story.leg, story.funding_hold
    if leg is None or hold is None:
        raise step.refuse("a last resort in the invoice currency", "one in the funding currency")
    _check_last_resort(step, now)
    due, median = share_of(now.amount_minor, now.share_bps), 0
    paid = slice_share(now.slice_minor, now.share_bps)
    if story.policy == LOCK:
        cause = _provider_fault(step, leg)
    else:
        cause = NO_CONVERSION
        step.require(not is_call_open(step), f"a last resort after the call's end {leg.call_ends_at}", step.now_s)
        good = story.rounds.last_good()
        if good is None:
            raise step.refuse("a proven usable round of the oracle before the last resort", "none")
        median, rate = good.median, median_rate(story, good.median)
        agreed = float_terms(story.terms)
        paid = last_resort(agreed, now.amount_minor, now.slice_minor, now.share_bps, last_good=rate)
    _settle(step, now, paid=0, due=due)
    now = story.milestones[one.index]
    now.paid_funding_minor, now.last_resort = paid, cause
    step.pay(hold, now, paid)
    step.release(story.invoice_hold, now.amount_minor)
    step.take("LastResort", milestone=one.index, cause=cause)
    _settle_slice(step, now, NO_ONE, paid, median)


def settle_ordinary_at_last(step: Step) -> None:
    """Replay `last_resort` under `none` and `convert_now`: the ordinary payment."""
    args = step.take("LastResort", cause=ORDINARY)
    one = step.milestone(args["milestone"])
    step.require(step.story.policy in (NONE, CONVERT_NOW), "an ordinary payment under none or convert_now", "another")
    _check_last_resort(step, _final(step, one))
    one.last_resort = ORDINARY
    settle_held(step, one)


def _final(step: Step, one: Milestone) -> Milestone:
    now = current(one, step.story.terms["windows"], step.now_s)
    step.require(now.state != SETTLED, f"milestone {one.index} settled once", "twice")
    step.require(now.state == FINAL, f"milestone {one.index} final before it is settled", now.state)
    return now


def _settle(step: Step, now: Milestone, *, paid: int, due: int) -> None:
    """Book a milestone as settled; with the last one the trade closes."""
    refunded = now.amount_minor - due
    settled = replace(
        now,
        state=SETTLED,
        due_minor=due,
        paid_minor=paid,
        refunded_minor=refunded,
        settled_at=step.now_s,
        settled_in=step.tx.block,
    )
    step.store(settled)
    step.take("MilestoneSettled", milestone=now.index, paid=paid, refunded=refunded)
    if all(one.state == SETTLED for one in step.story.milestones):
        step.take("TradeClosed", cause=BY_SETTLEMENT)
        close(step, BY_SETTLEMENT)


def close(step: Step, cause: int) -> None:
    """Note that the trade is closed."""
    story = step.story
    story.closed_cause, story.closed_at, story.closed_in = cause, step.now_s, step.tx.block


def _settle_slice(step: Step, now: Milestone, provider: str, sold: int, median: int) -> None:
    rest = now.slice_minor - sold
    now.returned_minor, now.median = rest, median
    now.sold_minor = sold if provider != NO_ONE else 0
    step.release(step.story.funding_hold, rest)
    values = {"provider": provider, "sold": sold, "refunded": rest, "median": median}
    step.take("FundingSliceSettled", milestone=now.index, **values)


def _check_choice(step: Step, now: Milestone, rule: Settlement, quote: bytes, quote_trade: bytes, median: Rate) -> None:
    """Check that whoever may choose the quote did, or that nobody needed to any more.

    Without a choice: after the choice window, at a quote for this trade, and where the slice is short only when no call
    for a top-up runs or is possible.
    """
    story = step.story
    chooser = holder_of(story, now) if rule.is_short else story.terms["importer"]
    choice = step.about("ChooseQuote", chooser, now, quote=quote)
    if choice is not None:
        least = choice.get("least")
        step.require(least is None or rule.paid >= least, f"a payment of {least} at least", rule.paid)
        return
    opens_at = now.final_at + story.terms["windows"]["choice_s"]
    wanted = f"the ChooseQuote of {chooser} in the pack, or a settlement that needs none"
    step.require(step.now_s > opens_at, wanted, f"one before the choice window's end {opens_at}")
    step.require(quote_trade == story.trade_id, wanted, "a quote that is not for this trade")
    if rule.is_short:
        callable_ = is_call_open(step) or is_call_possible(step, median)
        step.require(not callable_, wanted, f"{rule.paid} of {rule.full} while a top-up can be called for")


def _check_last_resort(step: Step, now: Milestone) -> None:
    step.require(now.share_bps != 0, "a milestone that pays something", "a refund")
    after = now.final_at + step.story.terms["windows"]["grace_s"]
    expiry = step.effective_expiry(step.paying_hold())
    late = step.now_s > after or step.now_s + DAY_S > expiry
    step.require(late, f"a last resort after {after}, or in the last day before {expiry}", step.now_s)


def _provider_fault(step: Step, leg: FundingLeg) -> int:
    hold = step.story.invoice_hold
    if hold is None or step.now_s > step.effective_expiry(hold):
        return PROVIDER_EXPIRED
    frozen = step.story.freezes.is_frozen(hold.token, leg.provider, step.now_s)
    step.require(frozen, "the freeze order that keeps the provider from paying", "none")
    return PROVIDER_FROZEN


def _float_hold(step: Step) -> Hold:
    hold = step.story.funding_hold
    if step.story.policy != FLOAT or hold is None:
        raise step.refuse("a settlement at a quote under float", "another policy")
    return hold
