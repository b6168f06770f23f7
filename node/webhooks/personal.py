"""What this slice holds about a customer: the addresses that its events are brought to."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.webhooks.service import WebhookService
from node.webhooks.store import DISABLED, DeliveryRow, EndpointRow


class WebhookKeeper:
    """Addresses of a customer, with what was brought there."""

    name = "webhooks"

    def __init__(self, webhooks: WebhookService) -> None:
        self._webhooks = webhooks

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return [
            {"webhook": row.shown(), "deliveries": [one.shown() for one in self._deliveries(session, row)]}
            for row in self._of(session, customer_id)
        ]

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in self._of(session, customer_id):
            row.state, row.reason = DISABLED, "the institution has parted from its owner"

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in self._of(session, customer_id):
            self._webhooks.remove(session, row)

    def _of(self, session: Session, customer_id: str) -> Sequence[EndpointRow]:
        return session.scalars(self._webhooks.endpoints(customer_id).order_by(EndpointRow.id)).all()

    def _deliveries(self, session: Session, row: EndpointRow) -> Sequence[DeliveryRow]:
        return session.scalars(select(DeliveryRow).where(DeliveryRow.endpoint_id == row.id)).all()
