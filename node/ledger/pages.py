"""Pages of money: balances and statements, transfers, liquidity, issuance, and orders on accounts."""

import csv
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from fx.currencies import get_currency
from node.errors import RejectedError
from node.ledger.days import CutOffs, last_over
from node.participants.service import ParticipantService
from node.web.console.charts import bar
from node.web.console.errors import FormFieldError, RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.languages import moment_of
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission
from node.web.schemas import rfc3339

TEMPLATES: Final = Path(__file__).parent / "templates"
MONEY: Final = Entry("/money", "Money", Permission.ACCOUNTS_READ)
_ISSUERS: Final = frozenset({"central_bank"})
_HOLDERS: Final = frozenset({"bank", "fx_provider"})
MENU: Final = (
    Entry("/liquidity", "Liquidity", Permission.BOOKS_READ, staff_only=True, of_roles=_HOLDERS),
    Entry("/issuance", "Issuance", Permission.ISSUANCE_READ, staff_only=True, of_roles=_HOLDERS | _ISSUERS),
    Entry("/orders", "Orders", Permission.FREEZES_READ, staff_only=True, of_roles=_HOLDERS | _ISSUERS),
    Entry("/reports", "Reports", Permission.BOOKS_READ, staff_only=True),
)
CurrencyCode = Annotated[str, PathValue(pattern=r"^[A-Z]{3}$")]
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

router = APIRouter()


@router.get("/money")
async def show_money(page: Looking) -> Response:
    """Show balances, and how to move money."""
    return await _money_page(page)


@router.post("/money/transfer")
async def transfer(page: Looking, form: Filled) -> Response:
    """Order a transfer; a second person may have to approve it."""

    async def again(refusal: RefusalError) -> Response:
        return await _money_page(page, refusal, form)

    currency = form.text("currency")
    try:
        order = {
            "payee": form.text("payee"),
            "currency": currency,
            "amount": form.minor("amount", currency),
            "text": form.text("text"),
            "owner": form.optional("owner"),
        }
    except RejectedError as error:
        return await again(RefusalError.of(error))
    return await page.act("/payments", order, form, to="/money", done="paid", again=again)


@router.get("/money/{currency}")
async def show_statement(
    currency: CurrencyCode, page: Looking, owner: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Show what changed an owner's money in one currency, the latest first."""
    return await _statement_page(page, currency, owner)


@router.get("/money/{currency}/day")
async def download_day(
    currency: CurrencyCode,
    page: Looking,
    owner: Annotated[str | None, Query(max_length=64)] = None,
    day: Annotated[str, Query(max_length=20)] = "",
    form: Annotated[str, Query(alias="format", max_length=20)] = "pdf",
) -> Response:
    """Hand out the statement of a business day as a document."""
    try:
        on = date.fromisoformat(day)
    except ValueError:
        refusal = RefusalError.of_field("day", f"day: expected a day such as 2026-08-17, got {day or 'nothing'!r}")
        return await _statement_page(page, currency, owner, refusal, day, form)
    try:
        return await page.hand_out(
            f"/statements/{currency}/days/{on}", owner=owner, format=form, language=page.speech.code
        )
    except RefusalError as refusal:
        return await _statement_page(page, currency, owner, refusal, day, form)


@router.get("/money/{currency}/statement.csv")
async def download_statement(
    currency: CurrencyCode, page: Looking, owner: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Hand out the same as a table for spreadsheets (RFC 4180)."""
    lines = await page.get(f"/statements/{currency}", owner=owner)
    text = StringIO()
    table = csv.writer(text)
    table.writerow(
        (
            "entry",
            "time",
            "kind",
            "counterparty",
            "purpose",
            "available_change",
            "available",
            "held_change",
            "held",
            "currency",
        )
    )
    for one in lines:
        table.writerow(_safe(cell) for cell in _cells(one, currency))
    name = f"statement-{owner or page.principal.owner}-{currency}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(name)}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/liquidity")
async def show_liquidity(page: Looking) -> Response:
    """Show money by currency: available, held and blocked, the institution's own and its customers'."""
    balances = await page.get("/balances")
    currencies = []
    for currency in sorted({one["currency"] for one in balances}):
        rows = [one for one in balances if one["currency"] == currency]
        own = [one for one in rows if one["owner"] == page.viewer.institution_id]
        sums = {kind: sum(int(one[kind]) for one in own) for kind in ("available", "held", "blocked")}
        customers = sum(int(one["total"]) for one in rows if one["owner"] != page.viewer.institution_id)
        currencies.append(
            {"code": currency, "own": sums, "customers": customers, "bar": bar(list(sums.items())), "rows": rows}
        )
    return page.show("ledger/liquidity.html", currencies=currencies)


@router.get("/issuance")
async def show_issuance(page: Looking) -> Response:
    """Show requests for money: one's own, or those a central bank answers."""
    return await _issuance_page(page)


@router.post("/issuance")
async def request_issuance(page: Looking, form: Filled) -> Response:
    """Ask a central bank for money."""

    async def again(refusal: RefusalError) -> Response:
        return await _issuance_page(page, refusal, form)

    currency = form.text("currency")
    try:
        order = {"currency": currency, "amount": form.minor("amount", currency), "text": form.text("text")}
    except RejectedError as error:
        return await again(RefusalError.of(error))
    return await page.act("/issuance-requests", order, form, to="/issuance", done="ordered", again=again)


@router.post("/issuance/{request_id}/{answer}")
async def answer_issuance(
    request_id: str, answer: Annotated[str, PathValue(pattern="^(approve|decline)$")], page: Looking, form: Filled
) -> Response:
    """Issue what is asked for, or say no, as the currency's central bank."""
    return await page.act(
        f"/issuance-requests/{request_id}/{answer}",
        None,
        form,
        to="/issuance",
        done="ordered",
        again=lambda refusal: _issuance_page(page, refusal),
    )


@router.get("/orders")
async def show_orders(page: Looking) -> Response:
    """Show orders that freeze accounts."""
    return await _orders_page(page)


@router.post("/orders")
async def give_order(page: Looking, form: Filled) -> Response:
    """Freeze an account in one's own currency."""

    async def again(refusal: RefusalError) -> Response:
        return await _orders_page(page, refusal, form)

    try:
        order = {
            "currency": form.text("currency"),
            "account": form.text("account"),
            "scope": form.text("scope"),
            "expires_at": _moment(form, "expires_at"),
            "reasons": form.text("reasons"),
        }
    except RejectedError as error:
        return await again(RefusalError.of(error))
    return await page.act("/freezes", order, form, to="/orders", done="ordered", again=again)


@router.post("/orders/{currency}/{number}/lift")
async def lift_order(currency: CurrencyCode, number: int, page: Looking, form: Filled) -> Response:
    """End an order before it expires."""
    return await page.act(
        f"/freezes/{currency}/{number}/lift",
        None,
        form,
        to="/orders",
        done="ordered",
        again=lambda refusal: _orders_page(page, refusal),
    )


@router.get("/reports")
async def show_reports(page: Looking) -> Response:
    """Show what a supervisor asks for: the trial balance, and books against chain."""
    return page.show(
        "ledger/reports.html",
        accounts=await page.get("/trial-balance"),
        reconciliation=await page.find("/reconciliation"),
    )


async def _statement_page(
    page: Page,
    currency: str,
    owner: str | None,
    refusal: RefusalError | None = None,
    day: str = "",
    form: str = "pdf",
) -> Response:
    lines = await page.rows(f"/statements/{currency}", owner=owner, sort="-entry")
    return page.show(
        "ledger/statement.html",
        200 if refusal is None else refusal.status,
        lines=lines,
        names=_names_with(page, lines),
        currency=currency,
        owner=owner,
        day=day or _last_day(page, currency),
        form=form,
        refusal=refusal,
    )


def _names_with(page: Page, lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return whose accounts these entries name, by address: institutions', for staff the bank's customers' too."""
    participants = page.desk.get(ParticipantService)
    names = {one.address: one.name for one in participants.directory}
    if page.viewer.is_staff and page.viewer.may(Permission.CUSTOMERS_READ):
        with page.desk.database.read() as session:
            names |= participants.names_at(session, {one["counterparty"] for one in lines})
    return names


def _last_day(page: Page, currency: str) -> str:
    """Return the last business day of which there is a statement."""
    with page.desk.database.read() as session:
        cut_off = page.desk.get(CutOffs).get(session, currency)
    return last_over(cut_off, page.now_s).on.isoformat()


async def _money_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "ledger/money.html",
        200 if refusal is None else refusal.status,
        balances=await page.get("/balances"),
        form=form or Form({}, {}),
        currencies=page.renderer.currencies,
        refusal=refusal,
    )


async def _issuance_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "ledger/issuance.html",
        200 if refusal is None else refusal.status,
        requests=await page.rows("/issuance-requests"),
        form=form or Form({}, {}),
        currencies=page.renderer.currencies,
        is_issuer="central_bank" in page.viewer.roles,
        refusal=refusal,
    )


async def _orders_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "ledger/orders.html",
        200 if refusal is None else refusal.status,
        orders=await page.rows("/freezes"),
        form=form or Form({}, {}),
        currencies=page.renderer.currencies,
        is_issuer="central_bank" in page.viewer.roles,
        refusal=refusal,
    )


def _moment(form: Form, name: str) -> str:
    written = form.text(name)
    try:
        return rfc3339(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise FormFieldError(name, "a date and time such as 2026-08-12T09:30", written) from error


def _cells(line: dict[str, Any], currency: str) -> tuple[str, ...]:
    at = moment_of(line["time"])
    purposes = "; ".join(memo["text"] or memo["purpose"] for memo in line["memos"])
    amounts = (line[name] for name in ("available_change", "available", "held_change", "held"))
    exponent = get_currency(currency).exponent
    when = "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        str(line["entry"]),
        when,
        line["kind"],
        line["counterparty"] or "",
        purposes,
        *(_major(int(one), exponent) for one in amounts),
        currency,
    )


def _major(amount_minor: int, exponent: int) -> str:
    sign, digits = "-" if amount_minor < 0 else "", str(abs(amount_minor)).rjust(exponent + 1, "0")
    return f"{sign}{digits}" if not exponent else f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def _safe(cell: str) -> str:
    is_number = cell.removeprefix("-").replace(".", "", 1).isdigit()
    return cell if is_number or not cell.startswith(_FORMULA) else f"'{cell}"


def _file_name(name: str) -> str:
    return "".join(
        character for character in name if character.isascii() and (character.isalnum() or character in "._-")
    )
