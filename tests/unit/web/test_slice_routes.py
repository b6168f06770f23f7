"""Routes of participants and ledger, as their callers see them."""

import httpx
import pytest

from tests.unit.client.fake_chain import Actor
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import bearer


async def get(client: httpx.AsyncClient, path: str, caller: str = "staff-nl") -> httpx.Response:
    return await client.get(f"/v1{path}", headers=bearer(caller))


def fund(books: Books) -> None:
    books.token.issue(books.own, 2**70)
    books.token.transfer(books.own, books.customer, 1000)
    books.token.place(books.customer, 400)
    books.book()


async def test_institutions_are_the_networks_when_anyone_known_asks(client: httpx.AsyncClient) -> None:
    answer = await get(client, "/institutions", "bloem-nl")
    assert [item["id"] for item in answer.json()] == ["bank-ke", "bank-nl", "cb-eur"]
    one = (await get(client, "/institutions/bank-ke")).json()
    assert (one["address"], one["role_names"]) == (Actor("bank-ke").address, ["bank"])
    assert one["key_thumbprint"] == "0x" + "11" * 32
    assert (await get(client, "/institutions/nobody")).status_code == 404


async def test_customer_is_made_once_when_the_request_is_repeated(client: httpx.AsyncClient) -> None:
    headers = bearer("staff-nl", Idempotency_Key="1")
    answers = [
        await client.post("/v1/customers", json={"id": "tulp", "name": "Tulp BV"}, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json() == (await get(client, "/customers/tulp")).json()
    assert [item["id"] for item in (await get(client, "/customers")).json()] == ["bloem", "tulp"]
    assert [item["id"] for item in (await get(client, "/customers", "bloem-nl")).json()] == ["bloem"]


async def test_balances_are_digits_when_asked_for(client: httpx.AsyncClient, books: Books) -> None:
    fund(books)
    own = {
        "owner": "bank-nl",
        "currency": "EUR",
        "available": str(2**70 - 1000),
        "held": "0",
        "blocked": "0",
        "total": str(2**70 - 1000),
    }
    customers = {
        "owner": "bloem",
        "currency": "EUR",
        "available": "600",
        "held": "400",
        "blocked": "0",
        "total": "1000",
    }
    assert (await get(client, "/balances")).json() == [own, customers]
    assert (await get(client, "/balances", "bloem-nl")).json() == [customers]
    assert (await get(client, "/balances", "staff-ke")).json() == []


async def test_statement_shows_the_callers_money_when_no_owner_is_named(
    client: httpx.AsyncClient, books: Books
) -> None:
    fund(books)
    lines = (await get(client, "/statements/EUR", "bloem-nl")).json()
    assert [(line["kind"], line["available"], line["held"]) for line in lines] == [
        ("transfer", "1000", "0"),
        ("hold", "600", "400"),
    ]
    same = await get(client, "/statements/EUR?owner=bloem")
    assert same.json() == lines
    assert len((await get(client, "/statements/EUR")).json()) == 2
    assert (await get(client, "/statements/USD")).status_code == 404
    assert (await get(client, "/statements/EUR?owner=nobody")).status_code == 404


async def test_statement_is_the_whole_from_its_end_when_it_is_sorted_backwards(
    client: httpx.AsyncClient, books: Books
) -> None:
    fund(books)
    books.token.place(books.customer, 100)
    books.book()
    forwards = (await get(client, "/statements/EUR", "bloem-nl")).json()
    path, backwards = "/v1/statements/EUR?sort=-entry&limit=1", []
    while path:
        answer = await client.get(path, headers=bearer("bloem-nl"))
        backwards += answer.json()
        path = answer.links.get("next", {}).get("url", "")
    assert len(backwards) == 3
    assert backwards == forwards[::-1]


@pytest.mark.parametrize(
    "path",
    [
        "/journal",
        "/trial-balance",
        "/reconciliation",
        "/customers/tulp",
        "/balances?owner=tulp",
        "/balances?owner=bank-nl",
        "/statements/EUR?owner=tulp",
    ],
)
async def test_customer_is_refused_when_it_is_not_its_business(client: httpx.AsyncClient, path: str) -> None:
    assert (await get(client, path, "bloem-nl")).status_code == 403


async def test_customer_cannot_make_customers_when_it_tries(client: httpx.AsyncClient) -> None:
    headers = bearer("bloem-nl", Idempotency_Key="1")
    answer = await client.post("/v1/customers", json={"id": "tulp", "name": "Tulp BV"}, headers=headers)
    assert answer.status_code == 403


async def test_books_are_shown_balanced_and_equal_to_the_chain_when_staff_asks(
    client: httpx.AsyncClient, books: Books
) -> None:
    assert (await get(client, "/reconciliation")).status_code == 503
    fund(books)
    entries = (await get(client, "/journal")).json()
    assert [entry["kind"] for entry in entries] == ["issue", "transfer", "hold"]
    for entry in entries:
        sides = {
            side: sum(int(line["amount"]) for line in entry["lines"] if line["side"] == side)
            for side in ("debit", "credit")
        }
        assert sides["debit"] == sides["credit"] > 0
    totals = (await get(client, "/trial-balance")).json()
    assert sum(int(line["debit"]) for line in totals) == sum(int(line["credit"]) for line in totals) == 2**70
    found = (await get(client, "/reconciliation")).json()
    assert (found["is_equal"], found["differences"], found["block_number"]) == (True, [], 1)
    books.token.held[books.customer] += 1
    found = (await get(client, "/reconciliation")).json()
    assert found["differences"] == [{"what": "EUR:bloem:held", "books": "400", "chain": "401"}]
