"""Tables of the audit log; rows are added and read, never changed."""

from typing import Any, Final

from sqlalchemy import JSON, LargeBinary, Text, event
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.errors import BrokenLogError
from node.storage.database import Base

PERSONAL: Final[dict[str, Any]] = {"audit": "personal"}
"""`info` of a column about a person: the log says that it changed, not what it was, so that it can be erased."""
SECRET: Final[dict[str, Any]] = {"audit": "secret"}
"""`info` of a column that lets somebody in."""


class EntryRow(Base):
    """One entry."""

    __tablename__ = "audit_entry"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without a gap."""
    time_s: Mapped[int] = mapped_column(index=True)
    """Of the clock on the wall, unix seconds; stands in `content` as well, as do the next three."""
    actor: Mapped[str] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(index=True)
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON (RFC 8785)."""
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the hash before it and of `content`."""


class HeadRow(Base):
    """Up to where the log reached on a day, signed."""

    __tablename__ = "audit_head"

    day: Mapped[str] = mapped_column(primary_key=True)
    """`2026-11-27`, UTC."""
    number: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON (RFC 8785), what was signed."""
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    key: Mapped[dict[str, str]] = mapped_column(JSON)
    """The public key as a JSON Web Key."""


def _refuse(_mapper: object, _connection: object, row: EntryRow | HeadRow) -> None:
    raise BrokenLogError(f"{row.__tablename__}: expected rows to be added, got one to be changed or deleted")


for _table in (EntryRow, HeadRow):
    event.listen(_table, "before_update", _refuse)
    event.listen(_table, "before_delete", _refuse)
