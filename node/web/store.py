"""Tables of this room: answers given under an idempotency key, and events."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base


class AnswerRow(Base):
    """The answer to a request that changed something."""

    __tablename__ = "web_answer"

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of method, path, query and body."""
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)


class EventRow(Base):
    """Something that happened."""

    __tablename__ = "web_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    owner: Mapped[str | None] = mapped_column(index=True)
    """Customer it is for besides the institution; None: the institution alone."""
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    time_s: Mapped[int]
    """Ledger time."""
