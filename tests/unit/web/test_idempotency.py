"""A request that is repeated has one effect and one answer."""

import httpx
import pytest

from tests.unit.web.conftest import bearer, counts


def key(value: str, caller: str = "staff-nl") -> dict[str, str]:
    return bearer(caller, Idempotency_Key=value)


async def test_answer_is_repeated_when_the_request_is(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/probe/counter", headers=key("a"))
    again = await client.post("/v1/probe/counter", headers=key("a"))
    assert (first.status_code, first.json()) == (202, {"count": 1}) == (again.status_code, again.json())
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await client.post("/v1/probe/counter", headers=key("b"))).json() == {"count": 2}


async def test_key_is_refused_when_used_for_another_request(client: httpx.AsyncClient) -> None:
    await client.post("/v1/probe/counter", json={"a": 1}, headers=key("a"))
    for path, body in (("/v1/probe/counter", {"a": 2}), ("/v1/probe/counter?is_failing=0", {"a": 1})):
        answer = await client.post(path, json=body, headers=key("a"))
        assert (answer.status_code, answer.json()["code"]) == (422, "web/9")
    assert counts == {"bank-nl": 1}


async def test_keys_are_apart_when_their_callers_differ(client: httpx.AsyncClient) -> None:
    for token in ("staff-nl", "bloem-nl", "staff-ke"):
        answer = await client.post("/v1/probe/counter", headers=key("a", token))
        assert "Idempotent-Replayed" not in answer.headers
    assert counts == {"bank-nl": 2, "bank-ke": 1}


async def test_request_may_be_repeated_when_it_failed(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/probe/counter?is_failing=1", headers=key("a"))).status_code == 503
    assert (await client.post("/v1/probe/counter", headers=key("a"))).status_code == 202


@pytest.mark.parametrize("value", [None, "", "x" * 129, "a\tb"])
async def test_request_is_refused_when_the_key_is_missing_or_unreadable(
    client: httpx.AsyncClient, value: str | None
) -> None:
    headers = bearer("staff-nl") if value is None else key(value)
    answer = await client.post("/v1/probe/counter", headers=headers)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "web/8", "Idempotency-Key")
    assert (await client.post("/v1/probe/counter", headers=key("x" * 128))).status_code == 202
