"""A caller makes so many requests and no more; what it has left is in every answer."""

import httpx
import pytest
from fastapi import FastAPI

from node.web.errors import TooManyRequestsError
from node.web.limits import COUNTED_CALLERS_MAX
from node.web.throttle import Policy, Throttle
from tests.unit.web.conftest import bearer


def test_caller_is_refused_when_the_bucket_is_empty_and_not_when_it_has_filled_again() -> None:
    throttle = Throttle(Policy(3, 6))
    assert [throttle.take("a", 10.0) for _ in range(3)] == [
        '"default";r=2;t=2',
        '"default";r=1;t=4',
        '"default";r=0;t=6',
    ]
    with pytest.raises(TooManyRequestsError, match="at most 3 in 6 s") as refused:
        throttle.take("a", 10.0)
    assert refused.value.retry_after_s == 2
    assert throttle.take("b", 10.0) == '"default";r=2;t=2'
    with pytest.raises(TooManyRequestsError):
        throttle.take("a", 11.9)
    assert throttle.take("a", 12.0) == '"default";r=0;t=6'


def test_bucket_holds_no_more_than_the_policy_when_nothing_is_asked_for_long() -> None:
    throttle = Throttle(Policy(2, 1))
    throttle.take("a", 0.0)
    assert throttle.take("a", 1e6) == '"default";r=1;t=1'


def test_callers_are_forgotten_when_there_are_too_many() -> None:
    throttle = Throttle(Policy(1, 3600))
    throttle.take("first", 0.0)
    for number in range(COUNTED_CALLERS_MAX):
        throttle.take(str(number), 0.0)
    throttle.take("first", 0.0)
    with pytest.raises(TooManyRequestsError):
        throttle.take(str(COUNTED_CALLERS_MAX - 1), 0.0)


async def test_answer_says_what_is_left_when_asked_and_when_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    app.state.throttle = Throttle(Policy(1, 60))
    first = await client.get("/v1/institutions", headers=bearer("staff-nl"))
    assert first.headers["RateLimit-Policy"] == '"default";q=1;w=60'
    assert first.headers["RateLimit"].startswith('"default";r=0;t=')
    second = await client.get("/v1/institutions", headers=bearer("staff-nl"))
    assert (second.status_code, second.json()["code"]) == (429, "web/41")
    assert 1 <= int(second.headers["Retry-After"]) <= 60
    assert (await client.get("/v1/institutions", headers=bearer("staff-ke"))).status_code == 200
    assert (await client.get("/health")).status_code == 200
