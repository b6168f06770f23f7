"""How a trade's terms change, and how it ends without being settled.

Source: docs/spec/settlement.md, sections 3 and 5.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.proofs.milestones import current, holder_of, holders_of, milestone_hash, new_milestone
from bridge.proofs.records import (
    BY_CANCEL,
    BY_LAPSE,
    FLOAT,
    LOCK,
    OUT_OF_BAND,
    PENDING,
    REFUND,
    SETTLED,
    Hold,
)
from bridge.proofs.step import Step
from bridge.proofs.story_funding import float_terms, median_rate
from bridge.proofs.story_milestones import charge_cancel_fee
from bridge.proofs.story_settling import close
from contracts.client import typed_data
from fx.reprice import funding_slice, lock_slices
from fx.slices import milestone_slices

WAIT: Final = 1
CLOSE: Final = 2
_WHY: Final = {BY_CANCEL: "cancelled", BY_LAPSE: "lapsed", OUT_OF_BAND: "out_of_band"}
_LASTING: Final = ("importer", "exporter", "invoice_token", "funding_token")
_RESIZING: Final = ("rate_num", "rate_den", "band_bps", "spread_bps")


def amend(step: Step) -> None:
    """Replay `amend`: the pack's next terms take the place of the present ones."""
    story, before = step.story, step.story.terms
    if len(story.versions) <= story.version:
        raise step.refuse(f"the terms of version {story.version + 1} in the pack", "none")
    terms = story.versions[story.version]
    for name in _LASTING:
        step.expect(f"amended {name}", before[name], terms[name])
    step.expect("amended policy", before["fx"]["policy"], terms["fx"]["policy"])
    step.expect("amended number of milestones", len(before["milestones"]), len(terms["milestones"]))
    for signer in (before["importer"], *holders_of(story)):
        step.signed("Amend", signer, version=story.version, terms=terms)
    agreed = story.policy == LOCK and story.leg is not None
    provider = story.leg.provider if agreed and story.leg else ""
    agrees = agreed and step.signed("Amend", provider, version=story.version, terms=terms) is not None
    story.version += 1
    if story.leg is not None and step.now_s <= story.leg.call_ends_at:
        story.leg.call_ends_at = step.now_s - 1
    _amend_milestones(step, before, terms)
    step.take("TradeAmended", version=story.version, terms_hash=typed_data.hash_struct("Terms", terms))
    step.note("amended", None, detail=story.version)
    _resize_holds(step, before, terms, agrees)


def defer(step: Step) -> None:
    """Replay `defer`, option `wait`."""
    _check_option(step, WAIT)
    args = step.take("DeadlineDeferred")
    one, story = step.milestone(args["milestone"]), step.story
    windows, deadline = story.terms["windows"], args["deadline"]
    step.require(deadline > one.deadline, f"a deadline after {one.deadline}", deadline)
    spans = sum(windows[name] for name in ("dispute_s", "award_s", "call_s", "grace_s"))
    latest = story.terms["hold_expires_at"] - spans - 86_400
    step.require(deadline <= latest, f"a deadline of {latest} at the latest", deadline)
    step.about("Defer", holder_of(story, one), one, deadline=deadline)
    one.deadline = deadline
    step.note("deferred", one.index, detail=deadline)


def end(step: Step, cause: int) -> None:
    """Replay `cancel`, `lapse` or `close_out_of_band`: what is unsettled goes back."""
    story, unbought = step.story, 0
    holders, version = holders_of(story), {"version": story.version}
    step.require(cause in _WHY, "a cause of 1 settled, 2 cancelled, 3 lapsed, 4 out of band", cause)
    if cause == BY_CANCEL:
        for signer in (story.terms["importer"], *holders):
            step.signed("Cancel", signer, **version)
        if story.policy == LOCK and story.leg is not None:
            agrees = step.signed("Cancel", story.leg.provider, **version) is not None
            unbought = 0 if agrees else sum(one.amount_minor for one in story.milestones if one.state != SETTLED)
    elif cause == BY_LAPSE:
        expiry = step.effective_expiry(step.paying_hold())
        step.require(step.now_s > expiry, f"a lapse after the hold's expiry {expiry}", step.now_s)
    else:
        _check_out_of_band(step)
        for signer in (story.terms["importer"], *holders):
            step.signed("CloseOutOfBand", signer, **version)
    _refund_rest(step, cause)
    if unbought and story.funding_hold is not None:
        charge_cancel_fee(step, unbought, story.terms["invoice_amount"], story.funding_hold.rest_minor)
    for hold in (story.invoice_hold, story.funding_hold):
        step.release(hold, hold.rest_minor if hold else 0)


def _refund_rest(step: Step, cause: int) -> None:
    for one in step.story.milestones:
        if one.state != SETTLED:
            step.take("MilestoneSettled", milestone=one.index, paid=0, refunded=one.amount_minor)
            one.state, one.outcome, one.share_bps, one.why = SETTLED, REFUND, 0, _WHY[cause]
            one.refunded_minor, one.returned_minor = one.amount_minor, one.slice_minor
            one.settled_at, one.settled_in = step.now_s, step.tx.block
    step.take("TradeClosed", cause=cause)
    close(step, cause)


def _amend_milestones(step: Step, before: Mapping[str, Any], terms: Mapping[str, Any]) -> None:
    story = step.story
    amounts = milestone_slices(terms["invoice_amount"], [one["weight_bps"] for one in terms["milestones"]])
    slices = _slices(step, terms, amounts)
    resized = story.policy == FLOAT and any(terms["fx"][name] != before["fx"][name] for name in _RESIZING)
    for index, (new, amount) in enumerate(zip(terms["milestones"], amounts, strict=True)):
        one = story.milestones[index]
        if milestone_hash(new, index, amount, one.version) == one.bound:
            if resized and one.state != SETTLED:
                one.slice_minor, one.target_minor = funding_slice(float_terms(terms), one.amount_minor), 0
            continue
        step.require(one.state != SETTLED, f"milestone {index} as it was settled", "other terms")
        step.require(new["deadline"] > step.now_s, f"a deadline after {step.now_s}", new["deadline"])
        fresh = new_milestone(index, new, amount, story.version)
        fresh.assignee, fresh.slice_minor = one.assignee, slices[index] if slices else 0
        story.milestones[index] = fresh
        said = {"terms_hash": fresh.bound, "amount": amount, "deadline": fresh.deadline, "slice": fresh.slice_minor}
        step.take("MilestoneAmended", milestone=index, **said)


def _slices(step: Step, terms: Mapping[str, Any], amounts: Sequence[int]) -> Sequence[int]:
    if step.story.policy == FLOAT:
        return [funding_slice(float_terms(terms), amount) for amount in amounts]
    if step.story.policy == LOCK and step.story.leg is not None:
        leg = step.story.leg
        return lock_slices(-(-terms["invoice_amount"] * leg.rate_den // leg.rate_num), amounts)
    return ()


def _resize_holds(step: Step, before: Mapping[str, Any], terms: Mapping[str, Any], agrees: bool) -> None:
    """Make the holds what the new terms ask for; a lock's provider that did not agree is paid for what shrinks."""
    story, expires_at = step.story, terms["hold_expires_at"]
    unsettled = [one for one in story.milestones if one.state != SETTLED]
    invoiced = sum(one.amount_minor for one in unsettled)
    funded = sum(one.slice_minor for one in unsettled)
    if story.policy == LOCK and not agrees and story.invoice_hold and story.funding_hold:
        held, priced = story.invoice_hold.rest_minor, story.funding_hold.rest_minor
        same = expires_at == before["hold_expires_at"] and invoiced <= held
        step.require(same, "the provider's Amend in the pack where its lock grows or lives longer", "none")
        if funded < priced:
            charge_cancel_fee(step, held - invoiced, before["invoice_amount"], priced - funded)
    if story.funding_hold is not None:
        _resize(step, story.funding_hold, funded, expires_at)
    if story.invoice_hold is not None:
        _resize(step, story.invoice_hold, invoiced, expires_at)


def _resize(step: Step, hold: Hold, amount: int, expires_at: int) -> None:
    if amount > hold.rest_minor or expires_at > hold.expires_at:
        step.increase(hold, max(amount, hold.rest_minor), expires_at)
    step.release(hold, hold.rest_minor - amount)


def _check_option(step: Step, option: int) -> None:
    story = step.story
    has = story.policy == FLOAT and story.terms["fx"]["option"] == option
    step.require(has, f"terms with option {option}", story.terms["fx"]["option"])
    windows = story.terms["windows"]
    states = [current(one, windows, step.now_s).state for one in story.milestones]
    step.require(all(state == PENDING for state in states), "every milestone pending", states)


def _check_out_of_band(step: Step) -> None:
    _check_option(step, CLOSE)
    story = step.story
    for found in (story.rounds.latest(), story.rounds.previous()):
        if found is None:
            raise step.refuse("the last two rounds of the oracle, proven, the last one usable", "fewer")
        outside = not float_terms(story.terms).is_within(median_rate(story, found.median))
        step.require(outside, "two rounds outside the band", found.median)
