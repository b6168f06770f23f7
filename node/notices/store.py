"""Tables of notices."""

from typing import Final

from sqlalchemy import JSON, Float, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL, SECRET
from node.storage.database import Base

NONE: Final = "none"
QUEUED: Final = "queued"
SENT: Final = "sent"
FAILED: Final = "failed"


class PreferenceRow(Base):
    """What somebody wants to be told, and how."""

    __tablename__ = "notice_preference"

    person: Mapped[str] = mapped_column(primary_key=True)
    """As the desk authenticates them; the institution's id for what its staff shares."""
    owner: Mapped[str | None]
    """Customer whose events these are; None: all of the institution."""
    kinds: Mapped[list[str]] = mapped_column(JSON)
    """Kinds of events or resources; nothing here: those that ask somebody to act."""
    in_console: Mapped[bool]
    by_webhook: Mapped[bool]
    by_email: Mapped[bool]
    email: Mapped[str | None] = mapped_column(info=PERSONAL)
    is_confirmed: Mapped[bool]
    """Whether the code that was sent to the address has come back."""
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), info=SECRET)
    code_tries: Mapped[int]
    codes_sent: Mapped[int]
    """Since `codes_from_s`."""
    codes_from_s: Mapped[float] = mapped_column(Float)
    """Wall clock."""
    position: Mapped[int]
    """Number of the last event that was looked at."""


class NoticeRow(Base):
    """Something that somebody is told."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_person", "person", "id"),
        Index("ix_notice_email", "email_state", "next_attempt_at_s"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    person: Mapped[str]
    event_id: Mapped[int | None]
    """None for a code."""
    kind: Mapped[str]
    title: Mapped[str]
    text: Mapped[str] = mapped_column(Text, info=PERSONAL)
    time_s: Mapped[int]
    """Ledger time of the event."""
    in_console: Mapped[bool]
    read_at_s: Mapped[int | None]
    """Ledger time."""
    email_to: Mapped[str | None] = mapped_column(info=PERSONAL)
    email_state: Mapped[str]
    """`none`, `queued`, then `sent` or `failed`."""
    attempts: Mapped[int]
    queued_at_s: Mapped[float] = mapped_column(Float)
    """Wall clock, as the next one."""
    next_attempt_at_s: Mapped[float] = mapped_column(Float)
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed."""
