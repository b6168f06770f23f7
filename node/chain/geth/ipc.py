"""JSON-RPC to geth over its Unix socket: many requests under way at once, answers matched by their number.

geth writes one answer per line and always in the same order of members, so an answer is recognised by its first
bytes and its `result` is handed on unread where nobody here needs it. A lost socket is final: every open request
fails, and with it the process; whoever keeps the processes starts them together again.

Source: go-ethereum 1.17.5 rpc/json.go (jsonrpcMessage, jsonCodec).
"""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from node.chain.errors import GethAnswerError, GethUnavailableError, LimitExceededError
from node.chain.jsonrpc.methods import RawJson
from node.chain.limits import GETH_ANSWER_BYTES_MAX, GETH_REQUESTS_MAX

Call = tuple[str, Sequence[Any]]
_HEAD: Final = re.compile(rb'\[?\{"jsonrpc":"2\.0","id":(\d{1,18}),"(result|error)":')
_HEAD_BYTES: Final = 64
"""More than `_HEAD` matches; all that is kept of an answer that is too large."""
_POLL_S: Final = 0.02


class GethIpc:
    """One connection; made by `connect`."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0
        self._lost: str | None = None

    @classmethod
    async def connect(cls, path: Path, timeout_s: float) -> "GethIpc":
        """Return a connection as soon as geth listens.

        Raises:
            GethUnavailableError: nobody listened for `timeout_s`.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout_s
        while True:
            try:
                _, protocol = await loop.create_unix_connection(GethLines, str(path))
                return protocol.ipc
            except OSError as error:
                if loop.time() >= give_up:
                    raise GethUnavailableError(
                        f"ipc: expected geth to listen at {path} within {timeout_s:g} s, got {error}; see geth's log"
                    ) from error
            await asyncio.sleep(_POLL_S)

    def close(self) -> None:
        """Close the socket; what is still under way fails."""
        self._transport.close()

    async def call(self, method: str, *params: Any, timeout_s: float) -> Any:
        """Return the answer's `result`.

        Raises:
            GethAnswerError: geth refused the request.
            GethUnavailableError: the socket is lost, or no answer came in time.
            LimitExceededError: the answer is larger than `GETH_ANSWER_BYTES_MAX`.
        """
        return (await self.forward(method, params, timeout_s=timeout_s)).value

    async def forward(self, method: str, params: Sequence[Any], *, timeout_s: float) -> RawJson:
        """Return the answer's `result` as geth wrote it; raises what `call` raises."""
        line = await self._exchange([(method, params)], timeout_s, is_batch=False)
        head = _HEAD.match(line)
        if head is None:
            raise GethUnavailableError(f"{method}: expected a JSON-RPC answer, got {line[:_HEAD_BYTES]!r}")
        if head[2] == b"error":
            raise _error(json.loads(line)["error"])
        return RawJson(line[head.end() : line.rindex(b"}")])

    async def batch(self, calls: Sequence[Call], *, timeout_s: float) -> list[Any]:
        """Return the `result` of every call, in order; the first that geth refused is raised as `call` does."""
        if not calls:
            return []
        answers = json.loads(await self._exchange(calls, timeout_s, is_batch=True))
        if not isinstance(answers, list) or len(answers) != len(calls):
            raise GethUnavailableError(f"{calls[0][0]}: expected {len(calls)} answers in one batch")
        for answer in answers:
            if "error" in answer:
                raise _error(answer["error"])
        return [answer.get("result") for answer in answers]

    async def _exchange(self, calls: Sequence[Call], timeout_s: float, *, is_batch: bool) -> bytes:
        """Send and wait for the line that answers; a batch is answered in order, so its first number stands for it."""
        if self._lost is not None:
            raise GethUnavailableError(self._lost)
        if len(self._waiting) >= GETH_REQUESTS_MAX:
            raise GethUnavailableError(f"geth: expected at most {GETH_REQUESTS_MAX} requests under way; ask again")
        first = self._last_id + 1
        self._last_id += len(calls)
        requests = [
            {"jsonrpc": "2.0", "id": first + offset, "method": method, "params": list(params)}
            for offset, (method, params) in enumerate(calls)
        ]
        answer = self._waiting[first] = asyncio.get_running_loop().create_future()
        document = requests if is_batch else requests[0]
        self._transport.write(json.dumps(document, separators=(",", ":")).encode() + b"\n")
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise GethUnavailableError(f"{calls[0][0]}: expected geth's answer within {timeout_s:g} s") from None
        finally:
            self._waiting.pop(first, None)

    # -- called by the protocol --------------------------------------------------------------------------------

    def answered(self, line: bytes) -> None:
        """Hand a line to who waits for it; an answer that came too late is dropped."""
        waiting = self._find(line)
        if waiting is not None:
            waiting.set_result(line)

    def answered_too_much(self, head: bytes) -> None:
        """Refuse an answer of which only the first bytes were kept."""
        waiting = self._find(head)
        if waiting is not None:
            waiting.set_exception(
                LimitExceededError(f"response too large: expected at most {GETH_ANSWER_BYTES_MAX} bytes from geth")
            )

    def lost(self, reason: str) -> None:
        """Fail everything, now and later."""
        self._lost = f"geth: expected an open socket, got {reason}; the node's processes are started again together"
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(GethUnavailableError(self._lost))

    def _find(self, line: bytes) -> asyncio.Future[bytes] | None:
        head = _HEAD.match(line)
        if head is None:
            self.lost(f"a line that is no answer: {line[:_HEAD_BYTES]!r}")
            self._transport.abort()
            return None
        waiting = self._waiting.get(int(head[1]))
        return None if waiting is None or waiting.done() else waiting


class GethLines(asyncio.Protocol):
    """Cuts what comes from the socket into lines, and keeps no more of a line than is allowed."""

    ipc: GethIpc

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.ipc = GethIpc(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ipc.lost(str(exc or "end of stream"))

    def data_received(self, data: bytes) -> None:
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._keep(end)
            if self._size > GETH_ANSWER_BYTES_MAX:
                self.ipc.answered_too_much(b"".join(self._parts)[:_HEAD_BYTES])
            elif self._size:
                self.ipc.answered(b"".join(self._parts))
            self._parts, self._size = [], 0
        self._keep(rest)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= GETH_ANSWER_BYTES_MAX:
            self._parts.append(part)
        else:
            self._parts = [b"".join(self._parts)[:_HEAD_BYTES] or part[:_HEAD_BYTES]]


def _error(error: dict[str, Any]) -> GethAnswerError:
    return GethAnswerError(int(error["code"]), str(error["message"]), error.get("data"))
