"""Institutions of the network, customers of the caller's institution."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.participants.schemas import CustomerIn, CustomerOut, InstitutionOut
from node.participants.service import ParticipantService
from node.storage.cursor import booked_until_s
from node.web.auth import Caller, Staff, check_owner
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly

router = APIRouter(tags=["participants"])


@router.get("/institutions")
async def list_institutions(desk: CallersDesk) -> list[InstitutionOut]:
    """Return every institution of the network."""
    return [InstitutionOut.model_validate(item) for item in desk.get(ParticipantService).directory]


@router.get("/institutions/{institution_id}")
async def get_institution(institution_id: str, desk: CallersDesk) -> InstitutionOut:
    """Return one institution."""
    return InstitutionOut.model_validate(desk.get(ParticipantService).directory.institution(institution_id))


@router.get("/customers")
async def list_customers(principal: Caller, desk: CallersDesk) -> list[CustomerOut]:
    """Return the institution's customers; a customer sees itself."""
    with desk.database.read() as session:
        rows = desk.get(ParticipantService).customers(session)
        return [CustomerOut.model_validate(row) for row in rows if principal.customer_id in (None, row.id)]


@router.get("/customers/{customer_id}")
async def get_customer(customer_id: str, principal: Caller, desk: CallersDesk) -> CustomerOut:
    """Return one customer."""
    check_owner(principal, customer_id)
    with desk.database.read() as session:
        return CustomerOut.model_validate(desk.get(ParticipantService).customer(session, customer_id))


@router.post("/customers", status_code=201, response_model=CustomerOut)
async def add_customer(order: CustomerIn, principal: Staff, desk: CallersDesk, call: OnceOnly) -> JSONResponse:
    """Make a customer with a key that the institution keeps."""

    def effect(session: Session) -> CustomerOut:
        row = desk.get(ParticipantService).add_customer(
            session, customer_id=order.id, name=order.name, now_s=booked_until_s(session)
        )
        return CustomerOut.model_validate(row)

    return call.run(effect, status=201)
