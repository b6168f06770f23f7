"""Sends a proposal's request again inside this process, with the word of the person who approved it.

It takes the way every request takes, so that everything is checked again as it is now; what the checker did not see
because it changed meanwhile is refused by the request's own rules.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.types import Message

from contracts.client.request_id import HEADER
from node.web.approvals.store import ProposalRow
from node.web.auth import Principal, speak_as
from node.web.idempotency import APPROVAL, Approval
from node.web.middleware import answer_headers

_FROM_OUTSIDE: Final = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path", "app")


@dataclass(frozen=True, slots=True)
class Replayed:
    """The answer to a request that was sent again."""

    status: int
    body: Any


async def replay(request: Request, row: ProposalRow, maker: Principal, checker: str) -> Replayed:
    """Send the request of `row` as its maker did; `request` is the approval."""
    # Under the approval's own id: it is what makes the request happen.
    headers = row.headers | {HEADER.lower(): answer_headers(request)[HEADER]}
    scope = {name: request.scope[name] for name in _FROM_OUTSIDE if name in request.scope}
    scope |= {
        "method": row.method,
        "path": row.path,
        "raw_path": row.path.encode(),
        "query_string": row.query.encode(),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "state": {},
        APPROVAL: Approval(row.id, checker),
    }
    speak_as(scope, maker)
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": row.body or b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await request.app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in messages)
    return Replayed(int(messages[0]["status"]), json.loads(body) if body else None)
