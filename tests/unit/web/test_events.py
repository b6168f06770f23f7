"""Notices are kept with the change, listed, streamed and resumed."""

import json
from typing import Any

import httpx
import pytest

from node.web.event_routes import stream
from node.web.events import publish
from tests.unit.ledger.conftest import Books
from tests.unit.web.conftest import bearer


def tell(books: Books, owner: str | None, number: int) -> None:
    with books.database.transaction() as session:
        publish(session, kind="trade.funded", owner=owner, body={"number": number}, time_s=number)


async def listed(client: httpx.AsyncClient, token: str, query: str = "") -> list[Any]:
    answer = await client.get(f"/v1/events{query}", headers=bearer(token))
    return [one["body"]["number"] for one in answer.json() if one["kind"] == "trade.funded"]


async def test_events_are_the_callers_when_listed(client: httpx.AsyncClient, books: Books) -> None:
    for number, owner in enumerate(("bloem", None, "tulp")):
        tell(books, owner, number)
    assert await listed(client, "staff-nl") == [0, 1, 2]
    assert await listed(client, "bloem-nl") == [0]
    assert await listed(client, "staff-ke") == []
    first = await client.get("/v1/events?kind=trade&limit=1", headers=bearer("staff-nl"))
    following = first.links["next"]["url"].partition("/v1/events")[2]
    assert await listed(client, "staff-nl", following) == [1]
    assert "kind=trade" in following
    assert await listed(client, "staff-nl", "?sort=-id&kind=trade") == [2, 1, 0]
    assert await listed(client, "staff-nl", "?kind=tra") == []


async def test_stream_goes_on_after_the_last_one_seen_when_resumed(books: Books) -> None:
    for number in range(3):
        tell(books, "bloem", number)
    # The first event is that there is a customer.
    events = stream(books.database, 3, "bloem", keepalive_s=0.01)
    first = await anext(events)
    assert first.startswith("id: 4\nevent: trade.funded\ndata: ")
    assert json.loads(first.split("data: ")[1])["body"] == {"number": 2}
    assert await anext(events) == ": nothing new\n\n"
    tell(books, "tulp", 3)
    tell(books, "bloem", 4)
    while (event := await anext(events)).startswith(":"):
        pass
    assert event.startswith("id: 6\n")
    await events.aclose()  # type: ignore[attr-defined]


async def test_stream_wakes_when_an_event_is_committed(books: Books) -> None:
    events = stream(books.database, 1, None, keepalive_s=60)
    tell(books, None, 1)
    assert "number" in await anext(events)
    tell(books, None, 2)
    assert "id: 3" in await anext(events)
    await events.aclose()  # type: ignore[attr-defined]


@pytest.mark.parametrize("header", ["-1", "x"])
async def test_stream_is_refused_when_the_place_to_resume_is_unreadable(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/v1/events/stream", headers=bearer("staff-nl", Last_Event_ID=header))
    assert answer.status_code == 422


async def test_times_of_a_body_are_written_as_all_others_when_shown(client: httpx.AsyncClient, books: Books) -> None:
    with books.database.transaction() as session:
        publish(session, kind="trade.top_up_wanted", owner=None, body={"by_s": 1_786_988_000, "amount": "5"}, time_s=1)
    (event,) = (await client.get("/v1/events?kind=trade", headers=bearer("staff-nl"))).json()
    assert event["body"] == {"by": "2026-08-17T17:33:20Z", "amount": "5"}


async def test_followers_are_told_the_same_when_one_read_serves_them_all(books: Books) -> None:
    streams = [stream(books.database, after, customer, keepalive_s=60) for after, customer in ((1, None), (0, "bloem"))]
    tell(books, None, 1)
    tell(books, "bloem", 2)
    assert "customer.added" in await anext(streams[1])
    got = [await anext(streams[0]), await anext(streams[0]), await anext(streams[1])]
    assert [one.partition("\n")[0] for one in got] == ["id: 2", "id: 3", "id: 3"]
    tell(books, "bloem", 3)
    assert len({await anext(one) for one in streams}) == 1
    for one in streams:
        await one.aclose()  # type: ignore[attr-defined]


async def test_follower_misses_nothing_when_more_happens_than_is_kept(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.web.feed._KEPT_MAX", 4)
    quick, slow = (stream(books.database, 1, None, keepalive_s=60) for _ in range(2))
    tell(books, None, 0)
    assert "id: 2" in await anext(quick)
    assert "id: 2" in await anext(slow)
    for number in range(1, 11):
        tell(books, None, number)
    for reader in (quick, slow):
        numbers = [int((await anext(reader)).partition("\n")[0].removeprefix("id: ")) for _ in range(10)]
        assert numbers == list(range(3, 13))
        await reader.aclose()  # type: ignore[attr-defined]
