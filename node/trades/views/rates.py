"""The rate of a trade over its life: the middle rate day by day, what was agreed, and when it counted."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from markupsafe import Markup
from pydantic import Field
from sqlalchemy.orm import Session

from fx.currencies import get_currency
from fx.rates import Rate, major_rate
from node.printing.charts import LineChart, Mark, Series, Table, figure
from node.printing.languages import Speech
from node.printing.limits import POINTS_MAX
from node.quotes.errors import UnavailableError
from node.quotes.rates import ORACLE_DECIMALS
from node.trades import store
from node.trades.context import Desk
from node.trades.errors import WrongStateError
from node.trades.standing.rates import pair_of
from node.trades.store import FxLeg, Trade
from node.trades.terms.document import TermsDocument
from node.trades.watching.chain_view import events_of
from node.web.schemas import Answer, Time

_PLACES: Final = 6
_DAY_S: Final = 86_400
# Events that carry the median that counted, and what they are called.
_COUNTED: Final = {"Repriced": "repriced", "FundingSliceSettled": "settled"}


class DayRateOut(Answer):
    """The middle rate of one day."""

    time_s: Time
    rate: str = Field(examples=["148.203400"])


class RateMarkOut(Answer):
    """A moment at which the rate counted."""

    time_s: Time
    what: str = Field(description="repriced: the importer was called for a top-up; settled: a milestone was paid")
    milestone: int | None = Field(description="From 0; null where it is about the whole trade")
    rate: str = Field(description="The oracle's median", examples=["148.203400"])


class TradeRatesOut(Answer):
    """A trade's rate over its life; units of the invoice currency for one of the funding currency."""

    base: str = Field(description="The funding currency")
    quote: str = Field(description="The invoice currency")
    policy: str
    agreed: str | None = Field(description="Under lock and float", examples=["150.000000"])
    band_low: str | None = Field(description="Under float: below it the importer is called", examples=["147.000000"])
    band_high: str | None = Field(examples=["153.000000"])
    days: list[DayRateOut] = Field(description="The middle rate, of 250 days at most, the last ones")
    marks: list[RateMarkOut]


def rates_of(
    session: Session, desk: Desk, trade: Trade, now_s: int, only: frozenset[int] | None = None
) -> TradeRatesOut:
    """Return a trade's rate from its draft to its end, or now.

    Args:
        only: The milestones at which it is shown to have counted, beside the whole trade; None: all.

    Raises:
        WrongStateError: nothing is exchanged in it.
    """
    document = desk.document(session, trade)
    if document.funding.policy == "none":
        raise WrongStateError("funding.policy", "a trade that exchanges one currency for another", "none")
    base, quote = pair_of(document).split("/")
    agreed, low, high = _agreed(session, trade, document)
    until_s = trade.closed_at_s if trade.state == store.CLOSED and trade.closed_at_s is not None else now_s
    return TradeRatesOut(
        base=base,
        quote=quote,
        policy=document.funding.policy,
        agreed=agreed,
        band_low=low,
        band_high=high,
        days=list(_days(desk, base, quote, trade.created_at_s, until_s)),
        marks=list(_marks(session, trade, only)),
    )


def rate_chart(reference: str, rates: TradeRatesOut, speech: Speech) -> LineChart:
    """Return the chart of a trade's rate; its table has what was agreed, and every moment at which the rate counted."""
    pair = speech.text("%(bought)s per %(sold)s", bought=rates.quote, sold=rates.base)
    series = [Series(speech.text("Middle rate"), _stepped(rates.days))]
    ends = [day.time_s for day in (*rates.days[:1], *rates.days[-1:])]
    rows = []
    if rates.agreed is not None:
        series.append(Series(speech.text("Agreed rate"), [(time_s, float(rates.agreed)) for time_s in ends]))
        rows.append((speech.text("Agreed rate"), "", speech.decimal(rates.agreed)))
    band = None
    if rates.band_low is not None and rates.band_high is not None:
        band = (speech.text("Agreed band"), float(rates.band_low), float(rates.band_high))
        rows += [
            (speech.text("Band, lower edge"), "", speech.decimal(rates.band_low)),
            (speech.text("Band, upper edge"), "", speech.decimal(rates.band_high)),
        ]
    rows += [
        (f"{number} {_named(mark, speech)}", speech.when(mark.time_s), speech.decimal(mark.rate))
        for number, mark in enumerate(rates.marks, 1)
    ]
    if rates.days:
        rows.append(
            (speech.text("Last middle rate"), speech.when(rates.days[-1].time_s), speech.decimal(rates.days[-1].rate))
        )
    return LineChart(
        title=speech.text("Rate of trade %(reference)s, %(pair)s", reference=reference, pair=pair),
        description=_described(rates, speech),
        series=series,
        table=Table((speech.text("What"), speech.text("When"), pair), rows),
        # A rate below one has its first digits far behind the point.
        write=lambda value: speech.decimal(f"{value:.{2 if value >= 1 else _PLACES}f}"),
        band=band,
        marks=[Mark(mark.what, mark.time_s, float(mark.rate)) for mark in rates.marks],
    )


def rate_figure(
    session: Session, desk: Desk, trade: Trade, speech: Speech, now_s: int, only: frozenset[int] | None
) -> Markup:
    """Return the chart of a trade's rate with its table, for a page; see `rates_of`."""
    return figure(rate_chart(trade.reference, rates_of(session, desk, trade, now_s, only), speech), speech)


def _stepped(days: Sequence[DayRateOut]) -> list[tuple[int, float]]:
    """Return the line of rates that hold for a day each."""
    points: list[tuple[int, float]] = []
    for day in days:
        if points:
            points.append((day.time_s, points[-1][1]))
        points.append((day.time_s, float(day.rate)))
    return points


def _described(rates: TradeRatesOut, speech: Speech) -> str:
    if not rates.days:
        return speech.text("There is nothing to show yet.")
    values = sorted(Decimal(day.rate) for day in rates.days)
    told = speech.text(
        "The middle rate was between %(low)s and %(high)s.",
        low=speech.decimal(str(values[0])),
        high=speech.decimal(str(values[-1])),
    )
    counted = speech.count("It was applied %(number)s time.", "It was applied %(number)s times.", len(rates.marks))
    return f"{told} {counted}"


def _named(mark: RateMarkOut, speech: Speech) -> str:
    if mark.milestone is None:
        return speech.word(mark.what)
    return speech.text("milestone %(number)s %(what)s", number=mark.milestone + 1, what=speech.word(mark.what))


def _agreed(session: Session, trade: Trade, document: TermsDocument) -> tuple[str | None, str | None, str | None]:
    currencies = get_currency(document.funding.currency), get_currency(document.invoice.currency)

    def written(rate: Rate) -> str:
        return major_rate(rate, *currencies).decimal(_PLACES)

    if document.funding.float_ is not None:
        terms = document.funding.float_.terms
        return written(terms.rate), written(terms.low), written(terms.high)
    leg = None if trade.trade_id is None else session.get(FxLeg, trade.trade_id)
    return (None if leg is None else written(Rate(leg.rate_num, leg.rate_den))), None, None


def _days(desk: Desk, base: str, quote: str, from_s: int, until_s: int) -> Iterator[DayRateOut]:
    """Yield each day's middle rate; days of which the bank knows none are left out."""
    # A day is two points of the line.
    first = max(from_s, until_s - (POINTS_MAX // 2 - 1) * _DAY_S)
    for time_s in [*range(first, until_s, _DAY_S), until_s]:
        try:
            rate = desk.quotes.rates.major(time_s, base, quote)
        except UnavailableError:
            continue
        yield DayRateOut(time_s=time_s, rate=rate.decimal(_PLACES))


def _marks(session: Session, trade: Trade, only: frozenset[int] | None) -> Iterator[RateMarkOut]:
    for event in events_of(session, trade.trade_id or b""):
        median = int(event.args.get("median", 0))
        # A lock settles without a median.
        if event.name in _COUNTED and median:
            milestone = event.args.get("milestone")
            if only is not None and milestone is not None and int(milestone) not in only:
                continue
            yield RateMarkOut(
                time_s=event.block_time_s,
                what=_COUNTED[event.name],
                milestone=None if milestone is None else int(milestone),
                rate=Rate(median, 10**ORACLE_DECIMALS).decimal(_PLACES),
            )
