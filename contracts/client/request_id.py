"""The id of the request that a call serves, from the caller's `X-Request-Id` to the chain's log."""

from collections.abc import Iterator, Sequence
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


def join_ids(request_ids: Sequence[str | None]) -> str | None:
    """Return the header of a batch: the id that each of its calls serves, in order; None when none serves any."""
    return ",".join(one or "" for one in request_ids) if any(request_ids) else None


def split_ids(header: str, count: int) -> list[str | None]:
    """Return the id that each of `count` calls serves: what `join_ids` made, or one id for all."""
    ids = header.split(",", count)
    if len(ids) != count:
        ids = [header] * count
    return [one if is_request_id(one) else None for one in ids]


def is_request_id(text: str) -> bool:
    """Tell whether a caller's own id is one that logs can carry: up to 64 of A-Z, a-z, 0-9 and ._:/+=-."""
    return 0 < len(text) <= CHARS_MAX and text.isascii() and all(one.isalnum() or one in "._:/+=-" for one in text)
