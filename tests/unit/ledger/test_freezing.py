"""Freeze orders, as the central bank that gives them and the bank whose customer they are about keep them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.client.artifacts import encode_call
from node.ledger.errors import FreezeStateError, NotIssuerError
from node.ledger.freezing import PREFIX, FreezeService
from node.ledger.freezing_routes import router
from node.ledger.store import FreezeRow
from node.storage import outbox
from node.storage.errors import UnknownRowError
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from node.web.schemas import rfc3339
from tests.unit.client.fake_chain import GENESIS_TIME_S, Actor, FakeChain, contract_address, deployment
from tests.unit.ledger.conftest import Books, open_books

STRANGER = Actor("stranger").address
UNTIL_S = GENESIS_TIME_S + 86_400


class FreezeDesk:
    """One institution's freeze orders."""

    def __init__(self, institution_id: str, folder: Path) -> None:
        self.books: Books = open_books(f"sqlite:///{folder}/{institution_id}.sqlite", institution_id)
        self.database = self.books.database
        self.service = FreezeService(
            institution_id=institution_id,
            owners=self.books.participants,
            deployment=deployment(),
            issues=self.books.ledger.issues,
        )

    def order(self, account: str, currency: str = "EUR", scope: str = "all") -> int:
        with self.database.transaction() as session:
            row = self.service.order(
                session,
                currency=currency,
                account=account,
                scope=scope,
                expires_at_s=UNTIL_S,
                reasons="a court's order",
            )
            return row.number

    def lift(self, number: int, currency: str = "EUR") -> None:
        with self.database.transaction() as session:
            self.service.lift(session, currency, number)

    def fail(self, number: int, reason: str) -> None:
        """Let the order's last transaction fail."""
        with self.database.transaction() as session:
            row = outbox.by_reference(session, f"{PREFIX}EUR/{number}")[-1]
            row.state, row.reason = outbox.FAILED, reason
            self.service.on_outcome(session, row)

    def seen(self) -> list[tuple[int, str, str, str, str | None]]:
        """Number, account, state, reasons and failure of the orders this desk lists."""
        with self.database.read() as session:
            rows = session.scalars(self.service.orders(session).order_by(FreezeRow.number.desc()))
            return [(row.number, row.account, row.state, row.reasons, row.failure) for row in rows]

    def queued(self, number: int) -> list[bytes]:
        with self.database.read() as session:
            return [row.data for row in outbox.by_reference(session, f"{PREFIX}EUR/{number}")]


@pytest.fixture
def bank(tmp_path: Path) -> FreezeDesk:
    return FreezeDesk("bank-nl", tmp_path)


@pytest.fixture
def central(tmp_path: Path) -> FreezeDesk:
    return FreezeDesk("cb-eur", tmp_path)


def tell(chain: FakeChain, desks: list[FreezeDesk], name: str, **args: Any) -> None:
    """Log an event of the euro; every desk sees its block."""
    block = chain.mine([{"contract": "SettlementToken", "name": name, "address": contract_address("EUR"), **args}])
    for desk in desks:
        with desk.database.transaction() as session:
            desk.service.on_block(session, block)


def ordered(desk: FreezeDesk, number: int, account: str) -> dict[str, Any]:
    """Return the event of an order as the chain logs it."""
    with desk.database.read() as session:
        row = desk.service.get(session, "EUR", number)
        return {"account": account, "order": number, "scope": 2, "expires_at": UNTIL_S, "reason": row.reason_hash}


def test_order_reaches_the_accounts_bank_without_its_reasons(bank: FreezeDesk, central: FreezeDesk) -> None:
    chain, bloem = FakeChain(), bank.books.customer
    number = central.order(bloem.lower())
    assert central.seen() == [(1, bloem, "queued", "a court's order", None)]
    event = ordered(central, number, bloem)
    assert central.queued(1) == [encode_call("EUR", "order_freeze", (bloem, 1, 2, UNTIL_S, event["reason"]))]
    tell(chain, [bank, central], "FreezeOrdered", **event)
    assert central.seen() == [(1, bloem, "in force", "a court's order", None)]
    assert bank.seen() == [(1, bloem, "in force", "", None)]
    central.lift(1)
    assert central.queued(1)[1] == encode_call("EUR", "lift_freeze", (bloem, 1))
    tell(chain, [bank, central], "FreezeLifted", account=bloem, order=1)
    assert [row[2] for row in (*central.seen(), *bank.seen())] == ["lifted", "lifted"]


def test_order_on_a_stranger_is_not_the_banks(bank: FreezeDesk, central: FreezeDesk) -> None:
    number = central.order(STRANGER)
    tell(FakeChain(), [bank, central], "FreezeOrdered", **ordered(central, number, STRANGER))
    assert (bank.seen(), len(central.seen())) == ([], 1)


def test_orders_are_numbered_above_those_seen_on_the_chain(bank: FreezeDesk, central: FreezeDesk) -> None:
    event = {"account": STRANGER, "order": 7, "scope": 1, "expires_at": UNTIL_S, "reason": bytes(32)}
    tell(FakeChain(), [bank, central], "FreezeOrdered", **event)
    assert central.order(bank.books.customer) == 8


def test_order_and_lift_are_refused_when_they_are_not_the_issuers(bank: FreezeDesk, central: FreezeDesk) -> None:
    with pytest.raises(NotIssuerError):
        bank.order(STRANGER)
    with pytest.raises(NotIssuerError):
        central.order(STRANGER, currency="KES")
    central.order(STRANGER)
    with pytest.raises(NotIssuerError):
        bank.lift(1)


def test_lift_is_refused_when_the_order_is_not_in_force(bank: FreezeDesk, central: FreezeDesk) -> None:
    with pytest.raises(UnknownRowError):
        central.lift(1)
    number = central.order(STRANGER)
    with pytest.raises(FreezeStateError, match="queued"):
        central.lift(number)
    tell(FakeChain(), [central], "FreezeOrdered", **ordered(central, number, STRANGER))
    central.lift(number)
    with pytest.raises(FreezeStateError, match="lifting"):
        central.lift(number)
    central.fail(number, "chain: nonce too low")
    assert central.seen()[0][2:] == ("in force", "a court's order", "chain: nonce too low")
    central.lift(number)


def test_order_fails_when_the_chain_refuses_it(central: FreezeDesk) -> None:
    central.fail(central.order(STRANGER), "token: too many orders")
    assert central.seen() == [(1, STRANGER, "failed", "a court's order", "token: too many orders")]


async def test_routes_let_a_central_banks_staff_order_and_refuse_customers(central: FreezeDesk) -> None:
    desk = Desk(institution_id="cb-eur", database=central.database, services=[central.service])
    tokens = {
        "staff": Principal("cb-eur", None, DEVNET_STAFF),
        "customer": Principal("cb-eur", "bloem", DEVNET_CUSTOMER),
    }
    app = build_app(desks={"cb-eur": desk}, authority=TokenAuthority(tokens), routers=[router])
    body = {
        "currency": "EUR",
        "account": STRANGER,
        "scope": "all",
        "expires_at": rfc3339(UNTIL_S),
        "reasons": "a court",
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://desk") as client:
        answers = {}
        for who in ("staff", "customer"):
            headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": who}
            answers[who] = await client.post("/v1/freezes", json=body, headers=headers)
        listed = await client.get("/v1/freezes", headers={"Authorization": "Bearer staff"})
    assert (answers["staff"].status_code, answers["customer"].status_code) == (202, 403)
    assert [one["state"] for one in listed.json()] == ["queued"]
