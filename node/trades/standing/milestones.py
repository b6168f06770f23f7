"""Milestones as they stand now: what the chain has stored, with what time has made of it since."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.trade_transitions import State
from fx.slices import share_of
from node.trades import store
from node.trades.standing.next_steps import MilestoneFacts, WindowLengths, as_of
from node.trades.store import MilestoneRow, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

STATES: Final = {state.name.lower(): state for state in State}
"""The contract's states by their names in the tables."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One milestone at one second of ledger time."""

    row: MilestoneRow
    state: State
    share_bps: int
    """What is due to the exporter's side, 0 while nothing is."""
    due_at_s: int | None
    final_at_s: int | None

    @property
    def due_minor(self) -> int:
        """What is to be paid of it, minor units of the invoice currency."""
        return share_of(self.row.amount, self.share_bps)

    @property
    def is_open(self) -> bool:
        """Whether it may still pay something, so that its slice has to keep up with the rate."""
        return self.state is State.PENDING or (self.state is not State.SETTLED and self.share_bps > 0)


def milestone_rows(session: Session, trade: Trade) -> list[MilestoneRow]:
    """Return a funded trade's milestones in their order."""
    wanted = select(MilestoneRow).where(MilestoneRow.trade_id == trade.trade_id).order_by(MilestoneRow.index)
    return list(session.scalars(wanted))


def standing(row: MilestoneRow, document: TermsDocument, now_s: int) -> Standing:
    """Return a milestone with time applied, as the contract would find it at `now_s`."""
    facts = as_of(
        MilestoneFacts(
            kind=row.kind,
            state=STATES[row.state],
            deadline_s=row.deadline_s,
            silence_pays=row.silence_pays,
            share_bps=row.share_bps,
            due_at_s=row.due_at_s,
            raised_at_s=row.disputed_at_s,
            final_at_s=row.final_at_s,
        ),
        window_lengths(document),
        now_s,
    )
    share_bps = facts.share_bps or 0
    # A share of which nothing is left after rounding is a refund.
    share_bps = share_bps if share_of(row.amount, share_bps) else 0
    return Standing(row, facts.state, share_bps, facts.due_at_s, facts.final_at_s)


def standings(session: Session, trade: Trade, document: TermsDocument, now_s: int) -> list[Standing]:
    """Return every milestone of a funded trade with time applied."""
    return [standing(row, document, now_s) for row in milestone_rows(session, trade)]


def window_lengths(document: TermsDocument) -> WindowLengths:
    """Return the windows of the terms as the state table reads them."""
    windows = document.windows
    return WindowLengths(
        dispute_s=windows.dispute_s,
        award_s=windows.award_s,
        unawarded_bps=windows.unawarded_bps or doc.DUE_OUTCOME_STANDS,
        call_s=windows.call_s,
        choice_s=windows.choice_s,
        grace_s=windows.grace_s,
    )


def window_ends(row: MilestoneRow) -> int | None:
    """Return the last second in which a milestone can be disputed or awarded, None while or once it cannot."""
    match row.state:
        case store.DUE:
            return (row.due_at_s or 0) + row.dispute_s
        case store.DISPUTED:
            return (row.disputed_at_s or 0) + row.award_s
    return None
