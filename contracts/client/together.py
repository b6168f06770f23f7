"""Calls that are made in one moment go to the chain in one request: a request costs both ends more than most calls."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.client.request_id import REQUEST_ID


@dataclass(frozen=True, slots=True)
class Call:
    """One JSON-RPC call."""

    method: str
    params: list[Any]
    request_id: str | None
    """Of the request that it serves."""


class Together:
    """Collects calls until the event loop has run what was ready, then makes all of them at once."""

    def __init__(self, make: Callable[[Sequence[Call]], Awaitable[Sequence[Mapping[str, Any]]]]) -> None:
        """Take what makes calls, at least one, and returns their answers in order."""
        self._make = make
        self._waiting: list[tuple[Call, asyncio.Future[Mapping[str, Any]]]] = []
        self._making: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, params: list[Any]) -> Mapping[str, Any]:
        """Return the answer to a call, or raise what making it raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Mapping[str, Any]] = loop.create_future()
        self._waiting.append((Call(method, params, REQUEST_ID.get()), answer))
        if len(self._waiting) == 1:
            loop.call_soon(self._start)
        return await answer

    def _start(self) -> None:
        task = asyncio.ensure_future(self._answer(self._waiting))
        self._waiting = []
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _answer(self, waiting: Sequence[tuple[Call, asyncio.Future[Mapping[str, Any]]]]) -> None:
        try:
            answers = await self._make([call for call, _ in waiting])
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
