"""What attesters, parties and arbiter say of a milestone, and what its holder gives away.

Source: docs/spec/settlement.md, section 3.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.proofs.milestones import current, holder_of, made_due, made_final, silent
from bridge.proofs.records import (
    BPS,
    DISPUTED,
    DUE,
    FLOAT,
    LOCK,
    NO_ONE,
    PENDING,
    REFUND,
    SETTLED,
    Attested,
    Milestone,
)
from bridge.proofs.step import Step
from fx.reprice import cancel_fee_part, waived_slice


def attest(step: Step) -> None:
    """Replay `attest` that counts."""
    args = step.take("AttestationRecorded")
    one = step.milestone(args["milestone"])
    attester, claim = args["attester"], (args["outcome"], args["share_bps"])
    step.expect("milestone state", PENDING, one.state)
    known = attester in one.terms["attesters"] and attester not in one.attesters
    step.require(known, "an attester of this milestone, once", attester)
    step.require(step.now_s <= one.deadline, f"an attestation until {one.deadline}", step.now_s)
    in_range = 0 < claim[1] <= BPS if claim[0] == 1 else claim == (2, 0)
    step.require(in_range, f"fulfilled with a share of at most {BPS} basis points, or failed without", claim)
    one.attesters.add(attester)
    one.tally[claim] = one.tally.get(claim, 0) + 1
    step.story.attestations.append(
        Attested(
            milestone=one.index,
            bound=one.bound,
            attester=attester,
            outcome=args["outcome"],
            share_bps=args["share_bps"],
            evidence_hash=args["evidence_hash"],
            digest=args["signature_digest"],
            time_s=step.now_s,
            block=step.tx.block,
        )
    )
    if one.tally[claim] == one.terms["quorum"]:
        step.store(made_due(one, claim[1], step.now_s, "attested"))


def equivocate(step: Step) -> None:
    """Replay `attest` that contradicts an earlier one."""
    args = step.take("EquivocationRecorded")
    one = step.milestone(args["milestone"])
    step.require(args["attester"] in one.attesters, "equivocation of one who attested", args["attester"])
    step.story.equivocations.append((one.index, args["attester"], step.tx.block))


def declare_silence(step: Step, one: Milestone) -> None:
    """Replay `declare_silence`, or what another call stores of silence first."""
    step.store(silent(one))


def accept(step: Step, one: Milestone) -> None:
    """Replay `accept`."""
    step.about("Accept", step.story.terms["importer"], one)
    now = made_due(_unsettled(step, one), BPS, step.now_s, "accepted")
    step.store(made_final(now, step.now_s))
    step.take("MilestoneAccepted", milestone=one.index)


def dispute(step: Step, one: Milestone) -> None:
    """Replay `dispute`."""
    now = _current(step, one)
    due_until = now.due_at + step.story.terms["windows"]["dispute_s"]
    step.require(now.state == DUE, f"a dispute while the milestone is due, within its window ({due_until})", now.state)
    step.store(replace(now, state=DISPUTED, disputed_at=step.now_s))
    args = step.take("DisputeRaised", milestone=one.index)
    sides = (step.story.terms["importer"], holder_of(step.story, one))
    step.require(args["party"] in sides, "a dispute by a party", args["party"])
    step.about("Dispute", args["party"], one, reason_hash=args["reason_hash"])
    step.story.milestones[one.index].dispute = args["digest"]
    step.note("disputed", one.index, account=args["party"])


def award(step: Step, one: Milestone) -> None:
    """Replay `award`."""
    now = _current(step, one)
    step.require(now.state == DISPUTED, "milestone state disputed", now.state)
    ahead = next(event for event in (step.peek(), step.peek(1)) if event and event.name == "AwardMade")
    share = ahead.args["share_bps"]
    step.require(share <= BPS, f"a share of at most {BPS} basis points", share)
    step.store(made_final(made_due(now, share, now.due_at, "awarded"), step.now_s))
    args = step.take("AwardMade", milestone=one.index)
    reasons = {"share_bps": share, "reason_hash": args["reason_hash"]}
    step.about("Award", step.story.terms["arbiter"], one, dispute=one.dispute, **reasons)


def waive(step: Step, one: Milestone) -> None:
    """Replay `waive`: what is held for the part goes back at once, under `lock` less its part of the cancel fee."""
    now = _unsettled(step, one)
    ahead = next(event for event in (step.peek(), step.peek(1)) if event and event.name == "AmountWaived")
    amount, story = ahead.args["amount"], step.story
    step.require(0 < amount <= now.amount_minor, f"a waiver of 1 to {now.amount_minor} minor units", amount)
    step.about("Waive", holder_of(story, one), one, amount=amount)
    left = now.amount_minor - amount
    now = replace(now, amount_minor=left, waived_minor=now.waived_minor + amount)
    if left == 0:
        now = made_final(made_due(now, 0, step.now_s, "waived"), step.now_s)
    elif now.outcome and left * now.share_bps // BPS == 0:
        now = replace(now, share_bps=0, outcome=REFUND)
    step.store(now)
    step.take("AmountWaived", milestone=one.index, amount=amount, left=left)
    step.note("waived", one.index, amount)
    if story.policy in (LOCK, FLOAT):
        _shrink_slice(step, story.milestones[one.index], amount, left)
    step.release(story.invoice_hold, amount)


def assign(step: Step, one: Milestone) -> None:
    """Replay `assign`."""
    args, terms = step.take("MilestoneAssigned", milestone=one.index), step.story.terms
    _unsettled(step, one)
    step.expect("assignee before", NO_ONE, one.assignee)
    barred = (terms["importer"], terms["exporter"], terms["arbiter"], NO_ONE, *one.terms["attesters"])
    step.require(args["assignee"] not in barred, "an assignee that is no party and no attester", args["assignee"])
    for signer in (terms["exporter"], args["assignee"]):
        step.about("Assign", signer, one, assignee=args["assignee"])
    one.assignee = args["assignee"]
    step.note("assigned", one.index, account=one.assignee)


def charge_cancel_fee(step: Step, unbought: int, invoice_amount: int, most: int) -> int:
    """Replay what a lock's provider gets for what will not be bought; return it."""
    story = step.story
    if story.leg is None or story.funding_hold is None:
        raise step.refuse("a cancel fee under lock only", story.policy)
    fee = cancel_fee_part(story.leg.cancel_fee_minor, unbought, invoice_amount, most)
    if fee:
        step.execute(story.funding_hold, story.leg.provider, fee)
        step.take("CancelFeePaid", provider=story.leg.provider, amount=fee)
        step.note("cancel_fee", None, fee, account=story.leg.provider)
    return fee


def _shrink_slice(step: Step, one: Milestone, waived: int, left: int) -> None:
    kept = waived_slice(one.slice_minor, left + waived, waived)
    freed, fee = one.slice_minor - kept, 0
    if step.story.policy == LOCK:
        fee = charge_cancel_fee(step, waived, step.story.terms["invoice_amount"], freed)
    one.slice_minor = kept
    one.target_minor = waived_slice(one.target_minor, left + waived, waived)
    step.release(step.story.funding_hold, freed - fee)


def _current(step: Step, one: Milestone) -> Milestone:
    return current(one, step.story.terms["windows"], step.now_s)


def _unsettled(step: Step, one: Milestone) -> Milestone:
    now = _current(step, one)
    step.require(now.state != SETTLED, f"milestone {one.index} open", "settled")
    return now


def silence_event(one: Milestone) -> Mapping[str, Any]:
    """Return the fields that `MilestoneDue` has when silence is stored."""
    after = silent(one)
    return {"outcome": after.outcome, "share_bps": after.share_bps, "due_at": after.due_at}
