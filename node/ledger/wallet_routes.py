"""Wallets, purposes and the limits of tiers: ordered by banks and central banks, read by everybody's staff."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from node.ledger.store import WalletOrderRow
from node.ledger.wallets import TIERS, Limits, WalletService, purpose_name
from node.web import schemas
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["wallets"])

Tier = Literal["anonymous", "registered"]
PurposeName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$", description="Up to 32 of a-z, 0-9 and -")]


class PurposeIn(schemas.Order):
    """A purpose to be made."""

    purpose: PurposeName


class PayeeIn(schemas.Order):
    """A payee of a purpose."""

    payee: str = Field(min_length=1, max_length=64, description="An address, an institution's id or an own customer's")
    allowed: bool = Field(True, description="False takes it off the list")


class WalletIn(schemas.Order):
    """A wallet to be opened or changed."""

    customer: str = Field(min_length=1, max_length=55, description="An own customer's id")
    tier: Tier = "registered"
    purpose: PurposeName | None = None


class LimitsIn(schemas.Order):
    """What wallets of a tier may hold and spend; \"0\": no limit."""

    holding_max: schemas.DigitsIn
    flow_max: schemas.DigitsIn
    window_s: int = Field(
        0, alias="window_s", ge=0, lt=2**32, description="Length of the window in which flow_max counts"
    )


class WalletOrderOut(schemas.Answer):
    """An order; `done` once the chain has taken it."""

    id: str
    summary: str
    state: Literal["queued", "done", "failed"]
    reason: str | None = Field(description="Why the chain refused it")


class WalletOut(schemas.Answer):
    """A customer's wallet, as the chain has it."""

    customer: str
    account: str
    tier: Tier
    purpose: str | None


class PurposeOut(schemas.Answer):
    """A purpose of the network."""

    purpose: str
    owner: str
    payees: list[str] = Field(description="Names that are known here, else addresses")


class LimitsOut(schemas.Answer):
    """The limits of a tier in one currency; \"0\": none."""

    currency: str
    tier: Tier
    holding_max: schemas.Digits
    flow_max: schemas.Digits
    window_s: int = Field(serialization_alias="window_s", description="Length of the window in which flow_max counts")


@router.get("/purposes", dependencies=[needs(Permission.WALLETS_READ)])
async def list_purposes(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("purpose"))]
) -> list[PurposeOut]:
    """Return every purpose of the network with its payees."""
    with desk.database.read() as session:
        found = [
            PurposeOut(purpose=purpose_name(row.purpose), owner=owner, payees=payees)
            for row, owner, payees in desk.get(WalletService).purposes(session)
        ]
    return page.items(found, lambda one: (one.purpose,))


@router.post(
    "/purposes", status_code=202, response_model=WalletOrderOut, dependencies=[needs(Permission.WALLETS_WRITE)]
)
async def define_purpose(order: PurposeIn, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Make a purpose, which the caller then owns: a bank or central bank alone."""
    service = desk.get(WalletService)
    return once.run(lambda session: _shown(service.define(session, order.purpose)), 202)


@router.post(
    "/purposes/{purpose}/payees",
    status_code=202,
    response_model=WalletOrderOut,
    dependencies=[needs(Permission.WALLETS_WRITE)],
)
async def allow_payee(
    purpose: Annotated[str, Path(max_length=32)], order: PayeeIn, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Put a payee on a purpose's list or take it off: its owner alone."""
    service = desk.get(WalletService)
    return once.run(lambda session: _shown(service.allow(session, purpose, order.payee, allowed=order.allowed)), 202)


@router.get("/wallets", dependencies=[needs(Permission.WALLETS_READ)])
async def list_wallets(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("customer"))],
    tier: Tier | None = None,
    purpose: Annotated[str | None, Query(max_length=66)] = None,
) -> list[WalletOut]:
    """Return the wallets of the caller's customers."""
    with desk.database.read() as session:
        found = [
            WalletOut(
                customer=customer,
                account=row.account,
                tier=_tier(row.tier),
                purpose=None if row.purpose is None else purpose_name(row.purpose),
            )
            for customer, row in desk.get(WalletService).wallets(session)
        ]
    wanted = (one for one in found if tier in (None, one.tier) and purpose in (None, one.purpose))
    return page.items(wanted, lambda one: (one.customer,))


@router.post("/wallets", status_code=202, response_model=WalletOrderOut, dependencies=[needs(Permission.WALLETS_WRITE)])
async def open_wallet(order: WalletIn, _staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Open a customer's wallet or change it, in a tier and with a purpose or none: its bank alone."""
    service = desk.get(WalletService)
    return once.run(
        lambda session: _shown(service.open(session, order.customer, tier=order.tier, purpose=order.purpose)), 202
    )


@router.get("/wallet-orders/{order_id}", dependencies=[needs(Permission.WALLETS_READ)])
async def get_order(order_id: Annotated[str, Path(max_length=64)], _staff: Staff, desk: CallersDesk) -> WalletOrderOut:
    """Return an order about wallets, purposes or limits, and what became of it."""
    with desk.database.read() as session:
        return _shown(desk.get(WalletService).order(session, order_id))


@router.get("/tier-limits", dependencies=[needs(Permission.WALLETS_READ)])
async def list_limits(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("currency"))]
) -> list[LimitsOut]:
    """Return the limits of wallets' tiers, currency by currency."""
    with desk.database.read() as session:
        found = [
            LimitsOut(
                currency=row.currency,
                tier=_tier(row.tier),
                holding_max=row.holding_max,
                flow_max=row.flow_max,
                window_s=row.window_s,
            )
            for row in desk.get(WalletService).limits(session)
        ]
    return page.items(found, lambda one: (one.currency, one.tier))


@router.post(
    "/tier-limits/{currency}/{tier}",
    status_code=202,
    response_model=WalletOrderOut,
    dependencies=[needs(Permission.LIMITS_WRITE)],
)
async def set_limits(
    currency: Annotated[str, Path(pattern=r"^[A-Z]{3}$", examples=["EUR"])],
    tier: Tier,
    order: LimitsIn,
    _staff: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Set what wallets of a tier may hold and spend of a currency: its central bank alone."""
    service, limits = desk.get(WalletService), Limits(int(order.holding_max), int(order.flow_max), order.window_s)
    most, flow = limits.holding_max, limits.flow_max
    stake = Stake(f"let {tier} wallets hold {most} and spend {flow} minor units of {currency} in {limits.window_s} s")
    return once.run(
        lambda session: _shown(service.limit(session, currency, tier, limits)), 202, stake=lambda _session: stake
    )


def _tier(number: int) -> Tier:
    return "anonymous" if number == TIERS["anonymous"] else "registered"


def _shown(row: WalletOrderRow) -> WalletOrderOut:
    return WalletOrderOut.model_validate(row)
