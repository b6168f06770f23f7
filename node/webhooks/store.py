"""Tables of webhooks."""

from typing import Final

from sqlalchemy import JSON, Float, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import SECRET
from node.storage.database import Base

ACTIVE: Final = "active"
DISABLED: Final = "disabled"
QUEUED: Final = "queued"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"
HMAC: Final = "hmac"
ED25519: Final = "ed25519"


class EndpointRow(Base):
    """An address that events are brought to."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str | None] = mapped_column(index=True)
    """Customer whose events these are; None: the institution, which gets all."""
    url: Mapped[str] = mapped_column(Text)
    text: Mapped[str]
    """The owner's own note."""
    kinds: Mapped[list[str]] = mapped_column(JSON)
    """What it wants to hear of; nothing here: everything."""
    state: Mapped[str]
    """`active` or `disabled`."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the node has disabled it."""
    created_at_s: Mapped[int]
    """Ledger time."""
    position: Mapped[int]
    """Number of the last event that was looked at for it."""


class KeyRow(Base):
    """A key that its messages are signed with."""

    __tablename__ = "webhook_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"), index=True)
    scheme: Mapped[str]
    """`hmac` or `ed25519`."""
    secret: Mapped[bytes] = mapped_column(LargeBinary, info=SECRET)
    """The shared secret, or the seed of the private key."""
    until_s: Mapped[float | None] = mapped_column(Float)
    """Wall clock; None while nothing has taken its place."""


class DeliveryRow(Base):
    """An event on its way to an endpoint: `queued`, then `delivered` or `failed`."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index("ix_webhook_delivery_due", "state", "next_attempt_at_s"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    event_id: Mapped[int]
    kind: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    queued_at_s: Mapped[float] = mapped_column(Float)
    """Wall clock, as all times here."""
    next_attempt_at_s: Mapped[float] = mapped_column(Float)
    ended_at_s: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed."""


class AttemptRow(Base):
    """One POST of a delivery, as it went."""

    __tablename__ = "webhook_attempt"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("webhook_delivery.id", ondelete="CASCADE"), index=True)
    at_s: Mapped[float] = mapped_column(Float)
    status: Mapped[int | None]
    """Of the answer; None where there was none."""
    took_ms: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)


def message_id(institution_id: str, event_id: int) -> str:
    """Return what receivers know a message by: the same for the same event, however often it comes."""
    return f"evt_{institution_id}_{event_id}"
