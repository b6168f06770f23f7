"""A route is found where FastAPI would find it, and what is not found goes FastAPI's way."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request

from node.web.route_table import RouteTable

counted: list[str] = []


async def _count(request: Request) -> None:
    counted.append(request.url.path)


def build() -> FastAPI:
    """An application with routers in routers, a literal before a parameter of the same place, and a redirect."""
    inner, middle, outer = (
        APIRouter(),
        APIRouter(prefix="/trades"),
        APIRouter(prefix="/v1", dependencies=[Depends(_count)]),
    )

    @inner.get("/{reference}/steps")
    async def steps(reference: str) -> str:
        return f"steps of {reference}"

    @middle.get("/new")
    async def new() -> str:
        return "new"

    @middle.get("/{reference}")
    async def show(reference: str) -> str:
        return reference

    @middle.post("/{reference}")
    async def change(reference: str) -> str:
        return f"changed {reference}"

    middle.include_router(inner)
    outer.include_router(middle)
    app = FastAPI()
    app.router.routes.insert(0, RouteTable(app))
    app.include_router(outer)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    counted.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build()), base_url="http://node") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/v1/trades/new", "new"),
        ("GET", "/v1/trades/NR-1", "NR-1"),
        ("POST", "/v1/trades/new", "changed new"),
        ("GET", "/v1/trades/NR-1/steps", "steps of NR-1"),
    ],
)
async def test_route_is_found_with_its_routers_dependencies_when_path_and_method_are_its_own(
    client: httpx.AsyncClient, method: str, path: str, said: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (200, said)
    assert counted == [path]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/trade", 404),
        ("GET", "/v1/trades/NR-1/nothing", 404),
        ("DELETE", "/v1/trades/NR-1", 405),
        ("GET", "/v1/trades/NR-1/", 307),
    ],
)
async def test_fastapi_answers_when_no_route_takes_path_and_method(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert (await client.request(method, path)).status_code == status
    assert counted == []


async def test_route_is_found_when_it_was_added_after_the_first_request() -> None:
    app = build()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
        assert (await client.get("/late")).status_code == 404
        app.add_api_route("/late", lambda: "here", methods=["GET"])
        assert (await client.get("/late")).json() == "here"
