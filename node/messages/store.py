"""Tables of the messages that go out and come in."""

from typing import Final

from sqlalchemy import LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base

QUEUED: Final = "queued"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
RECEIVED: Final = "received"
HANDLED: Final = "handled"
REFUSED: Final = "refused"


class SentMessage(Base):
    """A message of this institution: `queued`, then `delivered` or `dead`."""

    __tablename__ = "message_outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    kind: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """Canonical JSON (RFC 8785)."""
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it is dead."""


class ReceivedMessage(Base):
    """A message to this institution: `received`, then `handled` or `refused`."""

    __tablename__ = "message_inbox"
    __table_args__ = (UniqueConstraint("sender", "message_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str]
    sender: Mapped[str]
    kind: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it was refused."""
