"""How far this database has followed the chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import LargeBinary, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from contracts.client.follower import Cursor
from node.storage.database import Base, Database, signal, withhold

TOPIC: Final = "chain_cursor"
"""Rings at every block."""
_ONLY_ROW: Final = 1
_ROW: Final = "landfall_cursor"


class CursorRow(Base):
    """The one row: the last block applied."""

    __tablename__ = "chain_cursor"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    time_s: Mapped[int]


# Asked at every block and request, so made once.
_CURSOR: Final = select(CursorRow).where(CursorRow.id == _ONLY_ROW)


def load_cursor(session: Session) -> Cursor | None:
    """Return the cursor, None in a new database."""
    row = _row(session)
    return None if row is None else Cursor(row.number, row.hash)


def booked_until_s(session: Session) -> int:
    """Return the ledger time up to which this database knows the chain, 0 in a new database."""
    row = _row(session)
    return 0 if row is None else row.time_s


def _row(session: Session) -> CursorRow | None:
    # Kept for as long as the session: it would forget a row that nobody holds, and everybody asks for this one.
    row: CursorRow | None = session.info.get(_ROW)
    if row is None:
        row = session.info[_ROW] = session.scalar(_CURSOR)
    return row


class SqlFollowerStore:
    """The database side of an EventFollower."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self._database.transaction(is_synced=False) as session:
            yield session
            topics = withhold(session)
        if topics <= {TOPIC}:
            # Nothing but what the chain can tell again: on disk with the next commit.
            self._database.signals.ring(TOPIC)
            return
        # Whoever is woken may tell somebody outside: this is to be on disk first, and takes all before it there.
        with self._database.transaction() as session:
            # There and back: SQLite leaves alone a page that would not change, and then has nothing to sync.
            for step in (1, -1):
                session.execute(update(CursorRow).values(number=CursorRow.number + step))
            for topic in topics:
                signal(session, topic)

    def load_cursor(self, session: Session) -> Cursor | None:
        return load_cursor(session)

    def save_cursor(self, session: Session, cursor: Cursor, time_s: int) -> None:
        row = _row(session)
        if row is None:
            session.add(CursorRow(id=_ONLY_ROW, number=cursor.number, hash=cursor.hash, time_s=time_s))
        else:
            row.number, row.hash, row.time_s = cursor.number, cursor.hash, time_s
        signal(session, TOPIC)
