"""Routes of statements by day and of end-of-day reports."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from sqlalchemy.orm import Session

from contracts.client.errors import UnavailableError as ChainUnavailableError
from node.errors import UnavailableError
from node.languages import DEFAULT
from node.ledger.days import CutOffs, Day, business_day, last_over
from node.ledger.errors import DayError
from node.ledger.reconciliation import Reconciler
from node.ledger.schemas import ReconciliationOut
from node.ledger.service import LedgerService
from node.participants.service import ParticipantService
from node.printing.languages import Language, speech
from node.printing.layout import headers_of
from node.printing.press import MEDIA_TYPE as PDF
from node.printing.press import Press
from node.reports import camt053, csv_table, mt940
from node.reports.closing import Closing, build_closing
from node.reports.papers import closing_page, statement_page
from node.reports.schemas import ClosingOut, OwnersDayOut
from node.reports.statement import Statement, build_statement
from node.storage.cursor import booked_until_s
from node.web.auth import Caller, Staff, check_owner, needs
from node.web.desk import CallersDesk, Desk
from node.web.openapi import download
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["reports"])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]
BusinessDay = Annotated[date, Path(description="A business day that is over", examples=["2026-08-17"])]
Format = Literal["camt.053", "mt940", "csv", "pdf"]
_DATA: Final[dict[Format, tuple[Callable[[Statement], bytes], str, str]]] = {
    "camt.053": (camt053.write, camt053.MEDIA_TYPE, "xml"),
    "mt940": (mt940.write, mt940.MEDIA_TYPE, "sta"),
    "csv": (csv_table.write, csv_table.MEDIA_TYPE, "csv"),
}
_STATEMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The statement",
        "content": {
            media_type: {"schema": {"type": "string"}, "example": example}
            for media_type, example in (
                (camt053.MEDIA_TYPE, "<?xml version='1.0' encoding='UTF-8'?><Document>...</Document>"),
                (mt940.MEDIA_TYPE, ":20:5E5E5E5E5E5E5E5E\r\n:25:LTO53BVCZVHEXVXMVN6ZNW5MIS4VMXYE\r\n..."),
                (csv_table.MEDIA_TYPE, "entry,time,kind,amount,available,currency,counterparty,text,transaction\r\n"),
                (PDF, "%PDF-1.7 ..."),
            )
        },
    }
}


@router.get(
    "/statements/{currency}/days/{day}",
    response_class=Response,
    responses=_STATEMENT,
    dependencies=[needs(Permission.STATEMENTS_READ)],
)
async def download_statement(
    currency: Currency,
    day: BusinessDay,
    principal: Caller,
    desk: CallersDesk,
    owner: Annotated[
        str | None, Query(max_length=64, description="Whose account; the caller's own unless stated")
    ] = None,
    form: Annotated[Format, Query(alias="format")] = "camt.053",
    language: Language = DEFAULT,
) -> Response:
    """Return an account's statement of a business day: camt.053, MT940, a table, or on paper in a language."""
    wanted = owner or principal.owner
    check_owner(principal, wanted)
    with desk.database.read() as session:
        statement = build_statement(
            session,
            desk.get(LedgerService),
            desk.get(ParticipantService),
            owner=wanted,
            currency=currency,
            day=_closed(session, desk, currency, day),
            now_s=booked_until_s(session),
        )
    name = f"{wanted}-{currency}-{day.isoformat()}"
    if form == "pdf":
        paper = await desk.get(Press).print(statement_page(statement, speech(language)))
        return Response(paper, media_type=PDF, headers=headers_of(f"{name}.pdf"))
    write, media_type, ending = _DATA[form]
    return Response(write(statement), media_type=media_type, headers=headers_of(f"{name}.{ending}"))


@router.get("/end-of-day", dependencies=[needs(Permission.BOOKS_READ)])
async def list_closings(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("currency"))]
) -> list[ClosingOut]:
    """Return each currency's report of the last business day that is over."""
    with desk.database.read() as session:
        found = [
            _shown(build_closing(session, desk.get(LedgerService), currency, _last(session, desk, currency)))
            for currency in desk.get(LedgerService).currencies
        ]
    return page.items(found, lambda one: (one.currency,))


@router.get("/end-of-day/{currency}/{day}", dependencies=[needs(Permission.BOOKS_READ)])
async def get_closing(currency: Currency, day: BusinessDay, _staff: Staff, desk: CallersDesk) -> ClosingOut:
    """Return the report of a business day that is over; of the last one with books held against the chain."""
    return await _report(desk, currency, day)


@router.get(
    "/end-of-day/{currency}/{day}/paper",
    response_class=Response,
    responses=download(PDF, "%PDF-1.7 ..."),
    dependencies=[needs(Permission.BOOKS_READ)],
)
async def print_closing(
    currency: Currency, day: BusinessDay, _staff: Staff, desk: CallersDesk, language: Language = DEFAULT
) -> Response:
    """Return the report of a business day that is over on paper (PDF), to be signed and filed."""
    report = await _report(desk, currency, day)
    participants = desk.get(ParticipantService)
    with desk.database.read() as session:
        names = {one.id: one.name for one in participants.customers(session)}
        now_s = booked_until_s(session)
    own = participants.institution
    page = closing_page(report, own, names | {own.id: own.name}, speech(language), now_s)
    name = f"end-of-day-{currency}-{day.isoformat()}.pdf"
    return Response(await desk.get(Press).print(page), media_type=PDF, headers=headers_of(name))


async def _report(desk: Desk, currency: str, day: date) -> ClosingOut:
    with desk.database.read() as session:
        closed = _closed(session, desk, currency, day)
        is_last = closed == _last(session, desk, currency)
        shown = _shown(build_closing(session, desk.get(LedgerService), currency, closed))
    return shown.model_copy(update={"reconciliation": await _reconciled(desk)}) if is_last else shown


async def _reconciled(desk: Desk) -> ReconciliationOut | None:
    try:
        return ReconciliationOut.model_validate(await desk.get(Reconciler).reconcile())
    except (UnavailableError, ChainUnavailableError):
        return None


def _closed(session: Session, desk: Desk, currency: str, on: date) -> Day:
    desk.get(LedgerService).require_currency(currency)
    day = business_day(desk.get(CutOffs).get(session, currency), on)
    if day.until_s > booked_until_s(session):
        raise DayError(on.isoformat(), "a business day that is over")
    return day


def _last(session: Session, desk: Desk, currency: str) -> Day:
    return last_over(desk.get(CutOffs).get(session, currency), booked_until_s(session))


def _shown(closing: Closing) -> ClosingOut:
    return ClosingOut(
        currency=closing.currency,
        day=closing.day.on.isoformat(),
        from_s=closing.day.from_s,
        until_s=closing.day.until_s,
        opening=closing.opening,
        closing=closing.closing,
        is_balanced=closing.is_balanced,
        owners=[OwnersDayOut.model_validate(one) for one in closing.owners],
        entries_by_kind=closing.entries_by_kind,
        payments_by_state=closing.payments_by_state,
        trades_funded=closing.trades_funded,
        trades_closed=closing.trades_closed,
        held=closing.held,
        messages_waiting=closing.messages_waiting,
        messages_to_repair=closing.messages_to_repair,
    )
