"""What a call of the API is, what its answer means, and when it is made again: the same for both clients."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

import httpx

from node.client.errors import ProblemError, UnavailableError

TIMEOUT_S: Final = 30.0
_FIRST_S: Final = 0.2
_MOST_S: Final = 5.0
_TAGS_MAX: Final = 1_000
_READING: Final = frozenset({"GET", "HEAD"})
# Nothing was done, or the same request again gives the same answer.
_AGAIN: Final = frozenset({429, 502, 503, 504})

_STARTS: Final = (
    (b"{", "application/json"),
    (b"[", "application/json"),
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, until it is answered."""

    method: str
    path: str
    """Below /v1, with {names} that `in_path` fills."""
    in_path: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    """What is None is left out."""
    body: Any = None
    content: bytes | None = None
    """A document that is sent as it is, in the place of a JSON body."""
    key: str | None = None
    """Idempotency key; the caller's own where the call has to outlive the program."""
    is_once: bool = False
    """Whether it needs a key."""
    if_match: str | None = None
    is_raw: bool = False
    """Whether the answer is a document and not JSON."""

    @property
    def url(self) -> str:
        """The path with its names filled in."""
        path = self.path
        for name, value in self.in_path.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        return path

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.method in _READING or self.is_once

    def prepared(self) -> "Call":
        """Return the call with a key, so that every attempt has the same one."""
        return replace(self, key=uuid.uuid4().hex) if self.is_once and self.key is None else self


class Tags:
    """The `ETag` of what this client has seen last, by address: it changes only that."""

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}

    def see(self, url: str, answer: httpx.Response) -> None:
        """Keep the tag of an answer, if it has one."""
        tag = answer.headers.get("ETag")
        if tag is not None:
            self._tags.pop(url, None)
            self._tags[url] = tag
            if len(self._tags) > _TAGS_MAX:
                del self._tags[next(iter(self._tags))]

    def of(self, url: str) -> str | None:
        """Return the tag of an address, None where nothing was seen."""
        return self._tags.get(url)


def arguments_of(call: Call, tags: Tags) -> dict[str, Any]:
    """Return a call as httpx takes it."""
    headers = {"Idempotency-Key": call.key} if call.key is not None else {}
    tag = call.if_match
    if tag is None and call.method in ("PUT", "PATCH"):
        tag = tags.of(call.url)
    if tag is not None:
        headers["If-Match"] = tag
    arguments: dict[str, Any] = {
        "method": call.method,
        "url": call.url,
        "params": {name: value for name, value in call.query.items() if value is not None},
    }
    if call.content is not None:
        headers["Content-Type"] = _media_type(call.content)
        arguments["content"] = call.content
    elif call.method not in _READING and call.method != "DELETE":
        arguments["json"] = {} if call.body is None else call.body
    return arguments | {"headers": headers}


def wait_s(call: Call, attempt: int, answer: httpx.Response | None) -> float | None:
    """Return how long to wait before a call is made again, None where it is not.

    Args:
        attempt: From 1, the one that failed.
        answer: None where there was none.
    """
    if not call.is_repeatable or (answer is not None and answer.status_code not in _AGAIN):
        return None
    asked = "" if answer is None else answer.headers.get("Retry-After", "")
    # Half of the wait is left to chance, so that many who failed together come back apart.
    backoff_s = min(_MOST_S, _FIRST_S * 2.0 ** (attempt - 1)) * (0.5 + random.random() / 2)  # noqa: S311
    return max(backoff_s, float(min(int(asked), 60)) if asked.isdecimal() else 0.0)


def result_of(call: Call, answer: httpx.Response) -> Any:
    """Return what an answer says.

    Raises:
        ProblemError: the node refused.
        UnavailableError: it cannot answer now.
    """
    if answer.status_code in (502, 503, 504):
        raise UnavailableError(str(_problem(answer).get("detail")))
    if answer.is_error:
        raise ProblemError(_problem(answer))
    if call.is_raw:
        return answer.content
    return answer.json() if answer.content else None


def no_answer(url: object, error: httpx.HTTPError) -> UnavailableError:
    """Return what a call without an answer raises."""
    return UnavailableError(f"{url}: expected an answer, got {error!r}")


def _media_type(content: bytes) -> str:
    """Return what a document says it is by its first bytes."""
    starts = (media_type for start, media_type in _STARTS if content.startswith(start))
    return next(starts, "application/xml")


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    # A proxy's page, for instance.
    return found if isinstance(found, dict) else {"status": answer.status_code, "detail": answer.text[:200]}
