"""The funding currency's leg as events tell of it: slices, targets and calls, kept in step with the contract's records.

Events say what a call asks for in all and what a waiver leaves; the slices follow from them by the same rule that
the contract computes by, and a difference between the two stops this desk.
"""

from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from contracts.trade_transitions import Policy
from fx.currencies import get_currency
from fx.reprice import funding_slice, median_rate, waived_slice
from node.trades import store
from node.trades.context import Desk
from node.trades.errors import InvariantError
from node.trades.standing.milestones import milestone_rows, standings
from node.trades.standing.rates import call_targets, float_part, missing_minor, policy_of
from node.trades.store import FxLeg, MilestoneRow, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import FloatPart, TermsDocument


class FloatView:
    """Applies what concerns the funding currency's leg."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def open(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Keep the leg; told in the transaction that funds the trade."""
        args = event.args
        provider = None if int(args["provider"], 16) == 0 else args["provider"]
        session.merge(
            FxLeg(
                trade_id=trade.trade_id,
                provider=provider,
                currency=self._desk.deployment.currency_of(args["token"]),
                amount=args["amount"],
                rate_num=args["rate_num"],
                rate_den=args["rate_den"],
                premium=args["premium"],
                calls=0,
                call_ends_at_s=None,
            )
        )
        session.flush()
        self.divide(session, trade, self._desk.document(session, trade))

    def divide(self, session: Session, trade: Trade, document: TermsDocument) -> None:
        """Give each milestone its slice, once both the leg and the milestones are there.

        Raises:
            InvariantError: the slices do not add up to what the chain holds.
        """
        leg, rows = session.get(FxLeg, trade.trade_id), milestone_rows(session, trade)
        if leg is None or not rows:
            return
        for row, part in zip(rows, doc.funding_slices(document, leg.amount), strict=True):
            row.slice_minor = part
        _require_equal(trade, "held", leg.amount, sum(row.slice_minor or 0 for row in rows))

    def waive(self, row: MilestoneRow, waived: int, left: int) -> None:
        """Shrink slice and target with the amount that is given up."""
        if row.slice_minor is not None:
            row.slice_minor = waived_slice(row.slice_minor, waived + left, waived)
        if row.target_minor is not None:
            row.target_minor = waived_slice(row.target_minor, waived + left, waived)

    def call(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Set the targets of a call for a top-up.

        Raises:
            InvariantError: they do not ask for what the event says.
        """
        leg, document = session.get_one(FxLeg, trade.trade_id), self._desk.document(session, trade)
        current = standings(session, trade, document, event.block_time_s)
        currencies = (get_currency(document.funding.currency), get_currency(document.invoice.currency))
        median = median_rate(event.args["median"], *currencies)
        rule = float_part(document)
        for one, target in call_targets(rule, (one for one in current if one.is_open), median):
            one.row.target_minor = target
        leg.calls += 1
        leg.call_ends_at_s = event.args["ends_at"]
        _require_equal(trade, "missing", event.args["missing"], missing_minor(current))

    def top_up(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Raise the open slices to their targets; a call that is paid in time does not count.

        Raises:
            InvariantError: they do not lack what was brought.
        """
        leg, document = session.get_one(FxLeg, trade.trade_id), self._desk.document(session, trade)
        current = standings(session, trade, document, event.block_time_s)
        _require_equal(trade, "missing", event.args["amount"], missing_minor(current))
        for one in current:
            if one.is_open and (one.row.target_minor or 0) > (one.row.slice_minor or 0):
                one.row.slice_minor = one.row.target_minor
        if event.args["in_call"]:
            leg.calls -= 1
            leg.call_ends_at_s = event.block_time_s - 1

    def amend(
        self, session: Session, trade: Trade, before: TermsDocument, document: TermsDocument, event: ChainEvent
    ) -> None:
        """End a running call; new rate, band or spread limit resize the slices whose milestones stayed as they were."""
        leg = session.get(FxLeg, trade.trade_id)
        if leg is None or policy_of(document) is not Policy.FLOAT:
            return
        if leg.call_ends_at_s is not None and event.block_time_s <= leg.call_ends_at_s:
            leg.call_ends_at_s = event.block_time_s - 1
        old, new = float_part(before), float_part(document)
        leg.rate_num, leg.rate_den = int(new.rate_num), int(new.rate_den)
        if _sizing(old) == _sizing(new):
            return
        for row in milestone_rows(session, trade):
            if row.state != store.SETTLED and row.terms_version != trade.chain_version:
                row.slice_minor, row.target_minor = funding_slice(new.terms, row.amount), None


def _sizing(part: FloatPart) -> tuple[str, str, int, int]:
    """Return what a slice's size depends on."""
    return part.rate_num, part.rate_den, part.band_bps, part.spread_bps


def _require_equal(trade: Trade, what: str, expected: int, got: int) -> None:
    if expected != got:
        raise InvariantError(f"{trade.reference} {what}: expected {expected} as on chain, got {got}")
