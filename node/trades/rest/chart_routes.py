"""Routes of figures that people would rather look at: a trade's rate, and how long settlements take."""

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from node.languages import DEFAULT
from node.printing import charts
from node.printing.languages import Language, speech
from node.storage.cursor import booked_until_s
from node.trades.rest.routing import Reference, actor_of, trades_of
from node.trades.views.rates import TradeRatesOut, rate_chart, rates_of
from node.trades.views.settlement_times import SettlementTimesOut, settlement_chart, settlement_times
from node.web.auth import Caller, Principal, Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.openapi import download
from node.web.permissions import Permission

router = APIRouter()

_SVG = download(charts.MEDIA_TYPE, "<svg ...>...</svg>", "The chart")


@router.get("/trades/{reference}/rates", tags=["trades"], dependencies=[needs(Permission.TRADES_READ)])
async def get_trade_rates(reference: Reference, principal: Caller, desk: CallersDesk) -> TradeRatesOut:
    """Return a trade's rate over its life: day by day, what was agreed, and when it counted."""
    with desk.database.read() as session:
        return _rates(session, desk, principal, reference)


@router.get(
    "/trades/{reference}/rates/chart",
    tags=["trades"],
    response_class=Response,
    responses=_SVG,
    dependencies=[needs(Permission.TRADES_READ)],
)
async def draw_trade_rates(
    reference: Reference, principal: Caller, desk: CallersDesk, language: Language = DEFAULT
) -> Response:
    """Return a trade's rate as a chart (SVG), with the band and the points at which it counted."""
    words = speech(language)
    with desk.database.read() as session:
        chart = rate_chart(reference, _rates(session, desk, principal, reference), words)
    return Response(charts.svg(chart, words), media_type=charts.MEDIA_TYPE)


@router.get("/settlement-times", tags=["trades"], dependencies=[needs(Permission.BOOKS_READ)])
async def get_settlement_times(_staff: Staff, desk: CallersDesk) -> SettlementTimesOut:
    """Return how long it took from the moment a milestone was final until its money had moved."""
    with desk.database.read() as session:
        return settlement_times(session)


@router.get(
    "/settlement-times/chart",
    tags=["trades"],
    response_class=Response,
    responses=_SVG,
    dependencies=[needs(Permission.BOOKS_READ)],
)
async def draw_settlement_times(_staff: Staff, desk: CallersDesk, language: Language = DEFAULT) -> Response:
    """Return how long settlements took as a chart (SVG)."""
    words = speech(language)
    with desk.database.read() as session:
        chart = settlement_chart(settlement_times(session), words)
    return Response(charts.svg(chart, words), media_type=charts.MEDIA_TYPE)


def _rates(session: Session, desk: Desk, principal: Principal, reference: str) -> TradeRatesOut:
    trades = trades_of(desk)
    trade = trades.desk.trade_of(session, reference, actor_of(principal))
    only = trades.desk.holdings(session, trade, actor_of(principal))
    return rates_of(session, trades.desk, trade, booked_until_s(session), only)
