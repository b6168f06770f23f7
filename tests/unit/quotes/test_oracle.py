"""Reporters sign rates by round; one of them submits; the contract has the median."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.quotes.errors import MessageRejectedError
from node.quotes.oracle import REPORT
from node.quotes.rates import LedgerRates, pair_id
from node.quotes.store import OracleRound
from node.quotes.wire import hex_of, to_json
from tests.unit.messages.post import message as json_message
from tests.unit.trades.story import DAY_S, at
from tests.unit.trades.world import World, daily_rates

REPORTERS = ("bank-nl", "bank-ke", "fx-amber", "fx-baobab")
PAIR = pair_id("EUR/KES")


def started() -> World:
    world = World(only=REPORTERS, with_oracle=True)
    world.settle_down()
    return world


def median(world: World) -> tuple[int, int, int]:
    found: tuple[int, int, int] = world.ledger.call("FxOracle", "last_good", PAIR)
    return found


def test_a_median_is_recorded_when_the_reporters_agree() -> None:
    world = started()
    rate, number, _ = median(world)
    assert rate == LedgerRates(daily_rates()).oracle_rate(world.ledger.now_s, "EUR/KES")
    assert number == world.ledger.now_s // 3_600
    for name in REPORTERS:
        with world[name].database.read() as session:
            row = session.get_one(OracleRound, ("EUR/KES", number))
            assert (row.median, row.usable) == (rate, True)


def test_the_rates_follow_ledger_time_when_the_clock_is_moved() -> None:
    world = started()
    for day in (10, 20, 30):
        world.advance_to(at("2026-08-10T08:00") + day * DAY_S)
    rate, _, started_at = median(world)
    assert rate / 10**18 == pytest.approx(
        float(daily_rates().at(_day("2026-09-09"), "EUR", "KES").decimal(8)), rel=0.005
    )
    assert world.ledger.now_s - started_at < 4 * DAY_S
    # Old rounds are forgotten, but the last two recorded.
    with world["bank-nl"].database.read() as session:
        rounds = select(OracleRound.round).where(OracleRound.pair == "EUR/KES")
        assert len(session.scalars(rounds).all()) == 2


def test_a_round_is_left_out_when_it_would_say_the_same() -> None:
    world = started()
    blocks = len(world.ledger.blocks)
    world.advance_to(world.ledger.now_s + 3_600)
    assert len(world.ledger.blocks) == blocks + 1


def test_no_round_is_recorded_when_a_third_of_the_reporters_is_silent() -> None:
    world = World(only=REPORTERS[:2], with_oracle=True)
    world.settle_down()
    assert median(world) == (0, 0, 0)


def test_a_report_is_refused_when_it_is_not_its_senders() -> None:
    world = started()
    reporter = world["bank-nl"].quotes.reporter
    assert reporter is not None
    now_s = world.ledger.now_s
    good = {"pair": PAIR, "rate": 149 * 10**18, "observed_at": now_s, "round": now_s // 3_600}
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("fx-amber", good, "signature"),
        ("fx-amber", {**good, "observed_at": now_s + 3_600}, "report.observed_at"),
        ("fx-amber", {**good, "pair": pair_id("EUR/XXX")}, "report.pair"),
        ("carrier", good, "report.pair"),
    ]
    signature = hex_of(world["fx-baobab"].participants.sign_digest(bytes(32)))
    for sender, report, field in cases:
        body = {"report": to_json("Report", report), "signature": signature}
        message = json_message("m1", sender, "bank-nl", REPORT, body)

        def handle(session: Session, _: int, message: Message = message) -> None:
            reporter.on_report(session, message)

        with pytest.raises(MessageRejectedError) as caught:
            world["bank-nl"].run(handle)
        assert caught.value.field == field


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)
