"""Pages of what people are told, and of what they want to be told, and how."""

from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.notices.languages import told
from node.notices.routes import Scope
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.kinds import chosen_kinds, kind_choices
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

_WAYS: Final = ("in_console", "by_webhook", "by_email")

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/notices", "Notices", Permission.NOTICES_READ),)

router = APIRouter()


@router.get("/notices")
async def show_notices(page: Looking, show: Annotated[Literal["unread", "all"], Query()] = "unread") -> Response:
    """Show what the viewer is told, the latest first."""
    return await _notices_page(page, show)


@router.post("/notices/read")
async def read_all(page: Looking, form: Filled) -> Response:
    """Mark everything as read that the page has shown."""

    async def again(refusal: RefusalError) -> Response:
        return await _notices_page(page, "unread", refusal)

    until = form.text("until")
    order = {"until": int(until) if until.isascii() and until.isdigit() else until}
    return await page.act("/notices/read", order, form, to="/notices", done="read", again=again)


@router.post("/notices/{number}/read")
async def read_one(number: Annotated[int, PathValue(ge=1, lt=2**63)], page: Looking, form: Filled) -> Response:
    """Mark a notice as read."""

    async def again(refusal: RefusalError) -> Response:
        return await _notices_page(page, "unread", refusal)

    return await page.act(f"/notices/{number}/read", None, form, to="/notices", done="read", again=again)


@router.get("/notices/wishes/{scope}")
async def show_wishes(scope: Scope, page: Looking) -> Response:
    """Show what is to be told, and how: to the viewer, or to the institution's staff together."""
    return await _wishes_page(page, scope)


@router.post("/notices/wishes/{scope}")
async def wish(scope: Scope, page: Looking, form: Filled) -> Response:
    """Say what is to be told from now on, and how."""

    async def again(refusal: RefusalError) -> Response:
        return await _wishes_page(page, scope, refusal, form)

    by_email, email = form.is_set("by_email"), form.optional("email")
    order = {
        "kinds": chosen_kinds(form),
        "in_console": form.is_set("in_console"),
        "by_webhook": form.is_set("by_webhook"),
        "by_email": by_email,
        "email": email,
    }
    path = f"/notice-preferences/{scope}"
    try:
        answer = await page.post(path, order, form.once, method="PUT", seen=form.seen)
    except RefusalError as refusal:
        return await again(refusal)
    is_asked = by_email and email is not None and not answer.body["is_confirmed"]
    return page.go(f"/notices/wishes/{scope}", "code_sent" if is_asked else "saved")


@router.post("/notices/wishes/{scope}/confirm")
async def confirm(scope: Scope, page: Looking, form: Filled) -> Response:
    """Give back the code that was sent to the address."""

    async def again(refusal: RefusalError) -> Response:
        return await _wishes_page(page, scope, refusal)

    order, to = {"code": form.text("code")}, f"/notices/wishes/{scope}"
    return await page.act(f"/notice-preferences/{scope}/confirm", order, form, to=to, done="confirmed", again=again)


async def _notices_page(page: Page, show: str, refusal: RefusalError | None = None) -> Response:
    notices = await page.rows("/notices", unread=True if show == "unread" else None)
    wishes = await page.see("/notice-preferences/me")
    return page.show(
        "notices/list.html",
        200 if refusal is None else refusal.status,
        notices=notices,
        told={one["number"]: told(one, page.speech) for one in notices},
        show=show,
        wishes=wishes,
        until=max((one["number"] for one in notices if one["read_at"] is None), default=None),
        refusal=refusal,
    )


async def _wishes_page(
    page: Page, scope: str, refusal: RefusalError | None = None, form: Form | None = None
) -> Response:
    current = await page.see(f"/notice-preferences/{scope}")
    if refusal is not None and refusal.is_change:
        # What there is now is read first.
        form = None
    return page.show(
        "notices/wishes.html",
        200 if refusal is None else refusal.status,
        scope=scope,
        may_change=scope == "me" or page.viewer.may(Permission.NOTICES_WRITE),
        current=current,
        kinds=kind_choices(current["kinds"] if form is None else chosen_kinds(form)),
        ways={name: current[name] if form is None else form.is_set(name) for name in _WAYS},
        email=(current["email"] or "") if form is None else form.text("email"),
        refusal=refusal,
    )
