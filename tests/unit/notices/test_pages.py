"""Pages of notices: read one by one or all, and what somebody is told."""

import re

import httpx
import pytest
from fastapi import FastAPI

from node.notices import pages
from tests.unit.notices.conftest import ADDRESS, Desk
from tests.unit.notices.test_routes import app, client
from tests.unit.web.conftest import bearer
from tests.unit.web.console.looking import add_pages

__all__ = ["app", "client"]
THERE = "http://desk/notices"


@pytest.fixture(autouse=True)
def console(app: FastAPI) -> None:
    add_pages(app, pages.router, (pages.TEMPLATES,))


async def wish(client: httpx.AsyncClient, who: str, scope: str = "me", **fields: str) -> httpx.Response:
    shown = await client.get(f"{THERE}/wishes/{scope}", headers=bearer(who))
    (tag,) = set(re.findall(r'name="seen" value="&#34;([0-9a-f]+)&#34;"', shown.text))
    return await client.post(f"{THERE}/wishes/{scope}", data={"seen": f'"{tag}"'} | fields, headers=bearer(who))


async def test_notices_are_read_one_by_one_and_up_to_the_latest(client: httpx.AsyncClient, desk: Desk) -> None:
    await wish(client, "bloem", in_console="on")
    for _ in range(3):
        desk.tell(owner="bloem")
    await desk.work()
    shown = await client.get(THERE, headers=bearer("bloem"))
    numbers = sorted(int(one) for one in re.findall(r"/notices/(\d+)/read", shown.text))
    assert len(numbers) == 3
    one = await client.post(f"{THERE}/{numbers[0]}/read", headers=bearer("bloem"))
    assert one.headers["location"] == "/notices?done=read"
    (until,) = re.findall(r'name="until" value="(\d+)"', shown.text)
    assert int(until) == numbers[-1]
    await client.post(f"{THERE}/read", data={"until": until}, headers=bearer("bloem"))
    assert "Nothing is unread." in (await client.get(THERE, headers=bearer("bloem"))).text
    assert "New terms for trade NR-1" in (await client.get(f"{THERE}?show=all", headers=bearer("bloem"))).text
    for wrong in ("", "many", "9" * 30):
        assert (await client.post(f"{THERE}/read", data={"until": wrong}, headers=bearer("bloem"))).status_code == 422


async def test_notice_is_not_read_when_it_is_anothers(client: httpx.AsyncClient, desk: Desk) -> None:
    await wish(client, "bloem", in_console="on")
    desk.tell(owner="bloem")
    await desk.work()
    shown = await client.get(THERE, headers=bearer("bloem"))
    (number,) = re.findall(r"/notices/(\d+)/read", shown.text)
    assert (await client.post(f"{THERE}/{number}/read", headers=bearer("tulp"))).status_code == 404
    assert f"/notices/{number}/read" in (await client.get(THERE, headers=bearer("bloem"))).text


async def test_first_choice_keeps_what_was_wished_elsewhere(client: httpx.AsyncClient) -> None:
    await wish(client, "bloem", **{"kind-trade": "on", "by_webhook": "on"})
    shown = await client.get(THERE, headers=bearer("bloem"))
    form = dict(re.findall(r'<input type="hidden" name="([a-z_-]+)" value="([^"]*)"', shown.text))
    form["seen"] = form["seen"].replace("&#34;", '"')
    kept = await client.post(f"{THERE}/wishes/me", data=form, headers=bearer("bloem"))
    assert kept.headers["location"].endswith("done=saved")
    found = (await client.get("/notice-preferences/me", headers=bearer("bloem"))).json()
    assert (found["kinds"], found["in_console"], found["by_webhook"]) == (["trade"], True, True)


async def test_address_is_confirmed_in_the_page_when_its_code_comes_back(client: httpx.AsyncClient, desk: Desk) -> None:
    asked = await wish(client, "bloem", by_email="on", email=ADDRESS)
    assert asked.headers["location"].endswith("done=code_sent")
    await desk.work()
    assert "not confirmed" in (await client.get(f"{THERE}/wishes/me", headers=bearer("bloem"))).text
    code = desk.code()
    wrong = "00000000" if code != "00000000" else "00000001"
    refused = await client.post(f"{THERE}/wishes/me/confirm", data={"code": wrong}, headers=bearer("bloem"))
    assert (refused.status_code, "This was not done." in refused.text) == (422, True)
    right = await client.post(f"{THERE}/wishes/me/confirm", data={"code": code}, headers=bearer("bloem"))
    assert right.headers["location"].endswith("done=confirmed")


async def test_wish_is_refused_when_it_is_not_what_was_seen_or_not_ones_own(client: httpx.AsyncClient) -> None:
    stale = await client.post(f"{THERE}/wishes/me", data={"seen": f'"{"0" * 32}"'}, headers=bearer("bloem"))
    assert stale.status_code == 412
    assert (await client.get(f"{THERE}/wishes/institution", headers=bearer("bloem"))).status_code == 403
    shown = await client.get(f"{THERE}/wishes/institution", headers=bearer("maker"))
    assert "An operator of the institution decides about this." in shown.text
    assert (await client.get(f"{THERE}/wishes/nobody", headers=bearer("bloem"))).status_code == 422
