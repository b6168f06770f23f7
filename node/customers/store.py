"""Tables of applications and their documents."""

from typing import Any

from sqlalchemy import JSON, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL
from node.storage.database import Base


class ApplicationRow(Base):
    """Somebody who wants to become a customer, and what the institution asks about them."""

    __tablename__ = "customer_application"

    id: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(index=True)
    """Id that the customer will have."""
    kind: Mapped[str]
    """`company` or `person`."""
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, info=PERSONAL)
    state: Mapped[str] = mapped_column(index=True)
    """`draft`, then `submitted`, then `approved` or `declined`."""
    writers: Mapped[list[str]] = mapped_column(JSON)
    """Who wrote, added to or submitted it: none of them decides."""
    risk: Mapped[str | None]
    """`low`, `medium` or `high`, as whoever approved it has said."""
    decided_by: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    made_at_s: Mapped[int]
    """Of the clock on the wall, unix seconds, as all times here."""
    changed_at_s: Mapped[int]


class KycDocumentRow(Base):
    """A document of an application, byte for byte."""

    __tablename__ = "customer_document"

    id: Mapped[str] = mapped_column(primary_key=True)
    application: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    """`identity`, `register`, `address`, `ownership` or `other`."""
    name: Mapped[str] = mapped_column(info=PERSONAL)
    media_type: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[bytes] = mapped_column(LargeBinary, info=PERSONAL)
    added_by: Mapped[str]
    added_at_s: Mapped[int]
