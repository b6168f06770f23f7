"""Pages of signing in, of following a one-time link, and of one's own account and an institution's people."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from node.errors import RejectedError, map_error
from node.identity.browser import check_same_origin, clear_cookie, set_cookie
from node.identity.routing import Visiting
from node.identity.service import JOIN_PATH, Entered, Identity
from node.identity.sign_in_routes import identity_of, invitation_of, inviting
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import LOGIN, Looking, Page, own_path, show_open
from node.web.desk import Desk
from node.web.permissions import OF_CUSTOMERS, OF_STAFF, Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/people", "People", Permission.PEOPLE_READ, staff_only=True),)
NEXT: Final = "next"

router = APIRouter()
open_router = APIRouter(dependencies=[Depends(check_same_origin)])
"""Where nobody is known yet."""


@open_router.get(LOGIN)
async def show_login(request: Request, back: Annotated[str, Query(alias=NEXT, max_length=300)] = "/") -> Response:
    """Show how one signs in."""
    return _login(request, own_path(back))


@open_router.post(LOGIN)
async def sign_in(request: Request, form: Filled, visit: Visiting) -> Response:
    """Begin a session by password and code."""
    back = own_path(form.text(NEXT))
    try:
        identity = identity_of(request, form.optional("institution"))
        entered = await identity.sign_in(
            visit, email=form.text("email"), password=form.fields.get("password", ""), code=form.text("code")
        )
    except RejectedError as error:
        return _login(request, back, error, form)
    return welcome(entered, back)


@open_router.get(JOIN_PATH)
async def show_join(request: Request) -> Response:
    """Ask for a one-time link; the browser has its token in the fragment, which it sends to nobody."""
    return show_open(request, "identity/join.html", token="")


@open_router.post(JOIN_PATH)
async def look_at_link(request: Request, form: Filled, visit: Visiting) -> Response:
    """Show who is invited, and ask for a password and a code of the app."""
    return _joining(request, form, visit)


@open_router.post(JOIN_PATH + "/accept")
async def accept(request: Request, form: Filled, visit: Visiting) -> Response:
    """Follow a one-time link with a password and the app."""
    try:
        entered = await inviting(request, _token(form)).accept_by_password(
            visit, token=_token(form), password=form.fields.get("password", ""), code=form.text("code")
        )
    except RejectedError as error:
        return _joining(request, form, visit, error)
    return welcome(entered, "/")


@router.post("/logout")
async def sign_out(page: Looking, visit: Visiting) -> Response:
    """End the session."""
    page.desk.get(Identity).leave(visit, page.principal)
    response = RedirectResponse(LOGIN, 303)
    clear_cookie(response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/account")
async def show_account(page: Looking) -> Response:
    """Show who one is here, and where one is signed in."""
    return await _account(page)


@router.post("/account/sessions/{session_id}/end")
async def end_session(session_id: str, page: Looking, form: Filled) -> Response:
    """End one of one's own sessions."""
    return await page.act(
        f"/me/sessions/{session_id}/end",
        None,
        form,
        to="/account",
        done="ended",
        again=lambda refusal: _account(page, refusal),
    )


@router.post("/account/passkeys/{passkey_id}/remove")
async def remove_passkey(passkey_id: str, page: Looking, form: Filled) -> Response:
    """Take one of one's own passkeys off the account."""
    return await page.act(
        f"/me/passkeys/{passkey_id}/remove",
        None,
        form,
        to="/account",
        done="removed",
        again=lambda refusal: _account(page, refusal),
    )


@router.get("/people")
async def show_people(page: Looking) -> Response:
    """Show the institution's people and those of its customers."""
    return await _people(page)


@router.post("/people")
async def add_person(page: Looking, form: Filled) -> Response:
    """Make an account; a second person approves it, then it can be invited."""
    order = {
        "email": form.text("email"),
        "name": form.text("name"),
        "roles": [role for role in sorted(OF_STAFF | OF_CUSTOMERS) if form.is_set(f"role-{role}")],
        "customer": form.optional("customer"),
    }
    return await page.act(
        "/people", order, form, to="/people", done="changed", again=lambda refusal: _people(page, refusal, form)
    )


@router.post("/people/{person_id}/invitation")
async def invite(person_id: str, page: Looking, form: Filled) -> Response:
    """Make somebody's one-time link and show it, this once."""
    try:
        answer = await page.post(f"/people/{person_id}/invitation", None, form.once)
    except RefusalError as refusal:
        return await _people(page, refusal)
    return await _people(page, invitation=answer.body)


def welcome(entered: Entered, back: str) -> Response:
    """Send somebody who has come in to where they wanted to go."""
    response = RedirectResponse(back, 303)
    set_cookie(response, entered.token)
    return response


def _login(request: Request, back: str, error: RejectedError | None = None, form: Form | None = None) -> Response:
    desks: dict[str, Desk] = request.app.state.desks
    return show_open(
        request,
        "identity/login.html",
        200 if error is None else map_error(error).http_status,
        back=back,
        error=error,
        email="" if form is None else form.text("email"),
        institution="" if form is None else form.text("institution"),
        institutions=sorted(desks),
        playground=getattr(request.app.state, "playground", ()),
    )


def _joining(request: Request, form: Form, visit: Visiting, error: RejectedError | None = None) -> Response:
    token = _token(form)
    refusal = None if error is None else RefusalError.of(error)
    try:
        found = invitation_of(request, token, visit.now_s)
    except RejectedError as refused:
        refusal = RefusalError.of(refused)
        return show_open(request, "identity/join.html", refusal.status, token=token, refusal=refusal)
    status = 200 if refusal is None else refusal.status
    return show_open(request, "identity/accept.html", status, token=token, invitation=found, refusal=refusal)


def _token(form: Form) -> str:
    # People without scripts paste the whole link.
    return form.text("token").rpartition("#")[2]


async def _account(page: Page, refusal: RefusalError | None = None) -> Response:
    is_session = bool(page.viewer.csrf_token)
    return page.show(
        "identity/account.html",
        200 if refusal is None else refusal.status,
        me=await page.get("/me"),
        sessions=await page.get("/me/sessions") if is_session else [],
        passkeys=await page.get("/me/passkeys") if is_session else [],
        refusal=refusal,
    )


async def _people(
    page: Page,
    refusal: RefusalError | None = None,
    form: Form | None = None,
    invitation: dict[str, str] | None = None,
) -> Response:
    return page.show(
        "identity/people.html",
        200 if refusal is None else refusal.status,
        people=await page.rows("/people"),
        customers=await page.find("/customers") or [],
        roles=sorted(OF_STAFF) + sorted(OF_CUSTOMERS),
        form=form or Form({}, {}),
        invitation=invitation,
        refusal=refusal,
    )
