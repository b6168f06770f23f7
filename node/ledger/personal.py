"""What this slice holds about a customer: its balances, its statement and its orders."""

from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.ledger.orders import OrderRow
from node.ledger.service import LedgerService

_PAGE: Final = 500


class LedgerKeeper:
    """Books. Entries name accounts and amounts and are never changed; what a customer wrote to an order is erased."""

    name = "ledger"

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        """Return the money that the customer still has."""
        return [
            f"{balance.total} minor units of {balance.currency}"
            for balance in self._ledger.balances(session, customer_id)
            if balance.total
        ]

    def export(self, session: Session, customer_id: str) -> Any:
        balances = self._ledger.balances(session, customer_id)
        return {
            "balances": [{"currency": one.currency, "total": str(one.total)} for one in balances],
            "statements": {one.currency: self._statement(session, customer_id, one.currency) for one in balances},
            "orders": [row.shown() for row in self._orders(session, customer_id)],
        }

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """Nothing acts here."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in self._orders(session, customer_id):
            row.text = ""

    def _orders(self, session: Session, customer_id: str) -> list[OrderRow]:
        return list(session.scalars(select(OrderRow).where(OrderRow.owner == customer_id).order_by(OrderRow.id)))

    def _statement(self, session: Session, customer_id: str, currency: str) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self._ledger.statement(session, customer_id, currency, after=after, limit=_PAGE)
            lines += [asdict(line) for line in page]
            if len(page) < _PAGE:
                return lines
            after = page[-1].entry
