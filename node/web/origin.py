"""From where a request comes."""

from fastapi import Request

from node.audit.log import Origin
from node.web.limits import AGENT_CHARS_MAX, IDEMPOTENCY_KEY_CHARS_MAX


def origin_of(request: Request) -> Origin:
    """Return the peer's address, what its program calls itself, and the request's name."""
    return Origin(
        address="unknown" if request.client is None else request.client.host,
        agent=_printable(request.headers.get("User-Agent", ""))[:AGENT_CHARS_MAX],
        request_id=_printable(request.headers.get("X-Request-Id", ""))[:IDEMPOTENCY_KEY_CHARS_MAX],
    )


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
