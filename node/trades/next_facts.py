"""What `next_steps` needs to know of a trade, from this institution's tables."""

from collections.abc import Mapping, Sequence

from contracts.trade_transitions import Policy, State
from node.trades import document as doc
from node.trades.document import TermsDocument
from node.trades.next_steps import MilestoneFacts, NextStep, TradeFacts, WindowLengths
from node.trades.schemas import NextOut
from node.trades.store import MilestoneRow, Trade

STATES = {state.name.lower(): state for state in State}


def facts_of(
    trade: Trade, document: TermsDocument, rows: Sequence[MilestoneRow], attested: Mapping[int, frozenset[str]]
) -> TradeFacts:
    """Return a funded trade as `next_steps` reads it; `attested` names who has attested, by milestone."""
    windows = document.windows
    return TradeFacts(
        policy=Policy(doc.POLICY_NUMBERS[document.funding.policy]),
        importer=document.importer.name,
        exporter=document.exporter.name,
        arbiter=document.arbiter.institution,
        windows=WindowLengths(
            dispute_s=windows.dispute_s,
            award_s=windows.award_s,
            unawarded_bps=windows.unawarded_bps or doc.DUE_OUTCOME_STANDS,
            call_s=windows.call_s,
            choice_s=windows.choice_s,
            grace_s=windows.grace_s,
        ),
        expires_at_s=trade.hold_expires_at_s or document.hold_expires_at_s,
        milestones=tuple(_milestone(row, document, attested.get(row.index, frozenset())) for row in rows),
    )


def _milestone(row: MilestoneRow, document: TermsDocument, attested: frozenset[str]) -> MilestoneFacts:
    return MilestoneFacts(
        kind=row.kind,
        state=STATES[row.state],
        deadline_s=row.deadline_s,
        silence_pays=row.silence_pays,
        share_bps=row.share_bps,
        due_at_s=row.due_at_s,
        raised_at_s=row.disputed_at_s,
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
