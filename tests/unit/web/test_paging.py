"""Lists come in pages that neither lose nor repeat a row, and no cursor but their own opens them."""

import httpx
import pytest

from node.web.limits import CURSOR_CHARS_MAX
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import bearer


async def walk(client: httpx.AsyncClient, path: str) -> list[list[str]]:
    pages = []
    while path:
        answer = (await client.get(path, headers=bearer("staff-nl"))).raise_for_status()
        pages.append([one["id"] for one in answer.json()])
        path = answer.links.get("next", {}).get("url", "")
    return pages


@pytest.fixture
def customers(books: Books) -> list[str]:
    with books.database.transaction() as session:
        for number in range(3):
            books.participants.add_customer(
                session, customer_id=f"new-{number}", name=f"New {number}", now_s=9 - number
            )
    return ["bloem", "new-0", "new-1", "new-2"]


async def test_pages_hold_every_row_once_when_followed_to_the_end(
    client: httpx.AsyncClient, customers: list[str]
) -> None:
    assert await walk(client, "/v1/customers?limit=2") == [customers[:2], customers[2:]]
    assert await walk(client, "/v1/customers?limit=4") == [customers]
    backwards = await walk(client, "/v1/customers?limit=2&sort=-id")
    assert [one for page in backwards for one in page] == customers[::-1]


async def test_pages_are_in_the_order_asked_for_when_others_share_its_value(
    client: httpx.AsyncClient, customers: list[str]
) -> None:
    (whole,) = await walk(client, "/v1/customers?sort=created")
    assert whole[-3:] == ["new-2", "new-1", "new-0"]
    assert [one for page in await walk(client, "/v1/customers?sort=created&limit=1") for one in page] == whole


async def test_pages_shift_nothing_when_a_row_comes_in_between(
    client: httpx.AsyncClient, customers: list[str], books: Books
) -> None:
    first = await client.get("/v1/customers?limit=2", headers=bearer("staff-nl"))
    with books.database.transaction() as session:
        books.participants.add_customer(session, customer_id="aaa", name="A", now_s=1)
    rest = await walk(client, first.links["next"]["url"])
    assert rest == [customers[2:]]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=bm90IGpzb24",
        "cursor=WyJpZCJd",
        "cursor=WyJpZCIsMV0",
        "cursor=WyJpZCIsbnVsbF0",
        "cursor=WyItaWQiLCJibG9lbSJd",
        "cursor=" + "A" * (CURSOR_CHARS_MAX + 1),
        "sort=name",
        "limit=501",
        "limit=0",
        "after=1",
    ],
)
async def test_list_is_refused_when_its_page_is_not_one_of_its_own(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v1/customers?{query}", headers=bearer("staff-nl"))
    assert (answer.status_code, answer.json()["field"].partition(".")[0]) == (422, "query")


async def test_next_page_keeps_the_filter_when_there_is_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/institutions?role=bank&limit=1", headers=bearer("staff-nl"))
    assert [one["id"] for one in answer.json()] == ["bank-ke"]
    following = await client.get(answer.links["next"]["url"], headers=bearer("staff-nl"))
    assert [one["id"] for one in following.json()] == ["bank-nl"]
    assert "next" not in following.links
