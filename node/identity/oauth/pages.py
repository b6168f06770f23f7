"""Pages of programs: OAuth clients of the institution and of its customers."""

import json
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.errors import RejectedError
from node.identity.oauth.client_routes import ClientId
from node.identity.oauth.clients import OF_PROGRAMS
from node.json_depth import json_depth
from node.web.console.errors import FormFieldError, RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.page import Looking, Page
from node.web.limits import JSON_DEPTH_MAX
from node.web.permissions import OF_CUSTOMERS, OF_STAFF

SCOPES: Final = tuple(sorted(OF_PROGRAMS))

router = APIRouter()


@router.get("/people/programs")
async def show_programs(page: Looking) -> Response:
    """Show the programs that are registered."""
    return await _list_page(page)


@router.post("/people/programs")
async def add_program(page: Looking, form: Filled) -> Response:
    """Register a program; a second person approves."""

    async def again(refusal: RefusalError) -> Response:
        return await _list_page(page, refusal, form)

    try:
        order = {
            "name": form.text("name"),
            "roles": _ticked(form, "role-"),
            "scopes": _ticked(form, "scope-"),
            "jwks": read_keys(form) if form.text("jwks") else [],
            "customer": form.optional("customer"),
        }
    except RejectedError as error:
        return await again(RefusalError.of(error))
    return await page.act("/oauth/clients", order, form, to="/people/programs", done="saved", again=again)


@router.get("/people/programs/{client_id}")
async def show_program(client_id: ClientId, page: Looking) -> Response:
    """Show a program."""
    return await _program_page(page, client_id)


@router.post("/people/programs/{client_id}/secret")
async def new_secret(client_id: ClientId, page: Looking, form: Filled) -> Response:
    """Make a program's secret and show it, this once; the one before ends."""
    try:
        answer = await page.post(f"/oauth/clients/{client_id}/secret", None, form.once)
    except RefusalError as refusal:
        return await _program_page(page, client_id, refusal)
    return await _program_page(page, client_id, secret=answer.body["client_secret"])


@router.post("/people/programs/{client_id}/keys")
async def set_keys(client_id: ClientId, page: Looking, form: Filled) -> Response:
    """Give a program other keys; a second person approves."""

    async def again(refusal: RefusalError) -> Response:
        return await _program_page(page, client_id, refusal, form)

    try:
        order = {"jwks": read_keys(form)}
    except RejectedError as error:
        return await again(RefusalError.of(error))
    to = f"/people/programs/{client_id}"
    return await page.act(f"/oauth/clients/{client_id}/keys", order, form, to=to, done="saved", again=again)


@router.post("/people/programs/{client_id}/disable")
async def disable(client_id: ClientId, page: Looking, form: Filled) -> Response:
    """End a program and its tokens, at once and for good."""

    async def again(refusal: RefusalError) -> Response:
        return await _program_page(page, client_id, refusal)

    to = f"/people/programs/{client_id}"
    return await page.act(f"/oauth/clients/{client_id}/disable", None, form, to=to, done="changed", again=again)


def read_keys(form: Form) -> list[Any]:
    """Return the public keys of a form: a JWK Set (RFC 7517), a list of keys, or one.

    Raises:
        FormFieldError: it is no JSON, or none of these.
    """
    written = form.text("jwks")
    if json_depth(written.encode()) > JSON_DEPTH_MAX:
        raise FormFieldError("jwks", f"JSON of at most {JSON_DEPTH_MAX} levels", "more")
    try:
        found = json.loads(written)
    except ValueError as error:
        raise FormFieldError("jwks", 'public keys as JSON, such as {"keys": [...]}', written) from error
    if isinstance(found, dict):
        found = found.get("keys", [found])
    if not isinstance(found, list):
        raise FormFieldError("jwks", "a JWK Set, a list of keys, or one key", written)
    return found


def _ticked(form: Form, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in form.fields if name.startswith(prefix)]


async def _list_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "identity/programs.html",
        200 if refusal is None else refusal.status,
        programs=await page.rows("/oauth/clients"),
        customers=await page.find("/customers") or [],
        roles=sorted(OF_STAFF) + sorted(OF_CUSTOMERS),
        scopes=SCOPES,
        form=form or Form({}, {}),
        refusal=refusal,
    )


async def _program_page(
    page: Page,
    client_id: str,
    refusal: RefusalError | None = None,
    form: Form | None = None,
    secret: str | None = None,
) -> Response:
    return page.show(
        "identity/program.html",
        200 if refusal is None else refusal.status,
        one=await page.get(f"/oauth/clients/{client_id}"),
        form=form or Form({}, {}),
        secret=secret,
        refusal=refusal,
    )
