"""The institution's people, as its operators see them: invited, given roles, disabled, reset."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.audit.log import Entry, append
from node.identity.errors import OwnAccountError
from node.identity.limits import INVITATION_S
from node.identity.people import Newcomer
from node.identity.personal import export_person
from node.identity.routing import Visiting
from node.identity.schemas import LinkOut, PersonIn, PersonOut, RolesIn
from node.identity.service import Identity
from node.identity.store import PersonRow
from node.web.approvals.service import Stake
from node.web.auth import Principal, Staff, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/people", tags=["people"])

PersonId = Annotated[str, Path(pattern=r"^p-[0-9a-f]{16}$", examples=["p-5f0c2d5f0c2d5f0c"])]
_READ = [needs(Permission.PEOPLE_READ)]
_WRITE = [needs(Permission.PEOPLE_WRITE)]


@router.get("", dependencies=_READ)
async def list_people(
    _staff: Staff,
    desk: CallersDesk,
    page: Annotated[Page, Depends(paging("id", "created"))],
    customer: Annotated[str | None, Query(max_length=64)] = None,
) -> list[PersonOut]:
    """Return the institution's people and those of its customers."""
    columns = (PersonRow.id,) if page.order == "id" else (PersonRow.created_at_s, PersonRow.id)
    with desk.database.read() as session:
        wanted = desk.get(Identity).people.everybody(customer)
        return [PersonOut.of(row) for row in page.rows(session, wanted, *columns)]


@router.get("/{person_id}", dependencies=_READ)
async def get_person(person_id: PersonId, _staff: Staff, desk: CallersDesk) -> PersonOut:
    """Return a person."""
    with desk.database.read() as session:
        return PersonOut.of(desk.get(Identity).people.get(session, person_id))


@router.post("", dependencies=_WRITE, status_code=201, response_model=PersonOut)
async def add_person(
    order: PersonIn, request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Make an account that waits for its one-time link."""
    people, now_s = desk.get(Identity).people, now_s_of(request)
    newcomer = Newcomer(order.email, order.name, frozenset(order.roles), order.customer)
    whose = "the institution" if order.customer is None else order.customer
    stake = Stake(f"let {order.name} ({order.email}) of {whose} be {', '.join(sorted(order.roles))}")
    return once.run(lambda session: PersonOut.of(people.add(session, newcomer, now_s)), 201, lambda _session: stake)


@router.post("/{person_id}/invitation", dependencies=_WRITE, status_code=201)
async def invite(person_id: PersonId, staff: Staff, desk: CallersDesk, visit: Visiting) -> LinkOut:
    """Return a one-time link for somebody who has not come in yet; earlier ones end. It is not shown again."""
    identity = desk.get(Identity)
    with desk.database.transaction() as session:
        token = identity.people.invite(session, person_id, staff.name, visit.now_s)
        append(session, Entry(staff.name, "person.invited", person_id, visit.origin, visit.now_s))
    return LinkOut(link=identity.link(token), expires_at_s=visit.now_s + INVITATION_S)


@router.post("/{person_id}/roles", dependencies=_WRITE, response_model=PersonOut)
async def set_roles(
    person_id: PersonId, order: RolesIn, request: Request, staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Give somebody else other roles."""
    people, now_s = desk.get(Identity).people, now_s_of(request)
    _check_other(staff, person_id)

    def effect(session: Session) -> PersonOut:
        return PersonOut.of(people.set_roles(session, person_id, order.roles, now_s))

    return once.run(effect, stake=lambda _session: Stake(f"let {person_id} be {', '.join(sorted(order.roles))}"))


@router.post("/{person_id}/disable", dependencies=_WRITE, response_model=PersonOut)
async def disable(
    person_id: PersonId, request: Request, staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Lock somebody else out, at once: locking out takes one person, letting in again takes two."""
    people, now_s = desk.get(Identity).people, now_s_of(request)
    _check_other(staff, person_id)

    def effect(session: Session) -> PersonOut:
        return PersonOut.of(people.disable(session, person_id, now_s))

    return once.run(effect)


@router.post("/{person_id}/reset", dependencies=_WRITE, response_model=PersonOut)
async def reset(person_id: PersonId, request: Request, staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Take away how somebody else signs in; a new link lets them begin again, also who was disabled."""
    people, now_s = desk.get(Identity).people, now_s_of(request)
    _check_other(staff, person_id)

    def effect(session: Session) -> PersonOut:
        return PersonOut.of(people.reset(session, person_id, now_s))

    return once.run(effect, stake=lambda _session: Stake(f"take away how {person_id} signs in, for a new link"))


@router.get("/{person_id}/data", dependencies=_WRITE)
async def export_data(person_id: PersonId, staff: Staff, desk: CallersDesk, visit: Visiting) -> dict[str, Any]:
    """Return everything that is held about a person, on their request."""
    with desk.database.transaction() as session:
        person = desk.get(Identity).people.get(session, person_id)
        found: dict[str, Any] = jsonable_encoder(export_person(session, person), custom_encoder={bytes: bytes.hex})
        append(session, Entry(staff.name, "data.exported", person_id, visit.origin, visit.now_s))
    return found


@router.post("/{person_id}/erase", dependencies=_WRITE, response_model=PersonOut)
async def erase(person_id: PersonId, request: Request, staff: Staff, desk: CallersDesk, once: OnceOnly) -> JSONResponse:
    """Forget somebody else: name, e-mail and how they signed in; the id stays where the log and consents name it."""
    people, now_s = desk.get(Identity).people, now_s_of(request)
    _check_other(staff, person_id)
    return once.run(
        lambda session: PersonOut.of(people.erase(session, person_id, now_s)),
        stake=lambda _session: Stake(f"forget {person_id}"),
    )


def _check_other(staff: Principal, person_id: str) -> None:
    if staff.actor == person_id:
        raise OwnAccountError
