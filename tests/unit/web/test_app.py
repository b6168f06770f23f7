"""Every request is authenticated, limited, and answered with a problem where it fails."""

import httpx
import pytest
from fastapi import FastAPI

from node.web.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX
from tests.unit.web.conftest import bearer


async def test_every_route_refuses_when_there_is_no_token(app: FastAPI, client: httpx.AsyncClient) -> None:
    paths = app.openapi()["paths"]
    guarded = [(path, method) for path, methods in paths.items() for method in methods if path != "/health"]
    assert len(guarded) > 10
    for path, method in guarded:
        answer = await client.request(method, path.replace("{", "x").replace("}", "x"))
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_health_answers_when_anyone_asks(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}


@pytest.mark.parametrize("token", ["", "staff", "staff-nl ", "x" * 10_000])
async def test_request_is_unauthenticated_when_the_token_is_unknown(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get("/v1/institutions", headers=bearer(token + "!"))
    assert answer.status_code == 401
    assert (await client.get("/v1/institutions", headers={"Authorization": "Basic eDp5"})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "web/13"),
        ("DELETE", "/v1/institutions", 405, "web/14"),
        ("GET", "/v1/probe/unavailable", 503, "node/4"),
        ("GET", "/v1/probe/broken", 500, "node/5"),
        ("GET", "/v1/probe/missing-service", 500, "node/5"),
        ("GET", "/v1/journal?limit=0", 422, "web/12"),
        ("GET", "/v1/journal?after=-1", 422, "web/12"),
        ("GET", "/v1/customers/nobody", 404, "participants/7"),
    ],
)
async def test_failure_is_a_problem_when_a_request_goes_wrong(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path, headers=bearer("staff-nl"))
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_problem_names_the_field_when_a_value_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/journal?limit=501", headers=bearer("staff-nl"))
    assert answer.json()["field"] == "query.limit"
    body = {"id": "tulp", "name": "Tulp BV", "vip": True}
    answer = await client.post("/v1/customers", json=body, headers=bearer("staff-nl", Idempotency_Key="1"))
    assert (answer.status_code, answer.json()["field"]) == (422, "vip")


async def test_request_fails_when_wiring_has_no_desk_for_the_caller(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/institutions", headers=bearer("staff-nowhere"))).status_code == 500


@pytest.mark.parametrize(("size", "status"), [(BODY_BYTES_MAX, 422), (BODY_BYTES_MAX + 1, 413)])
async def test_body_is_refused_when_it_is_over_the_limit(client: httpx.AsyncClient, size: int, status: int) -> None:
    headers = bearer("staff-nl", Idempotency_Key="1", Content_Type="application/json")
    body = b'"' + b"x" * (size - 2) + b'"'
    assert (await client.post("/v1/customers", content=body, headers=headers)).status_code == status


@pytest.mark.parametrize(("depth", "code"), [(JSON_DEPTH_MAX, "web/12"), (JSON_DEPTH_MAX + 1, "web/11")])
async def test_body_is_refused_when_it_is_nested_too_deeply(client: httpx.AsyncClient, depth: int, code: str) -> None:
    headers = bearer("staff-nl", Idempotency_Key="1", Content_Type="application/json")
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        body = opening * depth + b"1" + closing * depth
        answer = await client.post("/v1/customers", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    brackets_in_text = b'{"id": "' + b"[" * 99 + b'\\"]", "name": "x"}'
    answer = await client.post("/v1/customers", content=brackets_in_text, headers=headers)
    assert answer.json()["code"] == "participants/9"


async def test_openapi_describes_every_answer_when_read(app: FastAPI) -> None:
    document = app.openapi()
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], path
            if path.startswith("/v1"):
                assert {"401", "403", "404", "409", "413", "422", "503"} <= set(operation["responses"]), path
            if method == "post":
                assert any(item["name"] == "Idempotency-Key" for item in operation["parameters"]), path
