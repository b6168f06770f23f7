"""Tables of the messages that go out and come in."""

from typing import Any, Final

from sqlalchemy import JSON, Float, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base

QUEUED: Final = "queued"
STORED: Final = "stored"
DEAD: Final = "dead"
DROPPED: Final = "dropped"
RECEIVED: Final = "received"
HANDLED: Final = "handled"
REFUSED: Final = "refused"


class SentMessage(Base):
    """A message of this institution: `queued`, then `stored` or `refused` as its recipient signed, or `dead`.

    A person may have a dead or refused one sent again, or have it `dropped`.
    """

    __tablename__ = "message_outbox"
    __table_args__ = (Index("ix_message_outbox_lane", "state", "recipient", "lane", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    attempts: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it waits, was refused or is dead."""
    thread: Mapped[str | None] = mapped_column(index=True)
    uetr: Mapped[str | None] = mapped_column(index=True)
    lane: Mapped[str]
    """Those of one recipient and lane go one after the other: the thread, or the message's own id."""
    next_attempt_at_s: Mapped[float] = mapped_column(Float)
    ended_at_s: Mapped[float | None] = mapped_column(Float)
    created_at_s: Mapped[int | None]
    """Ledger time that its answered envelope says."""
    protection: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Algorithms and keys of its answered envelope."""
    queued_at_s: Mapped[float] = mapped_column(Float)
    """Wall clock, as all times here but `created_at_s`."""
    last_attempt_at_s: Mapped[float | None] = mapped_column(Float)
    is_unanswered: Mapped[bool]
    """Whether it was sent and nobody knows whether it arrived."""
    acknowledgement: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the recipient signed."""


class ReceivedMessage(Base):
    """A message to this institution: `received`, then `handled` or `refused`; a person may have a refused one handled
    again, or have it `dropped`.
    """

    __tablename__ = "message_inbox"
    __table_args__ = (
        UniqueConstraint("sender", "message_id"),
        Index("ix_message_inbox_lane", "state", "sender", "lane", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    message_id: Mapped[str]
    sender: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it waits or was refused."""
    thread: Mapped[str | None] = mapped_column(index=True)
    uetr: Mapped[str | None] = mapped_column(index=True)
    lane: Mapped[str]
    """Those of one sender and lane are handled one after the other."""
    next_attempt_at_s: Mapped[float] = mapped_column(Float)
    ended_at_s: Mapped[float | None] = mapped_column(Float)
    created_at_s: Mapped[int | None]
    """Ledger time that the sender signed."""
    protection: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    received_at_s: Mapped[float] = mapped_column(Float)
    attempts: Mapped[int]
    """How often its handler has put it off."""
    token: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The sender's detached signature: with the payload it shows anybody what was said, to whom and when."""
