"""Pages of terms: a new draft, a counter-version and an amendment, as one form; and the attester's desk."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.errors import RejectedError
from node.trades.limits import MILESTONES_MAX, PAYEES_MAX
from node.trades.pages.drafting import Draft, draft_of_document, draft_of_form, terms_file
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.console.uploads import JSON, JSON_LD, TOML, XML, checked
from node.web.permissions import Permission

MENU: Final = (
    Entry(
        "/appointments", "To attest", Permission.APPOINTMENTS_READ, staff_only=True, of_roles=frozenset({"attester"})
    ),
)
POLICIES: Final = ("convert_now", "lock", "float", "none")
KINDS: Final = ("loaded", "departed", "arrived", "delivered", "inspected")
PURPOSES: Final = ("tax", "fee", "financing", "other")
_PATHS: Final = {"draft": "/trades", "counter": "/trades/{}/counter", "amend": "/trades/{}/amend"}
_DONE: Final = {"draft": "drafted", "counter": "countered", "amend": "signed"}

router = APIRouter()


@router.get("/trades/new")
async def show_new(
    page: Looking, side: Annotated[str, Query(pattern="^(importer|exporter)$")] = "exporter"
) -> Response:
    """Show an empty draft, with what is known of the viewer's own side filled in."""
    viewer = page.viewer
    values = {
        f"{side}.bank": viewer.institution_id,
        f"{side}.customer": viewer.principal.customer_id or "",
        f"{side}.name": viewer.customer or "",
        "funding.policy": "convert_now",
        "windows.dispute_s": "1",
        "windows.award_s": "7",
        "windows.grace_s": "3",
    }
    return await _draft_page(page, Draft(values), "draft", side=side)


@router.post("/trades/new")
async def draft(page: Looking, form: Filled) -> Response:
    """Draft a trade, or show the form with more rows."""
    return await _take(page, form, "draft")


@router.get("/trades/{reference}/counter")
async def show_counter(reference: str, page: Looking) -> Response:
    """Show the version on the table as a form, to be answered with another."""
    await page.see(f"/trades/{reference}")
    return await _draft_page(page, await _on_the_table(page, reference), "counter", reference)


@router.post("/trades/{reference}/counter")
async def counter(reference: str, page: Looking, form: Filled) -> Response:
    """Answer with another version."""
    return await _take(page, form, "counter", reference)


@router.get("/trades/{reference}/amend")
async def show_amend(reference: str, page: Looking) -> Response:
    """Show the terms in force as a form, to be amended."""
    await page.see(f"/trades/{reference}")
    return await _draft_page(page, await _on_the_table(page, reference), "amend", reference)


@router.post("/trades/{reference}/amend")
async def amend(reference: str, page: Looking, form: Filled) -> Response:
    """Propose other terms for a funded trade."""
    return await _take(page, form, "amend", reference)


@router.get("/appointments")
async def show_appointments(page: Looking) -> Response:
    """Show what this institution was named to attest."""
    return await _appointments_page(page)


@router.post("/appointments/{reference}/{kind}")
async def attest(reference: str, kind: str, page: Looking, form: Filled) -> Response:
    """Hand in a document from the field: an EPCIS event, or a statement of this institution."""

    async def again(refusal: RefusalError) -> Response:
        return await _appointments_page(page, refusal, reference)

    try:
        upload = form.upload("document")
        if upload is None:
            raise RefusalError.of_field("document", "document: expected a file, got none; choose one")
        content = checked(upload, (JSON, JSON_LD))
    except RejectedError as error:
        return await again(RefusalError.of(error))
    path = f"/trades/{reference}/{'events' if kind == 'events' else 'statements'}"
    return await page.act(path, content, form, to="/appointments", done="attested", again=again)


async def _take(page: Page, form: Form, what: str, reference: str = "") -> Response:
    side = form.text("side") or "exporter"
    written = draft_of_form(form)
    # What is written answers what was seen when it was begun, however often the form comes back.
    page.seen = form.seen
    if form.is_set("add"):
        more = form.text("add")
        written.milestones = min(written.milestones + (more == "milestone"), MILESTONES_MAX)
        written.payees = min(written.payees + (more == "payee"), PAYEES_MAX)
        return await _draft_page(page, written, what, reference, side=side)

    async def again(refusal: RefusalError) -> Response:
        return await _draft_page(page, written, what, reference, refusal, side)

    try:
        order = _order(page, form, written, what, side)
    except RejectedError as error:
        return await again(RefusalError.of(error))
    to = f"/trades/{reference or _reference(order['terms_toml'], written)}"
    return await page.act(_PATHS[what].format(reference), order, form, to=to, done=_DONE[what], again=again)


def _order(page: Page, form: Form, written: Draft, what: str, side: str) -> dict[str, Any]:
    """Return what the API takes: the form's terms, or those of a file that was handed in."""
    terms, invoice = form.upload("terms"), form.upload("invoice")
    order: dict[str, Any] = {
        "terms_toml": terms_file(written) if terms is None else checked(terms, (TOML,)).decode("utf-8-sig"),
        "invoice_xml": None if invoice is None else checked(invoice, (XML,)).decode("utf-8-sig"),
        # A customer has one side; its bank may have both.
        "side": side if page.viewer.is_staff else None,
    }
    return order | ({"ask_provider": form.is_set("ask_provider")} if what == "amend" else {})


def _reference(terms_toml: str, written: Draft) -> str:
    if written.text("reference"):
        return written.text("reference")
    named = (line.partition("=")[2] for line in terms_toml.splitlines() if line.startswith("reference"))
    return next(named, "").strip().strip("\"'")


async def _on_the_table(page: Page, reference: str) -> Draft:
    versions = await page.get(f"/trades/{reference}/versions")
    return draft_of_document(versions[-1]["document"])


async def _draft_page(
    page: Page,
    written: Draft,
    what: str,
    reference: str = "",
    refusal: RefusalError | None = None,
    side: str = "exporter",
) -> Response:
    institutions = await page.get("/institutions")
    is_changed = refusal is not None and refusal.is_change

    def having(role: str) -> list[dict[str, Any]]:
        return [one for one in institutions if role in one["role_names"]]

    return page.show(
        "trades/draft.html",
        200 if refusal is None else refusal.status,
        draft=written,
        what=what,
        reference=reference,
        side=side,
        banks=having("bank"),
        attesters=having("attester"),
        arbiters=having("arbiter"),
        customers=await page.find("/customers") or [],
        currencies=sorted(page.renderer.currencies),
        policies=POLICIES,
        kinds=KINDS,
        purposes=PURPOSES,
        changed=await page.see(f"/trades/{reference}") if is_changed else None,
        latest=(await page.get(f"/trades/{reference}/versions"))[-1] if is_changed else None,
        refusal=refusal,
    )


async def _appointments_page(page: Page, refusal: RefusalError | None = None, at: str = "") -> Response:
    return page.show(
        "trades/appointments.html",
        200 if refusal is None else refusal.status,
        appointments=await page.get("/appointments"),
        at=at,
        refusal=refusal,
    )
