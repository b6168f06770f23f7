"""Every request has a name, which the answer, the logs and the chain know."""

import httpx
import pytest
import structlog
from fastapi import FastAPI

from contracts.client.request_id import CHARS_MAX, REQUEST_ID, is_request_id
from node.storage import outbox
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import bearer


async def test_request_keeps_its_name_when_the_caller_gives_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/institutions", headers=bearer("staff-nl", X_Request_Id="order-17/a"))
    assert answer.headers["X-Request-Id"] == "order-17/a"


@pytest.mark.parametrize("given", ["", "a b", "x" * (CHARS_MAX + 1), "a\tb", '{"a":1}'])
async def test_request_gets_a_name_when_the_given_one_is_not_for_logs(client: httpx.AsyncClient, given: str) -> None:
    named = [
        (await client.get("/v1/nothing", headers=bearer("staff-nl", X_Request_Id=given))).headers["X-Request-Id"]
        for _ in range(2)
    ]
    assert given not in named
    assert len(set(named)) == 2
    assert all(is_request_id(one) for one in named)


async def test_change_is_logged_under_the_requests_name_when_made(client: httpx.AsyncClient) -> None:
    headers = bearer("staff-nl", X_Request_Id="r-1", Idempotency_Key="k")
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await client.post("/v1/customers", json={"id": "rosa", "name": "Rosa BV"}, headers=headers)
        await client.get("/v1/customers", headers=bearer("staff-nl", X_Request_Id="r-2"))
    (line,) = [one for one in lines if one["event"] == "request"]
    assert (line["request_id"], line["method"], line["path"], line["status"]) == ("r-1", "POST", "/v1/customers", 201)


async def test_transaction_carries_the_requests_name_when_it_wants_one(
    app: FastAPI, client: httpx.AsyncClient, books: Books
) -> None:
    headers = bearer("staff-nl", X_Request_Id="r-3", Idempotency_Key="k")
    await client.post("/v1/customers", json={"id": "rosa", "name": "Rosa BV"}, headers=headers)
    with books.database.read() as session:
        (row,) = outbox.by_reference(session, "wallets:rosa")
    assert row.request_id == "r-3"
    assert REQUEST_ID.get() is None


async def test_answer_tells_browsers_to_keep_to_its_type_when_sent(client: httpx.AsyncClient) -> None:
    for path in ("/health", "/v1/nothing", "/docs"):
        assert (await client.get(path)).headers["X-Content-Type-Options"] == "nosniff"
