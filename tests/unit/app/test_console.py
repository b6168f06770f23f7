"""The console as a whole: every page asks who looks, every entry of the menu leads somewhere, strangers get no page."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from node.app.cast import load_cast
from node.app.pages import console, holdings, network, playground
from node.app.pages.console import add_pages
from node.identity import pages as identity_pages
from node.identity.browser import SessionAuthenticator
from node.storage.database import Database
from node.web.app import build_app
from node.web.auth import TokenAuthority
from node.web.console.page import get_page
from node.web.desk import Desk

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


class NoChain:
    """A chain that nobody asks."""

    async def call(self, contract: str, function: str, *args: Any) -> Any:
        raise AssertionError(f"{contract}.{function}{args} asked")


async def nobody() -> None:
    """Look at no validators."""


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    desk = Desk(institution_id="bank-nl", database=Database(f"sqlite:///{tmp_path / 'desk.sqlite'}"), services=[])
    made = build_app(
        desks={"bank-nl": desk}, authority=TokenAuthority({}), routers=(), authenticators=(SessionAuthenticator(),)
    )
    add_pages(made, load_cast(), NoChain(), "http://127.0.0.1:1", nobody)
    return made


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost", headers=BROWSER
    ) as made:
        yield made


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    for context in iter_route_contexts(router.routes):
        if isinstance(context.original_route, APIRoute):
            yield context.original_route


def pages() -> list[APIRoute]:
    guarded = [router for router in console.ROUTERS if router is not identity_pages.open_router]
    made = (
        playground.build_router(load_cast(), "http://127.0.0.1:1"),
        holdings.build_router(NoChain(), {}),
        network.build_router(nobody),
    )
    return [route for router in (*guarded, *made) for route in routes_of(router)]


def test_every_page_asks_who_looks() -> None:
    found = pages()
    assert len(found) > 50
    for route in found:
        asks = any(one.call is get_page for one in route.dependant.dependencies)
        assert asks or route.path == "/login/devnet", route.path


def test_every_entry_of_the_menu_leads_to_a_page() -> None:
    paths = {route.path for route in pages() if "GET" in route.methods}
    for entry in (*console.MENU, *playground.MENU):
        assert entry.path in paths, entry


async def test_stranger_is_sent_to_sign_in_when_a_page_is_not_for_everybody(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.get("/trades?state=all")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/trades%3Fstate%3Dall")
    posted = await stranger.post("/money/transfer", data={"amount": "1"})
    assert (posted.status_code, posted.headers["location"]) == (303, "/login")
    swapped = await stranger.get("/expected", headers={"HX-Request": "true"})
    assert swapped.headers["hx-redirect"] == "/login?next=/expected"


async def test_problem_is_a_page_for_browsers_and_a_document_for_programs(stranger: httpx.AsyncClient) -> None:
    page = await stranger.get("/nowhere/<b>")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<b>" not in page.text
    assert "There is no such page" in page.text
    document = await stranger.get("/nowhere", headers={"Accept": "application/json"})
    assert document.headers["content-type"] == "application/problem+json"
    api = await stranger.get("/v1/approvals")
    assert (api.status_code, api.headers["content-type"]) == (401, "application/problem+json")
    assert "content-security-policy" not in api.headers


async def test_problem_speaks_the_language_that_was_chosen(stranger: httpx.AsyncClient) -> None:
    chosen = await stranger.get("/language/sw?next=/login")
    assert chosen.headers["location"] == "/login"
    cookie = chosen.headers["set-cookie"]
    assert all(word in cookie for word in ("__Host-", "Secure", "HttpOnly", "SameSite=lax", "Path=/"))
    page = await stranger.get("/nowhere", headers={"Cookie": cookie.partition(";")[0]})
    assert '<html lang="sw">' in page.text
    assert "set-cookie" not in (await stranger.get("/language/xx")).headers


async def test_files_are_kept_for_good_and_packed_when_a_browser_takes_that(stranger: httpx.AsyncClient) -> None:
    page = (await stranger.get("/login")).text
    (path,) = re.findall(r'href="(/static/console-[0-9a-f]{16}\.css)"', page)
    answer = await stranger.get(path)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    plain = await stranger.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content
    for wrong in ("/static/console.css", "/static/..%2fpage.py", "/static/SOURCES.md"):
        assert (await stranger.get(wrong)).status_code == 404


async def test_sign_in_is_refused_in_the_page_when_nobody_fits(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/login", data={"institution": "nowhere", "email": "<i>@x.example", "next": "//evil"})
    assert answer.status_code == 422
    assert "You are not signed in" in answer.text
    assert "<i>" not in answer.text
    assert 'value="/"' in answer.text
