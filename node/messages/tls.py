"""TLS between institutions: 1.3 alone, both sides show a certificate, each trusts what the other's document names.

There is no certificate authority. A file `tls.pem` holds the private key and the certificate in use; `tls-next.pem`,
where there is one, the pair that follows: its certificate is published beside the one in use, so that others know it
before the files change places.

Source: docs/adr/0011-pinned-certificates.md; RFC 8446.
"""

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from node.messages.errors import CertificateFileError
from pqc import base64url, whole_file

_FILE: Final = "tls.pem"
_NEXT_FILE: Final = "tls-next.pem"
_FILE_BYTES_MAX: Final = 64 * 1024
# RFC 5280, 4.1.2.5: no end; a certificate stops counting with the document that names it.
_NO_END: Final = datetime.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - the builder takes UTC without a zone
_START: Final = datetime.datetime(2020, 1, 1)  # noqa: DTZ001
_LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """What one institution shows of itself."""

    path: Path
    """Of the file with private key and certificate."""
    certificates: tuple[bytes, ...]
    """In DER: the one in use, then the one that follows."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The certificates as the institution's document has them."""
        return tuple(base64url.encode(one).decode() for one in self.certificates)


def open_identity(folder: Path, lei: str) -> TlsIdentity:
    """Read an institution's certificates; make the first one where there is none.

    Raises:
        CertificateFileError: a file cannot be read or written, or does not hold what it should.
    """
    path, following = folder / _FILE, folder / _NEXT_FILE
    try:
        if not path.exists():
            whole_file.create(path, make_pair(lei))
        paths = [path, following] if following.exists() else [path]
        return TlsIdentity(path, tuple(_read(one) for one in paths))
    except OSError as error:
        raise CertificateFileError(
            f"{_FILE}: expected a file with key and certificate in {folder}, got {error.strerror}"
        ) from error


def make_pair(lei: str) -> bytes:
    """Return a new private key and its self-signed certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, lei)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_START)
        .not_valid_after(_NO_END)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(server_name(lei))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def server_name(lei: str) -> str:
    """Return the name under which a client asks a listener for an institution (SNI)."""
    return lei.lower()


def server_context(identity: TlsIdentity, peers: Iterable[bytes]) -> ssl.SSLContext:
    """Return the context that answers for an institution, to whoever shows a certificate of `peers`."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, identity, peers)
    # A resumed session would not show its certificate again.
    context.num_tickets = 0
    return context


def client_context(identity: TlsIdentity, peer: Iterable[bytes]) -> ssl.SSLContext:
    """Return the context that speaks for an institution to one peer alone."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, identity, peer)


def _context(protocol: int, identity: TlsIdentity, trusted: Iterable[bytes]) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Whose certificate it is the pins say, not a name in it.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(identity.path)
    except (OSError, ssl.SSLError) as error:
        raise CertificateFileError(
            f"{_FILE}: expected a private key and its certificate, got a file that TLS cannot use ({error})"
        ) from error
    for certificate in trusted:
        try:
            context.load_verify_locations(cadata=certificate)
        except ssl.SSLError as error:
            # One institution's odd certificate must not keep the others out.
            _LOG.warning("certificate_not_usable", reason=str(error))
    return context


def _read(path: Path) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(whole_file.read(path, _FILE_BYTES_MAX))
    except ValueError as error:
        raise CertificateFileError(f"{path.name}: expected a certificate (PEM), got none") from error
    return certificate.public_bytes(Encoding.DER)
