"""What time and the parties' words make of a milestone: pending -> due -> final -> settled, over disputed from due.

Silence and finality are read off the clock, as the escrow does it; nothing here is stored by itself.

Source: docs/spec/settlement.md, section 3.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eth_hash.auto import keccak

from bridge.proofs.records import (
    BPS,
    DISPUTED,
    DUE,
    FINAL,
    NO_ONE,
    PARTIAL,
    PAY,
    PENDING,
    REFUND,
    SETTLED,
    Milestone,
    Story,
)
from contracts.client import typed_data


def milestone_hash(milestone: Mapping[str, Any], index: int, amount_minor: int, version: int = 1) -> bytes:
    """Return what messages bind of a milestone: keccak(abi.encode(hashStruct(Milestone), index, amount, version))."""
    words = b"".join(number.to_bytes(32, "big") for number in (index, amount_minor, version))
    return keccak(typed_data.hash_struct("Milestone", milestone) + words)


def new_milestone(index: int, terms: Mapping[str, Any], amount_minor: int, version: int) -> Milestone:
    """Return a milestone of which nothing is known yet."""
    return Milestone(
        index=index,
        terms=terms,
        agreed_minor=amount_minor,
        version=version,
        bound=milestone_hash(terms, index, amount_minor, version),
        amount_minor=amount_minor,
        deadline=terms["deadline"],
    )


def made_due(one: Milestone, share_bps: int, due_at: int, why: str) -> Milestone:
    """Return a milestone of which a share is due; a share of nothing is a refund."""
    share, outcome = share_bps, PAY if share_bps == BPS else PARTIAL
    if one.amount_minor * share_bps // BPS == 0:
        share, outcome = 0, REFUND
    return replace(one, state=DUE, outcome=outcome, share_bps=share, due_at=due_at, why=why)


def made_final(one: Milestone, final_at: int) -> Milestone:
    """Return a milestone whose outcome stands."""
    return replace(one, state=FINAL, final_at=final_at)


def silent(one: Milestone) -> Milestone:
    """Return what silence makes of a pending milestone, as of its deadline."""
    return made_due(one, BPS if one.terms["silence_pays"] else 0, one.deadline, "silence")


def current(one: Milestone, windows: Mapping[str, int], now_s: int) -> Milestone:
    """Return a milestone with time applied."""
    if one.state == PENDING and now_s > one.deadline:
        one = silent(one)
    if one.state == DUE and now_s > one.due_at + windows["dispute_s"]:
        return made_final(one, one.due_at + windows["dispute_s"])
    if one.state == DISPUTED and now_s > one.disputed_at + windows["award_s"]:
        ends_at = one.disputed_at + windows["award_s"]
        if windows["unawarded_bps"]:
            one = made_due(one, windows["unawarded_bps"], one.due_at, "unawarded")
        return made_final(one, ends_at)
    return one


def is_open(story: Story, one: Milestone, now_s: int) -> bool:
    """Tell whether a milestone may still pay something: pending, or due, disputed or final with a share."""
    state = current(one, story.terms["windows"], now_s)
    return state.state == PENDING or (state.state != SETTLED and state.share_bps != 0)


def holder_of(story: Story, one: Milestone) -> str:
    """Return who stands on the exporter's side of a milestone: its assignee, else the exporter."""
    exporter: str = story.terms["exporter"]
    return exporter if one.assignee == NO_ONE else one.assignee


def holders_of(story: Story) -> list[str]:
    """Return the distinct holders of unsettled milestones, in order of first appearance."""
    return list(dict.fromkeys(holder_of(story, one) for one in story.milestones if one.state != SETTLED))
