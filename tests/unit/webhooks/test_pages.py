"""Pages of webhooks: a secret is on one page alone, what was overtaken is refused, others' addresses are not there."""

import re

import httpx
import pytest
from fastapi import FastAPI

from node.webhooks import pages
from node.webhooks.posting import Outcome
from tests.unit.web.conftest import bearer
from tests.unit.web.console.looking import add_pages
from tests.unit.webhooks.conftest import URL, Hooks
from tests.unit.webhooks.test_routes import app, client

__all__ = ["app", "client"]
THERE = "http://desk/webhooks"


@pytest.fixture(autouse=True)
def console(app: FastAPI) -> None:
    add_pages(app, pages.router, (pages.TEMPLATES,))


async def make(client: httpx.AsyncClient, who: str = "bloem", **fields: str) -> httpx.Response:
    form = {"url": URL, "text": "ERP", "scheme": "hmac", "kind-trade": "on"} | fields
    return await client.post(THERE, data=form, headers=bearer(who))


async def only(client: httpx.AsyncClient, who: str = "bloem") -> str:
    """Return the path of the caller's one webhook."""
    (one,) = (await client.get("/webhooks", headers=bearer(who))).json()
    return f"{THERE}/{one['id']}"


def tag(page: httpx.Response) -> str:
    return re.findall(r'name="seen" value="&#34;([0-9a-f]+)&#34;"', page.text)[0]


async def test_secret_is_shown_once_when_a_webhook_is_made_and_when_its_key_is_another(
    client: httpx.AsyncClient,
) -> None:
    made = await make(client)
    (first,) = re.findall(r"whsec_[^<]+", made.text)
    path = await only(client)
    shown = await client.get(path, headers=bearer("bloem"))
    assert (shown.status_code, "whsec_" in shown.text) == (200, False)
    (second,) = re.findall(
        r"whsec_[^<]+", (await client.post(f"{path}/keys", data={"scheme": "hmac"}, headers=bearer("bloem"))).text
    )
    assert second != first
    paired = await client.post(f"{path}/keys", data={"scheme": "ed25519"}, headers=bearer("bloem"))
    assert "whsec_" not in paired.text
    assert "whpk_" in (await client.get(path, headers=bearer("bloem"))).text, "the public half stays"


async def test_change_is_refused_when_the_webhook_is_not_what_was_seen(client: httpx.AsyncClient) -> None:
    await make(client)
    path = await only(client)
    seen = tag(await client.get(path, headers=bearer("bloem")))
    form = {"url": URL, "text": "first", "seen": f'"{seen}"'}
    first = await client.post(path, data=form, headers=bearer("bloem"))
    assert first.headers["location"].endswith("?done=saved")
    second = await client.post(path, data=form | {"text": "second"}, headers=bearer("bloem"))
    assert (second.status_code, "This was not done." in second.text) == (412, True)
    assert 'value="first"' in second.text, "what there is now is read first"
    without = await client.post(path, data={"url": URL, "text": "third"}, headers=bearer("bloem"))
    assert without.status_code == 428
    (kept,) = (await client.get("/webhooks", headers=bearer("bloem"))).json()
    assert (kept["text"], kept["kinds"]) == ("first", [])


async def test_webhook_stops_goes_on_and_is_removed_when_its_page_is_asked_to(client: httpx.AsyncClient) -> None:
    await make(client)
    path = await only(client)
    for state in ("disabled", "active"):
        seen = f'"{tag(await client.get(path, headers=bearer("bloem")))}"'
        await client.post(f"{path}/state", data={"state": state, "seen": seen}, headers=bearer("bloem"))
        (kept,) = (await client.get("/webhooks", headers=bearer("bloem"))).json()
        assert kept["state"] == state
    removed = await client.post(f"{path}/remove", data={"seen": f'"{"0" * 32}"'}, headers=bearer("bloem"))
    assert removed.status_code == 412
    seen = f'"{tag(await client.get(path, headers=bearer("bloem")))}"'
    removed = await client.post(f"{path}/remove", data={"seen": seen}, headers=bearer("bloem"))
    assert removed.headers["location"] == "/webhooks?done=removed"


async def test_webhook_is_not_there_when_it_is_anothers(client: httpx.AsyncClient) -> None:
    await make(client)
    path = await only(client)
    assert "/webhooks/wh_" not in (await client.get(THERE, headers=bearer("tulp"))).text
    for step in ("", "/deliveries/1"):
        assert (await client.get(path + step, headers=bearer("tulp"))).status_code == 404
    for step in ("", "/state", "/remove", "/keys", "/replay", "/deliveries/1/replay"):
        answer = await client.post(path + step, data={"scheme": "hmac", "state": "active"}, headers=bearer("tulp"))
        assert answer.status_code == 404, step
    assert "all of the institution" not in (await client.get(THERE, headers=bearer("bloem"))).text
    assert "bloem" in (await client.get(THERE, headers=bearer("staff"))).text


async def test_refused_address_stands_in_its_field_with_what_was_ticked(client: httpx.AsyncClient) -> None:
    hostile = '"><script>1</script>'
    answer = await make(client, url="https://127.0.0.1/x", text=hostile)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert re.search(r'name="kind-trade" checked', answer.text)
    assert hostile not in answer.text


async def test_delivery_is_shown_with_its_attempts_and_brought_again_when_it_has_ended(
    client: httpx.AsyncClient, hooks: Hooks
) -> None:
    webhook = hooks.register("bloem")
    hooks.receiver.answers[URL] = Outcome(500, 7, "answer: <b>500</b>")
    hooks.tell(owner="bloem")
    await hooks.courier.drain()
    path = f"{THERE}/{webhook}"
    shown = await client.get(path, headers=bearer("bloem"))
    (delivery,) = set(re.findall(rf"/webhooks/{webhook}/deliveries/\d+", shown.text))
    waiting = await client.get(f"http://desk{delivery}", headers=bearer("bloem"))
    assert "answer: &lt;b&gt;500&lt;/b&gt;" in waiting.text
    assert "Bring it again" not in waiting.text, "it is brought again by itself"
    hooks.receiver.answers.clear()
    hooks.clock.now_s = hooks.deliveries(webhook)[0].next_attempt_at_s
    await hooks.courier.drain()
    assert delivery not in (await client.get(f"{path}?state=failed", headers=bearer("bloem"))).text
    assert "Bring it again" in (await client.get(f"http://desk{delivery}", headers=bearer("bloem"))).text
    again = await client.post(f"http://desk{delivery}/replay", headers=bearer("bloem"))
    assert again.headers["location"] == f"{delivery}?done=replayed"
    await hooks.courier.drain()
    assert len(hooks.receiver.got) == 3
    every = await client.post(f"{path}/replay", headers=bearer("bloem"))
    assert every.headers["location"].endswith("?done=replayed")
