"""Cut-offs: when a currency's business day ends."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from sqlalchemy.orm import Session

from node.ledger.days import CutOffs, day_of, read_cut_off
from node.ledger.service import LedgerService
from node.storage.cursor import booked_until_s
from node.web import schemas
from node.web.auth import Staff, needs
from node.web.desk import CallersDesk, Desk
from node.web.etags import IfMatch, set_tag
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.recording import Recorded

router = APIRouter(prefix="/cut-offs", tags=["reports"])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]


class CutOffIn(schemas.Order):
    """When a currency's business day ends."""

    at: str = Field(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="00:00 is the end of the day", examples=["16:00"]
    )
    zone: str = Field(min_length=1, max_length=64, description="IANA name", examples=["Africa/Nairobi"])


class CutOffOut(schemas.Answer):
    """When a currency's business day ends, and which one runs."""

    currency: str
    at: str = Field(examples=["16:00"])
    zone: str = Field(examples=["Africa/Nairobi"])
    day: str = Field(
        description="The business day that runs; what is booked now belongs to it", examples=["2026-08-17"]
    )
    ends_s: schemas.Time = Field(description="When it is over")


@router.get("", dependencies=[needs(Permission.BOOKS_READ)])
async def list_cut_offs(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("currency"))]
) -> list[CutOffOut]:
    """Return every currency's cut-off; midnight UTC where none was set."""
    return page.items([_shown(desk, one) for one in desk.get(LedgerService).currencies], lambda one: (one.currency,))


@router.get("/{currency}", dependencies=[needs(Permission.BOOKS_READ)])
async def get_cut_off(currency: Currency, request: Request, _staff: Staff, desk: CallersDesk) -> CutOffOut:
    """Return a currency's cut-off."""
    desk.get(LedgerService).require_currency(currency)
    shown = _shown(desk, currency)
    set_tag(request, _set_part(shown))
    return shown


@router.put("/{currency}", dependencies=[needs(Permission.BOOKS_WRITE)])
async def set_cut_off(
    currency: Currency, order: CutOffIn, _staff: Staff, desk: CallersDesk, seen: IfMatch, call: Recorded
) -> CutOffOut:
    """Let a currency's business days end at a local time from now on."""
    desk.get(LedgerService).require_currency(currency)
    cut_offs = desk.get(CutOffs)

    def effect(session: Session) -> None:
        before = cut_offs.get(session, currency)
        seen.require(CutOffIn(at=before.at_text, zone=before.zone.key))
        cut_offs.set(session, currency, read_cut_off(order.at, order.zone))

    call.run(effect)
    shown = _shown(desk, currency)
    seen.tag(_set_part(shown))
    return shown


def _set_part(shown: CutOffOut) -> CutOffIn:
    """Return what of a cut-off is set: the rest changes as time goes by."""
    return CutOffIn(at=shown.at, zone=shown.zone)


def _shown(desk: Desk, currency: str) -> CutOffOut:
    with desk.database.read() as session:
        cut_off = desk.get(CutOffs).get(session, currency)
        now_s = booked_until_s(session)
    day = day_of(cut_off, now_s)
    return CutOffOut(
        currency=currency, at=cut_off.at_text, zone=cut_off.zone.key, day=day.on.isoformat(), ends_s=day.until_s
    )
