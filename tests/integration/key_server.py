"""A key server by ETSI GS QKD 014 V1.1.1 over HTTPS with client certificates, for tests: one server, its own keys.

It stands for the two servers of a quantum link: what one SAE takes by `enc_keys`, the SAE it was taken for takes once
by `dec_keys`. An SAE is who its certificate's common name says.
"""

import asyncio
import contextlib
import datetime
import secrets
import ssl
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

KEY_BITS_MIN, KEY_BITS_MAX, KEYS_PER_REQUEST_MAX = 64, 1024, 20


@dataclass
class Authority:
    """Signs certificates and writes them as files."""

    folder: Path
    name: str
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def certificate(self) -> Path:
        return self._write(f"{self.name}.pem", self._sign(self.name, self._key, is_authority=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return certificate and private key of a new subject, valid for 127.0.0.1 too."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = self.folder / f"{self.name}-{name}.key"
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return self._write(f"{self.name}-{name}.pem", self._sign(name, key, is_authority=False)), private

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, is_authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path


@dataclass
class QuantumLink:
    """The keys of the link and who may take them."""

    saes: frozenset[str]
    key_count: int = 100
    delay_s: float = 0
    waiting: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    """(key id, who took it, for whom) to the key that is still to be taken."""

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/api/v1/keys/{sae}/status", self._status)
        application.router.add_get("/api/v1/keys/{sae}/enc_keys", self._enc_keys)
        application.router.add_post("/api/v1/keys/{sae}/enc_keys", self._enc_keys)
        application.router.add_post("/api/v1/keys/{sae}/dec_keys", self._dec_keys)
        return application

    async def _status(self, request: web.Request) -> web.Response:
        caller, peer = self._parties(request)
        return web.json_response(
            {
                "source_KME_ID": "kme-1",
                "target_KME_ID": "kme-2",
                "master_SAE_ID": caller,
                "slave_SAE_ID": peer,
                "key_size": 256,
                "stored_key_count": self.key_count,
                "max_key_count": 100_000,
                "max_key_per_request": KEYS_PER_REQUEST_MAX,
                "max_key_size": KEY_BITS_MAX,
                "min_key_size": KEY_BITS_MIN,
                "max_SAE_ID_count": 0,
            }
        )

    async def _enc_keys(self, request: web.Request) -> web.Response:
        caller, peer = self._parties(request)
        await asyncio.sleep(self.delay_s)
        asked: Any = dict(request.query) if request.method == "GET" else await request.json()
        number, size = int(asked.get("number", 1)), int(asked.get("size", 256))
        if not 1 <= number <= KEYS_PER_REQUEST_MAX or not KEY_BITS_MIN <= size <= KEY_BITS_MAX or size % 8:
            raise self._refusal(400, "number or size out of range")
        if number > self.key_count:
            raise self._refusal(503, "no keys left on the link")
        self.key_count -= number
        keys = []
        for _ in range(number):
            key_id, key = str(uuid.uuid4()), secrets.token_bytes(size // 8)
            self.waiting[key_id, caller, peer] = key
            keys.append({"key_ID": key_id, "key": b64encode(key).decode()})
        return web.json_response({"keys": keys})

    async def _dec_keys(self, request: web.Request) -> web.Response:
        caller, peer = self._parties(request)
        keys = []
        for asked in (await request.json())["key_IDs"]:
            key = self.waiting.pop((asked["key_ID"], peer, caller), None)
            if key is None:
                raise self._refusal(404, "no such key for this SAE")
            keys.append({"key_ID": asked["key_ID"], "key": b64encode(key).decode()})
        return web.json_response({"keys": keys})

    def _parties(self, request: web.Request) -> tuple[str, str]:
        assert request.transport is not None
        subject = request.transport.get_extra_info("peercert")["subject"]
        caller = dict(pair for part in subject for pair in part)["commonName"]
        if caller not in self.saes:
            raise self._refusal(401, "this SAE is not registered")
        return caller, request.match_info["sae"]

    def _refusal(self, status: int, message: str) -> web.HTTPException:
        kinds = {
            400: web.HTTPBadRequest,
            401: web.HTTPUnauthorized,
            404: web.HTTPNotFound,
            503: web.HTTPServiceUnavailable,
        }
        return kinds[status](text=f'{{"message": "{message}"}}', content_type="application/json")


@contextlib.asynccontextmanager
async def served(application: web.Application, authority: Authority) -> AsyncIterator[str]:
    """Serve over HTTPS to who has a certificate of `authority`; gives the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.certificate)
    context.load_cert_chain(*authority.issue("server"))
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
