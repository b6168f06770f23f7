"""What this slice holds about a customer: who it is, and what was signed for it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.participants.store import ConsentRow, CustomerRow


class CustomerKeeper:
    """Customers and their consents. Consents name accounts and amounts and prove what was signed: they are kept."""

    name = "customer"

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        consents = session.scalars(select(ConsentRow).where(ConsentRow.signer == customer_id).order_by(ConsentRow.id))
        return {
            "customer": session.get_one(CustomerRow, customer_id).shown(),
            "consents": [row.shown() for row in consents],
        }

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """The service itself does."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        """The service itself does."""
