"""Pages show lists of the API whole or page by page, carry their request id on, and meet problems as the API does."""

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from node.web.auth import Caller
from node.web.console import page as pages
from node.web.console.languages import speech
from node.web.console.page import Page
from node.web.console.routes import add_console
from node.web.desk import CallersDesk
from node.web.limits import PAGE_DEFAULT
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import bearer

CUSTOMERS = ["bloem", "new-0", "new-1", "new-2", "new-3"]
router = APIRouter()


def page_of(request: Request, principal: Caller, desk: CallersDesk) -> Page:
    return Page(request, desk, speech("en"), principal, request.app.state.renderer)


@router.get("/whole")
async def show_whole(request: Request, principal: Caller, desk: CallersDesk) -> list[str]:
    return [one["id"] for one in await page_of(request, principal, desk).get("/customers")]


@router.get("/some")
async def show_some(request: Request, principal: Caller, desk: CallersDesk) -> dict[str, Any]:
    page = page_of(request, principal, desk)
    return {"ids": [one["id"] for one in await page.rows("/customers", limit=2)], "more": page.more}


@router.get("/asked")
async def show_asked(request: Request, principal: Caller, desk: CallersDesk) -> str:
    return (await page_of(request, principal, desk).fetch("/customers")).headers["x-request-id"]


@router.get("/shown/{name}")
async def show_probe(name: str, request: Request, principal: Caller, desk: CallersDesk) -> None:
    await page_of(request, principal, desk).get(f"/probe/{name}")


@pytest.fixture
def app(app: FastAPI, books: Books) -> FastAPI:
    with books.database.transaction() as session:
        for number in range(4):
            books.participants.add_customer(session, customer_id=f"new-{number}", name=f"New {number}", now_s=1)
    add_console(app, routers=(router,), folders=(), entries=(), network="Test", currencies=())
    return app


@pytest.fixture
def many(books: Books) -> int:
    """More customers than the API gives at once."""
    with books.database.transaction() as session:
        for number in range(PAGE_DEFAULT):
            books.participants.add_customer(session, customer_id=f"old-{number}", name=f"Old {number}", now_s=1)
    return PAGE_DEFAULT + len(CUSTOMERS)


async def test_list_is_whole_when_the_api_gives_it_in_pages(
    client: httpx.AsyncClient, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_MAX", 2)
    found = (await client.get("/whole", headers=bearer("staff-nl"))).json()
    assert len(found) == len(set(found)) == many


async def test_list_is_not_cut_silently_when_it_is_too_long_for_a_page(
    client: httpx.AsyncClient, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert many > PAGE_DEFAULT
    monkeypatch.setattr(pages, "PAGES_MAX", 1)
    answer = await client.get("/whole", headers=bearer("staff-nl"))
    assert answer.status_code == 409
    assert f"at most {PAGE_DEFAULT} rows" in answer.json()["detail"]
    assert (await client.get("/some", headers=bearer("staff-nl"))).status_code == 200


async def test_list_goes_on_at_the_pages_own_address_when_there_is_more(client: httpx.AsyncClient) -> None:
    path, seen = "/some?state=open", []
    while path:
        shown = (await client.get(path, headers=bearer("staff-nl"))).raise_for_status().json()
        seen.append(shown["ids"])
        path = shown["more"]
        assert path is None or path.startswith("/some?state=open&cursor=")
    assert seen == [CUSTOMERS[:2], CUSTOMERS[2:4], CUSTOMERS[4:]]


async def test_page_is_refused_when_its_cursor_is_of_no_list(client: httpx.AsyncClient) -> None:
    assert (await client.get("/some?cursor=AAAA", headers=bearer("staff-nl"))).status_code in (400, 422)
    assert (await client.get("/some", headers=bearer("staff-nl"))).status_code == 200


async def test_requests_of_a_page_carry_its_id_when_it_has_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/asked", headers=bearer("staff-nl", X_Request_Id="page-7"))
    assert answer.json() == answer.headers["x-request-id"] == "page-7"


async def test_page_says_where_its_forms_come_from_and_the_api_does_not(client: httpx.AsyncClient) -> None:
    assert (await client.get("/some", headers=bearer("staff-nl"))).headers["referrer-policy"] == "same-origin"
    assert (await client.get("/v1/customers", headers=bearer("staff-nl"))).headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "status", "title"),
    [
        ("unavailable", 503, "This is not available now"),
        ("broken", 500, "Something went wrong here"),
        ("nothing", 404, "There is no such page"),
    ],
)
async def test_page_answers_as_the_api_did_when_the_api_cannot(
    client: httpx.AsyncClient, name: str, status: int, title: str
) -> None:
    shown = await client.get(f"/shown/{name}", headers=bearer("staff-nl", Accept="text/html"))
    assert shown.status_code == status
    assert f"<h1>{title}</h1>" in shown.text
    told = await client.get(f"/shown/{name}", headers=bearer("staff-nl"))
    api = (await client.get(f"/v1/probe/{name}", headers=bearer("staff-nl"))).json()
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert told.json() == api | {"instance": f"/shown/{name}"}
