"""The institution's OAuth clients, as its operators see them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.log import Entry, append
from node.identity.oauth.clients import Clients, NewClient
from node.identity.oauth.schemas import ClientIn, ClientOut, KeysIn, SecretOut
from node.identity.oauth.store import ClientRow
from node.identity.routing import Visiting
from node.web.approvals.service import Stake
from node.web.auth import Staff, needs
from node.web.clock import now_s_of
from node.web.desk import CallersDesk
from node.web.idempotency import OnceOnly
from node.web.paging import Page, paging
from node.web.permissions import Permission

router = APIRouter(prefix="/oauth/clients", tags=["oauth"])

ClientId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}\.[0-9a-f]{16}$")]
_READ = [needs(Permission.CLIENTS_READ)]
_WRITE = [needs(Permission.CLIENTS_WRITE)]


@router.get("", dependencies=_READ)
async def list_clients(
    _staff: Staff, desk: CallersDesk, page: Annotated[Page, Depends(paging("id", "created"))]
) -> list[ClientOut]:
    """Return the programs that are registered."""
    columns = (ClientRow.id,) if page.order == "id" else (ClientRow.created_at_s, ClientRow.id)
    with desk.database.read() as session:
        return [ClientOut.of(row) for row in page.rows(session, select(ClientRow), *columns)]


@router.get("/{client_id}", dependencies=_READ)
async def get_client(client_id: ClientId, _staff: Staff, desk: CallersDesk) -> ClientOut:
    """Return a program."""
    with desk.database.read() as session:
        return ClientOut.of(desk.get(Clients).get(session, client_id))


@router.post("", dependencies=_WRITE, status_code=201, response_model=ClientOut)
async def add_client(
    order: ClientIn, request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Register a program; one without keys gets its secret by a request of its own."""
    clients, now_s = desk.get(Clients), now_s_of(request)
    new = NewClient(order.name, frozenset(order.roles), frozenset(order.scopes), tuple(order.jwks), order.customer)
    whose = "the institution" if order.customer is None else order.customer
    stake = Stake(f"let the program {order.name} act for {whose}: {', '.join(sorted(order.scopes))}")
    return once.run(lambda session: ClientOut.of(clients.add(session, new, now_s)), 201, lambda _session: stake)


@router.post("/{client_id}/secret", dependencies=_WRITE, status_code=201)
async def new_secret(client_id: ClientId, staff: Staff, desk: CallersDesk, visit: Visiting) -> SecretOut:
    """Return a new secret; the one before ends, and so do the client's tokens. It is not shown again."""
    with desk.database.transaction() as session:
        secret = desk.get(Clients).new_secret(session, client_id)
        append(session, Entry(staff.name, "client.new-secret", client_id, visit.origin, visit.now_s))
    return SecretOut(client_id=client_id, client_secret=secret)


@router.post("/{client_id}/keys", dependencies=_WRITE, response_model=ClientOut)
async def set_keys(
    client_id: ClientId, order: KeysIn, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """Give a program other keys."""
    clients = desk.get(Clients)
    stake = Stake(f"give the program {client_id} {len(order.jwks)} other keys")
    return once.run(
        lambda session: ClientOut.of(clients.set_keys(session, client_id, order.jwks)), stake=lambda _session: stake
    )


@router.post("/{client_id}/disable", dependencies=_WRITE, response_model=ClientOut)
async def disable(
    client_id: ClientId, request: Request, _staff: Staff, desk: CallersDesk, once: OnceOnly
) -> JSONResponse:
    """End a program and its tokens, at once and for good."""
    clients, now_s = desk.get(Clients), now_s_of(request)

    def effect(session: Session) -> ClientOut:
        return ClientOut.of(clients.disable(session, client_id, now_s))

    return once.run(effect)
