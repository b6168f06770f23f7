"""The rate side of one trade: its float rule, its slices, and whether its importer may be called for a top-up."""

from collections.abc import Iterable, Sequence
from typing import Final

from contracts.trade_transitions import Policy
from fx.rates import Rate
from fx.reprice import call_target, is_call_due
from node.trades.errors import InvariantError
from node.trades.standing.milestones import Standing
from node.trades.store import FxLeg, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import FloatPart, TermsDocument

WITH_FUNDING_LEG: Final = (Policy.LOCK, Policy.FLOAT)


def policy_of(document: TermsDocument) -> Policy:
    """Return the FX policy of the terms."""
    return Policy(doc.POLICY_NUMBERS[document.funding.policy])


def pair_of(document: TermsDocument) -> str:
    """Return the oracle's pair, `EUR/KES`: invoice currency for one of the funding currency."""
    return f"{document.funding.currency}/{document.invoice.currency}"


def float_part(document: TermsDocument) -> FloatPart:
    """Return what the terms of a `float` say about its rate.

    Raises:
        InvariantError: the terms have another policy.
    """
    if document.funding.float_ is None:
        raise InvariantError(f"{document.reference}: expected the terms of a float, got {document.funding.policy}")
    return document.funding.float_


def call_targets(rule: FloatPart, open_ones: Iterable[Standing], median: Rate) -> list[tuple[Standing, int]]:
    """Return what a call at this median wants each open slice to be."""
    return [(one, call_target(rule.terms, one.row.amount, one.row.slice_minor or 0, median)) for one in open_ones]


def missing_minor(standings: Iterable[Standing]) -> int:
    """Return what a top-up has to bring: what open slices lack to the targets of the last call."""
    lacking = [(one.row.target_minor or 0) - (one.row.slice_minor or 0) for one in standings if one.is_open]
    return sum(part for part in lacking if part > 0)


def is_call_running(leg: FxLeg, now_s: int) -> bool:
    """Tell whether a call for a top-up runs."""
    return leg.call_ends_at_s is not None and now_s <= leg.call_ends_at_s


def can_call(
    trade: Trade,
    document: TermsDocument,
    rule: FloatPart,
    leg: FxLeg,
    standings: Sequence[Standing],
    median: Rate,
    now_s: int,
) -> bool:
    """Tell whether anyone may call the importer for a top-up now, as `reprice` decides it."""
    slices = [(one.row.amount, one.row.slice_minor or 0) for one in standings if one.is_open]
    return is_call_due(rule.terms, slices, median) and is_call_possible(trade, document, rule, leg, median, now_s)


def is_call_possible(
    trade: Trade, document: TermsDocument, rule: FloatPart, leg: FxLeg, median: Rate, now_s: int
) -> bool:
    """Tell whether number, cool-down and time would allow a call if a slice were too small; while one runs, not."""
    if rule.terms.share_bps == 0 or leg.calls >= rule.calls_max or not median.is_below(rule.terms.low):
        return False
    if leg.call_ends_at_s is not None and now_s <= leg.call_ends_at_s + rule.cool_down_s:
        return False
    expires_at_s = trade.hold_expires_at_s or document.hold_expires_at_s
    return now_s + document.windows.call_s + document.windows.grace_s <= expires_at_s
