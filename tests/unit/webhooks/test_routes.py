"""Routes of webhooks: whose they are, what is told once, and what a change needs."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from node.webhooks.limits import ENDPOINTS_MAX, KEYS_MAX, KINDS_MAX, OVERLAP_S_MAX
from node.webhooks.posting import Outcome
from node.webhooks.routes import router
from tests.unit.web.conftest import bearer
from tests.unit.webhooks.conftest import URL, Hooks

TOKENS = {
    "staff": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "tulp": Principal("bank-nl", "tulp", DEVNET_CUSTOMER),
}


@pytest.fixture
def app(hooks: Hooks) -> FastAPI:
    desk = Desk(institution_id="bank-nl", database=hooks.database, services=[hooks.service])
    return build_app(desks={"bank-nl": desk}, authority=TokenAuthority(TOKENS), routers=[router])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


async def register(client: httpx.AsyncClient, who: str = "staff", key: str = "k", **body: object) -> httpx.Response:
    headers = bearer(who, Idempotency_Key=key)
    return await client.post("/webhooks", json={"url": URL, **body}, headers=headers)


async def test_secret_is_told_once_when_an_address_is_registered(client: httpx.AsyncClient) -> None:
    made = (await register(client, kinds=["trade"], text="ERP")).json()
    assert made["secret"].startswith("whsec_")
    assert (made["state"], made["kinds"], made["owner"]) == ("active", ["trade"], None)
    shown = await client.get(f"/webhooks/{made['id']}", headers=bearer("staff"))
    assert "whsec_" not in shown.text
    assert "whsec_" not in (await client.get("/webhooks", headers=bearer("staff"))).text
    again = await register(client, kinds=["trade"], text="ERP")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (made, "true")


async def test_address_is_its_owners_when_others_ask(client: httpx.AsyncClient) -> None:
    made = (await register(client, "bloem")).json()
    path = f"/webhooks/{made['id']}"
    assert (made["owner"], (await client.get(path, headers=bearer("bloem"))).status_code) == ("bloem", 200)
    assert (await client.get(path, headers=bearer("tulp"))).status_code == 404
    assert (await client.get("/webhooks", headers=bearer("tulp"))).json() == []
    assert [one["id"] for one in (await client.get("/webhooks", headers=bearer("staff"))).json()] == [made["id"]]
    for method, rest in (("PATCH", ""), ("DELETE", ""), ("POST", "/keys"), ("POST", "/replay"), ("GET", "/deliveries")):
        answer = await client.request(
            method, path + rest, json=None if method == "GET" else {}, headers=bearer("tulp", Idempotency_Key=rest)
        )
        assert answer.status_code == 404, (method, rest)


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://erp.example/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://localhost/"},
        {"kinds": ["Trade!"]},
        {"kinds": ["trade"] * (KINDS_MAX + 1)},
        {"text": "x" * 201},
        {"scheme": "none"},
        {"more": 1},
    ],
)
async def test_address_is_refused_when_it_is_not_acceptable(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await register(client, **body)).status_code == 422


async def test_addresses_are_so_many_and_no_more_when_registered(hooks: Hooks, client: httpx.AsyncClient) -> None:
    for number in range(ENDPOINTS_MAX):
        hooks.register("bloem", f"https://erp.example/{number}")
    assert (await register(client, "bloem")).json()["code"] == "webhooks/5"
    assert (await register(client, "tulp")).status_code == 201


async def test_change_takes_effect_when_it_is_of_what_was_seen(client: httpx.AsyncClient) -> None:
    path = f"/webhooks/{(await register(client)).json()['id']}"
    unseen = await client.patch(path, json={"state": "disabled"}, headers=bearer("staff"))
    assert (unseen.status_code, unseen.json()["code"]) == (428, "web/43")
    tag = (await client.get(path, headers=bearer("staff"))).headers["ETag"]
    changed = await client.patch(path, json={"state": "disabled"}, headers=bearer("staff", If_Match=tag))
    assert changed.json()["state"] == "disabled"
    late = await client.patch(path, json={"text": "x"}, headers=bearer("staff", If_Match=tag))
    assert late.status_code == 412
    fresh = changed.headers["ETag"]
    refused = await client.patch(path, json={"url": "https://10.0.0.1/"}, headers=bearer("staff", If_Match=fresh))
    assert (refused.status_code, refused.json()["field"]) == (422, "url")
    moved = await client.patch(path, json={"url": URL + "2"}, headers=bearer("staff", If_Match=fresh))
    assert (moved.json()["url"], moved.json()["state"]) == (URL + "2", "disabled")
    assert (await client.delete(path, headers=bearer("staff", If_Match=fresh))).status_code == 412
    assert (await client.delete(path, headers=bearer("staff"))).status_code == 204
    assert (await client.get(path, headers=bearer("staff"))).status_code == 404


async def test_key_is_rotated_when_asked_and_only_so_often(client: httpx.AsyncClient) -> None:
    made = (await register(client)).json()
    path = f"/webhooks/{made['id']}/keys"
    new = await client.post(path, json={"scheme": "ed25519"}, headers=bearer("staff", Idempotency_Key="0"))
    assert (new.status_code, new.json()["secret"]) == (201, None)
    assert new.json()["public"].startswith("whpk_")
    shown = (await client.get(f"/webhooks/{made['id']}", headers=bearer("staff"))).json()
    assert [(key["scheme"], key["until"] is None) for key in shown["keys"]] == [("ed25519", True), ("hmac", False)]
    for number in range(1, KEYS_MAX - 1):
        headers = bearer("staff", Idempotency_Key=str(number))
        assert (await client.post(path, json={}, headers=headers)).status_code == 201
    full = await client.post(path, json={}, headers=bearer("staff", Idempotency_Key="full"))
    assert full.json()["code"] == "webhooks/5"
    too_long = {"overlap_s": OVERLAP_S_MAX + 1}
    assert (await client.post(path, json=too_long, headers=bearer("staff", Idempotency_Key="l"))).status_code == 422


async def test_delivery_is_shown_with_its_attempts_and_sent_again_when_asked(
    hooks: Hooks, client: httpx.AsyncClient
) -> None:
    webhook = (await register(client)).json()["id"]
    hooks.receiver.answers[URL] = Outcome(500, 7, "answer: 500")
    hooks.tell()
    await hooks.courier.drain()
    (listed,) = (await client.get(f"/webhooks/{webhook}/deliveries?state=queued", headers=bearer("staff"))).json()
    path = f"/webhooks/{webhook}/deliveries/{listed['number']}"
    shown = (await client.get(path, headers=bearer("staff"))).json()
    assert (shown["message_id"], shown["attempts"], shown["reason"]) == ("evt_bank-nl_1", 1, "answer: 500")
    assert [(one["status"], one["took_ms"]) for one in shown["log"]] == [(500, 7)]
    early = await client.post(f"{path}/replay", headers=bearer("staff", Idempotency_Key="early"))
    assert (early.status_code, early.json()["code"]) == (409, "webhooks/6")
    hooks.receiver.answers.clear()
    hooks.clock.now_s = hooks.deliveries(webhook)[0].next_attempt_at_s
    await hooks.courier.drain()
    again = await client.post(f"{path}/replay", headers=bearer("staff", Idempotency_Key="again"))
    assert again.json()["state"] == "queued"
    await hooks.courier.drain()
    assert [one[2]["webhook-id"] for one in hooks.receiver.got] == ["evt_bank-nl_1"] * 3
    assert (await client.get(f"/webhooks/{webhook}/deliveries/99", headers=bearer("staff"))).status_code == 404


async def test_deliveries_are_sent_again_together_when_they_are_after_an_event(
    hooks: Hooks, client: httpx.AsyncClient
) -> None:
    webhook = (await register(client)).json()["id"]
    for number in range(3):
        hooks.tell(number=number)
    await hooks.courier.drain()
    path = f"/webhooks/{webhook}/replay"
    failed = await client.post(path, json={}, headers=bearer("staff", Idempotency_Key="failed"))
    assert failed.json() == {"count": 0}
    every = {"after": 1, "only_failed": False}
    assert (await client.post(path, json=every, headers=bearer("staff", Idempotency_Key="all"))).json() == {"count": 2}
    await hooks.courier.drain()
    assert len(hooks.receiver.got) == 5
