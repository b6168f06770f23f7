"""bank-nl with a maker, a checker and compliance, and customers who come and go."""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from node.customers import routes
from node.customers.onboarding import Onboarding
from node.customers.subjects import ApplicationKeeper, Retention, Subjects
from node.identity.oauth.clients import Clients
from node.identity.people import People
from node.identity.personal import PeopleKeeper
from node.identity.vault import Vault
from node.ledger.personal import LedgerKeeper
from node.participants.personal import CustomerKeeper
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_STAFF, Role
from node.web.personal import AnswerKeeper
from tests.unit.identity.conftest import RING
from tests.unit.ledger.conftest import open_books

START_S = 1_800_000_000
PEOPLE = {
    "maker": Principal("bank-nl", None, frozenset({Role.BANK_MAKER}), "p-maker"),
    "maker-2": Principal("bank-nl", None, frozenset({Role.BANK_MAKER}), "p-maker-2"),
    "checker": Principal("bank-nl", None, frozenset({Role.BANK_CHECKER}), "p-checker"),
    "both": Principal("bank-nl", None, frozenset({Role.BANK_MAKER, Role.BANK_CHECKER}), "p-both"),
    "compliance": Principal("bank-nl", None, frozenset({Role.COMPLIANCE}), "p-compliance"),
    "operator": Principal("bank-nl", None, frozenset({Role.OPERATOR}), "p-operator"),
    "regulator": Principal("bank-nl", None, frozenset({Role.REGULATOR}), "p-regulator"),
    "bloem": Principal("bank-nl", "bloem", frozenset({Role.IMPORTER}), "p-bloem"),
    "tulp": Principal("bank-nl", "tulp", frozenset({Role.IMPORTER}), "p-tulp"),
    "devnet": Principal("bank-nl", None, DEVNET_STAFF),
}
ADDRESS = {"street": "Legmeerdijk", "building": "313", "town": "Aalsmeer", "country": "NL"}
OWNER = {
    "name": "Ann Bakker",
    "born_on": "1980-02-29",
    "nationality": "NL",
    "address": ADDRESS,
    "is_politically_exposed": False,
    "share_bps": 10_000,
}
COMPANY: dict[str, Any] = {
    "kind": "company",
    "legal_name": "Tulpenhuis BV",
    "registered_in": "NL",
    "registration_number": "12345678",
    "founded_on": "2001-05-04",
    "address": ADDRESS,
    "business": "Imports cut flowers",
    "trades_with": ["KE"],
    "expected_monthly": "250,000 EUR",
    "funds_come_from": "Sales to florists",
    "owners": [OWNER],
    "contact": "Ann Bakker",
    "email": "ann@tulpenhuis.example",
    "phone": "+31201234567",
}
PDF = b"%PDF-1.7\n1 0 obj [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ of Jan de Wit\n%%EOF\n"


class Clock:
    now_s = START_S

    def __call__(self) -> int:
        return self.now_s


@cache
def application() -> FastAPI:
    return build_app(desks={}, authority=TokenAuthority(PEOPLE), routers=[routes.router])


class Bank:
    """The desk of bank-nl."""

    def __init__(self, folder: Path, retention: Retention) -> None:
        self.clock = Clock()
        self.books = open_books("sqlite://")
        self.database, participants = self.books.database, self.books.participants
        self.people = People(participants=participants, vault=Vault(RING, "sealing"))
        self.clients = Clients(participants)
        keepers = (
            CustomerKeeper(),
            ApplicationKeeper(),
            PeopleKeeper(self.people, self.clients),
            LedgerKeeper(self.books.ledger),
            AnswerKeeper("bank-nl"),
        )
        self.subjects = Subjects(participants, keepers, retention)
        services = [participants, self.books.ledger, Onboarding(participants), self.subjects]
        # Building an application takes longer than most tests: all banks share one.
        self.app = application()
        desk = Desk(institution_id="bank-nl", database=self.database, services=services)
        self.app.state.desks = {"bank-nl": desk}
        self.app.state.clock = self.clock
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://desk/v1")
        self._keys = iter(range(10_000))

    async def post(self, who: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": str(next(self._keys))}
        return await self.http.post(path, json={} if body is None else body, headers=headers)

    async def get(self, who: str, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {who}"})

    async def upload(
        self,
        who: str,
        application: str,
        kind: str = "register",
        name: str = "register.pdf",
        content: bytes = PDF,
        media_type: str = "application/pdf",
    ) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {who}",
            "Idempotency-Key": str(next(self._keys)),
            "Content-Type": media_type,
        }
        path = f"/applications/{application}/documents"
        return await self.http.post(path, params={"kind": kind, "name": name}, content=content, headers=headers)

    async def draft(self, who: str = "maker", customer: str = "tulp", **change: Any) -> str:
        answer = await self.post(who, "/applications", {"customer": customer, "fields": COMPANY | change})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def submit(self, customer: str = "tulp", **change: Any) -> str:
        application = await self.draft(customer=customer, **change)
        for kind in ("register", "ownership"):
            assert (await self.upload("maker", application, kind)).status_code == 201
        assert (await self.post("maker", f"/applications/{application}/submit")).json()["state"] == "submitted"
        return application

    async def by_two(self, path: str) -> httpx.Response:
        """Let compliance ask and a checker approve."""
        held = await self.post("compliance", path)
        if held.status_code != 202:
            return held
        return await self.post("checker", f"/approvals/{held.json()['id']}/approve")

    def stored(self) -> str:
        return "\n".join(self.database.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    bank = Bank(tmp_path, Retention(closed_customers=10, declined_applications=5))
    async with bank.http:
        yield bank
