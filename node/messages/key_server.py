"""The client of a key server: quantum keys by ETSI GS QKD 014 over HTTPS, each side showing its certificate.

The server knows this institution (its SAE) by the certificate and gives each key once.

Source: ETSI GS QKD 014 V1.1.1.
"""

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from pqc import qkd
from pqc.errors import KeySourceError, MalformedError, QuantumKeyMissingError

TIMEOUT_S: Final = 5.0
"""A key server stands in the same building; a message does not wait longer for it."""
_UNKNOWN_KEY: Final = frozenset({400, 404})
"""The standard's answer for a key that is not there, and the one some servers give."""


def build_tls_context(authority: Path, certificate: Path, private_key: Path) -> ssl.SSLContext:
    """Return a context that trusts one authority only and shows this institution's certificate.

    Args:
        authority: Certificate of who signed the key server's (PEM).
        certificate: This institution's, as its key server knows it (PEM).
        private_key: Its private key (PEM).

    Raises:
        KeySourceError: a file is missing or not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The standard asks for 1.2 or higher, and servers of that age are in use.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(authority)
        context.load_cert_chain(certificate, private_key)
    except (OSError, ssl.SSLError) as error:
        raise KeySourceError(f"certificates that cannot be read ({type(error).__name__})") from error
    return context


class KeyServer:
    """One key server; implements `pqc.ports.KeySource`."""

    def __init__(self, url: str, context: ssl.SSLContext, timeout_s: float = TIMEOUT_S) -> None:
        """Connect lazily, at the first question.

        Args:
            url: Where the server is, without the standard's path: `https://kme.example:8443`.
            context: See `build_tls_context`.
            timeout_s: For a whole question and its answer.

        Raises:
            MalformedError: `url` is no HTTPS URL.
        """
        # A proxy or a redirect would be one more party that sees keys; compression hides how long an answer is.
        self._client = httpx.AsyncClient(
            base_url=_https(url),
            verify=context,
            timeout=None,  # noqa: S113 - `_ask` limits the whole, which httpx cannot
            trust_env=False,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        )
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fetch_status(self, peer_sae: str) -> qkd.Status:
        """Return how many keys there are for a peer; see `KeySource`."""
        status, data = await self._ask("GET", qkd.status_path(peer_sae))
        _check_answered(status, data)
        return qkd.parse_status(data)

    async def fetch_sending_key(self, peer_sae: str) -> qkd.QuantumKey:
        """Take a new key; see `KeySource`."""
        status, data = await self._ask("POST", qkd.sending_key_path(peer_sae), qkd.build_key_request())
        _check_answered(status, data)
        return qkd.parse_key(data)

    async def fetch_receiving_key(self, peer_sae: str, key_id: str) -> qkd.QuantumKey:
        """Take the key that a peer took before; see `KeySource`."""
        status, data = await self._ask("POST", qkd.receiving_key_path(peer_sae), qkd.build_key_ids(key_id))
        if status in _UNKNOWN_KEY:
            raise QuantumKeyMissingError(key_id)
        _check_answered(status, data)
        return qkd.parse_key(data, key_id)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, bytes]:
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(method, path, json=body) as response,
            ):
                return response.status_code, await _read_bounded(response)
        except (httpx.HTTPError, TimeoutError) as error:
            raise KeySourceError(f"a server that does not answer ({type(error).__name__})") from error


def _https(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise MalformedError("key server", "an https URL", "none") from None
    if parsed.scheme != "https" or not parsed.host or parsed.userinfo:
        raise MalformedError("key server", "an https URL without a password", "another")
    return parsed


def _check_answered(status: int, data: bytes) -> None:
    if status != httpx.codes.OK:
        raise KeySourceError(f"HTTP {status}: {qkd.parse_error(data)}")


async def _read_bounded(response: httpx.Response) -> bytes:
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > qkd.ANSWER_BYTES_MAX:
            raise KeySourceError(f"an answer of more than {qkd.ANSWER_BYTES_MAX} bytes")
    return bytes(data)
