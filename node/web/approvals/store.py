"""Tables of proposals, and of the amounts up to which one person may act alone."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL
from node.storage.database import Base
from node.storage.types import Amount


class ProposalRow(Base):
    """A request that waits for a second person; it is sent again, as it was, when that person approves."""

    __tablename__ = "web_proposal"
    __table_args__ = (UniqueConstraint("maker", "key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(index=True)
    """`open`, then `done`, `rejected` or `withdrawn`; past `expires_at_s` an open one counts as `expired`."""
    permission: Mapped[str]
    """What the maker used; who checks it is in `node.web.permissions`."""
    summary: Mapped[str] = mapped_column(Text, info=PERSONAL)
    currency: Mapped[str | None]
    amount_minor: Mapped[int | None] = mapped_column(Amount)
    maker: Mapped[str]
    """Name of the principal."""
    actor: Mapped[str | None] = mapped_column(index=True)
    customer: Mapped[str | None] = mapped_column(index=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    scopes: Mapped[list[str] | None] = mapped_column(JSON)
    key: Mapped[str]
    """The maker's idempotency key."""
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    method: Mapped[str]
    path: Mapped[str] = mapped_column(Text)
    query: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[bytes | None] = mapped_column(LargeBinary, info=PERSONAL)
    """None once it is decided: the audit log has what it changed."""
    preview: Mapped[Any] = mapped_column(JSON, info=PERSONAL)
    """What the request would be answered with, as of when it was made; None where that cannot be tried."""
    origin: Mapped[dict[str, str]] = mapped_column(JSON, info=PERSONAL)
    """From where the maker asked."""
    made_at_s: Mapped[int]
    """Of the clock on the wall, unix seconds."""
    expires_at_s: Mapped[int]
    checker: Mapped[str | None]
    decided_at_s: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)


class AloneLimitRow(Base):
    """Up to this amount one person may act alone; without a row, not at all."""

    __tablename__ = "web_alone_limit"

    permission: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    amount_minor: Mapped[int] = mapped_column(Amount)
