"""The client of a key server against a real one: HTTPS, two SAEs with certificates, keys that are given once."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from node.messages.key_server import KeyServer, build_tls_context
from node.messages.quantum import choose_key
from pqc.envelope import read_outer
from pqc.errors import KeySourceError, MalformedError, QuantumKeyMissingError, QuantumRequiredError
from pqc.qkd import ANSWER_BYTES_MAX, Policy
from tests.integration.key_server import Authority, QuantumLink, served
from tests.unit.pqc.envelopes import ALLOWED, PAYLOAD, opened, packed

PAYER, PAYEE, OTHER = "sae-payer", "sae-payee", "sae-other"


@dataclass
class Link:
    """A running key server, and clients that show a certificate of it."""

    url: str
    authority: Authority
    keys: QuantumLink

    def client(self, sae: str, authority: Authority | None = None, url: str | None = None) -> KeyServer:
        certificate, private_key = (authority or self.authority).issue(sae)
        context = build_tls_context(self.authority.certificate, certificate, private_key)
        return KeyServer(url or self.url, context, timeout_s=2)


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    authority, keys = Authority(tmp_path, "authority"), QuantumLink(frozenset({PAYER, PAYEE, OTHER}))
    async with served(keys.application(), authority) as url:
        yield Link(url, authority, keys)


async def test_the_peer_takes_the_same_key_when_it_knows_the_id(link: Link) -> None:
    async with link.client(PAYER) as payer, link.client(PAYEE) as payee:
        key = await payer.fetch_sending_key(PAYEE)
        assert await payee.fetch_receiving_key(PAYER, key.key_id) == key


async def test_a_message_has_the_layer_when_the_server_gives_keys(link: Link) -> None:
    async with link.client(PAYER) as payer, link.client(PAYEE) as payee:
        decision = await choose_key(Policy.REQUIRE, payer, PAYEE)
        assert decision.key is not None
        data = packed(quantum=decision.key)
        named = read_outer(data).qkd_key_id
        assert named == decision.key.key_id
        key = await payee.fetch_receiving_key(PAYER, named)
        message = opened(data, quantum=key, allowed=replace(ALLOWED, is_quantum_required=True))
        assert (message.payload, message.protection.qkd_key_id) == (PAYLOAD, named)


async def test_a_key_is_refused_when_it_is_asked_for_again(link: Link) -> None:
    async with link.client(PAYER) as payer, link.client(PAYEE) as payee:
        key = await payer.fetch_sending_key(PAYEE)
        await payee.fetch_receiving_key(PAYER, key.key_id)
        with pytest.raises(QuantumKeyMissingError, match=key.key_id):
            await payee.fetch_receiving_key(PAYER, key.key_id)


async def test_a_key_is_refused_when_another_than_the_peer_asks_for_it(link: Link) -> None:
    async with link.client(PAYER) as payer, link.client(PAYEE) as payee, link.client(OTHER) as thief:
        key = await payer.fetch_sending_key(PAYEE)
        with pytest.raises(QuantumKeyMissingError):
            await thief.fetch_receiving_key(PAYER, key.key_id)
        assert await payee.fetch_receiving_key(PAYER, key.key_id) == key


async def test_the_theft_shows_when_a_key_was_taken_with_the_peers_certificate(link: Link) -> None:
    async with link.client(PAYER) as payer, link.client(PAYEE) as thief, link.client(PAYEE) as payee:
        key = await payer.fetch_sending_key(PAYEE)
        await thief.fetch_receiving_key(PAYER, key.key_id)
        with pytest.raises(QuantumKeyMissingError):
            await payee.fetch_receiving_key(PAYER, key.key_id)
        # The thief has the quantum key and still cannot read: the seal is around it.
        with pytest.raises(QuantumKeyMissingError):
            opened(packed(quantum=key))


@pytest.mark.parametrize("is_registered", [False, True])
async def test_no_key_is_given_when_the_certificate_is_wrong(link: Link, tmp_path: Path, is_registered: bool) -> None:
    stranger = Authority(tmp_path, "stranger")
    client = link.client(PAYER, stranger) if is_registered else link.client("sae-unknown")
    async with client:
        with pytest.raises(KeySourceError, match="does not answer" if is_registered else "HTTP 401"):
            await client.fetch_sending_key(PAYEE)
    assert link.keys.waiting == {}


async def test_no_key_is_asked_for_when_the_servers_certificate_is_wrong(link: Link, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    async with served(link.keys.application(), stranger) as url, link.client(PAYER, url=url) as client:
        with pytest.raises(KeySourceError, match="does not answer"):
            await client.fetch_sending_key(PAYEE)
    assert link.keys.waiting == {}


async def test_the_policy_decides_when_no_keys_are_left(link: Link) -> None:
    link.keys.key_count = 0
    async with link.client(PAYER) as payer:
        assert (await payer.fetch_status(PAYEE)).has_key is False
        decision = await choose_key(Policy.PREFER, payer, PAYEE)
        assert (decision.key, decision.reason) == (None, "HTTP 503: no keys left on the link")
        with pytest.raises(QuantumRequiredError, match="HTTP 503: no keys left on the link"):
            await choose_key(Policy.REQUIRE, payer, PAYEE)
        link.keys.key_count = 1
        assert (await payer.fetch_status(PAYEE)).has_key is True
        assert (await choose_key(Policy.PREFER, payer, PAYEE)).key is not None


async def test_the_policy_decides_when_the_server_is_away_or_slow(link: Link) -> None:
    link.keys.delay_s = 30
    certificate, private_key = link.authority.issue(PAYER)
    context = build_tls_context(link.authority.certificate, certificate, private_key)
    for url, timeout_s, name in (("https://127.0.0.1:1", 2.0, "ConnectError"), (link.url, 0.3, "TimeoutError")):
        async with KeyServer(url, context, timeout_s) as client:
            decision = await choose_key(Policy.PREFER, client, PAYEE)
            assert (decision.key, decision.reason) == (None, f"a server that does not answer ({name})")
            with pytest.raises(QuantumRequiredError):
                await choose_key(Policy.REQUIRE, client, PAYEE)


async def test_the_server_is_not_asked_when_the_policy_is_off(link: Link) -> None:
    async with link.client(PAYER) as payer:
        decision = await choose_key(Policy.OFF, payer, PAYEE)
    assert (decision.key, decision.reason) == (None, "off by policy")
    assert link.keys.key_count == 100
    assert (await choose_key(Policy.PREFER, None, PAYEE)).reason == "no key server is configured"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"{}", 200),
        (b"[" * 100_000, 200),
        (b"{" + b" " * ANSWER_BYTES_MAX + b"}", 200),
        (b"x" * (ANSWER_BYTES_MAX + 1), 503),
        (b"<html>", 500),
        (b"", 302),
    ],
)
async def test_the_answer_is_refused_when_it_is_none(link: Link, body: bytes, status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={"Location": link.url + "/api/v1/keys/x/enc_keys"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with served(application, link.authority) as url, link.client(PAYER, url=url) as client:
        for ask in (
            client.fetch_sending_key(PAYEE),
            client.fetch_status(PAYEE),
            client.fetch_receiving_key(PAYEE, "1"),
        ):
            with pytest.raises(KeySourceError, match="key server: expected a key, got"):
                await ask


async def test_the_server_counts_as_away_when_its_answer_never_ends(link: Link) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    certificate, private_key = link.authority.issue(PAYER)
    context = build_tls_context(link.authority.certificate, certificate, private_key)
    async with served(application, link.authority) as url, KeyServer(url, context, timeout_s=0.3) as client:
        with pytest.raises(KeySourceError, match=r"does not answer \(TimeoutError\)"):
            await client.fetch_sending_key(PAYEE)


async def test_a_key_is_missing_for_good_when_the_server_answers_400_as_the_standard_says(link: Link) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "not found on this KME"}, status=400)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with served(application, link.authority) as url, link.client(PAYER, url=url) as client:
        with pytest.raises(QuantumKeyMissingError):
            await client.fetch_receiving_key(PAYEE, "1")
        with pytest.raises(KeySourceError, match="HTTP 400: not found on this KME"):
            await client.fetch_sending_key(PAYEE)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8443", "kme.example", "", "https://", "https://me:pw@kme.example", "https://[::1"]
)
async def test_a_client_is_refused_when_the_url_is_not_https(link: Link, url: str) -> None:
    with pytest.raises(MalformedError, match="key server: expected an https URL"):
        link.client(PAYER, url=url or "/")


def test_the_certificates_are_refused_when_they_cannot_be_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, private_key = authority.issue(PAYER)
    assert build_tls_context(authority.certificate, certificate, private_key).check_hostname
    for wrong in (tmp_path / "none.pem", private_key):
        with pytest.raises(KeySourceError, match="certificates that cannot be read"):
            build_tls_context(authority.certificate, wrong, private_key)


async def test_the_servers_answers_conform_when_qkdsec_doctor_probes_them(link: Link) -> None:
    certificate, private_key = link.authority.issue(PAYER)
    # The doctor takes the key it made: it probes as an SAE that is its own peer.
    arguments = {"--slave-sae-id": PAYER, "--cert": certificate, "--key": private_key, "--format": "json"}
    command = [Path(sys.executable).parent / "qkdsec", "doctor", link.url, "--ca-cert", link.authority.certificate]
    command += [part for pair in arguments.items() for part in pair]
    doctor = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(doctor.communicate(), 60)
    report = json.loads(output)
    assert doctor.returncode == 0
    assert report["passed"] is True
    assert report["counts"] == {"pass": len(report["results"]), "warn": 0, "fail": 0, "skip": 0}
    assert {one["name"] for one in report["results"]} > {"dec_keys_roundtrip", "enc_keys_post", "status_fields"}
