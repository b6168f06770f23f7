"""The SDK against a fake transport."""

import httpx
import pytest

from node.client import LandfallClient, ProblemError, UnavailableError


def _client(handler: object) -> LandfallClient:
    return LandfallClient("http://node", "secret", httpx.MockTransport(handler))  # type: ignore[arg-type]


def test_client_sends_token_and_key_when_it_posts() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"ok": True})

    assert _client(answer).post("/payments", {"amount": "1"}, key="once") == {"ok": True}
    assert seen[0].url == "http://node/v1/payments"
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert seen[0].headers["Idempotency-Key"] == "once"


def test_client_raises_the_nodes_words_when_it_is_refused() -> None:
    problem = {"status": 422, "detail": "amount: expected digits, got 'x'", "code": "web/12", "field": "amount"}
    client = _client(lambda _request: httpx.Response(422, json=problem))
    with pytest.raises(ProblemError, match="amount: expected digits") as refused:
        client.get("/balances")
    assert (refused.value.status, refused.value.field) == (422, "amount")


def test_client_says_unavailable_when_nobody_listens() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(UnavailableError, match="expected an answer"):
        _client(refuse).get("/balances")
