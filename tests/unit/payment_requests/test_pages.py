"""Pages of payment requests: asked for at one bank, read and paid at another, and what is shown where it cannot be."""

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from node.ledger.payment_routes import router as payments
from node.payment_requests import emv, pages
from node.payment_requests.routes import router
from node.payment_requests.store import PaymentRequestRow
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF, Role
from tests.unit.payment_requests.conftest import Bank
from tests.unit.payment_requests.test_routes import desk_of
from tests.unit.web.conftest import bearer
from tests.unit.web.console.looking import add_pages

PEOPLE = {
    "payee": Principal("bank-ke", "bloem", DEVNET_CUSTOMER),
    "stranger": Principal("bank-ke", "other", DEVNET_CUSTOMER),
    "payer": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "payers-bank": Principal("bank-nl", None, DEVNET_STAFF),
    "regulator": Principal("bank-nl", None, frozenset({Role.REGULATOR}), "p-1"),
}
FORM = {"amount": "12,50", "currency": "EUR", "reference": "INV-1", "expires_in": "900"}


@pytest.fixture
async def client(payee: Bank, payer: Bank) -> AsyncIterator[httpx.AsyncClient]:
    desks = {bank.books.institution_id: desk_of(bank) for bank in (payee, payer)}
    app = build_app(desks=desks, authority=TokenAuthority(PEOPLE), routers=[router, payments])
    add_pages(app, pages.router, (pages.TEMPLATES,), ("EUR", "KES"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/money") as client:
        yield client


async def ask(client: httpx.AsyncClient, **fields: str) -> str:
    """Ask for a payment, and return the path of its page."""
    answer = await client.post("requests", data=FORM | fields, headers=bearer("payee"))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/money/requests")


async def show(client: httpx.AsyncClient, path: str, who: str = "payee", status: int = 200) -> str:
    return text_of(await client.get(f"requests{path}", headers=bearer(who, Accept="text/html")), status)


async def send(
    client: httpx.AsyncClient, path: str, form: dict[str, str], who: str = "payer", status: int = 200
) -> str:
    return text_of(await client.post(f"requests{path}", data=form, headers=bearer(who, Accept="text/html")), status)


def text_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    return unescape(answer.text).replace("\N{NO-BREAK SPACE}", " ")


def made(payee: Bank, path: str) -> PaymentRequestRow:
    with payee.books.database.read() as session:
        return payee.requests.request(session, path.strip("/"))


def code_of(shown: str) -> str:
    found = re.search(r'<code class="whole"[^>]*>(.+?)</code>', shown)
    assert found is not None
    return found[1]


async def test_request_shows_its_code_until_it_is_paid(client: httpx.AsyncClient, payee: Bank, payer: Bank) -> None:
    path = await ask(client)
    shown = await show(client, path)
    assert f'src="/money/requests{path}/code.svg"' in shown
    assert (await client.get(f"requests{path}/changed?since=open", headers=bearer("payee"))).status_code == 204
    form = {"payload": code_of(shown)}
    read = await send(client, "/read", form)
    for fact in ("12.50 EUR", "Bloemenhuis BV", "Naivasha, KE", "INV-1", "in 15 minutes", "Pay 12.50 EUR"):
        assert fact in read
    order = form | {"currency": "EUR", "amount": "1250", "once": "a"}
    await send(client, "/pay", order, status=303)
    again = await send(client, "/pay", order | {"once": "b"}, status=409)
    assert "You have paid this request already." in again
    assert "Pay 12.50 EUR" not in await send(client, "/read", form)
    payee.see_payment(made(payee, path), payer.account)
    assert (await client.get(f"requests{path}/changed?since=open", headers=bearer("payee"))).headers[
        "hx-refresh"
    ] == "true"
    paid = await show(client, path)
    assert "The money came" in paid
    assert "code.svg" not in paid
    assert "paid" in await show(client, "")


async def test_request_is_refused_plainly_when_it_is_changed_or_forged(client: httpx.AsyncClient) -> None:
    text = code_of(await show(client, await ask(client)))
    changed = text.replace("540512.50", "540511.50")
    forged = emv.close(changed[: -emv.CHECKSUM_CHARS])
    for wrong, plain in (
        (changed, "something of it is missing, or was changed"),
        (text[:-1], "something of it is missing, or was changed"),
        ("", "something of it is missing, or was changed"),
        (forged, "This request is false"),
    ):
        shown = await send(client, "/read", {"payload": wrong}, status=422)
        assert plain in shown
        assert "Nothing was paid." in shown
        assert 'action="/money/requests/pay"' not in shown
    assert "This was not done." in await send(client, "/read", {"payload": "0" * 600}, status=422)


async def test_request_is_refused_plainly_when_it_has_expired(
    client: httpx.AsyncClient, payee: Bank, payer: Bank
) -> None:
    path = await ask(client)
    text = code_of(await show(client, path))
    for bank in (payee, payer):
        bank.advance(1_000)
    assert "This request has expired." in await send(client, "/read", {"payload": text}, status=409)
    order = {"payload": text, "currency": "EUR", "amount": "1250"}
    assert "This request has expired." in await send(client, "/pay", order, status=409)
    shown = await show(client, path)
    assert "Nobody can pay it any more" in shown
    assert "code.svg" not in shown


async def test_request_is_not_paid_when_the_amount_is_not_the_one_that_was_read(client: httpx.AsyncClient) -> None:
    text = code_of(await show(client, await ask(client)))
    order = {"payload": text, "currency": "EUR", "amount": "1"}
    shown = await send(client, "/pay", order, status=409)
    assert "another amount than the one you agreed to" in shown
    assert 'name="amount" value="1250"' in shown


async def test_text_is_read_when_a_messenger_has_broken_its_line(client: httpx.AsyncClient) -> None:
    text = code_of(await show(client, await ask(client)))
    broken = "\r\n".join(text[at : at + 50] for at in range(0, len(text), 50))
    assert "Pay 12.50 EUR" in await send(client, "/read", {"payload": f"\n{broken}\n"})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"amount": "a lot"}, "a number such as 1250.00"),
        ({"amount": "0"}, "amount"),
        ({"reference": "é"}, "reference"),
        ({"reference": "x" * 26}, "reference"),
        ({"expires_in": "1"}, "expires_in: expected one of 900"),
        ({"expires_in": "long"}, "expires_in: expected one of 900"),
        ({"currency": "USD"}, "currency"),
    ],
)
async def test_request_is_not_made_when_a_field_is_wrong_and_the_form_stays(
    client: httpx.AsyncClient, fields: dict[str, str], told: str
) -> None:
    shown = await client.post("requests", data=FORM | fields, headers=bearer("payee", Accept="text/html"))
    assert shown.status_code in (404, 422)
    assert told in unescape(shown.text)
    assert "This was not done." in shown.text
    assert "Nothing yet." in await show(client, "")


async def test_request_of_others_is_not_found_when_its_address_is_typed(client: httpx.AsyncClient) -> None:
    path = await ask(client)
    for who, status in (("stranger", 403), ("payer", 404), ("payers-bank", 404)):
        for below in ("", "/code.svg", "/code.png", "/changed?since=open"):
            await show(client, path + below, who, status)
        assert path.strip("/") not in await show(client, "", who)
    picture = await client.get(f"requests{path}/code.png", headers=bearer("payee"))
    assert picture.content.startswith(b"\x89PNG")


async def test_who_may_neither_ask_nor_pay_is_offered_neither(client: httpx.AsyncClient) -> None:
    shown = await show(client, "", "regulator")
    assert "Make the code" not in shown
    assert "Pay a request" not in shown
    text = code_of(await show(client, await ask(client)))
    read = await send(client, "/read", {"payload": text}, "regulator")
    assert "You may not pay" in read


async def test_hostile_reference_is_text_when_it_is_shown(client: httpx.AsyncClient) -> None:
    path = await ask(client, reference="<img src=x onerror=w()>")
    answers = [
        await client.get(f"requests{path}", headers=bearer("payee")),
        await client.get("requests", headers=bearer("payee")),
        await client.post(
            "requests/read", data={"payload": code_of(await show(client, path))}, headers=bearer("payer")
        ),
        await client.post("requests/read", data={"payload": "<script>1</script>"}, headers=bearer("payer")),
    ]
    for answer in answers:
        assert "<img src=x" not in answer.text
        assert "<script>1" not in answer.text
