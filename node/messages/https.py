"""The way to other institutions: envelopes by HTTP/1.1 over TLS 1.3, connections kept open and few for each peer.

Only what the recipient has signed ends a message. Any other answer, and none, mean that it is sent again later.
"""

import ssl
from types import TracebackType
from typing import Final, Self
from urllib.parse import unquote

import aiohttp

from node.errors import family_of
from node.messages import tls
from node.messages.envelopes import Envelopes, Packed
from node.messages.errors import PeerNotReadyError, PeerUnavailableError, RefusedByPeerError
from node.messages.limits import (
    CONNECT_TIMEOUT_S,
    FLIGHTS_MAX,
    HEADER_BYTES_MAX,
    KEEPALIVE_S,
    PEER_FLIGHTS_MAX,
    REASON_CHARS_MAX,
    REQUEST_TIMEOUT_S,
)
from node.messages.ports import Message, Receipt
from node.messages.wire import ACKNOWLEDGEMENT_TYPE, ENVELOPE_TYPE, REASON_HEADER
from pqc.acknowledgement import ACKNOWLEDGEMENT_BYTES_MAX, Outcome

# Another envelope may do better: our key or its is not known there yet, the clock has moved, a quantum key was lost.
_SENT_ANEW: Final = frozenset({"pqc/44", "pqc/45", "pqc/46", "pqc/48", "participants/23"})


class HttpsTransport:
    """Speaks for one institution; implements `ports.Transport`."""

    def __init__(self, envelopes: Envelopes, identity: tls.TlsIdentity) -> None:
        self._envelopes = envelopes
        self._identity = identity
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[str, tuple[tuple[bytes, ...], ssl.SSLContext]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, message: Message) -> Receipt:
        """Send a message and return its recipient's signature; see `Transport`."""
        packed = await self._envelopes.pack(message)
        status, reason, answer = await self._post(packed)
        try:
            said = self._envelopes.read_acknowledgement(packed, answer)
        except Exception as error:
            if family_of(error) == "InvariantError":
                raise
            raise PeerUnavailableError(
                f"{message.recipient}: expected a signed acknowledgement, got HTTP {status}: {error}",
                is_unanswered=True,
            ) from error
        if said.outcome is Outcome.STORED:
            return Receipt(packed.header.created_at_s, packed.protection, answer)
        if said.reason in _SENT_ANEW:
            raise PeerUnavailableError(
                f"{message.recipient}: expected it to store the message, got {said.reason}: {reason}"
            )
        raise RefusedByPeerError(str(said.reason), reason, answer)

    async def _post(self, packed: Packed) -> tuple[int, str, bytes]:
        """Return status, words and body of a signed answer."""
        peer, url = packed.peer.id, packed.peer.endpoints.messages
        if url is None or packed.peer.endpoints.certificates is None:
            raise PeerNotReadyError(peer, "no endpoint for messages")
        try:
            async with self._open().post(
                url,
                data=packed.data,
                headers={"Content-Type": ENVELOPE_TYPE},
                ssl=self._context(peer, packed.peer.endpoints.certificates_der),
                server_hostname=tls.server_name(packed.peer.lei),
                allow_redirects=False,
            ) as response:
                body = await _read_bounded(response)
                reason = _printable(unquote(response.headers.get(REASON_HEADER, "")))
                if response.content_type != ACKNOWLEDGEMENT_TYPE:
                    raise PeerUnavailableError(
                        f"{peer}: expected a signed answer, got HTTP {response.status}: {_detail(body)}"
                    )
                return response.status, reason, body
        except aiohttp.ClientConnectorError as error:
            raise PeerUnavailableError(f"{peer}: expected a connection to {url}, got {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            told = str(error) or type(error).__name__
            raise PeerUnavailableError(
                f"{peer}: expected an answer from {url}, got {told}", is_unanswered=True
            ) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=FLIGHTS_MAX, limit_per_host=PEER_FLIGHTS_MAX, keepalive_timeout=KEEPALIVE_S
                ),
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                max_line_size=HEADER_BYTES_MAX,
                max_field_size=HEADER_BYTES_MAX,
            )
        return self._session

    def _context(self, peer: str, certificates: tuple[bytes, ...]) -> ssl.SSLContext:
        """Return the context that trusts this peer alone; connections are kept by it, so it lasts like the pins."""
        found = self._contexts.get(peer)
        if found is None or found[0] != certificates:
            found = (certificates, tls.client_context(self._identity, certificates))
            self._contexts[peer] = found
        return found[1]


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    data = await response.content.read(ACKNOWLEDGEMENT_BYTES_MAX + 1)
    while len(data) <= ACKNOWLEDGEMENT_BYTES_MAX and (part := await response.content.readany()):
        data += part
    return data


def _detail(body: bytes) -> str:
    return _printable(body[:REASON_CHARS_MAX].decode("utf-8", "replace"))


def _printable(text: str) -> str:
    """Return a stranger's words as they may be shown on a terminal."""
    return "".join(one if one.isprintable() else " " for one in text[:REASON_CHARS_MAX])
