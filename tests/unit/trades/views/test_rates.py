"""A trade's rate over its life, and how long settlements take."""

from itertools import pairwise

import pytest

from node.printing.charts import svg
from node.printing.languages import speech
from node.storage.cursor import booked_until_s
from node.trades.errors import WrongStateError
from node.trades.views.rates import TradeRatesOut, rate_chart, rates_of
from node.trades.views.settlement_times import SettlementTimesOut, settlement_chart, settlement_times
from tests.unit.trades import rated, story
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import World


def rates(world: World, only: frozenset[int] | None = None) -> TradeRatesOut:
    desk = world["bank-nl"]
    with desk.database.read() as session:
        trade = desk.trades.desk.trade(session, story.REFERENCE)
        return rates_of(session, desk.trades.desk, trade, booked_until_s(session), only)


def times(world: World) -> SettlementTimesOut:
    with world["bank-nl"].database.read() as session:
        return settlement_times(session)


def test_rates_have_band_calls_and_settlements_when_the_rate_floats() -> None:
    world = rated.funded(rated.float_terms(5_000), later="140")
    story.load(world)
    rated.wait_until_final(world)
    story.wait_a_day(world)
    found = rates(world)
    assert (found.base, found.quote, found.policy) == ("EUR", "KES", "float")
    assert (found.agreed, found.band_low, found.band_high) == ("150.000000", "145.500000", "154.500000")
    assert [(mark.what, mark.milestone, mark.rate) for mark in found.marks] == [
        ("repriced", None, "140.000000"),
        ("settled", 0, "140.000000"),
    ]
    assert [mark.milestone for mark in rates(world, frozenset({1})).marks] == [None], (
        "who holds another one is not told"
    )
    assert (found.days[0].rate, found.days[-1].rate) == ("150.000000", "140.000000")
    assert found.days[-1].time_s == world.ledger.now_s
    chart = rate_chart(story.REFERENCE, found, speech("en"))
    assert [row[0] for row in chart.table.rows] == [
        "Agreed rate",
        "Band, lower edge",
        "Band, upper edge",
        "1 repriced",
        "2 milestone 1 settled",
        "Last middle rate",
    ]
    # A rate holds for its day: the line has no slopes.
    points = chart.series[0].points
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points))
    assert "The middle rate was between 140.000000 and 150.000000. It was applied 2 times." in svg(chart, speech("en"))


def test_rates_have_the_locked_one_and_no_band_when_it_is_locked() -> None:
    found = rates(rated.funded(rated.LOCK))
    assert found.agreed is not None
    assert (found.band_low, found.band_high, found.marks) == (None, None, [])


def test_rates_have_the_days_alone_when_all_is_converted_at_once() -> None:
    found = rates(story.funded())
    assert (found.agreed, found.marks) == (None, [])
    assert len(found.days) >= 1


def test_rates_end_with_the_trade_when_it_is_closed() -> None:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    story.deliver(world)
    story.wait_a_day(world)
    last = rates(world).days[-1].time_s
    story.wait_a_day(world)
    assert rates(world).days[-1].time_s == last


def test_rates_are_refused_when_nothing_is_exchanged() -> None:
    world = story.start()
    story.draft(world, changed((rated.CONVERT, 'policy = "none"'), ('currency = "EUR"', 'currency = "KES"')))
    with pytest.raises(WrongStateError, match="exchanges"):
        rates(world)


def test_settlement_times_are_told_when_milestones_are_settled() -> None:
    world = story.funded()
    assert times(world).milestones == 0
    assert (times(world).median, times(world).tail) == (None, None)
    assert settlement_chart(times(world), speech("en")).description == "Nothing was settled yet."
    story.load(world)
    story.wait_a_day(world)
    found = times(world)
    assert found.milestones == 1
    assert found.median == found.tail
    assert sum(bucket.milestones for bucket in found.buckets) == 1
    chart = settlement_chart(found, speech("nl"))
    assert [bar.told for bar in chart.bars].count("1") == 1
    assert "95 van de 100" in chart.description
