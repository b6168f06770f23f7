"""Transactions of the database: whole or not at all, one at a time, and a bell when they are done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from contracts.client.follower import Cursor
from node.compliance.store import DecisionRow
from node.ledger.store import AccountRow
from node.storage.cursor import TOPIC, SqlFollowerStore, booked_until_s, load_cursor
from node.storage.database import Database, signal
from node.storage.errors import DatabaseBusyError, NestedTransactionError
from node.storage.migrate import prepare


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path}/desk.sqlite")
    prepare(database)
    return database


def decision(trade_id: str) -> DecisionRow:
    return DecisionRow(trade_id=trade_id, outcome="not screened", list_version=None, decided_at_s=1)


def test_transaction_is_kept_when_it_ends_and_not_when_it_raises(database: Database) -> None:
    with database.transaction() as session:
        session.add(decision("kept"))
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add_all([decision("lost"), decision("kept")])
    with Database(database.url).read() as session:
        assert session.get(DecisionRow, "kept") is not None
        assert session.get(DecisionRow, "lost") is None


def test_read_keeps_nothing_when_it_is_written_to(database: Database) -> None:
    with database.read() as session:
        session.add(decision("x"))
        session.flush()
    with database.read() as session:
        assert session.get(DecisionRow, "x") is None


def test_read_sees_the_state_before_when_a_writer_is_not_done(database: Database) -> None:
    with database.transaction() as session:
        session.add(decision("x"))
        session.flush()
        with database.read() as reader:
            assert reader.get(DecisionRow, "x") is None


def test_transaction_is_refused_when_one_is_open_on_the_thread(database: Database) -> None:
    with database.transaction(), pytest.raises(NestedTransactionError, match="pass its session on"):
        database.transaction().__enter__()
    with database.transaction() as session:
        session.add(decision("afterwards"))


def test_transaction_is_unavailable_when_another_process_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.storage.database._BUSY_TIMEOUT_S", 0)
    other = Database(database.url)
    with database.transaction(), pytest.raises(DatabaseBusyError, match="locked"), other.transaction():
        pass


def test_database_survives_power_loss_when_opened_as_a_file(database: Database) -> None:
    with database.transaction() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_transaction_is_synced_again_when_the_one_before_needed_not_be(database: Database) -> None:
    with database.transaction(is_synced=False) as session:
        assert session.scalar(text("PRAGMA synchronous")) == 1  # NORMAL
        session.add(decision("followed"))
    with database.transaction() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert session.get(DecisionRow, "followed") is not None


async def test_signal_rings_when_the_transaction_commits_and_not_when_it_rolls_back(database: Database) -> None:
    bell = database.signals.subscribe("topic")
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        _ring_and_fail(session)
    assert not await bell.wait(0.01)
    with database.transaction() as session:
        signal(session, "topic")
    assert await bell.wait(5)
    database.signals.unsubscribe("topic", bell)
    with database.transaction() as session:
        signal(session, "topic")
    assert not await bell.wait(0.01)


def _ring_and_fail(session: Session) -> None:
    signal(session, "topic")
    raise ZeroDivisionError


@pytest.mark.parametrize("amount", [0, -1, 2**72, -(2**200)])
def test_amount_is_exact_when_it_is_beyond_64_bits(database: Database, amount: int) -> None:
    row = AccountRow(name="EUR:x:held", currency="EUR", owner="x", part="held", balance=amount)
    with database.transaction() as session:
        session.add(row)
    with database.read() as session:
        found = session.get_one(AccountRow, row.id)
        assert found.balance == amount


@pytest.mark.parametrize("amount", [1.0, True, "1"])
def test_amount_is_refused_when_it_is_no_integer(database: Database, amount: object) -> None:
    with pytest.raises(StatementError, match="expected an int"), database.transaction() as session:
        session.add(AccountRow(name="EUR:x:held", currency="EUR", owner="x", part="held", balance=amount))


def test_cursor_moves_when_saved_again(database: Database) -> None:
    store = SqlFollowerStore(database)
    with store.transaction() as session:
        assert (store.load_cursor(session), booked_until_s(session)) == (None, 0)
        store.save_cursor(session, Cursor(0, b"\0" * 32), 100)
    with store.transaction() as session:
        store.save_cursor(session, Cursor(1, b"\1" * 32), 101)
    with database.read() as session:
        assert (load_cursor(session), booked_until_s(session)) == (Cursor(1, b"\1" * 32), 101)


class Noting(Database):
    """A database that notes what is committed and what rings, in order."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.noted: list[str] = []
        self.logged: list[int] = []
        """Bytes of the write-ahead log after each commit: where it does not grow, nothing was synced."""
        self.signals.ring = self.noted.append  # type: ignore[method-assign]

    @contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[Session]:
        with super().transaction(is_synced=is_synced) as session:
            yield session
            self.noted.append("synced" if is_synced else "unsynced")
        self.logged.append(Path(f"{self.url.removeprefix('sqlite:///')}-wal").stat().st_size)


@pytest.mark.parametrize(
    ("topics", "noted"),
    [((), ["unsynced", TOPIC]), (("events", "outbox"), ["unsynced", "synced", "events", "outbox", TOPIC])],
)
def test_block_is_synced_before_anything_rings_when_somebody_may_be_told_of_it(
    database: Database, topics: tuple[str, ...], noted: list[str]
) -> None:
    noting = Noting(database.url)
    store = SqlFollowerStore(noting)
    with store.transaction() as session:
        store.save_cursor(session, Cursor(0, b"\0" * 32), 100)
        for topic in topics:
            signal(session, topic)
    kept = [one for one in noting.noted if one in ("synced", "unsynced")]
    assert noting.noted[: len(kept)] == kept
    assert sorted(set(noting.logged)) == noting.logged, "each commit is in the log"
    assert sorted(noting.noted) == sorted(noted)


def test_nothing_rings_when_a_block_is_not_applied(database: Database) -> None:
    noting = Noting(database.url)
    with pytest.raises(ZeroDivisionError), SqlFollowerStore(noting).transaction() as session:
        _ring_and_fail(session)
    assert noting.noted == []
