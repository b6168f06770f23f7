"""Calls for a top-up of a float, and what the importer adds.

Source: docs/spec/settlement.md, section 5.
"""

from bridge.proofs.milestones import is_open
from bridge.proofs.records import FLOAT, FundingLeg
from bridge.proofs.step import Step
from bridge.proofs.story_funding import float_terms, median_rate
from fx.rates import Rate
from fx.reprice import call_target, is_call_due


def is_call_open(step: Step) -> bool:
    """Tell whether a call runs."""
    return step.now_s <= _leg(step).call_ends_at


def is_call_possible(step: Step, median: Rate) -> bool:
    """Tell whether anyone could call now if a slice is too small; no call runs."""
    leg, terms = _leg(step), step.story.terms
    fx, windows = terms["fx"], terms["windows"]
    if fx["share_bps"] == 0 or leg.calls >= fx["calls_max"] or not median.is_below(float_terms(terms).low):
        return False
    if leg.call_ends_at and step.now_s <= leg.call_ends_at + fx["cool_down_s"]:
        return False
    expiry = step.effective_expiry(step.paying_hold())
    return step.now_s + int(windows["call_s"]) + int(windows["grace_s"]) <= expiry


def reprice(step: Step) -> None:
    """Replay `reprice`."""
    story, leg = step.story, _leg(step)
    latest = story.rounds.latest()
    if latest is None:
        raise step.refuse("a proven usable round of the oracle before the call", "none")
    median, agreed = median_rate(story, latest.median), float_terms(story.terms)
    step.require(not is_call_open(step), "one call at a time", f"one until {leg.call_ends_at}")
    step.require(is_call_possible(step, median), "a call that rate, number, cool-down and time allow", latest.median)
    open_ones = [one for one in story.milestones if is_open(story, one, step.now_s)]
    slices = [(one.amount_minor, one.slice_minor) for one in open_ones]
    step.require(is_call_due(agreed, slices, median), "a slice that is too small", slices)
    missing = 0
    for one in open_ones:
        one.target_minor = call_target(agreed, one.amount_minor, one.slice_minor, median)
        missing += one.target_minor - one.slice_minor
    leg.calls += 1
    leg.call_ends_at = step.now_s + story.terms["windows"]["call_s"]
    step.take("Repriced", median=latest.median, missing=missing, ends_at=leg.call_ends_at)
    step.note("called", None, missing, detail=leg.call_ends_at)


def top_up(step: Step) -> None:
    """Replay `top_up`: every open slice is raised to what the last call asked for."""
    story, leg, hold = step.story, _leg(step), step.paying_hold()
    missing = 0
    for one in story.milestones:
        if one.target_minor > one.slice_minor and is_open(story, one, step.now_s):
            missing += one.target_minor - one.slice_minor
            one.slice_minor = one.target_minor
    step.require(missing > 0, "something to top up", "nothing")
    in_call = is_call_open(step)
    if in_call:
        leg.calls -= 1
        leg.call_ends_at = step.now_s - 1
    step.increase(hold, hold.rest_minor + missing, hold.expires_at)
    step.take("ToppedUp", amount=missing, in_call=in_call)
    step.note("topped_up", None, missing)


def _leg(step: Step) -> FundingLeg:
    if step.story.policy != FLOAT or step.story.leg is None:
        raise step.refuse("a call under float", "another policy")
    return step.story.leg
