"""A desk process with bank-nl and bank-ke, without chain and sockets."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.compliance.service import ComplianceService
from node.errors import InvariantError, UnavailableError
from node.ledger.reconciliation import Reconciler
from node.ledger.routes import router as ledger_router
from node.participants.peers import Peers
from node.participants.registry import RegistryFollower
from node.participants.routes import router as participants_router
from node.web.app import build_app
from node.web.auth import Principal, Staff, TokenAuthority, needs
from node.web.desk import CallersDesk, Desk
from node.web.idempotency import OnceOnly
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF, Permission
from tests.postgres import NewDatabase, new_database, postgresql
from tests.unit.client.fake_chain import deployment
from tests.unit.ledger.conftest import Books, open_books

__all__ = ["new_database", "postgresql"]

TOKENS = {
    "staff-nl": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem-nl": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "tulp-nl": Principal("bank-nl", "tulp", DEVNET_CUSTOMER),
    "staff-ke": Principal("bank-ke", None, DEVNET_STAFF),
    "staff-nowhere": Principal("nowhere", None, DEVNET_STAFF),
}

probe = APIRouter(tags=["probe"])


@probe.get("/probe/unavailable", dependencies=[needs(Permission.STATUS_READ)])
async def unavailable(_staff: Staff) -> None:
    """Fail as a room does whose outside is away."""
    raise UnavailableError("chain: expected an answer, got none")


@probe.get("/probe/broken", dependencies=[needs(Permission.STATUS_READ)])
async def broken(_staff: Staff) -> None:
    """Fail as a room does that contradicts itself."""
    raise InvariantError("the secret of the machine")


@probe.get("/probe/missing-service", dependencies=[needs(Permission.STATUS_READ)])
async def missing_service(desk: CallersDesk) -> None:
    """Ask for a service that wiring forgot."""
    desk.get(ComplianceService)


@probe.post("/probe/counter", dependencies=[needs(Permission.OWN)])
async def count(call: OnceOnly, desk: CallersDesk, is_failing: bool = False) -> JSONResponse:
    """Count the effects of a request."""

    def effect(session: Session) -> dict[str, int]:
        counts[desk.institution_id] = counts.get(desk.institution_id, 0) + 1
        if is_failing:
            raise UnavailableError("not now")
        return {"count": counts[desk.institution_id]}

    return call.run(effect, status=202)


counts: dict[str, int] = {}


@pytest.fixture
def books(new_database: NewDatabase) -> Iterator[Books]:
    counts.clear()
    books = open_books(new_database())
    yield books
    books.database.close()


@pytest.fixture
def others(new_database: NewDatabase) -> Iterator[Books]:
    books = open_books(new_database(), "bank-ke")
    yield books
    books.database.close()


@pytest.fixture
def app(books: Books, others: Books) -> FastAPI:
    desks = {item.institution_id: desk_of(item) for item in (books, others)}
    return build_app(desks=desks, authority=TokenAuthority(TOKENS), routers=[participants_router, ledger_router, probe])


def desk_of(books: Books) -> Desk:
    reconciler: Reconciler = books.reconciler
    directory = books.participants.directory
    registry = RegistryFollower(directory=directory, deployment=deployment())
    with books.database.transaction() as session:
        registry.open(session)
    return Desk(
        institution_id=books.institution_id,
        database=books.database,
        services=[books.participants, books.ledger, reconciler, Peers(directory=directory, deployment=deployment())],
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        yield client


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **{name.replace("_", "-"): value for name, value in headers.items()}}
