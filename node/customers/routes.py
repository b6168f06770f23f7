"""Applications and their documents; and what a customer may ask about its own data."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session

from node.audit.log import Entry, append
from node.customers.documents import MEDIA_TYPES
from node.customers.limits import FILE_NAME_CHARS_MAX
from node.customers.onboarding import Onboarding
from node.customers.schemas import (
    ApplicationIn,
    ApplicationOut,
    ApprovalIn,
    ClosedOut,
    DeclineApplicationIn,
    DocumentKind,
    FieldsIn,
    KycDocumentOut,
    State,
)
from node.customers.store import ApplicationRow
from node.customers.subjects import Subjects
from node.web.approvals.service import Stake
from node.web.auth import Caller, Staff, check_owner, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.middleware import body_of
from node.web.openapi import download
from node.web.origin import origin_of
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["customers"])

ApplicationId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
CustomerId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,54}$")]
_WRITE = [needs(Permission.CUSTOMERS_WRITE)]
_CHECK = [needs(Permission.CUSTOMERS_APPROVE)]
_LOOK = [needs(Permission.APPLICATIONS_READ)]
# A browser that opens a document by itself runs nothing in it and tells nobody.
_SAFE: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document, byte for byte",
        "content": {one: {"schema": {"type": "string"}, "example": "%PDF-1.7..."} for one in MEDIA_TYPES},
    }
}
_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {one: {"schema": {"type": "string", "format": "binary"}} for one in MEDIA_TYPES},
    }
}


@router.post("/applications", dependencies=_WRITE, status_code=201, response_model=ApplicationOut)
async def draft(
    order: ApplicationIn, request: Request, writer: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Begin the application of somebody who wants to become a customer."""
    onboarding, now_s = desk.get(Onboarding), now_s_of(request)

    def effect(session: Session) -> ApplicationOut:
        row = onboarding.draft(session, order.customer, order.fields, writer, now_s)
        return _shown(session, onboarding, row)

    return once.run(effect, 201)


@router.get("/applications", dependencies=_LOOK)
async def list_applications(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("-made"))], state: State | None = None
) -> list[ApplicationOut]:
    """Return applications, the latest first."""
    onboarding = desk.get(Onboarding)
    with desk.database.read() as session:
        rows = page.rows(session, onboarding.applications(state), ApplicationRow.made_at_s, ApplicationRow.id)
        return [_shown(session, onboarding, row) for row in rows]


@router.get("/applications/{application_id}", dependencies=_LOOK)
async def get_application(application_id: ApplicationId, _staff: Staff, desk: CallersDesk) -> ApplicationOut:
    """Return an application with its documents."""
    onboarding = desk.get(Onboarding)
    with desk.database.read() as session:
        return _shown(session, onboarding, onboarding.get(session, application_id))


@router.post("/applications/{application_id}/fields", dependencies=_WRITE, response_model=ApplicationOut)
async def change(
    application_id: ApplicationId,
    order: FieldsIn,
    request: Request,
    writer: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Write another version of a draft."""
    onboarding, now_s = desk.get(Onboarding), now_s_of(request)

    def effect(session: Session) -> ApplicationOut:
        row = onboarding.change(session, application_id, order.fields, writer, now_s)
        return _shown(session, onboarding, row)

    return once.run(effect)


@router.post(
    "/applications/{application_id}/documents",
    dependencies=_WRITE,
    status_code=201,
    response_model=KycDocumentOut,
    openapi_extra=_DOCUMENT,
)
async def add_document(
    application_id: ApplicationId,
    kind: Annotated[DocumentKind, Query()],
    name: Annotated[str, Query(min_length=1, max_length=FILE_NAME_CHARS_MAX, examples=["register.pdf"])],
    request: Request,
    writer: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Add a document to a draft: the body is the file, byte for byte."""
    onboarding, now_s, content = desk.get(Onboarding), now_s_of(request), body_of(request)
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def effect(session: Session) -> KycDocumentOut:
        return KycDocumentOut.of(
            onboarding.add_document(
                session,
                application_id,
                kind=kind,
                name=name,
                media_type=media_type,
                content=content,
                writer=writer,
                now_s=now_s,
            )
        )

    return once.run(effect, 201)


@router.get(
    "/applications/{application_id}/documents/{document_id}",
    dependencies=_LOOK,
    response_class=Response,
    responses=_FILES,
)
async def download_document(
    application_id: ApplicationId,
    document_id: Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")],
    request: Request,
    staff: Staff,
    desk: CallersDesk,
) -> Response:
    """Return a document, byte for byte; the log says who has looked."""
    with desk.database.transaction() as session:
        row = desk.get(Onboarding).document(session, application_id, document_id)
        append(session, Entry(staff.name, "document.read", row.id, origin_of(request), now_s_of(request)))
        suffix = row.media_type.rpartition("/")[2]
        headers = {"Content-Disposition": f'attachment; filename="{row.id}.{suffix}"', **_SAFE}
        return Response(row.content, media_type=row.media_type, headers=headers)


@router.post("/applications/{application_id}/submit", dependencies=_WRITE, response_model=ApplicationOut)
async def submit(
    application_id: ApplicationId, request: Request, writer: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Put an application before another person."""
    onboarding, now_s = desk.get(Onboarding), now_s_of(request)

    def effect(session: Session) -> ApplicationOut:
        return _shown(session, onboarding, onboarding.submit(session, application_id, writer, now_s))

    return once.run(effect)


@router.post("/applications/{application_id}/approve", dependencies=_CHECK, response_model=ApplicationOut)
async def approve(
    application_id: ApplicationId,
    order: ApprovalIn,
    request: Request,
    checker: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Make the customer, as another person than those who wrote the application."""
    onboarding, now_s = desk.get(Onboarding), now_s_of(request)

    def effect(session: Session) -> ApplicationOut:
        row = onboarding.approve(session, application_id, order.risk, checker, now_s)
        return _shown(session, onboarding, row)

    return once.run(effect)


@router.post("/applications/{application_id}/decline", dependencies=_CHECK, response_model=ApplicationOut)
async def decline(
    application_id: ApplicationId,
    order: DeclineApplicationIn,
    request: Request,
    checker: Staff,
    desk: CallersDesk,
    once: OnceOnly,
) -> JSONResponse:
    """Say no to an application, with a reason."""
    onboarding, now_s = desk.get(Onboarding), now_s_of(request)

    def effect(session: Session) -> ApplicationOut:
        row = onboarding.decline(session, application_id, order.reason, checker, now_s)
        return _shown(session, onboarding, row)

    return once.run(effect)


@router.get(
    "/customers/{customer_id}/data",
    dependencies=[needs(Permission.CUSTOMERS_EXPORT)],
    response_class=Response,
    responses=download("application/zip", "PK...", "A ZIP of JSON and files"),
)
async def export_data(customer_id: CustomerId, request: Request, principal: Caller, desk: CallersDesk) -> Response:
    """Return everything that is held about a customer, as a ZIP of JSON and files; a customer gets its own."""
    check_owner(principal, customer_id)
    with desk.database.transaction() as session:
        data = desk.get(Subjects).export(session, customer_id)
        append(session, Entry(principal.name, "data.exported", customer_id, origin_of(request), now_s_of(request)))
    headers = {"Content-Disposition": f'attachment; filename="{customer_id}.zip"', **_SAFE}
    return Response(data, media_type="application/zip", headers=headers)


@router.post(
    "/customers/{customer_id}/close",
    dependencies=[needs(Permission.CUSTOMERS_ERASE)],
    response_model=ClosedOut,
)
async def close(
    customer_id: CustomerId, request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Part from a customer without money and running trades: nobody acts for it any more."""
    subjects, now_s = desk.get(Subjects), now_s_of(request)
    return once.run(
        lambda session: ClosedOut.model_validate(subjects.close(session, customer_id, now_s)),
        stake=lambda _session: Stake(f"part from the customer {customer_id}"),
    )


@router.post(
    "/customers/{customer_id}/erase",
    dependencies=[needs(Permission.CUSTOMERS_ERASE)],
    response_model=ClosedOut,
)
async def erase(
    customer_id: CustomerId, request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Forget a customer that need not be kept any longer; what is on the chain stays."""
    subjects, now_s = desk.get(Subjects), now_s_of(request)
    return once.run(
        lambda session: ClosedOut.model_validate(subjects.erase(session, customer_id, now_s)),
        stake=lambda _session: Stake(f"forget the customer {customer_id}"),
    )


def _shown(session: Session, onboarding: Onboarding, row: ApplicationRow) -> ApplicationOut:
    return ApplicationOut.of(row, list(onboarding.documents(session, row.id)))
