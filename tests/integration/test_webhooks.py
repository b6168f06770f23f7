"""A webhook arrives over HTTP at a receiver that checks it with the convention's own library, and at no other place."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web
from standardwebhooks import Webhook

from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.events import publish
from node.webhooks.courier import Courier
from node.webhooks.guard import Guard
from node.webhooks.posting import HttpPoster
from node.webhooks.service import WebhookService
from node.webhooks.signing import secret_text

LOOPBACK = Guard([ip_network("127.0.0.0/8")])


class Receiver:
    """Takes webhooks on a port of its own."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, dict[str, str]]] = []
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((await request.read(), dict(request.headers)))
        self.arrived.set()
        match request.match_info["way"]:
            case "away":
                raise web.HTTPFound("/taken")
            case "busy":
                return web.Response(status=503, headers={"Retry-After": "77"})
            case "endless":
                return web.Response(body=b"x" * 10_000_000)
            case _:
                return web.Response(status=204)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/{way}", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_webhook_is_verified_by_its_receiver_when_an_event_happens(tmp_path: Path) -> None:
    database, receiver = Database(f"sqlite:///{tmp_path}/desk.sqlite"), Receiver()
    prepare(database)
    async with receiver.listening() as url, HttpPoster(LOOPBACK) as poster:
        with database.transaction() as session:
            _, key = WebhookService(LOOPBACK).register(
                session, None, url=f"{url}/taken", text="", kinds=[], scheme="hmac"
            )
        courier = asyncio.create_task(Courier(database, "bank-nl", poster).run())
        with database.transaction() as session:
            publish(session, kind="trade.signed", owner=None, body={"reference": "NR-1"}, time_s=0)
        await asyncio.wait_for(receiver.arrived.wait(), 30)
        courier.cancel()
    ((body, headers),) = receiver.got
    assert Webhook(secret_text(key) or "").verify(body, headers) == json.loads(body)
    assert headers["Content-Type"] == "application/json"


async def test_post_is_not_delivered_when_the_receiver_does_not_take_it() -> None:
    receiver = Receiver()
    async with receiver.listening() as url, HttpPoster(LOOPBACK) as poster:
        away = await poster.post(f"{url}/away", b"{}", {})
        busy = await poster.post(f"{url}/busy", b"{}", {})
        endless = await poster.post(f"{url}/endless", b"{}", {})
    assert (away.status, away.reason) == (302, "answer: expected a status from 200 to 299, got 302")
    assert (busy.status, busy.retry_after_s) == (503, 77)
    assert (endless.status, endless.reason) == (200, None)
    assert len(receiver.got) == 3
    async with HttpPoster(LOOPBACK) as poster:
        closed = await poster.post(f"{url}/taken", b"{}", {})
    assert closed.status is None
    assert "Cannot connect" in (closed.reason or "")


async def test_nothing_is_sent_when_the_name_leads_into_the_own_network() -> None:
    receiver = Receiver()
    async with receiver.listening() as url, HttpPoster(Guard([ip_network("10.0.0.0/8")])) as poster:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            outcome = await poster.post(f"{address}/taken", b"{}", {})
            assert outcome.status is None
            assert "127.0.0.1" in (outcome.reason or "") or "https" in (outcome.reason or "")
    assert receiver.got == []
