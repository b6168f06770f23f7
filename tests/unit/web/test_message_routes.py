"""Routes of messages: a document is sent once, followed, and decided about by staff alone."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from node.messages.documents import check_document
from node.messages.errors import PeerUnavailableError
from node.messages.repairs import Repairs
from node.messages.routes import router
from node.messages.service import MessageService
from node.messages.store import DROPPED, QUEUED, STORED
from node.participants.service import ParticipantService
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from node.web.schemas import rfc3339
from tests.postgres import NewDatabase
from tests.unit.messages.bank import Clock
from tests.unit.messages.post import Post
from tests.unit.participants.fake_custody import FakeCustody
from tests.unit.participants.network import BANK, Watcher
from tests.unit.web.conftest import bearer

TRANSFER = (Path(__file__).parents[3] / "examples" / "messages" / "customer-transfer.xml").read_bytes()
UETR_OF_TRANSFER = str(check_document("pacs.008.001.08", TRANSFER))
TOKENS = {
    "staff-nl": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem-nl": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "staff-ke": Principal("bank-ke", None, DEVNET_STAFF),
}


class Pair:
    """bank-nl and bank-ke with their boxes."""

    def __init__(self, new_database: NewDatabase) -> None:
        self.post, self.clock = Post(), Clock()
        self.services: dict[str, MessageService] = {}
        self.desks: dict[str, Desk] = {}
        for name in ("bank-nl", "bank-ke"):
            database = Database(new_database())
            prepare(database)
            watcher = Watcher(database)
            service = MessageService(database, name, self.post, check_document, clock=self.clock, dice=lambda: 1.0)
            participants = ParticipantService(
                institution=watcher.directory.institution(name), directory=watcher.directory, custody=FakeCustody(name)
            )
            repairs = Repairs(institution_id=name, directory=watcher.directory, messages=service)
            self.services[name] = service
            self.desks[name] = Desk(institution_id=name, database=database, services=[service, participants, repairs])
            self.post.connect(name, service.receive)


@pytest.fixture
def pair(new_database: NewDatabase) -> Iterator[Pair]:
    pair = Pair(new_database)
    yield pair
    for desk in pair.desks.values():
        desk.database.close()


@pytest.fixture
def app(pair: Pair) -> FastAPI:
    return build_app(desks=pair.desks, authority=TokenAuthority(TOKENS), routers=[router])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


async def send(
    client: httpx.AsyncClient, document: bytes = TRANSFER, key: str = "k1", to: str = BANK
) -> httpx.Response:
    headers = bearer("staff-nl", Idempotency_Key=key)
    return await client.post("/messages", params={"to": to, "thread": "T-1"}, content=document, headers=headers)


async def listed(client: httpx.AsyncClient, path: str, who: str = "staff-nl") -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await client.get(path, headers=bearer(who))).raise_for_status().json()
    return found


async def test_document_is_sent_once_and_followed_on_both_sides_when_posted_twice(
    client: httpx.AsyncClient, pair: Pair
) -> None:
    first, second = await send(client), await send(client, key="k2")
    assert (first.status_code, second.json()) == (202, first.json())
    assert first.json()["uetr"] == UETR_OF_TRANSFER
    (waiting,) = await listed(client, f"/messages?uetr={UETR_OF_TRANSFER}")
    assert (waiting["state"], waiting["direction"], waiting["peer"]) == (QUEUED, "sent", "bank-ke")
    await pair.services["bank-nl"].deliver_queued()
    pair.services["bank-ke"].handle_received()
    (sent,) = await listed(client, "/messages?thread=T-1")
    (received,) = await listed(client, "/messages?thread=T-1", "staff-ke")
    assert (sent["state"], received["state"], received["direction"]) == (STORED, "handled", "received")
    (whole,) = await listed(client, f"/messages/{first.json()['message_id']}", "staff-ke")
    assert (str(whole["payload"]).encode(), whole["signature"]) == (TRANSFER, "token")


async def test_document_is_refused_before_it_is_queued_when_it_is_not_valid(client: httpx.AsyncClient) -> None:
    broken = TRANSFER.replace(b"<ChrgBr>", b"<ChrgBr>X")
    answer = await send(client, broken)
    assert (answer.status_code, answer.json()["code"]) == (422, "iso20022/9")
    assert "ChrgBr" in answer.json()["detail"]
    assert await listed(client, "/messages") == []


async def test_document_is_refused_when_nobody_of_that_name_is_known(client: httpx.AsyncClient) -> None:
    assert (await send(client, to="nobody")).status_code == 404


async def test_document_has_to_wait_when_too_many_wait_for_its_recipient(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.messages.service.OUTBOX_WAITING_MAX", 0)
    answer = await send(client)
    assert (answer.status_code, answer.json()["code"]) == (503, "messages/16")


async def test_message_tells_why_it_waits_when_its_recipient_is_away(client: httpx.AsyncClient, pair: Pair) -> None:
    await send(client)

    def away(_arrivals: object) -> list[PeerUnavailableError]:
        raise PeerUnavailableError("bank-ke: no answer", is_unanswered=True)

    pair.post.connect("bank-ke", away)  # type: ignore[arg-type]
    await pair.services["bank-nl"].deliver_queued()
    (found,) = await listed(client, "/messages?thread=T-1")
    assert (found["state"], found["attempts"], found["reason"]) == ("sent", 1, "bank-ke: no answer")
    assert found["next_attempt_at"] == rfc3339(pair.clock.now_s + 0.1)


async def test_dead_letters_are_listed_sent_again_and_dropped_when_staff_says_so(
    client: httpx.AsyncClient, pair: Pair
) -> None:
    inbox = pair.post.inboxes.pop("bank-ke")
    message_id = (await send(client)).json()["message_id"]
    await pair.services["bank-nl"].deliver_queued()
    (dead,) = await listed(client, "/repairs")
    assert (dead["message_id"], dead["state"]) == (message_id, "dead")
    order = {"message_id": message_id}
    for key in ("r1", "r1"):
        again = await client.post("/repairs/resend", json=order, headers=bearer("staff-nl", Idempotency_Key=key))
        assert again.json()["state"] == QUEUED
    await pair.services["bank-nl"].deliver_queued()
    dropped = await client.post(
        "/repairs/reject", json=order | {"reason": "closed"}, headers=bearer("staff-nl", Idempotency_Key="d1")
    )
    assert dropped.json()["state"] == DROPPED
    assert await listed(client, "/repairs") == []
    pair.post.inboxes["bank-ke"] = inbox
    refused = await client.post("/repairs/resend", json=order, headers=bearer("staff-nl", Idempotency_Key="r2"))
    assert (refused.status_code, refused.json()["code"]) == (409, "messages/23")


@pytest.mark.parametrize("path", ["/messages", "/messages/x", "/repairs"])
async def test_messages_are_not_shown_when_a_customer_asks(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers=bearer("bloem-nl"))).status_code == 403


async def test_message_is_not_found_when_its_id_is_unknown(client: httpx.AsyncClient) -> None:
    answer = await client.get("/messages/document/unknown", headers=bearer("staff-nl"))
    assert (answer.status_code, answer.json()["code"]) == (404, "messages/22")
