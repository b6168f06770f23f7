"""Medians as a bank's books have them: usable, stale, waiting after a jump; and reporters that pause."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from node.quotes import routes
from node.quotes.errors import RejectedError, UnavailableError
from node.quotes.medians import Median, MedianBook, OraclePair
from node.quotes.rates import pair_id
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.unit.quotes.desks import REPORTERS, start_with_oracle
from tests.unit.trades import story
from tests.unit.trades.world import World

PAIR = "EUR/KES"
PERIOD_S, HEARTBEAT_S = 3_600, 7_200
RATE = 150 * 10**18


@pytest.fixture
def session() -> Iterator[Session]:
    database = Database("sqlite://")
    prepare(database)
    with database.transaction() as opened:
        yield opened


@pytest.fixture
def book() -> MedianBook:
    return MedianBook([OraclePair(PAIR, PERIOD_S, HEARTBEAT_S)])


def record(book: MedianBook, session: Session, number: int, median: int = RATE, usable: bool = True) -> None:
    args = {"pair": pair_id(PAIR), "round": number, "median": median, "reports": 4, "usable": usable}
    event = ChainEvent(
        contract="FxOracle",
        name="RoundRecorded",
        args=args,
        address="0x" + "11" * 20,
        block_number=number,
        block_hash=bytes(32),
        block_time_s=number * PERIOD_S,
        tx_hash=bytes(32),
        tx_index=0,
        log_index=0,
    )
    book.on_event(session, event)


def test_a_median_settles_until_its_heartbeat_is_over(book: MedianBook, session: Session) -> None:
    record(book, session, 100)
    found = book.median(session, PAIR, 100 * PERIOD_S + HEARTBEAT_S)
    assert (found.value, found.round, found.started_at_s) == (RATE, 100, 100 * PERIOD_S)
    # Both currencies have two decimals: minor units as major ones.
    assert (found.rate.numerator, found.rate.denominator) == (150, 1)
    with pytest.raises(UnavailableError, match="expected a fresh one, got one of 7201 s"):
        book.median(session, PAIR, 100 * PERIOD_S + HEARTBEAT_S + 1)
    assert book.last_good(session, PAIR).round == 100


def test_no_median_settles_while_a_jump_waits_for_its_second_round(book: MedianBook, session: Session) -> None:
    record(book, session, 100)
    record(book, session, 101, 2 * RATE, usable=False)
    with pytest.raises(UnavailableError, match="expected a second round near the jump of round 101"):
        book.median(session, PAIR, 101 * PERIOD_S)
    assert book.last_good(session, PAIR).value == RATE
    record(book, session, 102, 2 * RATE)
    assert book.median(session, PAIR, 102 * PERIOD_S).value == 2 * RATE


def test_the_last_usable_round_is_kept_however_long_a_jump_waits(book: MedianBook, session: Session) -> None:
    record(book, session, 100)
    for number in range(200, 400, 50):
        record(book, session, number, number * RATE, usable=False)
    assert book.last_good(session, PAIR).round == 100
    record(book, session, 400)
    record(book, session, 500)
    record(book, session, 600)
    assert book.last_good(session, PAIR).round == 600


def test_there_is_no_median_when_nothing_is_recorded_or_nobody_knows_the_pair(
    book: MedianBook, session: Session
) -> None:
    for pair, reason in ((PAIR, "expected a recorded round, got none"), ("EUR/XXX", "expected one of EUR/KES pairs")):
        with pytest.raises(UnavailableError, match=reason):
            book.median(session, pair, 0)
    for pair, reason in ((PAIR, "expected a usable round, got none"), ("EUR/XXX", "expected one of EUR/KES pairs")):
        with pytest.raises(UnavailableError, match=reason):
            book.last_good(session, pair)


def test_every_desk_follows_medians_and_agrees_with_the_contract() -> None:
    world = start_with_oracle()
    value, number, started_at_s = world.ledger.call("FxOracle", "median", pair_id(PAIR))
    for name in REPORTERS:
        assert median(world, name).value == value
        assert (median(world, name).round, median(world, name).started_at_s) == (number, started_at_s)


def median(world: World, name: str = "bank-nl") -> Median:
    found: Median = world[name].run(world[name].quotes.medians.median, PAIR)
    return found


def reporting(world: World, names: tuple[str, ...], *, paused: bool) -> None:
    for name in names:
        reporter = world[name].quotes.reporter
        assert reporter is not None
        with world[name].database.transaction() as session:
            if paused:
                reporter.pause(session, PAIR, "staff")
                reporter.pause(session, PAIR, "staff")
            else:
                reporter.resume(session, PAIR)


@pytest.mark.parametrize(("paused", "is_recorded"), [(1, True), (2, False), (4, False)])
def test_an_oracle_dies_when_a_third_of_its_reporters_pauses(paused: int, is_recorded: bool) -> None:
    world = start_with_oracle()
    before = median(world)
    reporting(world, REPORTERS[:paused], paused=True)
    world.advance_to(world.ledger.now_s + 3 * story.DAY_S + 3_600)
    after = median(world)
    assert (after.round > before.round) == is_recorded
    reporting(world, REPORTERS[:paused], paused=False)
    world.advance_to(world.ledger.now_s + 3_600)
    assert median(world).round > before.round


def test_a_pause_is_refused_when_there_is_no_such_pair() -> None:
    world = start_with_oracle()
    reporter = world["bank-nl"].quotes.reporter
    assert reporter is not None
    with world["bank-nl"].database.transaction() as session:
        for change in (
            lambda: reporter.pause(session, "EUR/XXX", "staff"),
            lambda: reporter.resume(session, "EUR/XXX"),
        ):
            with pytest.raises(RejectedError, match="pair: expected one of EUR/KES"):
                change()
        assert reporter.paused(session) == set()


@pytest.fixture
def client() -> Iterator[TestClient]:
    world = start_with_oracle()
    desks = {
        name: Desk(institution_id=name, database=world[name].database, services=[world[name].quotes])
        for name in ("bank-nl", "fx-amber")
    }
    tokens = {name: Principal(name, None, DEVNET_STAFF) for name in desks} | {
        "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER)
    }
    with TestClient(build_app(desks=desks, authority=TokenAuthority(tokens), routers=(routes.router,))) as opened:
        yield opened


def call(client: TestClient, who: str, method: str, path: str, key: str = "k1") -> Any:
    headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key}
    return client.request(method, f"/v1{path}", headers=headers)


def test_staff_pauses_and_resumes_a_pair_over_the_routes(client: TestClient) -> None:
    shown = call(client, "bloem", "GET", "/oracle/EUR/KES").json()
    assert (shown["is_reported"], shown["unusable"]) == (True, None)
    assert int(shown["median"]) > 10**20
    assert call(client, "bank-nl", "POST", "/oracle/EUR/KES/pause").json()["is_reported"] is False
    assert call(client, "bank-nl", "GET", "/oracle/EUR/KES").json()["is_reported"] is False
    # Another institution goes on.
    assert call(client, "fx-amber", "GET", "/oracle/EUR/KES").json()["is_reported"] is True
    assert call(client, "bank-nl", "POST", "/oracle/EUR/KES/resume", "k2").json()["is_reported"] is True
    assert call(client, "bank-nl", "GET", "/oracle/EUR/XXX").json()["unusable"].startswith("median EUR/XXX")


def test_the_routes_refuse_a_pause_when_the_caller_or_the_pair_is_wrong(client: TestClient) -> None:
    assert call(client, "bloem", "POST", "/oracle/EUR/KES/pause").status_code == 403
    assert call(client, "bank-nl", "POST", "/oracle/EUR/XXX/pause").status_code == 422
    assert call(client, "bank-nl", "POST", "/oracle/EUR/XXX/resume").status_code == 422
    assert call(client, "bloem", "GET", "/quotes/faults").status_code == 403
    assert call(client, "bank-nl", "GET", "/quotes/faults").json() == []
