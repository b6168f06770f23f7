"""How long it takes from the moment a milestone is final until its money has moved, for the trades of one bank."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.printing.charts import Bar, BarChart, Table
from node.printing.languages import Speech
from node.trades import store
from node.trades.store import MilestoneRow, Trade
from node.web.schemas import Answer

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
# Upper edges; the last bucket has none.
_EDGES: Final = (10, _MINUTE_S, 10 * _MINUTE_S, _HOUR_S, 6 * _HOUR_S, _DAY_S)
_TAIL_PERCENT: Final = 95


class BucketOut(Answer):
    """Milestones that took at most so long, and longer than the bucket before."""

    at_most: int | None = Field(description="Seconds; null: any longer", examples=[60])
    milestones: int


class SettlementTimesOut(Answer):
    """From final to settled, in ledger time."""

    milestones: int = Field(description="Settled ones that something was due of")
    median: int | None = Field(description="Seconds; null where none was settled")
    tail: int | None = Field(description="Seconds within which 95 of 100 were settled; null where none was")
    buckets: list[BucketOut]


def settlement_times(session: Session) -> SettlementTimesOut:
    """Return how long settlements took."""
    wanted = (
        select(MilestoneRow)
        .join(Trade, Trade.trade_id == MilestoneRow.trade_id)
        .where(MilestoneRow.state == store.SETTLED, MilestoneRow.due_at_s.is_not(None))
    )
    took = sorted(max((row.settled_at_s or 0) - _final_s(row), 0) for row in session.scalars(wanted))
    return SettlementTimesOut(
        milestones=len(took),
        median=round(median(took)) if took else None,
        tail=_tail(took),
        buckets=[
            BucketOut(at_most=above, milestones=sum(_is_within(one, below, above) for one in took))
            for below, above in zip((None, *_EDGES), (*_EDGES, None), strict=True)
        ],
    )


def settlement_chart(times: SettlementTimesOut, speech: Speech) -> BarChart:
    """Return the chart of settlement times."""
    names = [_named(bucket, speech) for bucket in times.buckets]
    described = speech.text("Nothing was settled yet.")
    if times.median is not None and times.tail is not None:
        described = speech.text(
            "Of %(number)s milestones half were settled within %(median)s of being final, 95 of 100 within %(tail)s.",
            number=speech.number(times.milestones),
            median=speech.duration(times.median),
            tail=speech.duration(times.tail),
        )
    most = max((bucket.milestones for bucket in times.buckets), default=0) or 1
    return BarChart(
        title=speech.text("From final to settled"),
        description=described,
        parts=(speech.text("Milestones"),),
        bars=[
            Bar(name, (bucket.milestones / most,), speech.number(bucket.milestones))
            for name, bucket in zip(names, times.buckets, strict=True)
        ],
        table=Table(
            (speech.text("Time"), speech.text("Milestones")),
            [(name, speech.number(bucket.milestones)) for name, bucket in zip(names, times.buckets, strict=True)],
        ),
    )


def _final_s(row: MilestoneRow) -> int:
    """Return when a milestone could be settled: by a decision, or by the end of the window that ran last."""
    if row.final_at_s is not None:
        return row.final_at_s
    if row.disputed_at_s is not None:
        return row.disputed_at_s + row.award_s
    return (row.due_at_s or 0) + row.dispute_s


def _is_within(took: int, below: int | None, above: int | None) -> bool:
    return (below is None or took > below) and (above is None or took <= above)


def _tail(took: Sequence[int]) -> int | None:
    if len(took) < 2:
        return took[0] if took else None
    return round(quantiles(took, n=100, method="inclusive")[_TAIL_PERCENT - 1])


def _named(bucket: BucketOut, speech: Speech) -> str:
    if bucket.at_most is None:
        return speech.text("over %(time)s", time=speech.duration(_EDGES[-1]))
    return f"≤ {speech.duration(bucket.at_most)}"
