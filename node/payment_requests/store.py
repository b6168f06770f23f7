"""Table of this room: what was asked for here."""

from sqlalchemy import LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL
from node.storage.database import Base
from node.storage.types import Amount

OPEN = "open"
PAID = "paid"


class PaymentRequestRow(Base):
    """One payment request of a customer."""

    __tablename__ = "payment_request"

    id: Mapped[str] = mapped_column(primary_key=True)
    """32 bytes as hex: what the bank signed, and the nonce of the authorization that pays it."""
    owner: Mapped[str] = mapped_column(index=True)
    """Id of the customer who is to be paid."""
    account: Mapped[str]
    currency: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(Amount)
    reference: Mapped[str] = mapped_column(info=PERSONAL)
    payload: Mapped[str] = mapped_column(Text, info=PERSONAL)
    created_at_s: Mapped[int] = mapped_column(index=True)
    """Ledger time."""
    expires_at_s: Mapped[int]
    state: Mapped[str]
    payer: Mapped[str | None]
    """Account that has paid."""
    paid_at_s: Mapped[int | None]
    tx_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
