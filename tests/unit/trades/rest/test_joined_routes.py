"""The routes of an assignee at a third bank: of the trade it sees what it holds, and decides about that."""

import pytest

from tests.unit.trades import story
from tests.unit.trades.rest.test_routes import TRADE, Api
from tests.unit.trades.watching.test_joining import assigned


@pytest.mark.parametrize("who", ["rwenzori", "bank-ug"])
def test_an_assignee_reads_what_it_holds_when_the_trade_is_others(who: str) -> None:
    world = assigned()
    api = Api(world)
    story.load(world)
    (line,) = api.get(who, "/v1/trades")
    assert (line["reference"], line["amount"]) == (story.REFERENCE, "450,000.00 KES")
    found = api.get(who, TRADE)
    assert [one["index"] for one in found["milestones"]] == [0]
    assert {step["milestone"] for step in api.get(who, f"{TRADE}/next")} == {0, None}
    names = {event["args"].get("milestone") for event in api.get(who, f"{TRADE}/history")}
    assert names == {"0", None}
    # The parties see all of it.
    assert len(api.get("naivasha", TRADE)["milestones"]) == 2


def test_an_assignee_decides_about_what_it_holds_when_the_trade_is_others() -> None:
    world = assigned()
    api = Api(world)
    story.load(world)
    problem = api.post("rwenzori", f"{TRADE}/milestones/1/waive", {"amount": "1"}, status=403)
    assert "the exporter" in problem["detail"]
    waived = api.post("rwenzori", f"{TRADE}/milestones/0/waive", {"amount": "5000000"}, status=202)
    assert [one["index"] for one in waived["milestones"]] == [0]
    api.post("rwenzori", f"{TRADE}/milestones/0/dispute", {"reasons": "Counted again: all of it came."}, status=202)
    world.settle_down()
    (dispute,) = api.get("rwenzori", f"{TRADE}/disputes")
    assert (dispute["raised_by"], dispute["milestone"]) == ("exporter", 0)
    assert api.get("naivasha", f"{TRADE}/disputes") == [dispute]
