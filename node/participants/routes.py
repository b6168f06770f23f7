"""Institutions of the network, customers of the caller's institution."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.participants.errors import KeyChangeRefusedError
from node.participants.own import OwnPapers
from node.participants.papers import AnyPaper
from node.participants.peers import Peers
from node.participants.schemas import (
    AnchorIn,
    AnchorOut,
    CustomerIn,
    CustomerOut,
    InstitutionOut,
    RevocationIn,
    RotationIn,
    TakenOut,
)
from node.participants.service import ParticipantService
from node.participants.store import CustomerRow
from node.storage.cursor import booked_until_s
from node.web.approvals.service import Stake
from node.web.auth import Caller, Staff, check_owner, needs
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.openapi import download
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(tags=["participants"])

InstitutionId = Annotated[str, Path(max_length=64, description="Id or LEI", examples=["bank-nl"])]
CustomerId = Annotated[str, Path(max_length=64, examples=["bloem"])]

_PAPER: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "description": "A document, rotation notice or revocation, byte for byte (docs/spec/participants.md)",
            }
        },
    }
}


@router.get("/institutions", dependencies=[needs(Permission.PARTICIPANTS_READ)])
async def list_institutions(
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("id"))],
    role: Annotated[str | None, Query(max_length=32, examples=["bank"])] = None,
    status: Annotated[str | None, Query(max_length=32, examples=["active"])] = None,
) -> list[InstitutionOut]:
    """Return the institutions of the network, with their endpoints, keys and status."""
    with desk.database.read() as session:
        found = [InstitutionOut.of(entry) for entry in desk.get(Peers).entries(session)]
    wanted = (one for one in found if (role is None or role in one.role_names) and status in (None, one.status))
    return page.items(wanted, lambda one: (one.id,))


@router.get("/institutions/{institution_id}", dependencies=[needs(Permission.PARTICIPANTS_READ)])
async def get_institution(institution_id: InstitutionId, desk: CallersDesk) -> InstitutionOut:
    """Return one institution, by id or LEI."""
    with desk.database.read() as session:
        return InstitutionOut.of(desk.get(Peers).entry(session, institution_id))


@router.get(
    "/institutions/{institution_id}/document",
    response_class=Response,
    responses=download("application/json", "{...}"),
    dependencies=[needs(Permission.PARTICIPANTS_READ)],
)
async def download_document(institution_id: InstitutionId, desk: CallersDesk) -> Response:
    """Return an institution's signed document, byte for byte."""
    with desk.database.read() as session:
        data = desk.get(Peers).document(session, institution_id)
    return Response(data, media_type="application/json")


@router.post(
    "/institutions/papers",
    status_code=201,
    response_model=TakenOut,
    openapi_extra=_PAPER,
    dependencies=[needs(Permission.PARTICIPANTS_WRITE)],
)
async def take_paper(
    request: Request,
    _staff: Staff,
    desk: CallersDesk,
    call: OnceOnly,
    accept_key: Annotated[
        str | None,
        Query(max_length=43, description="Key id that you have checked with the institution by another channel"),
    ] = None,
) -> JSONResponse:
    """Take an institution's document, rotation notice or revocation; what is refused is also told in the notices."""
    data, peers = await request.body(), desk.get(Peers)

    def effect(session: Session) -> TakenOut:
        paper = peers.take(session, data, booked_until_s(session), accept_key)
        return TakenOut(type=paper.type, lei=paper.lei, kid=paper.signature.kid)

    stake = Stake(f"take a paper of {len(data)} bytes, accepting key {accept_key}")
    try:
        return call.run(effect, status=201, stake=lambda _session: stake)
    except KeyChangeRefusedError as error:
        with desk.database.transaction() as session:
            peers.report(session, error, booked_until_s(session))
        raise


@router.post(
    "/institutions/{institution_id}/anchor",
    status_code=202,
    response_model=AnchorOut,
    dependencies=[needs(Permission.KEYS_WRITE)],
)
async def anchor_key(
    institution_id: InstitutionId, order: AnchorIn, _staff: Staff, desk: CallersDesk, call: OnceOnly
) -> JSONResponse:
    """As the network's governor, put an institution's next key on the chain; the chain refuses anyone else."""
    own = desk.get(OwnPapers)
    stake = Stake(f"anchor key {order.key or 'of its notice'} of {institution_id}")
    return call.run(
        lambda session: AnchorOut(key=own.anchor(session, institution_id, order.key)),
        status=202,
        stake=lambda _session: stake,
    )


@router.post(
    "/own-keys/documents", status_code=201, response_model=dict[str, Any], dependencies=[needs(Permission.KEYS_WRITE)]
)
async def publish_document(_staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Send the institution's document to every other one, signed anew where keys or endpoints have changed."""
    own = desk.get(OwnPapers)
    return call.run(lambda session: _shown(own.publish(session, booked_until_s(session))), status=201)


@router.post(
    "/own-keys/rotations", status_code=201, response_model=dict[str, Any], dependencies=[needs(Permission.KEYS_WRITE)]
)
async def rotate_key(order: RotationIn, _staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Make the next message key and send its notice to every institution; it signs once it is anchored."""

    def effect(session: Session) -> dict[str, Any]:
        now_s = booked_until_s(session)
        return _shown(desk.get(OwnPapers).rotate(session, now_s=now_s, overlap_s=order.overlap_s))

    return call.run(effect, 201, lambda _session: Stake(f"rotate the message key, overlap {order.overlap_s} s"))


@router.post(
    "/own-keys/revocations", status_code=201, response_model=dict[str, Any], dependencies=[needs(Permission.KEYS_WRITE)]
)
async def revoke_key(order: RevocationIn, _staff: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Take back one of the institution's message keys and tell every institution."""

    def effect(session: Session) -> dict[str, Any]:
        now_s = booked_until_s(session)
        return _shown(desk.get(OwnPapers).revoke(session, kid=order.kid, reason=order.reason, now_s=now_s))

    return call.run(effect, 201, lambda _session: Stake(f"revoke message key {order.kid}: {order.reason}"))


@router.get("/customers", dependencies=[needs(Permission.CUSTOMERS_READ)])
async def list_customers(
    principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("id", "created"))]
) -> list[CustomerOut]:
    """Return the institution's customers; a customer sees itself."""
    wanted = select(CustomerRow)
    if principal.customer_id is not None:
        wanted = wanted.where(CustomerRow.id == principal.customer_id)
    columns = (CustomerRow.id,) if page.order == "id" else (CustomerRow.created_at_s, CustomerRow.id)
    with desk.database.read() as session:
        return [CustomerOut.model_validate(row) for row in page.rows(session, wanted, *columns)]


@router.get("/customers/{customer_id}", dependencies=[needs(Permission.CUSTOMERS_READ)])
async def get_customer(customer_id: CustomerId, principal: Caller, desk: CallersDesk) -> CustomerOut:
    """Return one customer."""
    check_owner(principal, customer_id)
    with desk.database.read() as session:
        return CustomerOut.model_validate(desk.get(ParticipantService).customer(session, customer_id))


@router.post(
    "/customers", status_code=201, response_model=CustomerOut, dependencies=[needs(Permission.CUSTOMERS_WRITE)]
)
async def add_customer(order: CustomerIn, principal: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Make a customer with a key that the institution keeps."""

    def effect(session: Session) -> CustomerOut:
        row = desk.get(ParticipantService).add_customer(
            session,
            customer_id=order.id,
            name=order.name,
            now_s=booked_until_s(session),
            postal_address=order.postal_address,
        )
        return CustomerOut.model_validate(row)

    return call.run(effect, 201, lambda _session: Stake(f"make the customer {order.id}: {order.name}"))


def _shown(paper: AnyPaper) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(paper.data)
    return shown
