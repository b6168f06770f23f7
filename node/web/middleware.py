"""Around every request: its id, limits before it is parsed, and one place that turns an error into problem+json."""

import json
import time
import uuid
from traceback import format_exception
from typing import Final

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.client.request_id import HEADER, REQUEST_ID, is_request_id
from node.errors import INVARIANT, map_error, problem_json
from node.json_depth import json_depth
from node.web.errors import BodyTooDeepError, BodyTooLargeError
from node.web.limits import BODY_BYTES_MAX, JSON_DEPTH_MAX

_LOG = structlog.get_logger(__name__)
_BODY: Final = "landfall_body"
_HEADERS: Final = "answer_headers"
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# What a browser may do with an answer: show it, and nothing that the answer's author did not write.
_SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def answer_headers(request: Request) -> dict[str, str]:
    """Return the header fields that the answer to a request will have, whatever kind of answer it becomes."""
    headers: dict[str, str] = request.scope["state"][_HEADERS]
    return headers


class RequestIdMiddleware:
    """Names every request, by the caller's `X-Request-Id` or a new one: in the answer, the logs and to the chain."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if is_request_id(given) else uuid.uuid4().hex
        headers = scope.setdefault("state", {}).setdefault(_HEADERS, dict(_SAFE))
        headers[HEADER] = request_id
        began_s, status = time.perf_counter(), 0

        async def name(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {key.lower() for key, _ in message["headers"]}
                added = [(key.encode("latin-1").lower(), value.encode("latin-1")) for key, value in headers.items()]
                message["headers"] = [*message["headers"], *(one for one in added if one[0] not in own)]
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, name)
                if scope["method"] not in _READING or status >= 400:
                    took_ms = round((time.perf_counter() - began_s) * 1000, 1)
                    _LOG.info("request", method=scope["method"], path=scope["path"], status=status, took_ms=took_ms)
        finally:
            REQUEST_ID.reset(token)


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
            if map_error(error) is INVARIANT:
                trace = "".join(format_exception(error))
                _LOG.error("request_failed", path=scope["path"], method=scope["method"], trace=trace)
            await _answer(send, error, scope["path"])


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


async def _answer(send: Send, error: Exception, path: str) -> None:
    status, body = map_error(error).http_status, json.dumps(problem_json(error, path)).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", str(getattr(error, "challenge", "Bearer")).encode()))
    if status in (429, 503):
        headers.append((b"retry-after", str(int(getattr(error, "retry_after_s", 1))).encode()))
    if status == 405:
        headers.append((b"allow", str(getattr(error, "allowed", "GET")).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
