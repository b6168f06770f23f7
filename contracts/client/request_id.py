"""The id of the request that a call serves, from the caller's `X-Request-Id` to the chain's log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

HEADER: Final = "X-Request-Id"
CHARS_MAX: Final = 64
REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)


@contextmanager
def serving(request_id: str | None) -> Iterator[None]:
    """Do what is done inside for the request of that id."""
    token = REQUEST_ID.set(request_id)
    try:
        yield
    finally:
        REQUEST_ID.reset(token)


def is_request_id(text: str) -> bool:
    """Tell whether a caller's own id is one that logs can carry: up to 64 of A-Z, a-z, 0-9 and ._:/+=-."""
    return 0 < len(text) <= CHARS_MAX and text.isascii() and all(one.isalnum() or one in "._:/+=-" for one in text)
