"""REST over TLS, where a client may show a certificate: tokens are then bound to it (RFC 8705).

uvicorn speaks TLS and checks certificates against the authorities it is given; it does not tell the application which
one a client has shown. The protocol below puts it where `node.identity.oauth` looks.
"""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from node.identity.oauth.authenticator import CERTIFICATE


@dataclass(frozen=True, slots=True)
class RestTls:
    """Files of a listener with TLS."""

    certificate: Path
    """Its own chain, PEM."""
    key: Path
    client_authorities: Path | None = None
    """Authorities of clients' certificates, PEM; None: none are asked for."""

    def options(self) -> dict[str, Any]:
        """Return what uvicorn's configuration takes."""
        asked = {} if self.client_authorities is None else {"ssl_ca_certs": str(self.client_authorities)}
        return {
            "ssl_certfile": str(self.certificate),
            "ssl_keyfile": str(self.key),
            "ssl_cert_reqs": ssl.CERT_OPTIONAL if asked else ssl.CERT_NONE,
            "http": CertificateProtocol,
            **asked,
        }


class CertificateProtocol(H11Protocol):
    """A connection that tells the application which certificate its client has shown."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the certificate, if there is one, into the state of every request of this connection."""
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        shown = None if connection is None else connection.getpeercert(binary_form=True)
        if shown:
            self.app_state = {**self.app_state, CERTIFICATE: shown}
