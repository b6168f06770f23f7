"""Around every request: limits before it is parsed, and one place that turns an error into problem+json."""

import json
from traceback import format_exception
from typing import Final

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.errors import INVARIANT, map_error, problem_json
from node.json_depth import json_depth
from node.web.errors import BodyTooDeepError, BodyTooLargeError
from node.web.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX

_LOG = structlog.get_logger(__name__)
_BODY: Final = "landfall_body"
_FILES: Final = ("application/pdf", "image/png", "image/jpeg")


class LimitMiddleware:
    """Reads the body up to its limit and refuses JSON that is nested too deeply."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[_BODY] = body = await _read_body(receive)
        if not _is_file(scope) and json_depth(body) > JSON_DEPTH_MAX:
            raise BodyTooDeepError(JSON_DEPTH_MAX)
        is_given = False

        async def give() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, give, send)


def body_of(request: Request) -> bytes:
    """Return the body of a request, whoever has read it before, as a form for instance."""
    body: bytes = request.scope[_BODY]
    return body


class ProblemMiddleware:
    """Answers an error with the document of the mapping table (RFC 9457)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False

        async def watch(message: Message) -> None:
            nonlocal is_started
            is_started = is_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or is_started:
                raise
            row = map_error(error)
            if row is INVARIANT:
                trace = "".join(format_exception(error))
                _LOG.error("request_failed", path=scope["path"], method=scope["method"], trace=trace)
            challenge = str(getattr(error, "challenge", "Bearer"))
            await _answer(send, row.http_status, json.dumps(problem_json(error, scope["path"])).encode(), challenge)


def _is_file(scope: Scope) -> bool:
    """Tell whether a body is one that nobody reads as JSON, whatever brackets are in it."""
    return Headers(scope=scope).get("content-type", "").startswith(_FILES)


async def _read_body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            raise BodyTooLargeError(BODY_BYTES_MAX)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(send: Send, status: int, body: bytes, challenge: str) -> None:
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", challenge.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
