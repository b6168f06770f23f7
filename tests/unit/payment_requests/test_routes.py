"""Payment requests over the real application: asked for at one bank, read and paid at another."""

from collections.abc import AsyncIterator
from io import BytesIO

import defusedxml.ElementTree as ElementTree
import httpx
import pytest
import segno

from node.ledger.days import CutOffs
from node.ledger.payment_routes import router as payments
from node.payment_requests.routes import router
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF, Role
from tests.unit.payment_requests.conftest import Bank
from tests.unit.web.conftest import bearer

SVG = "{http://www.w3.org/2000/svg}"
ORDER = {"currency": "EUR", "amount": "1250", "reference": "INV-1"}


@pytest.fixture
async def client(payee: Bank, payer: Bank) -> AsyncIterator[httpx.AsyncClient]:
    desks = {bank.books.institution_id: desk_of(bank) for bank in (payee, payer)}
    people = {
        "payee": Principal("bank-ke", "bloem", DEVNET_CUSTOMER),
        "payees-bank": Principal("bank-ke", None, DEVNET_STAFF),
        "stranger": Principal("bank-ke", "other", DEVNET_CUSTOMER),
        "payer": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
        "importer": Principal("bank-nl", "bloem", frozenset({Role.IMPORTER}), "p-1"),
        "maker": Principal("bank-nl", None, frozenset({Role.BANK_MAKER}), "p-2"),
        "checker": Principal("bank-nl", None, frozenset({Role.BANK_CHECKER}), "p-3"),
    }
    app = build_app(desks=desks, authority=TokenAuthority(people), routers=[router, payments])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


def desk_of(bank: Bank) -> Desk:
    books = bank.books
    services = [books.ledger, books.participants, bank.orders, bank.requests, CutOffs(books.ledger.currencies)]
    return Desk(institution_id=books.institution_id, database=books.database, services=services)


async def ask(client: httpx.AsyncClient, who: str = "payee", key: str = "1", **fields: object) -> httpx.Response:
    return await client.post("/payment-requests", json=ORDER | fields, headers=bearer(who, Idempotency_Key=key))


async def test_request_is_made_read_and_paid_when_two_banks_do_it(client: httpx.AsyncClient, payee: Bank) -> None:
    made = (await ask(client)).json()
    assert (made["state"], made["amount"], made["owner"]) == ("open", "1250", "bloem")
    assert (await ask(client)).json() == made
    read = await client.post("/payment-requests/read", json={"payload": made["payload"]}, headers=bearer("payer"))
    told = read.json()
    assert (told["bank"], told["name"], told["city"], told["reference"]) == (
        "bank-ke",
        "Bloemenhuis BV",
        "Naivasha",
        "INV-1",
    )
    order = {"payload": made["payload"], "currency": told["currency"], "amount": told["amount"]}
    paid = await client.post("/payment-requests/pay", json=order, headers=bearer("payer", Idempotency_Key="p"))
    assert (paid.status_code, paid.json()["id"], paid.json()["state"]) == (202, made["id"], "queued")
    again = await client.post("/payment-requests/pay", json=order, headers=bearer("payer", Idempotency_Key="q"))
    assert (again.status_code, again.json()["code"]) == (409, "ledger/42")
    other = await client.post(
        "/payment-requests/pay", json=order | {"amount": "1"}, headers=bearer("payer", Idempotency_Key="r")
    )
    assert (other.status_code, other.json()["field"]) == (409, "amount")


async def test_code_is_a_picture_with_words_when_it_is_downloaded(client: httpx.AsyncClient) -> None:
    made = (await ask(client)).json()
    picture = await client.get(made["svg"].removeprefix("/v1") + "&language=nl", headers=bearer("payee"))
    root = ElementTree.fromstring(picture.content)
    assert (picture.headers["Content-Type"], root.get("role")) == ("image/svg+xml", "img")
    assert root.findtext(f"{SVG}title") == "Betaalverzoek over 12,50\N{NO-BREAK SPACE}EUR"
    assert "Geldig tot" in str(root.findtext(f"{SVG}desc"))
    png = await client.get(made["png"].removeprefix("/v1"), headers=bearer("payee"))
    expected = BytesIO()
    segno.make_qr(made["payload"], error="m", boost_error=False).save(expected, kind="png", border=4, scale=6)
    assert (png.headers["Content-Type"], png.content) == ("image/png", expected.getvalue())


async def test_request_is_seen_by_its_owner_and_its_bank_alone(client: httpx.AsyncClient) -> None:
    path = f"/payment-requests/{(await ask(client)).json()['id']}"
    for who, status in (("payee", 200), ("payees-bank", 200), ("stranger", 403), ("payer", 404)):
        assert (await client.get(path, headers=bearer(who))).status_code == status
        assert (await client.get(f"{path}/code", headers=bearer(who))).status_code == status
    lists = {
        who: (await client.get("/payment-requests", headers=bearer(who))).json() for who in ("payee", "payees-bank")
    }
    assert [len(found) for found in lists.values()] == [1, 1]
    assert (await client.get("/payment-requests?owner=bloem", headers=bearer("stranger"))).status_code == 403
    assert (await ask(client, "stranger", owner="bloem")).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"amount": "0"}, 422),
        ({"amount": "-1"}, 422),
        ({"currency": "USD"}, 404),
        ({"currency": "ZZZ"}, 422),
        ({"reference": "ü"}, 422),
        ({"reference": "x" * 26}, 422),
        ({"expires_in": 59}, 422),
        ({"expires_in": 7 * 86_400 + 1}, 422),
        ({"amount": "9" * 22}, 422),
        ({"more": 1}, 422),
    ],
)
async def test_request_is_refused_when_a_field_is_not_acceptable(
    client: httpx.AsyncClient, fields: dict[str, object], status: int
) -> None:
    answer = await ask(client, key="bad", **fields)
    assert answer.status_code == status, answer.text


async def test_code_is_refused_when_it_is_too_long_or_none(client: httpx.AsyncClient) -> None:
    for payload in ("", "x", "0" * 512, "0" * 513, "😀"):
        answer = await client.post("/payment-requests/read", json={"payload": payload}, headers=bearer("payer"))
        assert (answer.status_code, answer.json()["field"]) == (422, "payload")


async def test_request_is_expired_when_its_time_is_over(client: httpx.AsyncClient, payee: Bank) -> None:
    made = (await ask(client, expires_in=60)).json()
    payee.advance(62)
    found = (await client.get(f"/payment-requests/{made['id']}", headers=bearer("payee"))).json()
    assert found["state"] == "expired"


async def test_payment_waits_for_a_checker_when_its_payer_may_not_act_alone(
    client: httpx.AsyncClient, payer: Bank
) -> None:
    made = (await ask(client)).json()
    order = {"payload": made["payload"], "currency": "EUR", "amount": made["amount"]}
    held = await client.post("/payment-requests/pay", json=order, headers=bearer("importer", Idempotency_Key="p"))
    assert (held.status_code, held.json()["summary"]) == (202, "bloem pays Bloemenhuis BV: INV-1")
    assert payer.queued() == []
    path = f"{held.headers['Location'].removeprefix('/v1')}/approve"
    refused = await client.post(path, headers=bearer("maker", Idempotency_Key="m"))
    assert (refused.status_code, payer.queued()) == (403, [])
    approved = await client.post(path, headers=bearer("checker", Idempotency_Key="c"))
    assert approved.status_code == 200, approved.text
    assert len(payer.queued()) == 1


async def test_approval_is_refused_when_the_code_has_expired(client: httpx.AsyncClient, payer: Bank) -> None:
    made = (await ask(client, expires_in=60)).json()
    order = {"payload": made["payload"], "currency": "EUR", "amount": made["amount"]}
    held = await client.post("/payment-requests/pay", json=order, headers=bearer("importer", Idempotency_Key="p"))
    payer.advance(3600)
    path = f"{held.headers['Location'].removeprefix('/v1')}/approve"
    late = await client.post(path, headers=bearer("checker", Idempotency_Key="c"))
    assert (late.status_code, late.json()["code"], payer.queued()) == (409, "web/66", [])
    assert "a request that has not expired" in late.json()["detail"]


async def test_nobody_is_asked_for_money_when_the_caller_only_checks(client: httpx.AsyncClient) -> None:
    refused = await ask(client, "checker", owner="bloem")
    assert (refused.status_code, refused.json()["code"]) == (403, "web/60")
