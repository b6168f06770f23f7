"""Calls that are made in one moment: one request, each its own answer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from contracts.client.request_id import join_ids, serving, split_ids
from contracts.client.together import Call, Together


class Chain:
    """Answers each call with its first parameter, doubled; remembers what came in one request."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.requests: list[list[Call]] = []

    async def make(self, calls: Sequence[Call]) -> Sequence[Mapping[str, Any]]:
        self.requests.append(list(calls))
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return [{"result": call.params[0] * 2} for call in calls]


async def ask(together: Together, number: int, request_id: str | None = None) -> Any:
    with serving(request_id):
        return (await together.ask("double", [number]))["result"]


async def test_calls_are_one_request_when_they_are_made_in_one_moment() -> None:
    chain = Chain()
    together = Together(chain.make)
    assert await asyncio.gather(*(ask(together, number, f"r-{number}") for number in range(3))) == [0, 2, 4]
    assert await ask(together, 7) == 14
    assert [[call.request_id for call in calls] for calls in chain.requests] == [["r-0", "r-1", "r-2"], [None]]


async def test_everybody_gets_the_error_when_the_request_fails() -> None:
    together = Together(Chain(OSError("gone")).make)
    answers = await asyncio.gather(ask(together, 1), ask(together, 2), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["gone", "gone"]


@pytest.mark.parametrize("failure", [None, OSError("gone")])
async def test_others_are_answered_when_one_goes_away(failure: Exception | None) -> None:
    together = Together(Chain(failure).make)
    leaving, staying = asyncio.ensure_future(ask(together, 1)), asyncio.ensure_future(ask(together, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    [answer] = await asyncio.gather(staying, return_exceptions=True)
    assert str(answer) == str(failure or 4)
    assert leaving.cancelled()


@pytest.mark.parametrize(
    ("header", "count", "ids"),
    [
        ("r-1", 1, ["r-1"]),
        ("r-1", 2, ["r-1", "r-1"]),
        ("r-1,,r-3", 3, ["r-1", None, "r-3"]),
        ("r-1,r-2", 1, [None]),
        ("r-1,r-2,r-3", 2, [None, None]),
        ("", 2, [None, None]),
        ("r 1,r-2", 2, [None, "r-2"]),
    ],
)
def test_header_names_the_request_of_each_call(header: str, count: int, ids: list[str | None]) -> None:
    assert split_ids(header, count) == ids


def test_header_is_left_out_when_no_call_serves_a_request() -> None:
    assert join_ids([None, None]) is None
    assert join_ids(["r-1", None]) == "r-1,"
    assert split_ids("r-1,", 2) == ["r-1", None]
