"""Freeze orders: given and lifted by central banks, seen by the desks whose accounts they are about."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from node.ledger.freezing import FreezeService
from node.ledger.store import FreezeRow
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/freezes", tags=["freezes"])

Scope = Literal["available", "all"]
State = Literal["queued", "in force", "lifting", "lifted", "failed"]


class FreezeIn(schemas.Order):
    """An order on an account."""

    currency: str = Field(min_length=3, max_length=3)
    account: str = Field(pattern=r"^0x[0-9a-fA-F]{40}$")
    scope: Scope = Field(description="`available`: it cannot spend; `all`: nor can its holds be executed")
    expires_at_s: schemas.TimeIn = Field(description="Last second of the order, at most ten years ahead")
    reasons: str = Field(min_length=1, max_length=2_000, description="Kept here; its hash goes on chain")


class FreezeOut(schemas.Answer):
    """An order; `in force` once the chain has it."""

    currency: str
    number: int
    account: str
    scope: Scope
    expires_at_s: schemas.Time
    reasons: str = Field(description="Empty at those who did not give the order")
    reasons_sha256: str
    state: State
    failure: str | None = Field(description="Why the order or its lifting failed")
    ordered_at_s: schemas.Time | None = Field(description="Ledger time")
    lifted_at_s: schemas.Time | None


@router.post("", status_code=202, response_model=FreezeOut, dependencies=[needs(Permission.FREEZES_WRITE)])
async def order(order: FreezeIn, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Freeze an account: the currency's central bank alone."""
    service = desk.get(FreezeService)
    stake = Stake(f"freeze {order.account} in {order.currency}, {order.scope}: {order.reasons}")
    return once.run(lambda session: _shown(service.order(session, **order.model_dump())), 202, lambda _session: stake)


@router.get("", dependencies=[needs(Permission.FREEZES_READ)])
async def list_orders(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-number"))],
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
    state: State | None = None,
) -> list[FreezeOut]:
    """Return the orders in the caller's currencies and on its own accounts, the latest of each currency first."""
    with desk.database.read() as session:
        wanted = desk.get(FreezeService).orders(session)
        if currency is not None:
            wanted = wanted.where(FreezeRow.currency == currency)
        if state is not None:
            wanted = wanted.where(FreezeRow.state == state)
        return [_shown(row) for row in page.rows(session, wanted, FreezeRow.number, FreezeRow.currency)]


@router.post(
    "/{currency}/{number}/lift",
    status_code=202,
    response_model=FreezeOut,
    dependencies=[needs(Permission.FREEZES_WRITE)],
)
async def lift(
    currency: Annotated[str, Path(pattern=r"^[A-Z]{3}$", examples=["EUR"])],
    number: Annotated[int, Path(ge=0, lt=2**31)],
    _staff: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """End an order before it expires: the currency's central bank alone."""
    service = desk.get(FreezeService)
    stake = Stake(f"lift freeze order {number} of {currency}")
    return once.run(lambda session: _shown(service.lift(session, currency, number)), 202, lambda _session: stake)


def _shown(row: FreezeRow) -> FreezeOut:
    return FreezeOut.model_validate(
        {
            "currency": row.currency,
            "number": row.number,
            "account": row.account,
            "scope": row.scope,
            "expires_at_s": row.expires_at_s,
            "reasons": row.reasons,
            "reasons_sha256": row.reason_hash.hex(),
            "state": row.state,
            "failure": row.failure,
            "ordered_at_s": row.ordered_at_s,
            "lifted_at_s": row.lifted_at_s,
        }
    )
