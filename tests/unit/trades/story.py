"""Steps of the example trade, as its people take them."""

from datetime import datetime
from functools import cache

from node.storage.cursor import booked_until_s
from node.trades.agreement.negotiating import Papers
from node.trades.views.schemas import TradeOut
from tests.unit.trades.world import CORE, TestDesk, World, clerk, customer, example

REFERENCE = "NR-2026-0817"
EXPORTER = customer("bank-ke", "naivasha")
IMPORTER = customer("bank-nl", "bloem")
CLERK = clerk("bank-nl")
DAY_S = 86_400


def at(text: str) -> int:
    """Return a time such as `2026-08-12T06:00` as ledger seconds."""
    return int(datetime.fromisoformat(f"{text}:00+00:00").timestamp())


DRAFTED_S, LOADED_S, DELIVERED_S = at("2026-08-04T08:00"), at("2026-08-12T06:00"), at("2026-09-23T08:00")


def start(only: tuple[str, ...] = CORE) -> World:
    """Return a world where everybody has its money and nobody has a trade."""
    return _started(only).copy()


@cache
def _started(only: tuple[str, ...]) -> World:
    world = World(only=only)
    world.fund_cast()
    world.advance_to(DRAFTED_S)
    return world


def draft(world: World, terms: bytes | None = None) -> None:
    desk = world["bank-ke"]
    papers = Papers(terms or example("roses/terms.toml"), example("roses/invoice.xml"))
    desk.run(desk.trades.agreement.draft, papers, EXPORTER, None)
    world.settle_down()


def counter(world: World, terms: bytes | None = None) -> None:
    desk = world["bank-nl"]
    papers = Papers(terms or example("roses/terms-counter.toml"))
    desk.run(desk.trades.agreement.counter, REFERENCE, papers, IMPORTER, None)
    world.settle_down()


def sign(world: World) -> None:
    world["bank-ke"].run(world["bank-ke"].trades.agreement.sign, REFERENCE, EXPORTER, None)
    world["bank-nl"].run(world["bank-nl"].trades.agreement.sign, REFERENCE, IMPORTER, None)
    world.settle_down()


def quote(world: World) -> None:
    desk = world["bank-nl"]
    desk.run(desk.trades.funding.request_quotes, REFERENCE, IMPORTER)
    world.settle_down()


def fund(world: World) -> None:
    desk = world["bank-nl"]
    desk.run(desk.trades.funding.accept, REFERENCE, IMPORTER, None)
    desk.run(desk.trades.funding.fund, REFERENCE, IMPORTER)
    world.settle_down()


def quoted() -> World:
    """Return a world where the example is agreed and firm quotes have come."""
    return _quoted().copy()


@cache
def _quoted() -> World:
    world = start()
    for step in (draft, counter, sign, quote):
        step(world)
    return world


def funded() -> World:
    """Return a world where the example is funded."""
    return _funded().copy()


@cache
def _funded() -> World:
    world = quoted()
    fund(world)
    return world


def attest_event(world: World, name: str) -> None:
    desk = world["carrier"]
    desk.run(desk.trades.attesting.attest_epcis, REFERENCE, example(f"roses/epcis-{name}.json"))
    world.settle_down()


def attest_statement(world: World, name: str) -> None:
    desk = world["inspector"]
    desk.run(desk.trades.attesting.attest_statement, REFERENCE, example(f"roses/statement-{name}.json"))
    world.settle_down()


def load(world: World) -> None:
    world.advance_to(LOADED_S)
    attest_event(world, "loaded")
    attest_statement(world, "loaded")


def deliver(world: World) -> None:
    world.advance_to(DELIVERED_S)
    attest_event(world, "delivered")
    attest_statement(world, "delivered")


def wait_a_day(world: World) -> None:
    world.advance_to(world.ledger.now_s + DAY_S + 1)


def view(desk: TestDesk, reference: str = REFERENCE) -> TradeOut:
    with desk.database.read() as session:
        trade = desk.trades.desk.trade(session, reference)
        return desk.trades.views.trade(session, trade, booked_until_s(session))


def refused(desk: TestDesk) -> list[str]:
    """Return why messages to this desk were refused."""
    from sqlalchemy import select

    from node.messages.store import REFUSED, ReceivedMessage

    with desk.database.read() as session:
        rows = session.scalars(select(ReceivedMessage).where(ReceivedMessage.state == REFUSED))
        return [f"{row.kind}: {row.reason}" for row in rows]
