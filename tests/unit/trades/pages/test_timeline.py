"""A trade as the way it goes."""

from typing import Any

from node.trades.pages.timeline import BAD, DONE, LATER, NOW, timeline

MILESTONE = {
    "index": 0,
    "kind": "delivered",
    "amount": "100.00 KES",
    "deadline": 50,
    "state": "pending",
    "due_percent": None,
    "final_after": None,
    "paid": None,
    "refunded": None,
}
TRADE = {
    "state": "funded",
    "funded_at": 10,
    "fund_by": 20,
    "amount": "100.00 KES",
    "importer_paid": "1.00 EUR",
    "cost": {"rate": "100.000000 KES per EUR", "pays": "1.00 EUR"},
    "fx": None,
    "closed_cause": None,
    "milestones": [MILESTONE],
}


def step(who: str, milestone: int | None, weight: str = "owed", opens: int | None = None) -> dict[str, Any]:
    return {"who": who, "milestone": milestone, "weight": weight, "from": opens, "what": "do it", "by": None}


def states(trade: dict[str, Any], *steps: dict[str, Any]) -> list[tuple[str, str]]:
    return [(stop.kind, stop.state) for stop in timeline(trade, [], list(steps))]


def test_stops_are_later_when_nothing_is_agreed() -> None:
    trade = TRADE | {"state": "negotiating", "funded_at": None, "milestones": [MILESTONE | {"state": "not funded"}]}
    expected = [("agreed", NOW), ("funded", LATER), ("milestone", LATER), ("paid", LATER)]
    assert states(trade) == expected
    assert [len(stop.waits) for stop in timeline(trade, [], [step("bloem", None)])] == [1, 0, 0, 0]


def test_milestone_waits_for_its_attesters_when_the_trade_is_funded() -> None:
    (_, funded, milestone, paid) = timeline(
        TRADE, [], [step("inspector", 0), step("x", 0, "option"), step("y", 0, opens=99)]
    )
    assert (funded.state, funded.rate, funded.money, funded.at) == (DONE, "100.000000 KES per EUR", "1.00 EUR", 10)
    assert (milestone.state, [one["who"] for one in milestone.waits]) == (NOW, ["inspector"])
    assert (paid.state, paid.waits) == (LATER, [])


def test_payment_is_next_when_the_milestone_is_due_and_done_with_its_time_when_settled() -> None:
    due = TRADE | {"milestones": [MILESTONE | {"state": "due", "due_percent": "100.00 %", "final_after": 60}]}
    assert states(due)[2:] == [("milestone", DONE), ("paid", NOW)]
    settled = MILESTONE | {"state": "settled", "due_percent": "100.00 %", "paid": "98.00 KES"}
    history = [
        {"name": "MilestoneDue", "time": 30, "args": {"milestone": "0"}},
        {"name": "MilestoneSettled", "time": 70, "args": {"milestone": "0"}},
        {"name": "TradeClosed", "time": 71, "args": {}},
    ]
    closed = TRADE | {"state": "closed", "closed_cause": "settled", "milestones": [settled]}
    stops = timeline(closed, history, [])
    assert [(stop.state, stop.at) for stop in stops[2:]] == [(DONE, 30), (DONE, 70), (DONE, 71)]
    assert stops[3].money == "98.00 KES"


def test_stop_has_gone_wrong_when_nothing_was_delivered_or_it_is_disputed() -> None:
    refunded = MILESTONE | {"state": "settled", "due_percent": "0.00 %"}
    assert states(TRADE | {"milestones": [refunded]})[2:] == [("milestone", BAD), ("paid", BAD)]
    disputed = MILESTONE | {"state": "disputed", "due_percent": "100.00 %"}
    assert states(TRADE | {"milestones": [disputed]})[2:] == [("milestone", BAD), ("paid", NOW)]
    assert states(TRADE | {"state": "withdrawn", "funded_at": None})[-1] == ("closed", BAD)
