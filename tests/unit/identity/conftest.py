"""bank-nl with people who sign in, on a clock that stands until it is moved."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.store import EntryRow
from node.identity import own_routes, people_routes, sign_in_routes
from node.identity.browser import COOKIE, CSRF_HEADER, SessionAuthenticator
from node.identity.oauth import client_routes, token_routes
from node.identity.oauth.authenticator import Programs
from node.identity.oauth.clients import Clients
from node.identity.oauth.dpop import ProofStore
from node.identity.passkeys import Passkeys, Site
from node.identity.people import Newcomer, People
from node.identity.service import Identity
from node.identity.vault import Vault
from node.web.app import build_app
from node.web.auth import Caller, Principal, TokenAuthority, needs
from node.web.desk import Desk
from node.web.idempotency import OnceOnly
from node.web.permissions import DEVNET_STAFF, Permission, Role
from pqc import sealing
from tests.unit.ledger.conftest import open_books

PASSWORD = "correct horse battery"
START_S = 1_800_000_000
probe = APIRouter()


@probe.post("/probe", dependencies=[needs(Permission.OWN)])
async def do(caller: Caller, once: OnceOnly) -> JSONResponse:
    """Do something as the caller."""

    def effect(_session: Session) -> str:
        return caller.name

    return once.run(effect)


class Clock:
    now_s = START_S

    def __call__(self) -> int:
        return self.now_s


class Ring:
    """Sealing keys in memory."""

    def __init__(self) -> None:
        self.keys = [sealing.generate()]

    def sealing_keys(self, name: str) -> tuple[sealing.SealingKey, ...]:
        assert name == "sealing"
        return tuple(self.keys)


RING = Ring()


@cache
def application() -> FastAPI:
    programs = Programs("https://desk", ("https://desk", "http://127.0.0.1:8600"), ProofStore(START_S - 30))
    return build_app(
        desks={},
        authority=TokenAuthority({"devnet": Principal("bank-nl", None, DEVNET_STAFF)}),
        routers=[own_routes.router, people_routes.router, client_routes.router, probe],
        authenticators=[programs, SessionAuthenticator()],
        open_routers=[sign_in_routes.router, token_routes.build_router(programs)],
    )


class Browser:
    """One person's browser: cookies, and the token its pages know."""

    def __init__(self, office: "Office", address: str = "203.0.113.7") -> None:
        transport = httpx.ASGITransport(office.app, client=(address, 40_000))
        self.http = httpx.AsyncClient(transport=transport, base_url="https://desk/v1")
        self.csrf: str | None = None
        self.me: dict[str, Any] = {}

    async def post(self, path: str, body: Any = None, *, key: str = "k", **headers: str) -> httpx.Response:
        sent = {"Idempotency-Key": key} | ({CSRF_HEADER: self.csrf} if self.csrf else {})
        answer = await self.http.post(path, json={} if body is None else body, headers=sent | headers)
        if COOKIE in answer.cookies:
            self.me = answer.json()
            self.csrf = self.me["csrf_token"]
        return answer

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    def carry(self, token: str) -> None:
        """Bring a session's cookie, wherever it is from."""
        self.http.cookies.set(COOKIE, token, domain="desk.local")

    async def sign_in(self, person: "Invited", code: str | None = None) -> httpx.Response:
        body = {"email": person.email, "password": PASSWORD, "code": code or person.code()}
        return await self.post("/sign-in", body)


class Invited:
    """Somebody with a link, and then with an app."""

    def __init__(self, office: "Office", person_id: str, email: str, token: str) -> None:
        self.office, self.id, self.email, self.token = office, person_id, email, token
        self.secret = ""

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.office.clock() + 30 * steps)


class Office:
    """The bank's people."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.books = open_books("sqlite://")
        self.database = self.books.database
        vault = Vault(RING, "sealing")
        self.identity = Identity(
            institution_id="bank-nl",
            database=self.database,
            people=People(participants=self.books.participants, vault=vault),
            passkeys=Passkeys(Site("desk", "Polder Bank", "https://desk")),
            vault=vault,
        )
        self.clients = Clients(self.books.participants)
        services = [self.identity, self.books.participants, self.clients]
        # Building an application takes longer than most tests: all offices share one.
        self.app = application()
        desk = Desk(institution_id="bank-nl", database=self.database, services=services)
        self.app.state.desks = {"bank-nl": desk}
        self.app.state.clock = self.clock

    def invite(self, email: str, *roles: Role, customer: str | None = None) -> Invited:
        with self.database.transaction() as session:
            newcomer = Newcomer(email, email.partition("@")[0].title(), frozenset(roles), customer)
            person = self.identity.people.add(session, newcomer, self.clock())
            token = self.identity.people.invite(session, person.id, "test", self.clock())
        return Invited(self, person.id, email, token)

    async def join(self, invited: Invited) -> Browser:
        browser = Browser(self)
        found = (await browser.post("/invitations/look", {"token": invited.token})).json()
        invited.secret = found["app_secret"]
        body = {"token": invited.token, "password": PASSWORD, "code": invited.code(-1)}
        answer = await browser.post("/invitations/accept", body)
        assert answer.status_code == 200, answer.text
        return browser

    def actions(self) -> list[str]:
        with self.database.read() as session:
            return [row.action for row in session.scalars(select(EntryRow).order_by(EntryRow.number))]

    def log_text(self) -> str:
        with self.database.read() as session:
            return json.dumps([row.content for row in session.scalars(select(EntryRow))])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)
