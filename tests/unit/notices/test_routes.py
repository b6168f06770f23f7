"""Routes of notices: whose they are, and what changing a preference needs."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from node.notices.limits import KINDS_MAX
from node.notices.routes import router
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk as WebDesk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF, Role
from tests.unit.notices.conftest import ADDRESS, Desk
from tests.unit.web.conftest import bearer

TOKENS = {
    "staff": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "tulp": Principal("bank-nl", "tulp", DEVNET_CUSTOMER),
    "maker": Principal("bank-nl", None, frozenset({Role.BANK_MAKER}), "p-maker"),
}
ME = "/notice-preferences/me"


@pytest.fixture
def app(desk: Desk) -> FastAPI:
    web = WebDesk(institution_id="bank-nl", database=desk.database, services=[desk.service])
    return build_app(desks={"bank-nl": web}, authority=TokenAuthority(TOKENS), routers=[router])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


async def prefer(client: httpx.AsyncClient, who: str, path: str = ME, **wish: object) -> httpx.Response:
    tag = (await client.get(path, headers=bearer(who))).headers["ETag"]
    return await client.put(path, json=wish, headers=bearer(who, If_Match=tag))


async def test_preference_is_kept_when_it_was_seen(client: httpx.AsyncClient) -> None:
    assert (await client.put(ME, json={}, headers=bearer("bloem"))).status_code == 428
    kept = (await prefer(client, "bloem", kinds=["trade"], in_console=False, by_webhook=True)).json()
    assert kept == (await client.get(ME, headers=bearer("bloem"))).json()
    assert (kept["kinds"], kept["by_webhook"], kept["is_confirmed"]) == (["trade"], True, False)
    assert (await client.get(ME, headers=bearer("tulp"))).json()["kinds"] == []


@pytest.mark.parametrize(
    "wish",
    [
        {"email": "no address"},
        {"email": "a@b\r\nBcc: eve@evil.example"},
        {"email": "a@" + "b" * 255},
        {"kinds": ["Trade"]},
        {"kinds": ["trade"] * (KINDS_MAX + 1)},
        {"more": 1},
    ],
)
async def test_preference_is_refused_when_it_is_not_acceptable(
    client: httpx.AsyncClient, wish: dict[str, object]
) -> None:
    assert (await prefer(client, "bloem", **wish)).status_code == 422


async def test_institutions_notices_are_its_staffs_when_customers_ask(client: httpx.AsyncClient, desk: Desk) -> None:
    shared = "/notice-preferences/institution"
    assert (await client.get(shared, headers=bearer("bloem"))).status_code == 403
    assert (await client.put(shared, json={}, headers=bearer("bloem"))).status_code == 403
    await prefer(client, "staff", shared)
    await prefer(client, "staff", kinds=["payment"])
    await prefer(client, "bloem")
    desk.tell(owner="bloem")
    desk.tell("payment.settled", id="1", amount="1", currency="EUR")
    await desk.work()
    staff = (await client.get("/notices", headers=bearer("staff"))).json()
    assert [(one["kind"], one["is_shared"]) for one in staff] == [("payment.settled", False), ("trade.offered", True)]
    (bloem,) = (await client.get("/notices", headers=bearer("bloem"))).json()
    assert (bloem["title"], bloem["time"]) == ("New terms for trade NR-1", "2026-08-17T17:33:20Z")
    others = await client.post(f"/notices/{staff[0]['number']}/read", headers=bearer("bloem", Idempotency_Key="others"))
    assert (others.status_code, others.json()["code"]) == (404, "notices/5")


async def test_notices_are_read_when_marked_one_or_all(client: httpx.AsyncClient, desk: Desk) -> None:
    await prefer(client, "bloem")
    for _ in range(3):
        desk.tell(owner="bloem")
    await desk.work()
    first = (await client.get("/notices?sort=number&limit=1", headers=bearer("bloem"))).json()[0]["number"]
    read = await client.post(f"/notices/{first}/read", headers=bearer("bloem", Idempotency_Key="1"))
    assert read.json()["read_at"] is not None
    assert len((await client.get("/notices?unread=true", headers=bearer("bloem"))).json()) == 2
    assert len((await client.get("/notices?unread=false", headers=bearer("bloem"))).json()) == 1
    every = await client.post("/notices/read", json={"until": first + 2}, headers=bearer("bloem", Idempotency_Key="2"))
    assert every.json() == {"count": 2}
    assert (await client.get("/notices?unread=true", headers=bearer("bloem"))).json() == []


async def test_address_is_confirmed_by_its_code_when_given_back(client: httpx.AsyncClient, desk: Desk) -> None:
    await prefer(client, "bloem", by_email=True, email=ADDRESS)
    await desk.work()
    path = f"{ME}/confirm"
    code = desk.code()
    wrong = "00000000" if code != "00000000" else "00000001"
    refused = await client.post(path, json={"code": wrong}, headers=bearer("bloem", Idempotency_Key="w"))
    assert (refused.status_code, refused.json()["code"]) == (422, "notices/3")
    assert desk.prefer("bank-nl/bloem", "bloem", by_email=True, email=ADDRESS).codes_sent == 2
    await desk.work()
    right = await client.post(path, json={"code": desk.code()}, headers=bearer("bloem", Idempotency_Key="r"))
    assert (right.status_code, right.json()["is_confirmed"]) == (200, True)
    again = await client.post(path, json={"code": desk.code()}, headers=bearer("bloem", Idempotency_Key="r"))
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")


async def test_what_staff_shares_is_refused_to_those_who_only_work_here(client: httpx.AsyncClient, desk: Desk) -> None:
    shared = "/notice-preferences/institution"
    refused = await prefer(client, "maker", shared, by_email=True, email=ADDRESS)
    assert (refused.status_code, refused.json()["code"]) == (403, "web/60")
    await prefer(client, "staff", shared)
    desk.tell()
    await desk.work()
    (told,) = (await client.get("/notices", headers=bearer("maker"))).json()
    one = await client.post(f"/notices/{told['number']}/read", headers=bearer("maker", Idempotency_Key="1"))
    assert (one.status_code, one.json()["code"]) == (403, "web/60")
    every = await client.post(
        "/notices/read", json={"until": told["number"]}, headers=bearer("maker", Idempotency_Key="2")
    )
    assert every.json() == {"count": 0}
    again = await client.post(
        "/notices/read", json={"until": told["number"]}, headers=bearer("staff", Idempotency_Key="3")
    )
    assert again.json() == {"count": 1}
