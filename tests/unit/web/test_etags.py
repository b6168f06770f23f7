"""A change takes effect only on what its caller has seen."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from node.web.app import build_app
from node.web.auth import TokenAuthority, needs
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import OnceOnly
from node.web.permissions import Permission
from node.web.schemas import Answer
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import TOKENS, bearer, desk_of

router = APIRouter(tags=["things"])


class Thing(Answer):
    """A thing that changes."""

    colour: str


thing = Thing(colour="red")


@router.get("/thing", dependencies=[needs(Permission.TRADES_READ)])
async def get_thing(request: Request) -> Thing:
    """Return the thing."""
    set_tag(request, thing)
    return thing


@router.post("/thing/{colour}", response_model=Thing, dependencies=[needs(Permission.TRADES_WRITE)])
async def paint(colour: str, call: OnceOnly, seen: IfMatch, must: bool = False) -> JSONResponse:
    """Paint the thing."""

    def effect(_session: Session) -> Thing:
        (seen.require if must else seen.check)(thing)
        thing.colour = colour
        return thing

    return call.run(effect)


@pytest.fixture
def app(books: Books) -> FastAPI:
    thing.colour = "red"
    return build_app(desks={"bank-nl": desk_of(books)}, authority=TokenAuthority(TOKENS), routers=[router])


async def send(client: httpx.AsyncClient, path: str, key: str, if_match: str | None = None) -> httpx.Response:
    headers = bearer("staff-nl", Idempotency_Key=key) | ({} if if_match is None else {"If-Match": if_match})
    return await client.post(path, headers=headers)


async def test_change_is_refused_when_the_thing_has_changed_since_it_was_seen(client: httpx.AsyncClient) -> None:
    seen = (await client.get("/v1/thing", headers=bearer("staff-nl"))).headers["ETag"]
    assert (await send(client, "/v1/thing/blue", "1", seen)).status_code == 200
    refused = await send(client, "/v1/thing/green", "2", seen)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (412, "web/42", "If-Match")
    assert thing.colour == "blue"
    now = (await client.get("/v1/thing", headers=bearer("staff-nl"))).headers["ETag"]
    assert now != seen
    assert (await send(client, "/v1/thing/green", "3", f"{seen}, {now}")).status_code == 200
    assert (await send(client, "/v1/thing/grey", "4", "*")).status_code == 200


async def test_change_passes_unseen_only_when_the_route_lets_it(client: httpx.AsyncClient) -> None:
    assert (await send(client, "/v1/thing/blue", "1")).status_code == 200
    refused = await send(client, "/v1/thing/green?must=true", "2")
    assert (refused.status_code, refused.json()["code"]) == (428, "web/43")
    assert thing.colour == "blue"


async def test_answer_is_repeated_when_the_thing_has_changed_by_the_first_request(client: httpx.AsyncClient) -> None:
    seen = (await client.get("/v1/thing", headers=bearer("staff-nl"))).headers["ETag"]
    answers = [await send(client, "/v1/thing/blue", "1", seen) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
