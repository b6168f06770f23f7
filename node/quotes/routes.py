"""Routes of the FX desk: its quotes, mid rates, oracle rounds. Quotes for a trade are asked for under the trade."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from node.quotes.errors import RejectedError
from node.quotes.rates import ledger_day
from node.quotes.schemas import IssuedQuoteOut, RateOut, RoundOut
from node.quotes.service import QuoteService
from node.quotes.store import IssuedQuote, OracleRound
from node.storage.cursor import booked_until_s
from node.web.auth import Staff
from node.web.desk import CallersDesk
from node.web.limits import PAGE_MAX

router = APIRouter(tags=["quotes"])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
RATE_PLACES = 6


@router.get("/quotes/issued")
async def list_issued(
    _staff: Staff, desk: CallersDesk, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100
) -> list[IssuedQuoteOut]:
    """Return the newest firm quotes of this desk."""
    service = desk.get(QuoteService).desk
    if service is None:
        raise RejectedError("institution", "an FX provider with pricing", desk.institution_id)
    with desk.database.read() as session:
        return [_issued(row) for row in service.issued(session, limit)]


@router.get("/rates/{base}/{quote}")
async def get_rate(base: Currency, quote: Currency, desk: CallersDesk) -> RateOut:
    """Return the mid rate at ledger time."""
    with desk.database.read() as session:
        now_s = booked_until_s(session)
    rate = desk.get(QuoteService).rates.major(now_s, base, quote)
    return RateOut(base=base, quote=quote, rate=rate.decimal(RATE_PLACES), day=ledger_day(now_s).isoformat())


@router.get("/oracle/rounds")
async def list_rounds(desk: CallersDesk, limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 24) -> list[RoundOut]:
    """Return the newest rounds this institution reported on or saw recorded."""
    with desk.database.read() as session:
        newest = select(OracleRound).order_by(OracleRound.round.desc(), OracleRound.pair).limit(limit)
        return [
            RoundOut(
                pair=row.pair,
                round=row.round,
                submitted=row.submitted,
                median=None if row.median is None else str(row.median),
                usable=row.usable,
            )
            for row in session.scalars(newest)
        ]


def _issued(row: IssuedQuote) -> IssuedQuoteOut:
    return IssuedQuoteOut(
        digest="0x" + row.digest.hex(),
        requester=row.requester,
        sell_currency=row.sell_currency,
        buy_currency=row.buy_currency,
        max_amount=row.quote["max_amount"],
        rate_num=row.quote["rate_num"],
        rate_den=row.quote["rate_den"],
        spread_bps=row.spread_bps,
        fee_bps=int(row.quote["fee_bps"]),
        expires_at_s=row.expires_at_s,
        state=row.state,
        reason=row.reason,
    )
