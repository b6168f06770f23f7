"""Pages of who takes part: institutions with their keys, the institution's own keys, and its customers."""

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (
    Entry("/participants", "Participants", Permission.PARTICIPANTS_READ, staff_only=True),
    Entry("/customers", "Customers", Permission.CUSTOMERS_READ, staff_only=True, of_roles=frozenset({"bank"})),
)
_OVERLAP_S: Final = 86_400
"""How long a message key goes on to count after its successor's anchor: a day of messages under way."""

router = APIRouter()


@router.get("/participants")
async def show_participants(page: Looking) -> Response:
    """Show every institution of the network."""
    return page.show("participants/list.html", institutions=await page.get("/institutions"))


@router.get("/participants/{institution_id}")
async def show_participant(institution_id: str, page: Looking) -> Response:
    """Show one institution and the keys that count for it."""
    return await _participant_page(page, institution_id)


@router.post("/participants/{institution_id}/rotate")
async def rotate(institution_id: str, page: Looking, form: Filled) -> Response:
    """Make the institution's next message key; a second person approves."""
    return await page.act(
        "/own-keys/rotations",
        {"overlap_s": _OVERLAP_S},
        form,
        to=f"/participants/{institution_id}",
        done="ordered",
        again=lambda refusal: _participant_page(page, institution_id, refusal),
    )


@router.post("/participants/{institution_id}/revoke")
async def revoke(institution_id: str, page: Looking, form: Filled) -> Response:
    """Take back one of the institution's message keys, for good; a second person approves."""
    return await page.act(
        "/own-keys/revocations",
        {"kid": form.text("kid"), "reason": form.text("reason")},
        form,
        to=f"/participants/{institution_id}",
        done="ordered",
        again=lambda refusal: _participant_page(page, institution_id, refusal),
    )


@router.get("/customers")
async def show_customers(page: Looking) -> Response:
    """Show the institution's customers."""
    return await _customers_page(page)


@router.post("/customers")
async def add_customer(page: Looking, form: Filled) -> Response:
    """Make a customer; a second person approves."""
    parts = ("street", "building", "post_code", "town", "country")
    address = {part: form.text(part) for part in parts if form.text(part)}
    order = {"id": form.text("id"), "name": form.text("name"), "postal_address": address or None}
    return await page.act(
        "/customers",
        order,
        form,
        to="/customers",
        done="changed",
        again=lambda refusal: _customers_page(page, refusal, form),
    )


async def _participant_page(page: Page, institution_id: str, refusal: RefusalError | None = None) -> Response:
    return page.show(
        "participants/one.html",
        200 if refusal is None else refusal.status,
        one=await page.get(f"/institutions/{institution_id}"),
        is_own=institution_id == page.viewer.institution_id,
        refusal=refusal,
    )


async def _customers_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "participants/customers.html",
        200 if refusal is None else refusal.status,
        customers=await page.rows("/customers"),
        wallets={one["customer"]: one for one in await page.find("/wallets") or []},
        form=form or Form({}, {}),
        refusal=refusal,
    )
