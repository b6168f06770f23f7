"""Tables of customers and of what was signed for them."""

from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base


class CustomerRow(Base):
    """A customer whose key this institution keeps."""

    __tablename__ = "participant_customer"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[str] = mapped_column(unique=True)
    key_name: Mapped[str] = mapped_column(unique=True)
    created_at_s: Mapped[int]
    wallet: Mapped[str] = mapped_column(server_default="none")
    """Its wallet in ParticipantRegistry: `none`, `queued`, then `open` or `failed`."""


class ConsentRow(Base):
    """A signature made with a kept key, and who agreed to it."""

    __tablename__ = "participant_consent"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    signer: Mapped[str] = mapped_column(index=True)
    """Customer id, or the institution's own id."""
    address: Mapped[str]
    primary_type: Mapped[str]
    domain: Mapped[dict[str, Any]] = mapped_column(JSON)
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What was shown: integers as digits, bytes as hex."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))
    given_by: Mapped[str]
    """Who asked for it, as the desk authenticated them."""
    given_at_s: Mapped[int]
    """Ledger time."""
