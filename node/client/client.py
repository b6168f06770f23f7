"""A client of one node for one caller.

Amounts are integers in minor units; the client writes them as strings of digits. Every change carries an
idempotency key, so that a call that timed out can be repeated safely.
"""

import uuid
from collections.abc import Generator
from types import TracebackType
from typing import Any, Final

import httpx

from node.client.errors import ProblemError, UnavailableError

_TIMEOUT_S: Final = 30.0


class LandfallClient:
    """The API of a node, for one caller."""

    def __init__(
        self, base_url: str, credentials: str | httpx.Auth, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Open a session; `transport` replaces the network in tests.

        Args:
            credentials: `ClientCredentials` of a program, or the token of a devnet.
        """
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/v1",
            auth=_Token(credentials) if isinstance(credentials, str) else credentials,
            timeout=_TIMEOUT_S,
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> "LandfallClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the session."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at `path`, query parameters that are None left out.

        Raises:
            ProblemError: the node refused.
            UnavailableError: the node did not answer.
        """
        return self._send("GET", path, params={name: value for name, value in query.items() if value is not None})

    def get_bytes(self, path: str) -> bytes:
        """Return the body at `path` as it is."""
        return self._answer("GET", path).content

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Post a JSON body once; the same `key` repeats the same request safely.

        Raises:
            ProblemError: the node refused; nothing was changed.
            UnavailableError: the node did not answer; repeat with the same key.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self._send("POST", path, json={} if body is None else body, headers=headers)

    def post_bytes(
        self, path: str, content: bytes, *, query: dict[str, str] | None = None, key: str | None = None
    ) -> Any:
        """Post a document byte for byte, as `post` does."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex, "Content-Type": "application/json"}
        return self._send("POST", path, content=content, params=query, headers=headers)

    def _send(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._answer(method, path, **arguments)
        return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self._http.base_url}: expected an answer, got {error!r}") from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise UnavailableError(str(answer.json().get("detail")))
        if answer.is_error:
            raise ProblemError(answer.json())
        return answer


class _Token(httpx.Auth):
    """The token of a devnet."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
