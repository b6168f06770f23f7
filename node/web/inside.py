"""Requests that this process sends to its own API, on the way every request takes.

Nothing is checked less because it comes from inside: limits, permissions, four eyes, idempotency and the audit log are
where they are for everybody.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.types import Message

from contracts.client.request_id import HEADER
from node.web.auth import Principal, speak_as
from node.web.middleware import answer_headers

_FROM_OUTSIDE: Final = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path", "app")


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request that was sent inside."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        """The JSON of the answer, None where there is none."""
        return json.loads(self.content) if self.content else None


async def send_inside(request: Request, sent: Sent, principal: Principal, **scope_items: Any) -> Answered:
    """Send a request to the application that got `request`, as `principal` and under the same request id.

    Args:
        scope_items: What else the request carries that nothing over the network can.
    """
    scope = {name: request.scope[name] for name in _FROM_OUTSIDE if name in request.scope}
    headers = {**(sent.headers or {}), HEADER.lower(): answer_headers(request)[HEADER]}
    scope |= {
        "method": sent.method,
        "path": sent.path,
        "raw_path": sent.path.encode(),
        "query_string": sent.query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "state": {},
        **scope_items,
    }
    speak_as(scope, principal)
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await request.app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in messages)
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in messages[0].get("headers", [])}
    return Answered(int(messages[0]["status"]), found, content)
