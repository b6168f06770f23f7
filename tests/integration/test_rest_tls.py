"""A listener with TLS tells the application which certificate a client has shown, and only one it may trust."""

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request

from node.app.rest_tls import RestTls
from node.app.supervisor import free_port
from node.identity.oauth.authenticator import certificate_thumbprint
from pqc import base64url

NOW = datetime.datetime.now(datetime.UTC)


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, is_authority=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path, bytes]:
        """Return files of a certificate and its key, and the certificate in DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, is_authority=False)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return *paths, certificate.public_bytes(Encoding.DER)

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=is_authority,
            crl_sign=is_authority,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(days=1))
            .not_valid_after(NOW + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, SHA256())
        )


@contextlib.asynccontextmanager
async def listening(tls: RestTls) -> AsyncIterator[str]:
    app = FastAPI()

    @app.get("/")
    async def shown(request: Request) -> str | None:
        return certificate_thumbprint(request)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off", **tls.options()))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no other sign
        await asyncio.sleep(0.01)
    try:
        yield f"https://localhost:{port}/"
    finally:
        server.should_exit = True
        await task


async def get(url: str, authority: Authority, own: tuple[Path, Path, bytes] | None = None) -> str | None:
    context = ssl.create_default_context(cafile=str(authority.path))
    if own is not None:
        context.load_cert_chain(own[0], own[1])
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        answer = await client.get(url)
        shown: str | None = answer.json()
        return shown


async def test_application_knows_the_certificate_when_a_client_shows_one(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path, "authority"), Authority(tmp_path, "stranger")
    server = authority.issue("server")
    async with listening(RestTls(server[0], server[1], authority.path)) as url:
        client = authority.issue("client")
        assert await get(url, authority, client) == base64url.encode(sha256(client[2]).digest()).decode()
        assert await get(url, authority) is None
        with pytest.raises(httpx.HTTPError):
            await get(url, authority, stranger.issue("thief"))


async def test_no_certificate_is_asked_for_when_no_authority_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    server = authority.issue("server")
    async with listening(RestTls(server[0], server[1])) as url:
        assert await get(url, authority, authority.issue("client")) is None
