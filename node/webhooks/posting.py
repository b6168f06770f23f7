"""One message to one address: what comes back is a status, in time, or a reason why there is none."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

import aiohttp

from node.webhooks.errors import AddressRefusedError
from node.webhooks.guard import Guard, GuardedResolver
from node.webhooks.limits import ANSWER_BYTES_MAX, ATTEMPT_S_MAX, FLIGHTS_MAX, REASON_CHARS_MAX

_RETRY_AFTER_S_MAX: Final = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a POST went."""

    status: int | None
    took_ms: int
    reason: str | None
    """Why it does not count as delivered; None where it does."""
    retry_after_s: int = 0
    """What the receiver asks to wait."""


class Poster(Protocol):
    """Sends messages."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Send one; never raises for what the receiver or the network does."""
        ...


class HttpPoster:
    """Sends over HTTP, to addresses that the guard lets pass."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        began_s = time.perf_counter()
        status, reason, retry_after_s = None, None, 0
        try:
            self._guard.check_url(url)
            async with self._open().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
                await answer.content.read(ANSWER_BYTES_MAX)
                retry_after_s = _seconds(answer.headers.get("Retry-After", ""))
            if not 200 <= status < 300:
                reason = f"answer: expected a status from 200 to 299, got {status}"
        except AddressRefusedError as error:
            reason = str(error)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            reason = f"answer: expected one within {ATTEMPT_S_MAX:.0f} s, got {str(error) or type(error).__name__}"
        took_ms = round((time.perf_counter() - began_s) * 1000)
        return Outcome(status, took_ms, None if reason is None else reason[:REASON_CHARS_MAX], retry_after_s)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=GuardedResolver(self._guard), use_dns_cache=False, limit=FLIGHTS_MAX, force_close=True
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=ATTEMPT_S_MAX),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "landfall-webhooks/1", "Content-Type": "application/json"},
            )
        return self._session


def _seconds(text: str) -> int:
    return min(int(text), _RETRY_AFTER_S_MAX) if text.isdecimal() and len(text) < 10 else 0
