"""Orders about money: an institution or its customer transfers. New money is `issuance.py`.

An order is queued in the caller's transaction and has its effect once the follower sees it; the books then
carry a memo that says why. A customer never sends a transaction: the bank relays its EIP-3009 authorization.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contracts.client.artifacts import checksummed
from contracts.client.deployment import Deployment
from node.audit.store import PERSONAL
from node.ledger.errors import OrderedAlreadyError, PayeeError, UnknownCurrencyError
from node.participants.errors import UnknownCustomerError
from node.participants.service import ParticipantService
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.database import Base
from node.storage.errors import UnknownRowError
from node.storage.outbox import OutboxRow
from node.web.events import publish

PREFIX: Final = "orders:"
# A relayed authorization that no block took in a day is void; the chain is idle for less.
_VALID_S: Final = 86_400
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


class OrderRow(Base):
    """One order."""

    __tablename__ = "ledger_order"

    id: Mapped[str] = mapped_column(primary_key=True)
    """32 bytes as hex: the chain's reference or nonce."""
    kind: Mapped[str]
    """`transfer`."""
    owner: Mapped[str] = mapped_column(index=True)
    """Who orders: a customer's id or the institution's own."""
    payee: Mapped[str]
    """Address that gets the money."""
    currency: Mapped[str]
    amount_minor: Mapped[str]
    """Digits: more than a database integer holds."""
    text: Mapped[str] = mapped_column(Text, info=PERSONAL)
    state: Mapped[str]
    """`queued`, then `settled` or `failed`."""
    reason: Mapped[str | None] = mapped_column(Text)
    ordered_at_s: Mapped[int] = mapped_column(server_default="0", index=True)
    """Ledger time."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered."""

    owner: str
    payee: str
    """Address, an institution's id or an own customer's id."""
    currency: str
    amount_minor: int
    text: str
    id: str | None = None
    """32 bytes as hex, where what is paid has one: its payee finds the payment by it, and it is paid once."""
    valid_until_s: int | None = None
    """Last second in which a block may make the payment; a day from now unless stated."""


class OrderService:
    """Takes orders of one institution and its customers."""

    def __init__(self, *, participants: ParticipantService, deployment: Deployment) -> None:
        self._participants = participants
        self._deployment = deployment

    def transfer(self, session: Session, order: Order, *, given_by: str) -> OrderRow:
        """Order a transfer from the institution's or a customer's account.

        Raises:
            PayeeError: the payee is nobody known here.
            UnknownCustomerError: the owner is no customer.
            OrderedAlreadyError: an order of that id was given already, and has not failed.
        """
        payer = self._participants.address_of(session, order.owner)
        self._check_currency(order.currency)
        row = self._add(session, "transfer", order)
        if order.owner == self._participants.institution.id and order.id is None:
            self._enqueue(session, row, "transfer", (row.payee, order.amount_minor))
            return row
        now_s = booked_until_s(session)
        message: dict[str, Any] = {
            "from": payer,
            "to": row.payee,
            "value": order.amount_minor,
            "validAfter": max(now_s - 1, 0),
            "validBefore": now_s + _VALID_S if order.valid_until_s is None else order.valid_until_s + 1,
            "nonce": bytes.fromhex(row.id),
        }
        signature = self._participants.sign_typed(
            session,
            signer=order.owner,
            domain=self._deployment.token_domain(order.currency),
            primary_type="TransferWithAuthorization",
            message=message,
            given_by=given_by,
            now_s=now_s,
        )
        self._enqueue(session, row, "transferWithAuthorization", (*message.values(), signature))
        return row

    def order(self, session: Session, order_id: str) -> OrderRow:
        """Return an order, or raise UnknownRowError."""
        found = session.get(OrderRow, order_id)
        if found is None:
            raise UnknownRowError("order", order_id)
        return found

    def orders(
        self, *, owner: str | None = None, currency: str | None = None, state: str | None = None
    ) -> Select[OrderRow]:
        """Return the query of the orders, of everybody, in any currency and state unless it is said."""
        wanted = select(OrderRow)
        for column, value in ((OrderRow.owner, owner), (OrderRow.currency, currency), (OrderRow.state, state)):
            if value is not None:
                wanted = wanted.where(column == value)
        return wanted

    def on_outcome(self, session: Session, row: OutboxRow) -> None:
        """Book how an order ended, and tell its owner."""
        # Many may end in one block: what they changed is written once.
        with session.no_autoflush:
            order = session.get_one(OrderRow, row.reference.removeprefix(PREFIX))
        order.state = "settled" if row.state == outbox.CONFIRMED else "failed"
        order.reason = row.reason
        self._tell(session, order, f"payment.{order.state}")

    def _tell(self, session: Session, order: OrderRow, kind: str) -> None:
        body = {"id": order.id, "currency": order.currency, "amount": order.amount_minor, "reason": order.reason}
        own = order.owner == self._participants.institution.id
        owner = None if own else order.owner
        publish(session, kind=kind, owner=owner, body=body, time_s=booked_until_s(session))

    def _add(self, session: Session, kind: str, order: Order) -> OrderRow:
        if order.id is not None:
            self._make_room(session, order.id)
        row = OrderRow(
            id=order.id or secrets.token_hex(32),
            kind=kind,
            owner=order.owner,
            payee=payee_address(session, self._participants, order.payee),
            currency=order.currency,
            amount_minor=str(order.amount_minor),
            text=order.text,
            state=outbox.QUEUED,
            reason=None,
            ordered_at_s=booked_until_s(session),
        )
        session.add(row)
        self._tell(session, row, "payment.ordered")
        return row

    def _make_room(self, session: Session, order_id: str) -> None:
        """Give an order of this id that failed another one: the chain has not used its nonce."""
        found = session.get(OrderRow, order_id)
        if found is not None and found.state != outbox.FAILED:
            raise OrderedAlreadyError(order_id, found.state)
        if found is not None:
            found.id = secrets.token_hex(32)
            session.flush()

    def _enqueue(self, session: Session, row: OrderRow, function: str, args: tuple[Any, ...]) -> None:
        outbox.enqueue(session, contract=row.currency, function=function, args=args, reference=PREFIX + row.id)

    def _check_currency(self, currency: str) -> None:
        if currency not in self._deployment.tokens:
            raise UnknownCurrencyError(currency, tuple(sorted(self._deployment.tokens)))


def payee_address(session: Session, participants: ParticipantService, payee: str) -> str:
    """Return the account of a payee: an address, an institution's id or an own customer's.

    Raises:
        PayeeError: it is none of them.
    """
    if _ADDRESS.fullmatch(payee):
        return checksummed(payee)
    try:
        return participants.customer(session, payee).address
    except UnknownCustomerError:
        institutions = {institution.id: institution.address for institution in participants.directory}
    if payee not in institutions:
        raise PayeeError(payee)
    return institutions[payee]
