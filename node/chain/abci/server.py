"""The application's side of CometBFT's socket: frames of protobuf on a Unix socket, answered in order.

CometBFT opens four connections (consensus, mempool, query, snapshot) and ends itself when one of them breaks. Each is
answered strictly in order and none waits for another. Requests to check transactions that wait together are handed
on together.

What fails is a matter of the method. A transaction, a proposal, a query and a snapshot are refused in the answer.
When the chain itself cannot be moved, nothing that this process could answer is true: `serve_abci` raises and the
process ends. A frame that cannot be read closes its connection alone. CometBFT can hang while it ends: when a
connection is gone and none comes in its place, `serve_abci` raises too, so that both are started again.

The sockets have a thread and an event loop of their own, so that they are emptied while the chain works: CometBFT keeps
a core busy while it cannot write (its flush timer is 20 ns long). Handlers run in the caller's loop.

Source: CometBFT v0.40.0 abci/client/socket_client.go, abci/types/messages.go, proxy/multi_app_conn.go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from google.protobuf.message import DecodeError
from google.protobuf.proto import serialize_length_prefixed

from node.chain.abci.abci_pb2 import (
    Block,
    Empty,
    Request,
    RequestApplySnapshotChunk,
    RequestCheckTx,
    RequestExtendVote,
    RequestInfo,
    RequestInitChain,
    RequestLoadSnapshotChunk,
    RequestOfferSnapshot,
    RequestPrepareProposal,
    RequestQuery,
    RequestVerifyVoteExtension,
    Response,
    ResponseApplySnapshotChunk,
    ResponseCheckTx,
    ResponseCommit,
    ResponseException,
    ResponseExtendVote,
    ResponseFinalizeBlock,
    ResponseInfo,
    ResponseInitChain,
    ResponseListSnapshots,
    ResponseLoadSnapshotChunk,
    ResponseOfferSnapshot,
    ResponsePrepareProposal,
    ResponseProcessProposal,
    ResponseQuery,
    ResponseVerifyVoteExtension,
)
from node.chain.limits import ABCI_MESSAGE_BYTES_MAX, ABCI_REQUESTS_MAX, BATCH_BYTES_MAX

_log = structlog.get_logger("landfall.abci")
_LENGTH_BYTES_MAX: Final = 5
"""Of a frame's length, seven bits each."""
_READ_BYTES: Final = 1 << 20
RETURN_S = 10.0
"""CometBFT that ends takes a second; whoever waits for it to end has asked this process to end by then."""


class AbciHandler(Protocol):
    """What answers. A coroutine that raises ends the process; a refusal is an answer."""

    async def info(self, request: RequestInfo) -> ResponseInfo: ...

    async def query(self, request: RequestQuery) -> ResponseQuery: ...

    async def check_txs(self, requests: Sequence[RequestCheckTx]) -> Sequence[ResponseCheckTx]:
        """Answer requests that came one after the other, in order."""
        ...

    async def init_chain(self, request: RequestInitChain) -> ResponseInitChain: ...

    async def prepare_proposal(self, request: RequestPrepareProposal) -> ResponsePrepareProposal: ...

    async def process_proposal(self, request: Block) -> ResponseProcessProposal: ...

    async def finalize_block(self, request: Block) -> ResponseFinalizeBlock: ...

    async def extend_vote(self, request: RequestExtendVote) -> ResponseExtendVote: ...

    async def verify_vote_extension(self, request: RequestVerifyVoteExtension) -> ResponseVerifyVoteExtension: ...

    async def commit(self, request: Empty) -> ResponseCommit: ...

    async def list_snapshots(self, request: Empty) -> ResponseListSnapshots: ...

    async def offer_snapshot(self, request: RequestOfferSnapshot) -> ResponseOfferSnapshot: ...

    async def load_snapshot_chunk(self, request: RequestLoadSnapshotChunk) -> ResponseLoadSnapshotChunk: ...

    async def apply_snapshot_chunk(self, request: RequestApplySnapshotChunk) -> ResponseApplySnapshotChunk: ...


class _Elsewhere:
    """The handler's methods, awaited in one event loop and run in another."""

    def __init__(self, handler: AbciHandler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Any]]:
        method = getattr(self._handler, name)
        return lambda request: asyncio.wrap_future(asyncio.run_coroutine_threadsafe(method(request), self._loop))


async def serve_abci(path: Path, handler: AbciHandler) -> None:
    """Answer on the socket `path` until cancelled.

    Raises:
        ConnectionAbortedError: CometBFT left and did not come back.
        Exception: what a handler raised; CometBFT was not answered.
    """
    elsewhere: Any = _Elsewhere(handler, asyncio.get_running_loop())
    stop: Future[None] = Future()
    serving = asyncio.ensure_future(asyncio.to_thread(asyncio.run, _serve(path, elsewhere, stop)))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        stop.set_result(None)
        await serving
        raise


async def _serve(path: Path, handler: AbciHandler, stop: "Future[None]") -> None:
    """Answer until `stop`, or until a handler has failed; then raise why."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    connections: set[asyncio.Task[bool]] = set()
    loop = asyncio.get_running_loop()
    leaving: asyncio.TimerHandle | None = None

    def fail(error: BaseException) -> None:
        if not failed.done():
            failed.set_exception(error)

    def stay() -> None:
        if leaving:
            leaving.cancel()

    def ended(task: asyncio.Task[bool]) -> None:
        nonlocal leaving
        connections.discard(task)
        if task.cancelled():
            return
        if error := task.exception():
            fail(error)
        elif task.result():
            stay()
            gone = ConnectionAbortedError(f"CometBFT closed a connection and opened none for {RETURN_S:g} s")
            leaving = loop.call_later(RETURN_S, fail, gone)

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stay()
        task = asyncio.create_task(_Connection(reader, writer, handler).serve())
        connections.add(task)
        task.add_done_callback(ended)

    server = await asyncio.start_unix_server(connected, path, limit=_READ_BYTES)
    try:
        await asyncio.wait({failed, asyncio.wrap_future(stop)}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stay()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
    # CometBFT ends as soon as a connection does, and then this end is asked for: the failure is why.
    if failed.done():
        failed.result()


class MalformedFrameError(Exception):
    """The other side does not speak the protocol; its connection is closed."""


class _Connection:
    """One connection: a task that reads ahead, and one that answers in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: AbciHandler) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        # None = there is no more to come.
        self._waiting: asyncio.Queue[Request | None] = asyncio.Queue(ABCI_REQUESTS_MAX)

    async def serve(self) -> bool:
        """Answer until the other side ends or sends what is no frame; return whether it has asked anything."""
        reading = asyncio.create_task(self._read_ahead())
        has_asked = False
        try:
            while requests := await self._next():
                has_asked = True
                for is_check, group in groupby(requests, lambda request: request.HasField("check_tx")):
                    if is_check:
                        await self._answer_checks(list(group))
                    else:
                        await self._answer_each(group)
                for _ in requests:
                    self._waiting.task_done()
        except ConnectionError as error:
            _log.info("abci_connection_lost", error=str(error))
        finally:
            # Nothing is waited for here: being cancelled meanwhile would hide what a handler raised.
            reading.cancel()
            self._writer.close()
        return has_asked

    async def _read_ahead(self) -> None:
        try:
            while True:
                frame = await read_frame(self._reader)
                await self._waiting.put(parse_request(frame))
                if len(frame) > BATCH_BYTES_MAX:
                    # Only transactions come in numbers; what is larger is held in memory alone.
                    await self._waiting.join()
        except MalformedFrameError as error:
            _log.error("abci_frame_malformed", error=str(error))
        except (EOFError, ConnectionError):
            _log.info("abci_connection_closed")
        await self._waiting.put(None)

    async def _next(self) -> list[Request]:
        """Return what waits, at least one; nothing at the end."""
        found = []
        request = await self._waiting.get()
        while request is not None:
            found.append(request)
            if self._waiting.empty():
                return found
            request = self._waiting.get_nowait()
        if found:
            self._waiting.put_nowait(None)
        return found

    async def _answer_checks(self, requests: Sequence[Request]) -> None:
        answers = await self._handler.check_txs([request.check_tx for request in requests])
        await self._write(*(Response(check_tx=answer) for answer in answers))

    async def _answer_each(self, requests: Iterable[Request]) -> None:
        for request in requests:
            await self._write(await self._respond(request))

    async def _respond(self, request: Request) -> Response:
        name = request.WhichOneof("value")
        match name:
            case "flush":
                return Response(flush=Empty())
            case "echo":
                return Response(echo=request.echo)
            case None:
                return Response(exception=ResponseException(error="expected a method of ABCI 2.0, got another"))
        answer = await getattr(self._handler, name)(getattr(request, name))
        return Response(**{name: answer})

    async def _write(self, *responses: Response) -> None:
        frames = BytesIO()
        for response in responses:
            serialize_length_prefixed(response, frames)
        self._writer.write(frames.getbuffer())
        await self._writer.drain()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame without its length.

    Raises:
        MalformedFrameError: longer than `ABCI_MESSAGE_BYTES_MAX`, or cut off.
        EOFError: the other side has ended, between two frames.
    """
    length = shift = 0
    while True:
        byte = await reader.read(1)
        if not byte:
            if shift:
                raise MalformedFrameError("expected a whole length, got the end")
            raise EOFError
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            break
        if shift >= 7 * _LENGTH_BYTES_MAX:
            raise MalformedFrameError(f"expected a length of at most {_LENGTH_BYTES_MAX} bytes, got more")
    if length > ABCI_MESSAGE_BYTES_MAX:
        raise MalformedFrameError(f"expected at most {ABCI_MESSAGE_BYTES_MAX} bytes, got {length}")
    try:
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise MalformedFrameError(f"expected {length} bytes, got {len(error.partial)} and the end") from error


def parse_request(frame: bytes) -> Request:
    """Return what a frame holds.

    Raises:
        MalformedFrameError: it is no request.
    """
    try:
        request: Request = Request.FromString(frame)
    except DecodeError as error:
        raise MalformedFrameError(f"expected a request, got {len(frame)} other bytes") from error
    return request
