"""What `next_steps` needs to know of a trade: its facts from this institution's tables, and what the rate allows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from contracts.trade_transitions import Option, Policy, State
from fx.errors import RejectedError
from fx.rates import Rate
from fx.reprice import FloatTerms, is_call_due, settle
from node.trades.standing.milestones import STATES, Standing, window_lengths
from node.trades.standing.next_steps import MarketFacts, MilestoneFacts, TradeFacts
from node.trades.standing.rates import missing_minor
from node.trades.store import FxLeg, MilestoneRow, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument


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
    agreed = document.funding.float_
    provider = None if leg is None or leg.provider is None else name_of(leg.provider)
    facts = TradeFacts(
        policy=Policy(doc.POLICY_NUMBERS[document.funding.policy]),
        importer=document.importer.name,
        exporter=document.exporter.name,
        arbiter=document.arbiter.institution,
        provider=provider,
        windows=window_lengths(document),
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
