"""Routes of the FX desk: its quotes, faults of providers, mid rates, the oracle.

Quotes for a trade are asked for under the trade.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.quotes.errors import RejectedError, UnavailableError, UnknownCurrencyError
from node.quotes.exposure import Exposure
from node.quotes.oracle import OracleReporter
from node.quotes.rates import ledger_day
from node.quotes.schemas import (
    ExposureLimitIn,
    ExposureOut,
    FaultOut,
    IssuedQuoteOut,
    PairOut,
    RateOut,
    RoundOut,
)
from node.quotes.service import QuoteService
from node.quotes.store import IssuedQuote, OracleRound, ProviderFault
from node.storage.cursor import booked_until_s
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter()

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
Provider = Annotated[str, Path(max_length=64, description="An institution's id", examples=["fx-amber"])]
RATE_PLACES = 6


@router.get("/quotes/issued", tags=["quotes"], dependencies=[needs(Permission.QUOTES_READ)])
async def list_issued(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-expires"))],
    state: Annotated[str | None, Query(max_length=16)] = None,
) -> list[IssuedQuoteOut]:
    """Return the firm quotes of this desk, the newest first."""
    service = desk.get(QuoteService).desk
    if service is None:
        raise RejectedError("institution", "an FX provider with pricing", desk.institution_id)
    with desk.database.read() as session:
        rows = page.rows(session, service.issued(state), IssuedQuote.expires_at_s, IssuedQuote.digest)
        return [_issued(row) for row in rows]


@router.get("/quotes/faults", tags=["quotes"], dependencies=[needs(Permission.QUOTES_READ)])
async def list_faults(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-recorded"))],
    provider: Annotated[str | None, Query(pattern=r"^0x[0-9a-fA-F]{40}$")] = None,
) -> list[FaultOut]:
    """Return quotes, of any provider, that the chain recorded as signed without their reserve; the newest first."""
    service = desk.get(QuoteService)
    with desk.database.read() as session:
        return [
            FaultOut(
                digest="0x" + row.digest.hex(),
                provider=row.provider,
                missing=str(row.missing_minor),
                recorded_at_s=row.recorded_at_s,
            )
            for row in page.rows(
                session, service.screen.faults(provider), ProviderFault.recorded_at_s, ProviderFault.digest
            )
        ]


@router.get("/exposures", tags=["quotes"], dependencies=[needs(Permission.QUOTES_READ)])
async def list_exposures(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("provider"))],
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$", examples=["KES"])] = None,
) -> list[ExposureOut]:
    """Return what is open with each FX provider in each currency, where there is anything or a limit."""
    with desk.database.read() as session:
        found = desk.get(QuoteService).exposure.exposures(session)
    wanted = (one for one in found if currency in (None, one.currency))
    return [ExposureOut.model_validate(one) for one in page.items(wanted, lambda one: (one.provider, one.currency))]


@router.get("/exposures/{provider}/{currency}", tags=["quotes"], dependencies=[needs(Permission.QUOTES_READ)])
async def get_exposure(
    provider: Provider, currency: Currency, request: Request, _staff: Staff, desk: CallersDesk
) -> ExposureOut:
    """Return what is open with an FX provider in one currency."""
    with desk.database.read() as session:
        found = desk.get(QuoteService).exposure.exposure(session, provider, currency)
    set_tag(request, _limit(found))
    return ExposureOut.model_validate(found)


@router.put(
    "/exposures/{provider}/{currency}",
    tags=["quotes"],
    response_model=ExposureOut,
    dependencies=[needs(Permission.LIMITS_WRITE)],
)
async def set_exposure_limit(
    provider: Provider,
    currency: Currency,
    order: ExposureLimitIn,
    _staff: Staff,
    desk: CallersDesk,
    seen: IfMatch,
    once: OnceOnly,
) -> JSONResponse:
    """Let an FX provider owe at most so much: quotes that would exceed it are shown with why, and not taken."""
    book = desk.get(QuoteService).exposure

    def check(session: Session) -> None:
        seen.require(_limit(book.exposure(session, provider, currency)))

    def effect(session: Session) -> ExposureOut:
        found = book.limit(session, provider, currency, None if order.limit is None else int(order.limit))
        seen.tag(_limit(found))
        return ExposureOut.model_validate(found)

    most = "as much as there may be" if order.limit is None else f"at most {order.limit} minor units"
    stake = Stake(f"let {provider} owe {most} of {currency}")
    return replace(once, check=check).run(effect, stake=lambda _session: stake)


@router.get("/rates", tags=["rates"], dependencies=[needs(Permission.RATES_READ)])
async def list_rates(
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("pair"))],
    base: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$", examples=["EUR"])] = None,
) -> list[RateOut]:
    """Return the mid rates at ledger time of the pairs that the oracle settles by."""
    service = desk.get(QuoteService)
    with desk.database.read() as session:
        now_s = booked_until_s(session)
    pairs = [pair.split("/") for pair in service.medians.pairs]
    found = [_rate(service, now_s, one, other) for one, other in pairs if base in (None, one)]
    return page.items(found, lambda one: (one.base, one.quote))


@router.get("/rates/{base}/{quote}", tags=["rates"], dependencies=[needs(Permission.RATES_READ)])
async def get_rate(base: Currency, quote: Currency, desk: CallersDesk) -> RateOut:
    """Return the mid rate at ledger time."""
    service = desk.get(QuoteService)
    for currency in (base, quote):
        if currency not in service.currencies:
            raise UnknownCurrencyError(currency, service.currencies)
    with desk.database.read() as session:
        now_s = booked_until_s(session)
    return _rate(service, now_s, base, quote)


@router.get("/oracle/rounds", tags=["rates"], dependencies=[needs(Permission.RATES_READ)])
async def list_rounds(
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("-round"))],
    pair: Annotated[str | None, Query(pattern=r"^[A-Z]{3}/[A-Z]{3}$")] = None,
) -> list[RoundOut]:
    """Return the rounds this institution reported on or saw recorded, the newest first."""
    wanted = select(OracleRound) if pair is None else select(OracleRound).where(OracleRound.pair == pair)
    with desk.database.read() as session:
        return [
            RoundOut(
                pair=row.pair,
                round=row.round,
                submitted=row.submitted,
                median=None if row.median is None else str(row.median),
                usable=row.usable,
            )
            for row in page.rows(session, wanted, OracleRound.round, OracleRound.pair)
        ]


@router.get("/oracle/{base}/{quote}", tags=["rates"], dependencies=[needs(Permission.RATES_READ)])
async def get_pair(base: Currency, quote: Currency, desk: CallersDesk) -> PairOut:
    """Return a pair's median as it settles now, or why none does, and whether this institution reports it."""
    with desk.database.read() as session:
        return _pair(session, desk.get(QuoteService), f"{base}/{quote}")


@router.post(
    "/oracle/{base}/{quote}/pause", tags=["rates"], response_model=PairOut, dependencies=[needs(Permission.RATES_WRITE)]
)
async def pause_pair(base: Currency, quote: Currency, staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Report a pair no more: its source is in doubt, or a devnet plays a dead oracle."""
    service, pair = desk.get(QuoteService), f"{base}/{quote}"

    def pause(session: Session) -> PairOut:
        _reporter(service, desk.institution_id).pause(session, pair, staff.name)
        return _pair(session, service, pair)

    return once.run(pause)


@router.post(
    "/oracle/{base}/{quote}/resume",
    tags=["rates"],
    response_model=PairOut,
    dependencies=[needs(Permission.RATES_WRITE)],
)
async def resume_pair(
    base: Currency, quote: Currency, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Report a pair again, from the next block on."""
    service, pair = desk.get(QuoteService), f"{base}/{quote}"

    def resume(session: Session) -> PairOut:
        _reporter(service, desk.institution_id).resume(session, pair)
        return _pair(session, service, pair)

    return once.run(resume)


def _rate(service: QuoteService, now_s: int, base: str, quote: str) -> RateOut:
    rate = service.rates.major(now_s, base, quote)
    return RateOut(base=base, quote=quote, rate=rate.decimal(RATE_PLACES), day=ledger_day(now_s).isoformat())


def _limit(found: Exposure) -> ExposureLimitIn:
    """Return what of an exposure is set: the rest changes with every quote."""
    return ExposureLimitIn(limit=None if found.limit is None else str(found.limit))


def _reporter(service: QuoteService, institution_id: str) -> OracleReporter:
    if service.reporter is None:
        raise RejectedError("institution", "a reporter", institution_id)
    return service.reporter


def _pair(session: Session, service: QuoteService, pair: str) -> PairOut:
    reporter = service.reporter
    is_reported = None if reporter is None else pair not in reporter.paused(session)
    try:
        found = service.medians.median(session, pair, booked_until_s(session))
    except UnavailableError as error:
        return PairOut(pair=pair, is_reported=is_reported, unusable=str(error))
    return PairOut(
        pair=pair,
        is_reported=is_reported,
        median=str(found.value),
        round=found.round,
        started_at_s=found.started_at_s,
    )


def _issued(row: IssuedQuote) -> IssuedQuoteOut:
    return IssuedQuoteOut(
        digest="0x" + row.digest.hex(),
        requester=row.requester,
        sell_currency=row.sell_currency,
        buy_currency=row.buy_currency,
        kind="lock" if row.quote["lock_until"] != "0" else "spot",
        max_amount=row.quote["max_amount"],
        rate_num=row.quote["rate_num"],
        rate_den=row.quote["rate_den"],
        spread_bps=row.spread_bps,
        fee_bps=int(row.quote["fee_bps"]),
        premium=row.quote["premium"],
        cancel_fee=row.quote["cancel_fee"],
        expires_at_s=row.expires_at_s,
        state=row.state,
        reason=row.reason,
    )
