"""What `next_steps` needs to know of a trade, from this institution's tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from contracts.trade_transitions import Option, Policy, State
from node.trades import document as doc
from node.trades.document import TermsDocument
from node.trades.next_steps import MilestoneFacts, NextStep, TradeFacts, WindowLengths
from node.trades.schemas import NextOut
from node.trades.store import FxLeg, MilestoneRow, Trade

STATES = {state.name.lower(): state for state in State}


def facts_of(
    trade: Trade,
    document: TermsDocument,
    rows: Sequence[MilestoneRow],
    attested: Mapping[int, frozenset[str]],
    leg: FxLeg | None,
    name_of: Callable[[str], str],
) -> TradeFacts:
    """Return a funded trade as `next_steps` reads it.

    Args:
        attested: Who has attested, by milestone.
        leg: Under `lock` and `float`.
        name_of: What an account is called here.
    """
    windows, agreed = document.windows, document.funding.float_
    provider = None if leg is None or leg.provider is None else name_of(leg.provider)
    facts = TradeFacts(
        policy=Policy(doc.POLICY_NUMBERS[document.funding.policy]),
        importer=document.importer.name,
        exporter=document.exporter.name,
        arbiter=document.arbiter.institution,
        provider=provider,
        windows=WindowLengths(
            dispute_s=windows.dispute_s,
            award_s=windows.award_s,
            unawarded_bps=windows.unawarded_bps or doc.DUE_OUTCOME_STANDS,
            call_s=windows.call_s,
            choice_s=windows.choice_s,
            grace_s=windows.grace_s,
        ),
        expires_at_s=trade.hold_expires_at_s or document.hold_expires_at_s,
        milestones=tuple(_milestone(row, document, attested.get(row.index, frozenset()), name_of) for row in rows),
    )
    if agreed is None or leg is None:
        return facts
    return replace(
        facts,
        option=Option(doc.OPTION_NUMBERS[agreed.option]),
        importer_share_bps=agreed.share_bps,
        cool_down_s=agreed.cool_down_s,
        calls_left=max(0, agreed.calls_max - leg.calls),
        call_ends_at_s=leg.call_ends_at_s or 0,
    )


def _milestone(
    row: MilestoneRow, document: TermsDocument, attested: frozenset[str], name_of: Callable[[str], str]
) -> MilestoneFacts:
    return MilestoneFacts(
        kind=row.kind,
        state=STATES[row.state],
        deadline_s=row.deadline_s,
        silence_pays=row.silence_pays,
        share_bps=row.share_bps,
        due_at_s=row.due_at_s,
        raised_at_s=row.disputed_at_s,
        final_at_s=row.final_at_s,
        assignee=None if row.assignee is None else name_of(row.assignee),
        attesters=tuple(one.institution for one in document.milestones[row.index].attesters),
        attested=attested,
    )


def shown_step(step: NextStep) -> NextOut:
    """Return a step as the API gives it."""
    return NextOut(
        who=step.who,
        what=step.what,
        by_s=step.until_s,
        from_s=step.from_s,
        otherwise=step.otherwise or None,
        role=step.role,
        call=step.call,
        milestone=step.milestone,
        weight=str(step.weight),
    )
