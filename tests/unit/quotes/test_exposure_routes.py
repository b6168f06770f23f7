"""What an FX provider may owe is changed by two people, and only while it is what the first has seen."""

from collections.abc import AsyncIterator

import httpx
import pytest

from node.quotes.exposure import Exposure
from node.quotes.routes import router
from node.quotes.service import QuoteService
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_STAFF, Role
from tests.unit.quotes.desks import start
from tests.unit.trades.world import World

PATH = "/exposures/fx-amber/KES"
PEOPLE = {
    "treasurer": Principal("bank-nl", None, frozenset({Role.TREASURER}), "p-1"),
    "treasurer-2": Principal("bank-nl", None, frozenset({Role.TREASURER}), "p-2"),
    "operator": Principal("bank-nl", None, frozenset({Role.OPERATOR}), "p-3"),
    "devnet": Principal("bank-nl", None, DEVNET_STAFF),
}


@pytest.fixture
def world() -> World:
    return start()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    bank = world["bank-nl"]
    assert isinstance(bank.quotes, QuoteService)
    desk = Desk(institution_id="bank-nl", database=bank.database, services=[bank.quotes])
    app = build_app(desks={"bank-nl": desk}, authority=TokenAuthority(PEOPLE), routers=[router])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


async def put(client: httpx.AsyncClient, who: str, most: str | None, key: str, tag: str | None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key} | ({} if tag is None else {"If-Match": tag})
    return await client.put(PATH, json={"limit": most}, headers=headers)


async def approve(client: httpx.AsyncClient, who: str, held: httpx.Response) -> httpx.Response:
    headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": "approve"}
    return await client.post(f"/approvals/{held.json()['id']}/approve", headers=headers)


async def tag_of(client: httpx.AsyncClient) -> str:
    return str((await client.get(PATH, headers={"Authorization": "Bearer devnet"})).headers["ETag"])


def limit(world: World) -> int | None:
    bank = world["bank-nl"]
    with bank.database.read() as session:
        found: Exposure = bank.quotes.exposure.exposure(session, "fx-amber", "KES")
    return found.limit


async def test_limit_is_set_once_another_person_has_approved(client: httpx.AsyncClient, world: World) -> None:
    seen = await tag_of(client)
    assert (await put(client, "operator", "5", "o", seen)).status_code == 403
    assert (await put(client, "treasurer", "5", "n", None)).status_code == 428
    held = await put(client, "treasurer", "5", "k", seen)
    assert (held.status_code, held.json()["summary"]) == (202, "let fx-amber owe at most 5 minor units of KES")
    assert "ETag" not in held.headers
    assert limit(world) is None
    assert (await approve(client, "treasurer", held)).status_code == 403
    decided = await approve(client, "treasurer-2", held)
    assert (decided.status_code, decided.json()["answer"]["limit"]) == (200, "5")
    assert limit(world) == 5


async def test_proposal_is_refused_when_the_limit_has_changed_since_it_was_made(
    client: httpx.AsyncClient, world: World
) -> None:
    seen = await tag_of(client)
    held = await put(client, "treasurer", "5", "k", seen)
    changed = await put(client, "devnet", "7", "d", seen)
    assert (changed.status_code, changed.headers["ETag"]) == (200, await tag_of(client))
    # The maker's own repetition still finds the proposal.
    assert (await put(client, "treasurer", "5", "k", seen)).json()["id"] == held.json()["id"]
    refused = await approve(client, "treasurer-2", held)
    assert (refused.status_code, refused.json()["code"]) == (409, "web/66")
    assert limit(world) == 7
