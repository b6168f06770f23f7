"""What the rate allows in one float now, as far as this desk knows: the other half of `next_facts`."""

from collections.abc import Sequence

from contracts.trade_transitions import State
from fx.errors import RejectedError
from fx.rates import Rate
from fx.reprice import FloatTerms, is_call_due, settle
from node.trades.next_steps import MarketFacts
from node.trades.rates import missing_minor
from node.trades.standing import Standing


def market_of(
    terms: FloatTerms, standings: Sequence[Standing], median: Rate | None, earlier: Rate | None
) -> MarketFacts:
    """Return what a float's rate allows.

    Args:
        standings: Every milestone, time applied.
        median: The one that settles now; None while there is none.
        earlier: That of the round recorded before it, None if there was none.
    """
    missing = missing_minor(standings)
    if median is None:
        return MarketFacts(is_usable=False, missing=missing)
    slices = [(one.row.amount, one.row.slice_minor or 0) for one in standings if one.is_open]
    return MarketFacts(
        is_below_band=median.is_below(terms.low),
        is_out_twice=earlier is not None and not any(terms.is_within(rate) for rate in (median, earlier)),
        is_too_small=is_call_due(terms, slices, median),
        missing=missing,
        short=frozenset(one.row.index for one in standings if is_short(terms, one, median)),
    )


def is_short(terms: FloatTerms, standing: Standing, median: Rate) -> bool:
    """Tell whether a final milestone's slice pays less than is owed at the least quote that settles at this median."""
    if standing.state is not State.FINAL or standing.share_bps == 0:
        return False
    row, quote = standing.row, terms.least_quote(median)
    try:
        return settle(terms, row.amount, row.slice_minor or 0, standing.share_bps, median=median, quote=quote).is_short
    except RejectedError:
        # It pays nothing at all at this rate.
        return True
