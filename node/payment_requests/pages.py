"""Pages of payment requests: a payee makes one and shows its code, a payer reads one and pays what it asks for."""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.errors import RejectedError
from node.payment_requests.limits import EXPIRES_IN_DEFAULT_S, EXPIRES_IN_MAX_S
from node.web.console.errors import FormFieldError, RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.page import Looking, Page

TEMPLATES: Final = Path(__file__).parent / "templates"
API: Final = "/payment-requests"
HOME: Final = "/money/requests"
LASTS: Final = (EXPIRES_IN_DEFAULT_S, 3_600, 86_400, EXPIRES_IN_MAX_S)
"""Seconds that a request may be offered for."""
RequestId = Annotated[str, PathValue(pattern="^[0-9a-f]{64}$")]
Picture = Annotated[str, PathValue(pattern="^(svg|png)$")]

router = APIRouter()


@router.get(HOME)
async def show_requests(page: Looking) -> Response:
    """Show what was asked for, and how to ask."""
    return await _requests_page(page)


@router.post(HOME)
async def ask(page: Looking, form: Filled) -> Response:
    """Make a request and show its code."""
    try:
        answer = await page.post(API, _order(form), form.once)
    except RejectedError as error:
        return await _requests_page(page, RefusalError.of(error), form)
    return page.go(f"{HOME}/{answer.body['id']}")


@router.get(f"{HOME}/pay")
async def show_payment(page: Looking) -> Response:
    """Show where to put a request's text."""
    return page.show("payment_requests/pay.html", form=Form({}, {}), payload="", found=None, paid=None)


@router.post(f"{HOME}/read")
async def read(page: Looking, form: Filled) -> Response:
    """Show what a request asks for, before anything is paid."""
    return await _reading_page(page, form)


@router.post(f"{HOME}/pay")
async def pay(page: Looking, form: Filled) -> Response:
    """Pay a request as it was read."""

    async def again(refusal: RefusalError) -> Response:
        return await _reading_page(page, form, refusal)

    order = {
        "payload": _payload(form),
        "currency": form.text("currency"),
        "amount": form.text("amount"),
        "owner": form.optional("owner"),
    }
    return await page.act(f"{API}/pay", order, form, to="/money", done="paid", again=again)


@router.get(f"{HOME}/{{request_id}}")
async def show_request(request_id: RequestId, page: Looking) -> Response:
    """Show a request: its code while it may be paid, and what became of it."""
    found = await page.get(f"{API}/{request_id}")
    payee = await page.find(f"/customers/{found['owner']}")
    return page.show("payment_requests/request.html", found=found, payee=payee["name"] if payee else found["owner"])


@router.get(f"{HOME}/{{request_id}}/code.{{form}}")
async def draw_code(request_id: RequestId, form: Picture, page: Looking) -> Response:
    """Hand out the code as a picture."""
    return await page.hand_out(f"{API}/{request_id}/code", format=form, language=page.speech.code)


@router.get(f"{HOME}/{{request_id}}/changed")
async def tell_change(request_id: RequestId, page: Looking, since: Annotated[str, Query(max_length=20)]) -> Response:
    """Tell an open page whether its request was paid or has expired; it is then loaded again."""
    if (await page.get(f"{API}/{request_id}"))["state"] == since:
        return Response(status_code=204)
    return Response(headers={"HX-Refresh": "true"})


async def _requests_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    may_ask = page.viewer.may("payment_requests:write")
    return page.show(
        "payment_requests/list.html",
        200 if refusal is None else refusal.status,
        requests=await page.rows(API),
        customers=await page.find("/customers") or [] if may_ask and page.viewer.is_staff else [],
        currencies=page.renderer.currencies,
        lasts=LASTS,
        form=form or Form({}, {}),
        refusal=refusal,
    )


async def _reading_page(page: Page, form: Form, refusal: RefusalError | None = None) -> Response:
    found: dict[str, Any] | None = None
    paid = None
    try:
        found = (await page.post(f"{API}/read", {"payload": _payload(form)}, form.once)).body
        # The order that pays a request has the request's name.
        paid = await page.find(f"/payments/{found['id']}")
    except RefusalError as unread:
        refusal = refusal or unread
    return page.show(
        "payment_requests/pay.html",
        200 if refusal is None else refusal.status,
        form=form,
        payload=_payload(form),
        found=found,
        paid=paid if paid and paid["state"] != "failed" else None,
        refusal=refusal,
    )


def _order(form: Form) -> dict[str, Any]:
    currency, lasts = form.text("currency"), form.text("expires_in")
    if lasts not in map(str, LASTS):
        raise FormFieldError("expires_in", f"one of {', '.join(map(str, LASTS))} seconds", lasts)
    return {
        "currency": currency,
        "amount": form.minor("amount", currency),
        "reference": form.text("reference"),
        "expires_in": int(lasts),
        "owner": form.optional("owner"),
    }


def _payload(form: Form) -> str:
    """Return a request's text; mail and messengers break its line."""
    return "".join(form.text("payload").splitlines())
