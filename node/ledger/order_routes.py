"""Orders about money: transfers."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from node.ledger.orders import Order, OrderRow, OrderService
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Caller, check_owner, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.permissions import Permission

router = APIRouter(tags=["orders"])


class TransferIn(schemas.Order):
    """Money from the caller's own account, or from a customer's by its bank."""

    payee: str = Field(max_length=64, description="An institution's id, an own customer's id or an address")
    currency: str = Field(min_length=3, max_length=3)
    amount: schemas.DigitsIn
    text: str = Field("", max_length=140)
    owner: str | None = Field(None, max_length=64, description="Whose money; the caller's own unless stated")


class OrderOut(schemas.Answer):
    """An order; `settled` once the chain has done it."""

    id: str
    kind: str
    owner: str
    payee: str
    currency: str
    amount: schemas.Digits
    text: str
    state: str
    reason: str | None


@router.post("/transfers", status_code=202, dependencies=[needs(Permission.PAYMENTS_WRITE)])
async def transfer(principal: Caller, desk: CallersDesk, once: OnceOnly, order: TransferIn) -> JSONResponse:
    """Transfer money that is available."""
    owner = order.owner or principal.owner
    check_owner(principal, owner)
    wanted = Order(owner, order.payee, order.currency, int(order.amount), order.text)
    stake = Stake(f"{owner} pays {order.payee}: {order.text}".rstrip(": "), wanted.amount_minor, wanted.currency)
    return once.run(
        lambda session: _shown(desk.get(OrderService).transfer(session, wanted, given_by=principal.name)),
        202,
        stake=lambda _session: stake,
    )


@router.get("/orders/{order_id}", dependencies=[needs(Permission.PAYMENTS_READ)])
async def get_order(order_id: str, principal: Caller, desk: CallersDesk) -> OrderOut:
    """Return an order with what became of it."""
    with desk.database.read() as session:
        row = desk.get(OrderService).order(session, order_id)
        check_owner(principal, row.owner)
        return _shown(row)


def _shown(row: OrderRow) -> OrderOut:
    return OrderOut(
        id=row.id,
        kind=row.kind,
        owner=row.owner,
        payee=row.payee,
        currency=row.currency,
        amount=int(row.amount_minor),
        text=row.text,
        state=row.state,
        reason=row.reason,
    )
