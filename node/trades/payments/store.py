"""The payment messages of trades, as they were sent, received or issued: kept for as long as the trade."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import LargeBinary, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from node.storage.database import Base
from node.storage.types import Amount

SENT: Final = "sent"
RECEIVED: Final = "received"
ISSUED: Final = "issued"
"""To a customer of this bank, which fetches it here."""


class TradeMessage(Base):
    """One payment message about a trade."""

    __tablename__ = "trade_message"
    __table_args__ = (UniqueConstraint("direction", "partner", "message_id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    reference: Mapped[str] = mapped_column(index=True)
    direction: Mapped[str]
    """`sent`, `received` or `issued`."""
    partner: Mapped[str]
    """The other bank, or the customer."""
    message_id: Mapped[str]
    kind: Mapped[str]
    """Its definition, `pacs.008.001.08`."""
    uetr: Mapped[str | None]
    milestone: Mapped[int | None]
    status: Mapped[str | None]
    """Of a status message, as its ISO 20022 code."""
    reason: Mapped[str | None] = mapped_column(Text)
    amount_minor: Mapped[int | None] = mapped_column(Amount)
    """What it transfers, or books in sum; a debit is negative."""
    currency: Mapped[str | None]
    time_s: Mapped[int]
    """Ledger time of what it tells about."""
    document: Mapped[bytes] = mapped_column(LargeBinary)
    """XML as it was sent or came."""


def messages_of(session: Session, reference: str) -> Sequence[TradeMessage]:
    """Return a trade's messages in their order."""
    wanted = select(TradeMessage).where(TradeMessage.reference == reference)
    return session.scalars(wanted.order_by(TradeMessage.id)).all()


def first_of(session: Session, reference: str, direction: str, kind: str, uetr: str | None) -> TradeMessage | None:
    """Return the first message of a kind about a trade with this UETR, None if there is none."""
    wanted = select(TradeMessage).where(
        TradeMessage.reference == reference,
        TradeMessage.direction == direction,
        TradeMessage.kind == kind,
        TradeMessage.uetr == uetr,
    )
    return session.scalars(wanted.order_by(TradeMessage.id).limit(1)).first()
