"""Payments from the caller's own account, or from a customer's by its bank."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.orm import Session

from node.ledger.days import CutOff, CutOffs, day_of
from node.ledger.orders import Order, OrderRow, OrderService
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Caller, check_owner, needs
from node.web.desk import CallersDesk, Desk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/payments", tags=["payments"])

State = Literal["queued", "settled", "failed"]


class PaymentIn(schemas.Order):
    """A payment to be made."""

    payee: str = Field(max_length=64, description="An institution's id, an own customer's id or an address")
    currency: str = Field(min_length=3, max_length=3)
    amount: schemas.DigitsIn
    text: str = Field("", max_length=140)
    owner: str | None = Field(None, max_length=64, description="Whose money; the caller's own unless stated")


class PaymentOut(schemas.Answer):
    """A payment; `settled` once the chain has made it."""

    id: str = Field(examples=["9f" * 32])
    kind: str = Field(examples=["transfer"])
    owner: str = Field(description="Whose money")
    payee: str = Field(description="Account that gets it", examples=["0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB"])
    currency: str
    amount: schemas.Digits
    text: str
    state: State
    reason: str | None = Field(description="Why it failed")
    ordered_at_s: schemas.Time = Field(description="Ledger time")
    value_date: str = Field(
        description="Business day that it belongs to, by its currency's cut-off", examples=["2026-08-17"]
    )


@router.post("", status_code=202, response_model=PaymentOut, dependencies=[needs(Permission.PAYMENTS_WRITE)])
async def pay(principal: Caller, desk: CallersDesk, once: OnceOnly, order: PaymentIn) -> JSONResponse:
    """Pay with money that is available."""
    owner = order.owner or principal.owner
    check_owner(principal, owner)
    wanted = Order(owner, order.payee, order.currency, int(order.amount), order.text)
    stake = Stake(f"{owner} pays {order.payee}: {order.text}".rstrip(": "), wanted.amount_minor, wanted.currency)
    return once.run(
        lambda session: shown_payment(
            session, desk, desk.get(OrderService).transfer(session, wanted, given_by=principal.name)
        ),
        202,
        stake=lambda _session: stake,
    )


@router.get("", dependencies=[needs(Permission.PAYMENTS_READ)])
async def list_payments(
    principal: Caller,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-ordered"))],
    owner: Annotated[str | None, Query(max_length=64)] = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
    state: State | None = None,
) -> list[PaymentOut]:
    """Return payments that were ordered here, the latest first: a customer's own, or all of the institution's."""
    wanted = owner or principal.customer_id
    if wanted is not None:
        check_owner(principal, wanted)
    query = desk.get(OrderService).orders(owner=wanted, currency=currency, state=state)
    with desk.database.read() as session:
        rows = page.rows(session, query, OrderRow.ordered_at_s, OrderRow.id)
        cut_offs = desk.get(CutOffs).all(session)
    return [_shown(row, cut_offs[row.currency]) for row in rows]


@router.get("/{payment_id}", dependencies=[needs(Permission.PAYMENTS_READ)])
async def get_payment(
    payment_id: Annotated[str, Path(max_length=64)], principal: Caller, desk: CallersDesk
) -> PaymentOut:
    """Return a payment with what became of it."""
    with desk.database.read() as session:
        row = desk.get(OrderService).order(session, payment_id)
        check_owner(principal, row.owner)
        return shown_payment(session, desk, row)


def shown_payment(session: Session, desk: Desk, row: OrderRow) -> PaymentOut:
    """Return a payment as the API gives it."""
    return _shown(row, desk.get(CutOffs).get(session, row.currency))


def _shown(row: OrderRow, cut_off: CutOff) -> PaymentOut:
    return PaymentOut.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "owner": row.owner,
            "payee": row.payee,
            "currency": row.currency,
            "amount": row.amount_minor,
            "text": row.text,
            "state": row.state,
            "reason": row.reason,
            "ordered_at_s": row.ordered_at_s,
            "value_date": day_of(cut_off, row.ordered_at_s).on.isoformat(),
        }
    )
