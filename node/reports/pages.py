"""Pages of business days: when they end, the end-of-day report; and the audit log."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.page import Looking, Page

TEMPLATES: Final = Path(__file__).parent / "templates"
ZONES: Final = (
    "UTC",
    "Africa/Kampala",
    "Africa/Nairobi",
    "America/New_York",
    "Asia/Hong_Kong",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Europe/Amsterdam",
    "Europe/London",
    "Europe/Zurich",
)
"""Suggestions; any name of the IANA table is taken."""
CurrencyCode = Annotated[str, PathValue(pattern=r"^[A-Z]{3}$")]

router = APIRouter()


@router.get("/reports/days")
async def show_days(page: Looking) -> Response:
    """Show each currency's business day that runs, its cut-off, and the report of the last one that is over."""
    closings = {one["currency"]: one for one in await page.get("/end-of-day")}
    days = [(one, closings[one["currency"]]) for one in await page.get("/cut-offs")]
    return page.show("reports/days.html", days=days)


@router.get("/reports/days/{currency}/cut-off")
async def show_cut_off(currency: CurrencyCode, page: Looking) -> Response:
    """Show when a currency's business days end, to be changed."""
    return await _cut_off_page(page, currency)


@router.post("/reports/days/{currency}/cut-off")
async def set_cut_off(currency: CurrencyCode, page: Looking, form: Filled) -> Response:
    """Let a currency's business days end at another time from now on."""

    async def again(refusal: RefusalError) -> Response:
        return await _cut_off_page(page, currency, refusal, form)

    path, order = f"/cut-offs/{currency}", {"at": form.text("at"), "zone": form.text("zone")}
    return await page.act(path, order, form, to="/reports/days", done="changed", again=again, method="PUT")


@router.get("/reports/days/{currency}")
async def show_closing(currency: CurrencyCode, page: Looking, day: Annotated[date, Query()]) -> Response:
    """Show the end-of-day report of a business day that is over."""
    closing = await page.get(f"/end-of-day/{currency}/{day}")
    return page.show("reports/day.html", closing=closing, currency=currency)


@router.get("/reports/days/{currency}/{day}/paper")
async def download_closing(currency: CurrencyCode, day: date, page: Looking) -> Response:
    """Hand out the report on paper (PDF), in the viewer's language."""
    return await page.hand_out(f"/end-of-day/{currency}/{day}/paper", language=page.speech.code)


@router.get("/reports/audit")
async def show_log(
    page: Looking,
    actor: Annotated[str, Query(max_length=200)] = "",
    action: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show the audit log, the latest first: of everybody, or of one person; everything, or one action."""
    return await _log_page(page, actor.strip(), action.strip())


@router.post("/reports/audit/heads")
async def sign_head(page: Looking, form: Filled) -> Response:
    """Sign up to where the log reaches now."""

    async def again(refusal: RefusalError) -> Response:
        return await _log_page(page, "", "", refusal)

    return await page.act("/audit/heads", None, form, to="/reports/audit", done="head_signed", again=again)


async def _cut_off_page(
    page: Page, currency: str, refusal: RefusalError | None = None, form: Form | None = None
) -> Response:
    current = await page.see(f"/cut-offs/{currency}")
    return page.show(
        "reports/cut_off.html",
        200 if refusal is None else refusal.status,
        current=current,
        at=current["at"] if form is None else form.text("at"),
        zone=current["zone"] if form is None else form.text("zone"),
        zones=ZONES,
        refusal=refusal,
    )


async def _log_page(page: Page, actor: str, action: str, refusal: RefusalError | None = None) -> Response:
    people = await page.find("/people") or []
    return page.show(
        "reports/log.html",
        200 if refusal is None else refusal.status,
        entries=await page.rows("/audit/entries", actor=actor or None, action=action or None),
        heads=await page.get("/audit/heads", limit=1),
        names={one["id"]: one["name"] for one in people},
        actor=actor,
        action=action,
        refusal=refusal,
    )
