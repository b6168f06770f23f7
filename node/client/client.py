"""Clients of one node for one caller: `LandfallClient` waits for its answers, `AsyncLandfallClient` awaits them.

    with LandfallClient("http://127.0.0.1:8600", token) as client:
        trade = client.trades.get_trade("NR-2026-0817")
        for payment in client.payments.list_payments(state="settled"):
            ...

Every change carries an idempotency key, so that a call that timed out can be repeated safely; where the node does not
answer or asks to wait, reads and changes are made again, a little later each time. A change by PUT or PATCH names what
this client has seen last of the thing it changes, and is refused if that is not what there is.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import httpx

from node.client.calls import TIMEOUT_S, Call, Tags, arguments_of, no_answer, result_of, wait_s
from node.client.errors import UnavailableError
from node.client.resources import awaiting, blocking, models

_ATTEMPTS: Final = 3
_STREAM: Final = "/events/stream"
# The node sends something every 15 seconds.
_STREAM_TIMEOUT: Final = httpx.Timeout(TIMEOUT_S, read=60.0)


class _Token(httpx.Auth):
    """The token of a devnet."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def _auth(credentials: str | httpx.Auth) -> httpx.Auth:
    return _Token(credentials) if isinstance(credentials, str) else credentials


class LandfallClient(blocking.Resources):
    """The API of a node, for one caller."""

    def __init__(
        self,
        base_url: str,
        credentials: str | httpx.Auth,
        transport: httpx.BaseTransport | None = None,
        *,
        attempts: int = _ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a session.

        Args:
            credentials: `ClientCredentials` of a program, or the token of a devnet.
            transport: Replaces the network in tests.
            attempts: How often a call is made that can be repeated, in all.
        """
        super().__init__(self)
        self._attempts = attempts
        self._sleep = sleep
        self._tags = Tags()
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/v1",
            auth=_auth(credentials),
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the session."""
        self._http.close()

    def send(self, call: Call) -> Any:
        """Make a call and return what the node says.

        Raises:
            ProblemError: the node refused; nothing was changed.
            UnavailableError: the node did not answer; repeat with the same key.
        """
        return result_of(call, self._answer(call.prepared()))

    def pages(self, call: Call) -> Iterator[Any]:
        """Yield every row of a list, page by page."""
        while True:
            answer = self._answer(call)
            yield from result_of(call, answer)
            following = _following(call, answer)
            if following is None:
                return
            call = following

    def follow_events(self, after: int = 0, kind: str | None = None) -> Iterator[models.Event]:
        """Yield what happens after event number `after`, for ever: a stream that was cut goes on where it ended."""
        while True:
            query = {"after": after} | ({} if kind is None else {"kind": kind})
            try:
                with self._http.stream("GET", _STREAM, params=query, timeout=_STREAM_TIMEOUT) as answer:
                    if answer.is_error:
                        answer.read()
                        result_of(Call("GET", _STREAM), answer)
                    for line in answer.iter_lines():
                        event = _event(line)
                        if event is not None:
                            after = event["id"]
                            yield event
            except (httpx.TransportError, UnavailableError):
                self._sleep(1.0)

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at `path`, query parameters that are None left out."""
        return self.send(Call("GET", path, query=query))

    def get_bytes(self, path: str, query: dict[str, str] | None = None) -> bytes:
        """Return the body at `path` as it is."""
        found: bytes = self.send(Call("GET", path, query=query or {}, is_raw=True))
        return found

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Post a JSON body once; the same `key` repeats the same request safely."""
        return self.send(Call("POST", path, body=body, key=key, is_once=True))

    def post_bytes(
        self, path: str, content: bytes, *, query: dict[str, str] | None = None, key: str | None = None
    ) -> Any:
        """Post a document byte for byte, as `post` does."""
        return self.send(Call("POST", path, query=query or {}, content=content, key=key, is_once=True))

    def _answer(self, call: Call) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            answer, failure = None, None
            try:
                answer = self._http.request(**arguments_of(call, self._tags))
            except httpx.HTTPError as error:
                failure = no_answer(self._http.base_url, error)
            pause_s = wait_s(call, attempt, answer) if attempt < self._attempts else None
            if pause_s is not None:
                self._sleep(pause_s)
            elif failure is not None:
                raise failure
            elif answer is not None:
                self._tags.see(call.url, answer)
                return answer


class AsyncLandfallClient(awaiting.Resources):
    """The same for programs that await."""

    def __init__(
        self,
        base_url: str,
        credentials: str | httpx.Auth,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        attempts: int = _ATTEMPTS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Open a session; the arguments are those of `LandfallClient`."""
        super().__init__(self)
        self._attempts = attempts
        self._sleep = sleep
        self._tags = Tags()
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/v1",
            auth=_auth(credentials),
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session."""
        await self._http.aclose()

    async def send(self, call: Call) -> Any:
        """Make a call and return what the node says; raises as `LandfallClient.send` does."""
        return result_of(call, await self._answer(call.prepared()))

    async def pages(self, call: Call) -> AsyncIterator[Any]:
        """Yield every row of a list, page by page."""
        while True:
            answer = await self._answer(call)
            for row in result_of(call, answer):
                yield row
            following = _following(call, answer)
            if following is None:
                return
            call = following

    async def follow_events(self, after: int = 0, kind: str | None = None) -> AsyncIterator[models.Event]:
        """Yield what happens, as `LandfallClient.follow_events` does."""
        while True:
            query = {"after": after} | ({} if kind is None else {"kind": kind})
            try:
                async with self._http.stream("GET", _STREAM, params=query, timeout=_STREAM_TIMEOUT) as answer:
                    if answer.is_error:
                        await answer.aread()
                        result_of(Call("GET", _STREAM), answer)
                    async for line in answer.aiter_lines():
                        event = _event(line)
                        if event is not None:
                            after = event["id"]
                            yield event
            except (httpx.TransportError, UnavailableError):
                await self._sleep(1.0)

    async def _answer(self, call: Call) -> httpx.Response:
        attempt = 0
        while True:
            attempt += 1
            answer, failure = None, None
            try:
                answer = await self._http.request(**arguments_of(call, self._tags))
            except httpx.HTTPError as error:
                failure = no_answer(self._http.base_url, error)
            pause_s = wait_s(call, attempt, answer) if attempt < self._attempts else None
            if pause_s is not None:
                await self._sleep(pause_s)
            elif failure is not None:
                raise failure
            elif answer is not None:
                self._tags.see(call.url, answer)
                return answer


def _following(call: Call, answer: httpx.Response) -> Call | None:
    """Return the call for the next page, None on the last."""
    url = answer.links.get("next", {}).get("url")
    return None if url is None else replace(call, query=dict(httpx.URL(url).params))


def _event(line: str) -> models.Event | None:
    if not line.startswith("data: "):
        return None
    found: models.Event = json.loads(line.removeprefix("data: "))
    return found
