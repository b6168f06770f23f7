"""From where a request comes."""

from fastapi import Request

from contracts.client.request_id import REQUEST_ID
from node.audit.log import Origin
from node.web.limits import AGENT_CHARS_MAX


def origin_of(request: Request) -> Origin:
    """Return the peer's address, what its program calls itself, and the request's name."""
    return Origin(
        address="unknown" if request.client is None else request.client.host,
        agent=_printable(request.headers.get("User-Agent", ""))[:AGENT_CHARS_MAX],
        request_id=REQUEST_ID.get() or "",
    )


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
