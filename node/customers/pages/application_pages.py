"""Pages of applications: written with their documents by one person, decided by another."""

from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.customers.kyc import DOCUMENT_KINDS, REQUIRED_DOCUMENTS
from node.customers.limits import OWNERS_MAX
from node.customers.pages.fields import GROUPS, LABELS, OWNER, as_form, field_at, owners_of, read_fields
from node.customers.routes import ApplicationId
from node.customers.schemas import State
from node.errors import RejectedError
from node.web.console.errors import RefusalError, UploadRefusedError
from node.web.console.forms import Filled, Form
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
Kind = Literal["company", "person"]
DocumentId = Annotated[str, PathValue(pattern=r"^[0-9a-f]{16}$")]
_MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
_MORE: Final = "more"
"""Button that asks for room for one more owner."""

router = APIRouter()


@router.get("/customers/applications")
async def show_applications(page: Looking, state: Annotated[State, Query()] = "submitted") -> Response:
    """Show applications: those that wait for a decision first."""
    applications = await page.rows("/applications", state=state)
    return page.show("customers/applications.html", applications=applications, state=state)


@router.get("/customers/applications/new")
async def begin(page: Looking, kind: Annotated[Kind, Query()] = "company") -> Response:
    """Show an empty application."""
    return _form_page(page, kind, Form({}, {}), None)


@router.post("/customers/applications")
async def draft(page: Looking, form: Filled) -> Response:
    """Keep an application as a draft."""
    return await _write(page, form, None)


@router.get("/customers/applications/{application_id}")
async def show_application(application_id: ApplicationId, page: Looking) -> Response:
    """Show an application with its documents, and what can be done with it."""
    return await _application_page(page, application_id)


@router.get("/customers/applications/{application_id}/fields")
async def show_fields(application_id: ApplicationId, page: Looking) -> Response:
    """Show a draft to be changed."""
    one = await page.get(f"/applications/{application_id}")
    return _form_page(page, one["kind"], as_form(one["fields"]), application_id)


@router.post("/customers/applications/{application_id}/fields")
async def change(application_id: ApplicationId, page: Looking, form: Filled) -> Response:
    """Keep another version of a draft."""
    return await _write(page, form, application_id)


@router.post("/customers/applications/{application_id}/documents")
async def add_document(application_id: ApplicationId, page: Looking, form: Filled) -> Response:
    """Add a document to a draft."""

    async def again(refusal: RefusalError) -> Response:
        return await _application_page(page, application_id, refusal)

    upload = form.upload("document")
    if upload is None:
        return await again(RefusalError.of(UploadRefusedError("document", "a file", "none")))
    media_type = _MEDIA_TYPES.get(Path(upload.name).suffix.lower())
    if media_type is None:
        expected = f"a file whose name ends with {', '.join(sorted(_MEDIA_TYPES))}"
        return await again(RefusalError.of(UploadRefusedError("document", expected, repr(Path(upload.name).suffix))))
    return await page.act(
        f"/applications/{application_id}/documents",
        upload.content,
        form,
        to=f"/customers/applications/{application_id}",
        done="saved",
        again=again,
        media_type=media_type,
        query={"kind": form.text("kind"), "name": upload.name},
    )


@router.get("/customers/applications/{application_id}/documents/{document_id}")
async def download_document(application_id: ApplicationId, document_id: DocumentId, page: Looking) -> Response:
    """Hand out a document; the audit log says who has looked."""
    return await page.hand_out(f"/applications/{application_id}/documents/{document_id}")


@router.post("/customers/applications/{application_id}/{step}")
async def decide(
    application_id: ApplicationId,
    step: Annotated[str, PathValue(pattern="^(submit|approve|decline)$")],
    page: Looking,
    form: Filled,
) -> Response:
    """Put an application before another person; or decide about it, as that person."""

    async def again(refusal: RefusalError) -> Response:
        return await _application_page(page, application_id, refusal, form)

    said = {"approve": {"risk": form.text("risk")}, "decline": {"reason": form.text("reason")}}.get(step)
    done = {"submit": "submitted", "approve": "customer_made", "decline": "declined"}[step]
    path = f"/applications/{application_id}"
    return await page.act(f"{path}/{step}", said, form, to=f"/customers{path}", done=done, again=again)


async def _write(page: Page, form: Form, application_id: str | None) -> Response:
    kind = "person" if form.text("kind") == "person" else "company"
    if form.is_set(_MORE):
        count = min(owners_of(form) + 1, OWNERS_MAX)
        return _form_page(page, kind, Form(form.fields | {"owners": str(count)}, {}), application_id)

    async def again(refusal: RefusalError) -> Response:
        return _form_page(page, kind, form, application_id, refusal)

    try:
        fields = read_fields(kind, form)
    except RejectedError as error:
        return await again(RefusalError.of(error))
    is_new = application_id is None
    path = "/applications" if is_new else f"/applications/{application_id}/fields"
    order = {"customer": form.text("customer"), "fields": fields} if is_new else {"fields": fields}
    try:
        answer = await page.post(path, order, form.once)
    except RefusalError as refusal:
        return await again(refusal)
    return page.go(f"/customers/applications/{answer.body['id']}", "saved")


def _form_page(
    page: Page, kind: str, form: Form, application_id: str | None, refusal: RefusalError | None = None
) -> Response:
    return page.show(
        "customers/form.html",
        200 if refusal is None else refusal.status,
        kind=kind,
        form=form,
        groups=GROUPS[kind],
        owner_fields=OWNER,
        owners=owners_of(form) if kind == "company" else 0,
        owners_max=OWNERS_MAX,
        application_id=application_id,
        wrong=None if refusal is None else field_at(refusal.field, form),
        refusal=refusal,
    )


async def _application_page(
    page: Page, application_id: str, refusal: RefusalError | None = None, form: Form | None = None
) -> Response:
    one = await page.get(f"/applications/{application_id}")
    present = {document["kind"] for document in one["documents"]}
    is_writer = page.principal.name in one["writers"]
    return page.show(
        "customers/application.html",
        200 if refusal is None else refusal.status,
        one=one,
        labels=LABELS,
        shown={name: value for name, value in as_form(one["fields"]).fields.items() if name != "owners"},
        document_kinds=DOCUMENT_KINDS,
        missing=[kind for kind in REQUIRED_DOCUMENTS[one["kind"]] if kind not in present],
        may_write=page.viewer.may(Permission.CUSTOMERS_WRITE) and one["state"] == "draft",
        may_decide=page.viewer.may(Permission.CUSTOMERS_APPROVE) and one["state"] == "submitted" and not is_writer,
        is_writer=is_writer,
        form=form or Form({}, {}),
        refusal=refusal,
    )
