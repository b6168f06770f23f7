"""Every decision goes to its route, with digits for amounts and a key that repeats it."""

import json
from typing import Any

import httpx
import pytest

from node.client.client import LandfallClient
from node.client.decisions import Decisions
from node.client.errors import ProblemError

MILESTONE = "/v1/trades/T-1/milestones/2"


def decisions(calls: list[tuple[str, str, Any, str | None]], status: int = 202) -> Decisions:
    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        calls.append((request.method, request.url.path, body, request.headers.get("Idempotency-Key")))
        problem = {"type": "urn:x", "title": "no", "status": status, "detail": "amount: expected 1", "code": "trades/3"}
        return httpx.Response(status, json={"reference": "T-1"} if status < 400 else problem)

    return Decisions(LandfallClient("http://node", "token", transport=httpx.MockTransport(answer)), "T-1")


def test_decisions_reach_their_routes_when_they_are_made() -> None:
    calls: list[tuple[str, str, Any, str | None]] = []
    made = decisions(calls)
    made.accept(2, key="a")
    made.waive(2, 10**21, key="b")
    made.dispute(2, "why", key="c")
    made.settle(2, quote="0xab", least_minor=5, key="d")
    made.last_resort(2, key="e")
    made.defer(2, 1_800_000_000, key="f")
    made.request_quotes(2, key="g")
    made.quotes(2)
    made.disputes()
    made.reprice(key="h")
    made.top_up(21_145, key="i")
    made.close(side="importer", key="j")
    assert calls == [
        ("POST", f"{MILESTONE}/accept", {}, "a"),
        ("POST", f"{MILESTONE}/waive", {"amount": "1" + "0" * 21}, "b"),
        ("POST", f"{MILESTONE}/dispute", {"reasons": "why", "side": None}, "c"),
        ("POST", f"{MILESTONE}/settle", {"quote": "0xab", "least": "5", "side": None}, "d"),
        ("POST", f"{MILESTONE}/last-resort", {}, "e"),
        ("POST", f"{MILESTONE}/defer", {"deadline": "2027-01-15T08:00:00Z"}, "f"),
        ("POST", f"{MILESTONE}/quotes", {}, "g"),
        ("GET", f"{MILESTONE}/quotes", None, None),
        ("GET", "/v1/trades/T-1/disputes", None, None),
        ("POST", "/v1/trades/T-1/reprice", {}, "h"),
        ("POST", "/v1/trades/T-1/top-up", {"amount": "21145"}, "i"),
        ("POST", "/v1/trades/T-1/close", {"side": "importer"}, "j"),
    ]


def test_a_decision_says_why_when_the_node_refuses_it() -> None:
    with pytest.raises(ProblemError, match="amount: expected 1"):
        decisions([], status=422).waive(2, 0)
