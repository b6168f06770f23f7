"""The listener of a bank over real TLS: what it takes, what it refuses, and how it bounds whoever speaks to it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from node.app.cast import devnet_seed, load_cast
from node.app.home import message_key
from node.app.supervisor import free_port
from node.messages import tls
from node.messages.listener import Listener
from node.messages.store import HANDLED, STORED, ReceivedMessage
from node.messages.wire import ACKNOWLEDGEMENT_TYPE, ENVELOPE_TYPE, PATH
from pqc import envelope, sealing, signatures
from pqc.acknowledgement import Acknowledgement, Outcome, envelope_hash, read_acknowledgement
from pqc.envelope import Allowed, Header
from pqc.jws import SigningKey
from scripts.exchange_node import KIND, ExchangeNode

pytestmark = pytest.mark.asyncio(loop_scope="module")
LEI = {one.id: one.lei for one in load_cast().institutions}
SLOW_S = 0.3


@dataclass
class Network:
    """bank-ke, which listens, and two that speak to it."""

    ke: ExchangeNode
    nl: ExchangeNode
    amber: ExchangeNode

    @property
    def now_s(self) -> int:
        return self.ke.genesis_time_s

    def header(self, message_id: str, **changes: Any) -> Header:
        fields = {"sender": LEI["bank-nl"], "recipient": LEI["bank-ke"], "kind": KIND, "created_at_s": self.now_s}
        return Header(**({"message_id": message_id} | fields | changes))

    def pack(self, message_id: str, number: int, *, key: SigningKey | None = None, **changes: Any) -> bytes:
        """An envelope from bank-nl, as it should be but for the changes."""
        payload = f'{{"filler":"","number":{number}}}'.encode()
        header = self.header(message_id, **changes)
        seal_to = sealing.from_seed(sealing.DEFAULT, devnet_seed("bank-ke", "sealing")).public_half
        return envelope.pack(header, payload, key=key or SigningKey.of(message_key("bank-nl")), seal_to=seal_to)

    async def post(
        self, data: bytes, *, by: ExchangeNode | None = None, path: str = PATH, kind: str = ENVELOPE_TYPE
    ) -> tuple[int, str, bytes]:
        """Bring bytes to bank-ke; return status, content type and body."""
        context = tls.client_context((by or self.nl).hosted.identity, self.ke.hosted.identity.certificates)
        return await self.post_under(context, data, path=path, kind=kind)

    async def post_under(
        self,
        context: ssl.SSLContext,
        data: bytes,
        *,
        name: str | None = None,
        path: str = PATH,
        kind: str = ENVELOPE_TYPE,
    ) -> tuple[int, str, bytes]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"https://127.0.0.1:{self.ke.port}{path}",
                data=data,
                headers={"Content-Type": kind},
                ssl=context,
                server_hostname=name or tls.server_name(LEI["bank-ke"]),
            ) as response,
        ):
            return response.status, response.content_type, await response.read()

    def read(self, answer: tuple[int, str, bytes], data: bytes, message_id: str, **changes: Any) -> Acknowledgement:
        """Read a signed answer as its sender does."""
        _, content_type, body = answer
        assert content_type == ACKNOWLEDGEMENT_TYPE, body
        key = SigningKey.of(message_key("bank-ke")).verifying_key
        return read_acknowledgement(
            body,
            header=self.header(message_id, **changes),
            sent_hash=envelope_hash(data),
            verify_keys=lambda _lei, kid: key if kid == key.key_id else None,
            allowed=Allowed(frozenset({signatures.MESSAGE_ALGORITHM}), frozenset()),
            now_s=self.now_s,
        )

    async def refusal(self, data: bytes, message_id: str = "m", **changes: Any) -> str:
        """Bring an envelope that is refused; return the signed reason."""
        found = self.read(await self.post(data), data, message_id, **changes)
        assert found.outcome is Outcome.REFUSED
        return str(found.reason)

    def row(self, message_id: str) -> ReceivedMessage:
        with self.ke.database.read() as session:
            return session.query(ReceivedMessage).filter_by(message_id=message_id).one()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    folder = tmp_path_factory.mktemp("network")
    nodes = [ExchangeNode(folder / name, name, free_port()) for name in ("bank-ke", "bank-nl", "fx-amber")]
    for node in nodes:
        for other in nodes:
            if node is not other:
                node.take(other.document())
    async with nodes[0].running():
        yield Network(*nodes)


def problem(answer: tuple[int, str, bytes]) -> tuple[int, str]:
    status, content_type, body = answer
    assert content_type == "application/problem+json"
    return status, str(json.loads(body)["code"])


async def test_message_is_stored_and_acknowledged_when_all_is_well(network: Network) -> None:
    data = network.pack("ok", 1, thread="t", uetr="6f1d3b9c-5a0e-4f5e-9f52-0d3f1a7b6c10")
    answer = await network.post(data)
    found = network.read(answer, data, "ok")
    assert (answer[0], found.outcome, found.message_id) == (200, Outcome.STORED, "ok")
    row = network.row("ok")
    assert (row.sender, row.thread, row.created_at_s) == ("bank-nl", "t", network.now_s)
    assert row.protection is not None
    assert (row.protection["alg"], row.protection["kem"], row.protection["qkd_key_id"]) == (
        "id-MLDSA65-Ed25519-SHA512",
        "X-Wing",
        None,
    )


async def test_message_has_its_effect_once_when_its_envelope_is_replayed(network: Network) -> None:
    data = network.pack("again", 2)
    for _ in range(3):
        found = network.read(await network.post(data), data, "again")
        assert found.outcome is Outcome.STORED
    network.ke.messages.handle_received()
    assert network.row("again").state == HANDLED


async def test_message_is_refused_when_its_id_comes_with_another_content(network: Network) -> None:
    await network.post(network.pack("same-id", 3))
    assert await network.refusal(network.pack("same-id", 4), "same-id") == "messages/7"


async def test_message_is_refused_when_it_is_too_old_and_waits_when_it_is_ahead(network: Network) -> None:
    week_s = 7 * 86_400
    assert await network.refusal(network.pack("old", 5, created_at_s=network.now_s - week_s - 1), "old") == "pqc/46"
    ahead = network.pack("ahead", 6, created_at_s=network.now_s + 301)
    assert problem(await network.post(ahead)) == (503, "participants/29")
    near = network.pack("near", 7, created_at_s=network.now_s + 300)
    assert network.read(await network.post(near), near, "near").outcome is Outcome.STORED


def _half_key(keep_classical: bool) -> SigningKey:
    """bank-nl's key, with one half of its signatures spoilt."""
    pair = message_key("bank-nl")

    def sign(message: bytes) -> bytes:
        whole = signatures.sign(pair, message)
        return bytes(len(whole) - 64) + whole[-64:] if keep_classical else whole[:-64] + bytes(64)

    return SigningKey(pair.alg, pair.public_key, sign)


@pytest.mark.parametrize("keep_classical", [True, False])
async def test_message_is_refused_when_half_of_its_signature_is_missing(network: Network, keep_classical: bool) -> None:
    data = network.pack("m", 8, key=_half_key(keep_classical))
    assert await network.refusal(data) == "pqc/8"


async def test_message_is_refused_when_it_is_signed_with_less(network: Network) -> None:
    plain = signatures.from_seed("ML-DSA-65", devnet_seed("bank-nl", "message"))
    assert await network.refusal(network.pack("m", 9, key=SigningKey.of(plain))) == "pqc/43"


async def test_message_is_refused_when_another_institution_signed_it(network: Network) -> None:
    other = SigningKey.of(message_key("fx-amber"))
    assert await network.refusal(network.pack("m", 10, key=other)) == "pqc/45"


async def test_message_is_not_taken_when_somebody_else_brings_it(network: Network) -> None:
    data = network.pack("m", 11)
    assert problem(await network.post(data, by=network.amber)) == (403, "messages/19")


async def test_message_is_refused_when_it_was_for_somebody_else(network: Network) -> None:
    to_amber = network.pack("m", 12, recipient=LEI["fx-amber"])
    assert problem(await network.post(to_amber)) == (404, "messages/20")
    line, _, sealed = to_amber.partition(b"\n")
    readdressed = line.replace(LEI["fx-amber"].encode(), LEI["bank-ke"].encode()) + b"\n" + sealed
    assert await network.refusal(readdressed) == "pqc/41"


async def test_message_is_refused_when_a_byte_of_it_was_changed(network: Network) -> None:
    data = bytearray(network.pack("m", 13))
    data[-1] ^= 1
    assert await network.refusal(bytes(data)) == "pqc/41"


@pytest.mark.parametrize("data", [b"", b"garbage", b"{}\n", b"\x00" * 5_000, b'{"typ":1}\nx'])
async def test_answer_is_a_problem_when_what_comes_is_no_envelope(network: Network, data: bytes) -> None:
    assert problem(await network.post(data)) == (422, "pqc/42")


async def test_answer_is_a_problem_when_an_envelope_is_over_the_limit(network: Network) -> None:
    data = network.pack("m", 14)
    assert problem(await network.post(data + bytes(envelope.ENVELOPE_BYTES_MAX)))[0] == 413
    assert await network.refusal(data + bytes(envelope.ENVELOPE_BYTES_MAX - len(data))) == "pqc/41"


@pytest.mark.parametrize(("path", "kind"), [("/", ENVELOPE_TYPE), (PATH, "application/json")])
async def test_answer_is_a_problem_when_the_request_is_another(network: Network, path: str, kind: str) -> None:
    assert problem(await network.post(network.pack("m", 15), path=path, kind=kind)) == (400, "messages/21")


async def test_connection_ends_when_the_certificate_is_not_pinned_or_missing(network: Network, tmp_path: Path) -> None:
    stranger = tls.open_identity(tmp_path, LEI["bank-nl"])
    unknown = tls.client_context(stranger, network.ke.hosted.identity.certificates)
    none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    none.check_hostname = False
    none.load_verify_locations(cadata=network.ke.hosted.identity.certificates[0])
    for context in (unknown, none):
        with pytest.raises((aiohttp.ClientError, ssl.SSLError, OSError)):
            await network.post_under(context, b"garbage")


async def test_connection_ends_when_it_is_tls_1_2(network: Network) -> None:
    context = tls.client_context(network.nl.hosted.identity, network.ke.hosted.identity.certificates)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert problem(await network.post_under(context, b"garbage"))[0] == 422
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientConnectorError):
        await network.post_under(context, b"garbage")


async def test_connection_ends_when_it_asks_for_an_institution_that_is_not_here(network: Network) -> None:
    context = tls.client_context(network.nl.hosted.identity, network.ke.hosted.identity.certificates)
    assert problem(await network.post_under(context, b"garbage"))[0] == 422
    with pytest.raises(aiohttp.ClientConnectorError):
        await network.post_under(context, b"garbage", name=tls.server_name(LEI["fx-amber"]))


async def test_client_sends_nothing_when_the_server_shows_another_certificate(network: Network, tmp_path: Path) -> None:
    false_pin = tls.open_identity(tmp_path, LEI["bank-ke"]).certificates
    context = tls.client_context(network.nl.hosted.identity, false_pin)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await network.post_under(context, b"garbage")


@pytest.mark.parametrize(
    "said",
    [b"", b"POST /messages HTTP/1.1\r\nHost:", b"POST /messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"],
)
async def test_connection_ends_when_a_client_is_slow(
    network: Network, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.messages.listener.CLIENT_TIMEOUT_S", SLOW_S)
    if said.endswith(b"1"):
        said = said.replace(b"Host: x", b"Host: x\r\nContent-Type: " + ENVELOPE_TYPE.encode())
    context = tls.client_context(network.nl.hosted.identity, network.ke.hosted.identity.certificates)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", network.ke.port, ssl=context, server_hostname=tls.server_name(LEI["bank-ke"])
    )
    writer.write(said)
    await asyncio.wait_for(_until_closed(reader), 10)
    writer.close()


async def _until_closed(reader: asyncio.StreamReader) -> None:
    try:
        while await reader.read(1_000):
            pass
    except ConnectionError:
        return


async def test_connection_is_refused_when_too_many_are_open(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.messages.listener.CONNECTIONS_MAX", 0)
    with pytest.raises(aiohttp.ClientError):
        await network.post(network.pack("m", 16))
    monkeypatch.undo()
    assert (await network.post(network.pack("m", 16)))[0] == 200


async def test_institutions_share_a_listener_when_one_process_hosts_them(network: Network) -> None:
    port = free_port()
    async with Listener([network.nl.hosted, network.amber.hosted]).listening("127.0.0.1", port):
        for node, other in ((network.nl, network.amber), (network.amber, network.nl)):
            context = tls.client_context(network.ke.hosted.identity, node.hosted.identity.certificates)
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=tls.server_name(LEI[node.id])
            )
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert shown == node.hosted.identity.certificates[0] != other.hosted.identity.certificates[0]
            writer.close()


async def test_messages_flow_both_ways_when_two_nodes_run(network: Network, tmp_path: Path) -> None:
    nodes = [ExchangeNode(tmp_path / name, name, free_port()) for name in ("cb-eur", "cb-kes")]
    for node, other in (nodes, nodes[::-1]):
        node.take(other.document())
        node.send(other.id, range(20), 3, 100)
    async with nodes[0].running(), nodes[1].running(), asyncio.timeout(60):
        for node in nodes:
            bell = node.database.signals.subscribe("messages.inbox")
            while node.counts()["effects"] < 20 or node.counts().get(STORED) != 20:
                await bell.wait(0.2)
    for node in nodes:
        assert node.counts() == {STORED: 20, HANDLED: 20, "effects": 20}
