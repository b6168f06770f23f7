"""Routes of an institution's own liquidity: figures, and charts of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy.orm import Session

from node.languages import DEFAULT
from node.ledger.days import CutOffs, Day
from node.ledger.liquidity import balances_by_day, currency_chart, days_before, liquidity_chart
from node.ledger.service import LedgerService
from node.ledger.views import Balance
from node.printing import charts
from node.printing.languages import Language, speech
from node.storage.cursor import booked_until_s
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.openapi import download
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.schemas import Answer, Digits, Time

router = APIRouter(prefix="/liquidity", tags=["liquidity"])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
_SVG = download(charts.MEDIA_TYPE, "<svg ...>...</svg>", "The chart")


class LiquidityOut(Answer):
    """What the institution itself has in a currency."""

    currency: str
    total: Digits
    available: Digits
    held: Digits
    blocked: Digits = Field(description="Frozen by an order")


class LiquidityDayOut(LiquidityOut):
    """What it had at the end of a business day."""

    day: str = Field(examples=["2026-08-17"])
    until_s: Time


@router.get("", dependencies=[needs(Permission.BOOKS_READ)])
async def list_liquidity(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("currency"))]
) -> list[LiquidityOut]:
    """Return what the institution itself has now, in each currency."""
    with desk.database.read() as session:
        found = [LiquidityOut.model_validate(one) for one in _now(session, desk)]
    return page.items(found, lambda one: (one.currency,))


@router.get("/chart", response_class=Response, responses=_SVG, dependencies=[needs(Permission.BOOKS_READ)])
async def draw_liquidity(_staff: Staff, desk: CallersDesk, language: Language = DEFAULT) -> Response:
    """Return what the institution itself has now as a chart (SVG): the shares that are available, held and frozen."""
    with desk.database.read() as session:
        chart = liquidity_chart(_now(session, desk), speech(language))
    return Response(charts.svg(chart, speech(language)), media_type=charts.MEDIA_TYPE)


@router.get("/{currency}", dependencies=[needs(Permission.BOOKS_READ)])
async def list_liquidity_days(
    currency: Currency, _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("-day"))]
) -> list[LiquidityDayOut]:
    """Return what it had at the end of each of the last thirty business days."""
    found = [
        LiquidityDayOut(
            currency=currency,
            total=one.total,
            available=one.available,
            held=one.held,
            blocked=one.blocked,
            day=day.on.isoformat(),
            until_s=day.until_s,
        )
        for day, one in _days(desk, currency)
    ]
    return page.items(found, lambda one: (one.day,))


@router.get("/{currency}/chart", response_class=Response, responses=_SVG, dependencies=[needs(Permission.BOOKS_READ)])
async def draw_liquidity_days(
    currency: Currency, _staff: Staff, desk: CallersDesk, language: Language = DEFAULT
) -> Response:
    """Return what it had at the end of each of the last thirty business days as a chart (SVG)."""
    chart = currency_chart(currency, _days(desk, currency), speech(language))
    return Response(charts.svg(chart, speech(language)), media_type=charts.MEDIA_TYPE)


def _now(session: Session, desk: Desk) -> list[Balance]:
    ledger = desk.get(LedgerService)
    have = {one.currency: one for one in ledger.balances(session, desk.institution_id)}
    return [have.get(currency) or Balance(desk.institution_id, currency, 0, 0, 0) for currency in ledger.currencies]


def _days(desk: Desk, currency: str) -> list[tuple[Day, Balance]]:
    ledger = desk.get(LedgerService)
    ledger.require_currency(currency)
    with desk.database.read() as session:
        days = days_before(desk.get(CutOffs).get(session, currency), booked_until_s(session))
        return balances_by_day(session, ledger, desk.institution_id, currency, days)
