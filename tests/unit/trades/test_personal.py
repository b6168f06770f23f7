"""What trades hold about a customer: handed out whole, forgotten once the trade is over."""

import json

from sqlalchemy import select

from node.messages.store import ReceivedMessage, SentMessage
from node.trades.personal import TradeKeeper
from node.trades.store import CLOSED, Document, EscrowEvent, TermsVersion, Trade
from tests.unit.trades import story
from tests.unit.trades.world import TestDesk, World


def closed() -> World:
    world = story.funded()
    for step in (story.load, story.wait_a_day, story.deliver, story.wait_a_day):
        step(world)
    assert story.view(world["bank-ke"]).state == CLOSED
    return world


def keeper_of(desk: TestDesk) -> TradeKeeper:
    return TradeKeeper(desk.trades.desk)


def test_trade_is_an_obstacle_while_it_runs_and_none_when_it_is_closed() -> None:
    world = story.funded()
    for bank, customer, other in (("bank-nl", "bloem", "naivasha"), ("bank-ke", "naivasha", "bloem")):
        with world[bank].database.read() as session:
            assert keeper_of(world[bank]).obstacles(session, customer) == [f"the trade {story.REFERENCE} is funded"]
            assert keeper_of(world[bank]).obstacles(session, other) == []
    world = closed()
    with world["bank-ke"].database.read() as session:
        assert keeper_of(world["bank-ke"]).obstacles(session, "naivasha") == []


def test_trade_is_handed_out_with_its_papers_when_exported() -> None:
    world = closed()
    with world["bank-ke"].database.read() as session:
        (found,) = keeper_of(world["bank-ke"]).export(session, "naivasha")
        assert keeper_of(world["bank-ke"]).export(session, "bloem") == []
    assert found["trade"]["reference"] == story.REFERENCE
    assert json.loads(found["versions"][0]["document"])["exporter"]["name"] == "Naivasha Roses Ltd"
    assert len(found["attestations"]) == 4
    assert len(found["documents"]) == 4
    assert found["messages"]


def test_names_are_gone_and_the_chains_events_stay_when_a_trade_is_forgotten() -> None:
    world = closed()
    desk = world["bank-ke"]
    with desk.database.transaction() as session:
        keeper_of(desk).erase(session, "naivasha", 0)
    with desk.database.read() as session:
        for table in (Trade, TermsVersion, Document):
            assert session.scalars(select(table)).all() == []
        assert session.scalars(select(EscrowEvent)).all()
        threads = [*session.scalars(select(SentMessage)), *session.scalars(select(ReceivedMessage))]
        about = [row for row in threads if row.thread == story.REFERENCE]
        assert about
        assert all(row.payload == b"" for row in about)
    world.advance_to(story.at("2027-01-01T00:00:00"))
    world.settle_down()
    with world["bank-nl"].database.read() as session:
        assert session.get(Trade, story.REFERENCE) is not None
