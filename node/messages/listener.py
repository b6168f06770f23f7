"""The one listener of a process: HTTP/1.1 over TLS 1.3, for every institution that is hosted here.

A client names the institution it wants in the handshake (SNI), is shown that institution's certificate, and has to show
one that the institution's directory knows. What comes in one connection is bounded in bytes, time and number.

Source: docs/spec/messages-exchange.md; docs/adr/0011-pinned-certificates.md.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web

from node.errors import INVARIANT, map_error, problem_json
from node.messages import tls
from node.messages.errors import EnvelopeRequestError, MessageTooLargeError, NotHostedError
from node.messages.limits import (
    CLIENT_TIMEOUT_S,
    CONNECTIONS_MAX,
    HEADER_BYTES_MAX,
    KEEPALIVE_S,
    REASON_CHARS_MAX,
)
from node.messages.reception import Reception
from node.messages.wire import ACKNOWLEDGEMENT_TYPE, ENVELOPE_TYPE, PATH, REASON_HEADER
from pqc import envelope

_LOG: Final = structlog.get_logger(__name__)
_BACKLOG: Final = 128
_SHUTDOWN_S: Final = 1.0


@dataclass(slots=True)
class Hosted:
    """An institution of this process, as the listener needs it."""

    reception: Reception
    identity: tls.TlsIdentity
    pinned: Callable[[], tuple[bytes, ...]]
    """Certificates of its peers, as their documents name them now."""
    _context: tuple[tuple[bytes, ...], ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context for the next handshake; a new one when the pins have changed."""
        pinned = self.pinned()
        if self._context is None or self._context[0] != pinned:
            self._context = (pinned, tls.server_context(self.identity, pinned))
        return self._context[1]


class Listener:
    """Takes envelopes for the institutions of one process."""

    def __init__(self, hosted: Iterable[Hosted]) -> None:
        institutions = tuple(hosted)
        self._by_lei = {one.reception.lei: one.reception for one in institutions}
        self._by_name = {tls.server_name(one.reception.lei): one for one in institutions}

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen while the context lasts; yields the port (one that is free, for port 0)."""
        http = _BoundedServer(self._answer)
        server = await asyncio.get_running_loop().create_server(
            http, host, port, ssl=self._first_context(), ssl_handshake_timeout=CLIENT_TIMEOUT_S, backlog=_BACKLOG
        )
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await http.shutdown(_SHUTDOWN_S)

    def _first_context(self) -> ssl.SSLContext:
        """Return the context of a handshake until it has named an institution, whose own takes its place."""
        context = tls.server_context(next(iter(self._by_name.values())).identity, ())
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        found = self._by_name.get(name or "")
        if found is None:
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = found.context()
        return None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._take(request)
        except Exception as error:  # noqa: BLE001 - the edge of a request
            row = map_error(error)
            if row is INVARIANT:
                _LOG.error("envelope_failed", exc_info=True)
            body = json.dumps(problem_json(error, PATH)).encode()
            return web.Response(status=row.http_status, body=body, content_type="application/problem+json")

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        _check_request(request)
        data = await _read(request)
        outer = envelope.read_outer(data)
        reception = self._by_lei.get(outer.recipient)
        if reception is None:
            raise NotHostedError(outer.recipient)
        answer = await reception.take(data, outer, _certificate(request))
        headers = {"Content-Type": ACKNOWLEDGEMENT_TYPE}
        if answer.refusal is None:
            return web.Response(body=answer.acknowledgement, headers=headers)
        headers[REASON_HEADER] = quote(str(answer.refusal)[:REASON_CHARS_MAX])
        return web.Response(status=422, body=answer.acknowledgement, headers=headers)


class _BoundedServer(web.Server):
    """aiohttp's server with a limit of connections, and of how long one may be silent before its first request."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        async def heard(request: web.BaseRequest) -> web.StreamResponse:
            self._hear(request.protocol)
            return await answer(request)

        super().__init__(
            heard,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            lingering_time=_SHUTDOWN_S,
            auto_decompress=False,
        )
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        timer = asyncio.get_running_loop().call_later(CLIENT_TIMEOUT_S, transport.abort)
        self._silent[handler] = timer

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self._hear(handler)
        super().connection_lost(handler, exc)

    def _hear(self, handler: web.RequestHandler) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()


def _check_request(request: web.BaseRequest) -> None:
    asked = (request.method, request.path, request.content_type)
    expected = ("POST", PATH, ENVELOPE_TYPE)
    if asked != expected:
        raise EnvelopeRequestError(
            f"request: expected {' '.join(expected)}, got {' '.join(part[:80] for part in asked)}"
        )


async def _read(request: web.BaseRequest) -> bytes:
    """Return the body, bounded in size and time."""
    data = bytearray()
    try:
        async with asyncio.timeout(CLIENT_TIMEOUT_S):
            async for part in request.content.iter_any():
                data += part
                if len(data) > envelope.ENVELOPE_BYTES_MAX:
                    raise MessageTooLargeError(
                        f"envelope: expected at most {envelope.ENVELOPE_BYTES_MAX} bytes, got more"
                    )
    except TimeoutError as error:
        raise EnvelopeRequestError(f"body: expected within {CLIENT_TIMEOUT_S:.0f} s, got a part of it") from error
    return bytes(data)


def _certificate(request: web.BaseRequest) -> bytes:
    """Return the certificate that the client has shown; the handshake asks for one."""
    transport = request.transport
    shown = None if transport is None else transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if shown is None:
        raise EnvelopeRequestError("certificate: expected one, got a connection that has ended")
    return bytes(shown)
