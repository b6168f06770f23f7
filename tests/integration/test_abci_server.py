"""The ABCI server over a Unix socket: order, batches, connections that do not wait for each other, bad bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from google.protobuf.proto import serialize_length_prefixed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.chain.abci import server
from node.chain.abci.abci_pb2 import (
    Block,
    Echo,
    Empty,
    Request,
    RequestCheckTx,
    RequestInfo,
    RequestPrepareProposal,
    RequestQuery,
    Response,
    ResponseCheckTx,
    ResponseFinalizeBlock,
    ResponseInfo,
    ResponsePrepareProposal,
    ResponseQuery,
)
from node.chain.abci.server import read_frame, serve_abci
from node.chain.errors import CorruptChainError
from tests.integration.consensus_nodes import wait_until

WAIT_S = 10


@dataclass
class FakeHandler:
    """Answers what a test needs; a proposal waits until `go` is set."""

    batches: list[list[bytes]] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    is_preparing: asyncio.Event = field(default_factory=asyncio.Event)

    async def info(self, _: RequestInfo) -> ResponseInfo:
        return ResponseInfo(last_block_height=7)

    async def query(self, request: RequestQuery) -> ResponseQuery:
        return ResponseQuery(log=request.path)

    async def check_txs(self, requests: Sequence[RequestCheckTx]) -> Sequence[ResponseCheckTx]:
        self.batches.append([request.tx for request in requests])
        return [ResponseCheckTx(log=request.tx.decode()) for request in requests]

    async def prepare_proposal(self, _: RequestPrepareProposal) -> ResponsePrepareProposal:
        self.is_preparing.set()
        await self.go.wait()
        return ResponsePrepareProposal(txs=[b"payload"])

    async def finalize_block(self, _: Block) -> ResponseFinalizeBlock:
        raise CorruptChainError("headers: expected block 3, got nothing")


class Client:
    """One connection, as CometBFT keeps it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, *requests: Request) -> None:
        """Write them in one piece."""
        output = BytesIO()
        for request in requests:
            serialize_length_prefixed(request, output)
        self.writer.write(output.getvalue())

    async def receive(self) -> Response:
        async with asyncio.timeout(WAIT_S):
            return Response.FromString(await read_frame(self._reader))

    async def ask(self, *requests: Request) -> list[Response]:
        self.send(*requests)
        return [await self.receive() for _ in requests]

    async def is_closed(self) -> bool:
        async with asyncio.timeout(WAIT_S):
            return await self._reader.read() == b""


@dataclass
class Served:
    """A server that runs."""

    path: Path
    handler: FakeHandler
    task: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_unix_connection(self.path))
        self.clients.append(client)
        return client


@contextlib.asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Served]:
    handler: Any = FakeHandler()
    served = Served(path / "abci.sock", handler, asyncio.create_task(serve_abci(path / "abci.sock", handler)))
    try:
        await wait_until(served.path.exists, "a socket")
        yield served
    finally:
        served.task.cancel()
        await asyncio.gather(served.task, return_exceptions=True)
        for client in served.clients:
            client.writer.close()


def check(text: str) -> Request:
    return Request(check_tx=RequestCheckTx(tx=text.encode()))


FLUSH = Request(flush=Empty())
INFO = Request(info=RequestInfo())


async def test_answers_come_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        answers = await client.ask(
            Request(echo=Echo(message="hello")), check("a"), check("b"), FLUSH, INFO, check("c"), FLUSH
        )
        kinds = ["echo", "check_tx", "check_tx", "flush", "info", "check_tx", "flush"]
        assert [answer.WhichOneof("value") for answer in answers] == kinds
        assert [answers[at].check_tx.log for at in (1, 2, 5)] == ["a", "b", "c"]
        assert (answers[0].echo.message, answers[4].info.last_block_height) == ("hello", 7)


async def test_transactions_that_wait_together_are_checked_together(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        mempool = await served.connect()
        prepare = Request(prepare_proposal=RequestPrepareProposal())
        mempool.send(prepare)
        await served.handler.is_preparing.wait()
        mempool.send(check("a"), check("b"), FLUSH, check("c"))
        served.handler.go.set()
        kinds = [(await mempool.receive()).WhichOneof("value") for _ in range(5)]
        assert kinds == ["prepare_proposal", "check_tx", "check_tx", "flush", "check_tx"]
        assert served.handler.batches == [[b"a", b"b"], [b"c"]]


async def test_more_requests_than_are_read_ahead_are_all_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ABCI_REQUESTS_MAX", 3)
    async with serving(tmp_path) as served:
        client = await served.connect()
        texts = [str(number) for number in range(500)]
        answers = await client.ask(*map(check, texts))
        assert [answer.check_tx.log for answer in answers] == texts
        assert max(map(len, served.handler.batches)) <= 4


async def test_large_request_is_held_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BATCH_BYTES_MAX", 10)
    async with serving(tmp_path) as served:
        client = await served.connect()
        texts = ["x" * 20 + str(number) for number in range(20)]
        answers = await client.ask(*map(check, texts), INFO)
        assert [answer.check_tx.log for answer in answers[:-1]] == texts
        assert [len(batch) for batch in served.handler.batches] == [1] * 20


async def test_connections_do_not_wait_for_a_proposal(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        consensus, query = await served.connect(), await served.connect()
        consensus.send(Request(prepare_proposal=RequestPrepareProposal()))
        await served.handler.is_preparing.wait()
        [answer] = await query.ask(Request(query=RequestQuery(path="/p2p/filter/addr/x")))
        assert answer.query.log == "/p2p/filter/addr/x"
        served.handler.go.set()
        assert (await consensus.receive()).prepare_proposal.txs == [b"payload"]


async def test_unknown_method_is_an_exception_and_the_connection_stays(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = await served.connect()
        # Field 21 is InsertTx of CometBFT 0.40.
        client.writer.write(b"\x03\xaa\x01\x00")
        assert "method of ABCI" in (await client.receive()).exception.error
        assert (await client.ask(INFO))[0].info.last_block_height == 7


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff\xff\xff", b"\x02\xff\xff", b"\xff\xff\xff\x7f", b"\x05ab"])
async def test_bad_bytes_close_their_connection_alone(tmp_path: Path, data: bytes) -> None:
    async with serving(tmp_path) as served:
        other, client = await served.connect(), await served.connect()
        # What came before is answered.
        assert (await client.ask(INFO))[0].info.last_block_height == 7
        client.writer.write(data)
        client.writer.write_eof()
        assert await client.is_closed()
        assert (await other.ask(INFO))[0].info.last_block_height == 7


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.lists(st.binary(max_size=200), min_size=1, max_size=5))
def test_server_lives_on_whatever_it_is_sent(tmp_path: Path, junk: list[bytes]) -> None:
    async def attack() -> None:
        with TemporaryDirectory(dir=tmp_path) as folder:
            async with serving(Path(folder)) as served:
                for one in junk:
                    client = await served.connect()
                    # Anything, and a frame of the same; a finalize_block among it would end the server rightly.
                    for data in (one.replace(b"\xa2", b""), b"\x7f" + one):
                        client.writer.write(data)
                    client.writer.close()
                asked = await served.connect()
                assert (await asked.ask(INFO))[0].info.last_block_height == 7

    asyncio.run(attack())


async def test_server_ends_without_an_answer_when_the_chain_cannot_go_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client, other = await served.connect(), await served.connect()
        assert (await other.ask(INFO))[0].info.last_block_height == 7
        client.send(Request(finalize_block=Block(height=1)))
        with pytest.raises(CorruptChainError, match="expected block 3"):
            await served.task
        assert await client.is_closed()
        assert await other.is_closed()


@pytest.mark.parametrize("turns_later", range(6))
async def test_server_says_why_when_it_is_told_to_end_as_a_handler_fails(tmp_path: Path, turns_later: int) -> None:
    async with serving(tmp_path) as served:

        async def tell() -> None:
            for _ in range(turns_later):
                await asyncio.sleep(0)
            served.task.cancel()

        async def fail(_: Block) -> ResponseFinalizeBlock:
            telling.append(asyncio.create_task(tell()))
            raise CorruptChainError("headers: expected block 3, got nothing")

        telling: list[asyncio.Task[None]] = []
        served.handler.finalize_block = fail  # type: ignore[method-assign]
        # Another one, which has to be ended too.
        assert (await (await served.connect()).ask(INFO))[0].info.last_block_height == 7
        (await served.connect()).send(Request(finalize_block=Block(height=1)))
        with pytest.raises(CorruptChainError, match="expected block 3"):
            await served.task


@pytest.mark.parametrize("requests", [0, 1])
async def test_server_ends_when_who_has_asked_leaves_and_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    monkeypatch.setattr(server, "RETURN_S", 0.05)
    path = tmp_path / "abci.sock"
    serving = asyncio.create_task(serve_abci(path, FakeHandler()))
    await wait_until(path.exists, "the socket")
    reader, writer = await asyncio.open_unix_connection(path)
    for _ in range(requests):
        frame = BytesIO()
        serialize_length_prefixed(Request(info=RequestInfo()), frame)
        writer.write(frame.getvalue())
        await read_frame(reader)
    writer.close()
    done, _ = await asyncio.wait({serving}, timeout=WAIT_S if requests else 0.5)
    serving.cancel()
    if requests:
        with pytest.raises(ConnectionAbortedError, match="opened none for"):
            await serving
    assert bool(done) == bool(requests)
