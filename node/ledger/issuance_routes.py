"""Requests for money: made by banks and FX providers, approved or declined by central banks."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.orm import Session

from node.ledger.issuance import IssuanceService
from node.ledger.store import IssuanceRow
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/issuance-requests", tags=["issuance"])

State = Literal["queued", "open", "answering", "issued", "declined", "failed"]


class IssuanceIn(schemas.Order):
    """Money that the caller asks a central bank for."""

    currency: str = Field(min_length=3, max_length=3)
    amount: schemas.DigitsIn
    text: str = Field("", max_length=140, description="The caller's own note; it does not go to the chain")


class IssuanceOut(schemas.Answer):
    """A request; `open` once the chain has recorded it, `issued` or `declined` once it is answered."""

    id: str = Field(description="The same at the requester and at the central bank")
    requester: str = Field(description="An institution's id")
    currency: str
    amount: schemas.Digits
    text: str
    state: State
    reason: str | None = Field(description="Why the request or the last answer failed")
    requested_at_s: schemas.Time | None = Field(description="Ledger time")


@router.post("", status_code=202, response_model=IssuanceOut, dependencies=[needs(Permission.ISSUANCE_REQUEST)])
async def request(_staff: Staff, desk: CallersDesk, once: OnceOnly, order: IssuanceIn) -> JSONResponse:
    """Ask for money: a bank or FX provider alone."""
    service = desk.get(IssuanceService)
    return once.run(
        lambda session: _shown(
            service,
            service.request(session, currency=order.currency, amount_minor=int(order.amount), text=order.text),
        ),
        202,
        stake=lambda _session: Stake(f"ask for new money: {order.text}", int(order.amount), order.currency),
    )


@router.get("", dependencies=[needs(Permission.ISSUANCE_READ)])
async def list_requests(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-ordered", "id"))],
    state: State | None = None,
) -> list[IssuanceOut]:
    """Return the caller's own requests, or those for the currencies it issues; the latest first."""
    service = desk.get(IssuanceService)
    columns = (IssuanceRow.id,) if page.order == "id" else (IssuanceRow.ordered_at_s, IssuanceRow.id)
    with desk.database.read() as session:
        return [_shown(service, row) for row in page.rows(session, service.requests(state), *columns)]


@router.get("/{request_id}", dependencies=[needs(Permission.ISSUANCE_READ)])
async def get_request(request_id: str, _staff: Staff, desk: CallersDesk) -> IssuanceOut:
    """Return a request with what became of it."""
    service = desk.get(IssuanceService)
    with desk.database.read() as session:
        return _shown(service, service.get(session, request_id))


@router.post(
    "/{request_id}/approve",
    status_code=202,
    response_model=IssuanceOut,
    dependencies=[needs(Permission.ISSUANCE_ANSWER)],
)
async def approve(request_id: str, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Issue what an open request asks for: the currency's central bank alone."""
    service = desk.get(IssuanceService)
    return once.run(
        lambda session: _shown(service, service.approve(session, request_id)), 202, _stake(service, request_id)
    )


@router.post(
    "/{request_id}/decline",
    status_code=202,
    response_model=IssuanceOut,
    dependencies=[needs(Permission.ISSUANCE_ANSWER)],
)
async def decline(request_id: str, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Say no to an open request: the currency's central bank alone."""
    service = desk.get(IssuanceService)
    return once.run(lambda session: _shown(service, service.decline(session, request_id)), 202)


def _stake(service: IssuanceService, request_id: str) -> Callable[[Session], Stake]:
    def stake(session: Session) -> Stake:
        row = service.get(session, request_id)
        return Stake(f"issue what {service.requester_name(row)} asks for", row.amount_minor, row.currency)

    return stake


def _shown(service: IssuanceService, row: IssuanceRow) -> IssuanceOut:
    return IssuanceOut.model_validate(
        {
            "id": row.id,
            "requester": service.requester_name(row),
            "currency": row.currency,
            "amount": row.amount_minor,
            "text": row.text,
            "state": row.state,
            "reason": row.reason,
            "requested_at_s": row.requested_at_s,
        }
    )
