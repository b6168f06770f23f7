"""The SQL database of one institution: one writer at a time, durable when a transaction returns.

SQLite in WAL mode with synchronous FULL: what was committed survives the loss of power. What can be had from elsewhere
again need not be synced: it is on disk with the next commit that is, as commits are there in their order. Sessions are
synchronous; a transaction is short and awaits nothing, so it may run in the event loop.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, Connection, Engine, Integer, MetaData, create_engine, event
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import StaticPool

from node.storage.errors import DatabaseBusyError, NestedTransactionError, UnstorableError
from node.storage.signals import Signals

# Seconds a writer waits for another one; every transaction here takes milliseconds.
_BUSY_TIMEOUT_S: Final = 10
# Of a connection; a process has those of every institution, and the system keeps the pages besides.
_CACHE_KIB: Final = 256
_READ_ONLY: Final = "landfall_read_only"
_UNSYNCED: Final = "landfall_unsynced"
_TOPICS: Final = "landfall_topics"


class Base(DeclarativeBase):
    """Base of every table of a desk; a slice declares its own in its `store.py`."""

    # Sums of seconds and numbers of blocks outgrow 32 bits; SQLite numbers rows in its INTEGER alone.
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger().with_variant(Integer(), "sqlite")}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

    def shown(self) -> dict[str, Any]:
        """Return the row's columns as they are, for an export of what is held about somebody; nothing secret."""
        columns = self.__mapper__.column_attrs
        return {one.key: getattr(self, one.key) for one in columns if one.columns[0].info.get("audit") != "secret"}


class Database:
    """One database: transactions, reads and the signals of its commits."""

    def __init__(self, url: str) -> None:
        """Open `url`, an SQLAlchemy URL: `sqlite:///path`, or `sqlite://` for one in memory (tests)."""
        self.url = url
        self.signals = Signals()
        self._engine = _open(url)
        self._reading = self._engine.execution_options(**{_READ_ONLY: True})
        self._unsynced = self._engine.execution_options(**{_UNSYNCED: True})
        self._open_here = local()

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    @contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[Session]:
        """Open the writing session: committed at the end, rolled back on an exception.

        Args:
            is_synced: On disk when this returns; otherwise the loss of power may take it back, the end of the process
                may not.

        Raises:
            NestedTransactionError: this thread already has one open.
            DatabaseBusyError: another process kept the database for longer than ten seconds.
        """
        if getattr(self._open_here, "open", False):
            raise NestedTransactionError("transaction: expected none open on this thread, got one; pass its session on")
        self._open_here.open = True
        try:
            with self._session(self._engine if is_synced else self._unsynced) as session:
                # The writer's lock now, not at the first statement.
                session.connection()
                yield session
                session.commit()
                topics = withhold(session)
        finally:
            self._open_here.open = False
        for topic in topics:
            self.signals.ring(topic)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session on a snapshot; what is changed in it is not kept."""
        with self._session(self._reading) as session:
            yield session

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session:
                yield session
        except OperationalError as error:
            raise DatabaseBusyError(f"database: expected to be ready, got {error.orig}") from error
        except DataError as error:
            raise UnstorableError(
                f"value: expected text and numbers that a database holds, got {error.orig}"
            ) from error


def signal(session: Session, topic: str) -> None:
    """Ring `topic` once this session's transaction has committed."""
    session.info.setdefault(_TOPICS, set()).add(topic)


def withhold(session: Session) -> frozenset[str]:
    """Return what this session's transaction would ring, and let it ring nothing."""
    return frozenset(session.info.pop(_TOPICS, ()))


def _open(url: str) -> Engine:
    if url == "sqlite://":
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    elif url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False})
    else:
        engine = create_engine(url, isolation_level="SERIALIZABLE")
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes late and deferred; ours is explicit.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options, driver = connection.get_execution_options(), connection.connection.driver_connection
    assert driver is not None, "a transaction begins on a connection"
    if options.get(_READ_ONLY, False):
        driver.execute("BEGIN")
        return
    driver.execute(f"PRAGMA synchronous={'NORMAL' if options.get(_UNSYNCED, False) else 'FULL'}")
    # IMMEDIATE takes the writer's lock first: a reader that becomes a writer could not wait for it.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_UNSYNCED, False):
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
