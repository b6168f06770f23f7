"""Routes of institutions' papers and keys, on the desk of bank-ke and the one of bank-nl."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from node.participants.limits import PAPER_BYTES_MAX
from node.participants.own import OwnPapers
from node.participants.papers import Endpoints
from node.participants.routes import router
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from node.web.schemas import rfc3339
from tests.postgres import NewDatabase
from tests.unit.participants.network import (
    BANK,
    NOW_S,
    FakeRing,
    Watcher,
    document,
    key,
    network_deployment,
    notice,
    revocation,
)
from tests.unit.web.conftest import bearer

OLD, NEW = key("bank-ke"), key("next")
TOKENS = {
    "staff-nl": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem-nl": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "staff-ke": Principal("bank-ke", None, DEVNET_STAFF),
}


@pytest.fixture
def watcher(new_database: NewDatabase) -> Iterator[Watcher]:
    """bank-nl, whose ledger time is NOW_S."""
    watcher = followed(new_database)
    yield watcher
    watcher.database.close()


@pytest.fixture
def bank(new_database: NewDatabase) -> Iterator[Watcher]:
    """bank-ke, at the same time."""
    bank = followed(new_database)
    yield bank
    bank.database.close()


def followed(new_database: NewDatabase) -> Watcher:
    database = Database(new_database())
    prepare(database)
    return Watcher(database).followed_to(NOW_S)


@pytest.fixture
def app(watcher: Watcher, bank: Watcher) -> FastAPI:
    own = OwnPapers(
        institution_id="bank-ke",
        directory=bank.directory,
        deployment=network_deployment(),
        peers=bank.peers,
        ring=FakeRing("bank-ke"),
        endpoints=Endpoints(messages="https://rift.example/messages"),
        spread=lambda _session, _paper: None,
    )
    desks = {
        "bank-nl": Desk(institution_id="bank-nl", database=watcher.database, services=[watcher.peers]),
        "bank-ke": Desk(institution_id="bank-ke", database=bank.database, services=[bank.peers, own]),
    }
    return build_app(desks=desks, authority=TokenAuthority(TOKENS), routers=[router])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


async def post(client: httpx.AsyncClient, data: bytes, caller: str = "staff-nl", query: str = "") -> httpx.Response:
    headers = bearer(caller, Idempotency_Key=str(hash((data, query))), Content_Type="application/json")
    return await client.post(f"/institutions/papers{query}", content=data, headers=headers)


async def order(client: httpx.AsyncClient, path: str, body: object, caller: str = "staff-ke") -> httpx.Response:
    return await client.post(path, json=body, headers=bearer(caller, Idempotency_Key=path))


async def show(client: httpx.AsyncClient, caller: str = "staff-nl") -> dict[str, object]:
    answer = await client.get(f"/institutions/{BANK}", headers=bearer(caller))
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


async def test_institution_is_shown_with_endpoints_keys_and_status_when_its_document_came(
    client: httpx.AsyncClient,
) -> None:
    before = await show(client)
    assert (before["status"], before["endpoints"], before["jwks"]) == (
        "no_document",
        {"messages": None, "certificates": None, "rest": None},
        {"keys": []},
    )
    signed = document(OLD)
    taken = await post(client, signed.data)
    assert (taken.status_code, taken.json()) == (201, {"type": signed.type, "lei": BANK, "kid": OLD.kid})
    after = await show(client, "bloem-nl")
    assert (after["status"], after["document_issued_at"]) == ("active", rfc3339(NOW_S))
    assert after["endpoints"] == {
        "messages": "https://rift.example/messages",
        "certificates": None,
        "rest": None,
    }
    assert after["jwks"] == {"keys": [one.model_dump() for one in signed.jwks.keys]}
    listed = (await client.get("/institutions", headers=bearer("staff-nl"))).json()
    assert [one["status"] for one in listed] == ["active", "no_document", "no_document"]
    raw = await client.get("/institutions/bank-ke/document", headers=bearer("staff-nl"))
    assert raw.content == signed.data
    assert (await client.get("/institutions/bank-nl/document", headers=bearer("staff-nl"))).status_code == 404


async def test_paper_is_refused_when_a_customer_brings_it(client: httpx.AsyncClient) -> None:
    assert (await post(client, document(OLD).data, "bloem-nl")).status_code == 403
    assert (await show(client))["status"] == "no_document"


async def test_refused_change_is_told_in_the_events_when_keys_do_not_count(
    client: httpx.AsyncClient, watcher: Watcher
) -> None:
    answer = await post(client, document(NEW).data)
    assert (answer.status_code, answer.json()["code"]) == (409, "participants/17")
    events = (await client.get("/events", headers=bearer("staff-nl"))).json()
    assert [(one["kind"], one["body"]["lei"]) for one in events] == [("participant.refused", BANK)]


async def test_paper_is_refused_when_it_is_malformed_or_too_large(client: httpx.AsyncClient) -> None:
    assert (await post(client, b'{"type": "else"}')).status_code == 422
    assert (await post(client, document(OLD).data + b" " * PAPER_BYTES_MAX)).status_code == 413
    assert (await client.get("/events", headers=bearer("staff-nl"))).json() == []


async def test_notice_and_revocation_are_shown_when_they_came(client: httpx.AsyncClient) -> None:
    for paper in (document(OLD, issued_at_s=NOW_S - 1), notice(OLD, NEW)):
        assert (await post(client, paper.data)).status_code == 201
    assert (await show(client))["rotation"] == {
        "old": OLD.kid,
        "new": NEW.kid,
        "starts_at": rfc3339(NOW_S),
        "old_until": rfc3339(NOW_S + 7 * 86_400),
    }
    assert (await post(client, revocation(OLD).data)).status_code == 201
    found = await show(client)
    assert found["status"] == "key_revoked"
    assert [(one["ended_by"], one["revoked_at"]) for one in found["message_keys"]] == [("revocation", rfc3339(NOW_S))]  # type: ignore[attr-defined]


async def test_lost_key_is_replaced_when_staff_accepts_the_new_one(client: httpx.AsyncClient, watcher: Watcher) -> None:
    await post(client, document(OLD).data)
    watcher.anchor(NEW.thumbprint, NOW_S + 10)
    data = document(NEW).data
    assert (await post(client, data)).json()["code"] == "participants/18"
    assert (await post(client, data, query=f"?accept_key={NEW.kid}")).status_code == 201
    assert (await show(client))["status"] == "active"


async def test_own_key_is_published_rotated_and_revoked_when_staff_orders_it(client: httpx.AsyncClient) -> None:
    published = await order(client, "/own-keys/documents", {})
    assert (published.status_code, published.json()["lei"]) == (201, BANK)
    announced = (await order(client, "/own-keys/rotations", {"overlap_s": 60})).json()
    assert (announced["old"], announced["old_until_s"]) == (OLD.kid, NOW_S + 60)
    queued = await order(client, "/institutions/bank-ke/anchor", {"key": None})
    assert (queued.status_code, queued.json()) == (202, {"key": announced["new"]})
    revoked = await order(client, "/own-keys/revocations", {"kid": OLD.kid, "reason": "lost"})
    assert revoked.json()["revoked_at_s"] == NOW_S
    assert (await show(client, "staff-ke"))["status"] == "key_revoked"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/own-keys/rotations", {"overlap_s": -1}),
        ("/own-keys/rotations", {"overlap_s": 31 * 86_400}),
        ("/own-keys/revocations", {"kid": "short", "reason": ""}),
        ("/own-keys/revocations", {"kid": OLD.kid, "reason": "x" * 201}),
        ("/institutions/bank-ke/anchor", {"key": "short"}),
    ],
)
async def test_order_is_refused_when_it_is_out_of_bounds(client: httpx.AsyncClient, path: str, body: object) -> None:
    assert (await order(client, path, body)).status_code == 422


async def test_own_keys_are_staffs_when_a_customer_asks(client: httpx.AsyncClient) -> None:
    for path in ("/own-keys/documents", "/own-keys/rotations", "/own-keys/revocations", "/institutions/bank-ke/anchor"):
        assert (await order(client, path, {"overlap_s": 1}, "bloem-nl")).status_code == 403
