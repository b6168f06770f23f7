"""What this slice holds about a customer: what it asked to be paid."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.payment_requests.store import PaymentRequestRow


class PaymentRequestKeeper:
    """Requests of a customer; the codes carry its name and town."""

    name = "payment_requests"

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return [row.shown() for row in self._of(session, customer_id)]

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """A code that was shown cannot be called back; it expires."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in self._of(session, customer_id):
            session.delete(row)

    def _of(self, session: Session, customer_id: str) -> Sequence[PaymentRequestRow]:
        wanted = select(PaymentRequestRow).where(PaymentRequestRow.owner == customer_id)
        return session.scalars(wanted.order_by(PaymentRequestRow.id)).all()
