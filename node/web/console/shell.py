"""Around the console's answers: headers that browsers heed, and problems as pages for people."""

import json
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.web.console.languages import speech_of
from node.web.console.page import API, LOGIN
from node.web.console.rendering import Renderer

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer, browsers would say `Origin: null` when a form is sent.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_OF_PROGRAMS: Final = (API + "/", "/docs", "/redoc", "/openapi.json", "/health", "/problems", "/.well-known")
_PROBLEM: Final = "application/problem+json"


class Shell:
    """Wraps the application; what programs ask for goes through as it is."""

    def __init__(self, app: ASGIApp, renderer: Renderer) -> None:
        self._app = app
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or str(scope["path"]).startswith(_OF_PROGRAMS):
            await self._app(scope, receive, send)
            return
        await _Telling(self._renderer, scope, send).run(self._app, receive)


class _Telling:
    """One answer."""

    def __init__(self, renderer: Renderer, scope: Scope, send: Send) -> None:
        self._renderer, self._request, self._send = renderer, Request(scope), send
        self._problem: Message | None = None
        self._content = b""

    async def run(self, app: ASGIApp, receive: Receive) -> None:
        await app(self._request.scope, receive, self._take)

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # Instead of what is right for programs: without a referrer no form would say where it comes from.
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "no-store")
            if self._is_for_people(headers):
                self._problem = message
                return
        elif self._problem is not None:
            self._content += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(json.loads(self._content))
            return
        await self._send(message)

    def _is_for_people(self, headers: MutableHeaders) -> bool:
        is_problem = headers.get("content-type", "").startswith(_PROBLEM)
        return is_problem and "text/html" in self._request.headers.get("accept", "")

    async def _tell(self, problem: dict[str, Any]) -> None:
        request, status = self._request, int(problem["status"])
        assert self._problem is not None, "kept with the start of the answer"
        headers = MutableHeaders(raw=[item for item in self._problem["headers"] if item[0] not in _REPLACED])
        if status == 401:
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            headers["Location"] = LOGIN + (f"?next={quote(back)}" if request.method == "GET" and back != "/" else "")
            if "HX-Request" in request.headers:
                headers["HX-Redirect"] = headers["Location"]
            status, page = 303, ""
        else:
            page = self._renderer.render("console/problem.html", speech_of(request), {"problem": problem})
        headers["Content-Type"] = "text/html; charset=utf-8"
        headers["Content-Length"] = str(len(page.encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": page.encode()})


_REPLACED: Final = (b"content-type", b"content-length", b"www-authenticate")
