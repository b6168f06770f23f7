"""Credentials read what the authorization server says, and leave a stream to who follows it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from node.client import AsyncLandfallClient, ClientCredentials, LandfallClient

EVENT = b'id: 1\nevent: trade.signed\ndata: {"id": 1, "kind": "trade.signed"}\n\n'


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An event, and then whoever reads on has read too much."""

    def __iter__(self) -> Iterator[bytes]:
        yield EVENT
        raise AssertionError("expected nobody to read on, got a reader")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield EVENT
        raise AssertionError("expected nobody to read on, got a reader")


def node(request: httpx.Request) -> httpx.Response:
    match request.url.path:
        case "/.well-known/oauth-authorization-server":
            return httpx.Response(200, json={"issuer": "http://desk", "token_endpoint": "http://desk/v1/oauth/token"})
        case "/v1/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Endless())


def credentials() -> ClientCredentials:
    return ClientCredentials("http://desk", "bank-nl.1", secret="s")


def test_stream_is_followed_when_a_program_waits() -> None:
    with LandfallClient("http://desk", credentials(), httpx.MockTransport(node)) as client:
        event: Any = next(client.follow_events())
    assert event["kind"] == "trade.signed"


async def test_stream_is_followed_when_a_program_awaits() -> None:
    async with AsyncLandfallClient("http://desk", credentials(), httpx.MockTransport(node)) as client:
        event: Any = await anext(client.follow_events())
    assert event["kind"] == "trade.signed"
