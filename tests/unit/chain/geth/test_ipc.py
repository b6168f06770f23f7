import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from node.chain.errors import GethAnswerError, GethUnavailableError, LimitExceededError
from node.chain.geth.ipc import GethIpc, GethLines
from node.chain.jsonrpc.methods import RawJson


class _Pipe(asyncio.WriteTransport):
    """The other end of the socket: remembers what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Any] = []
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(json.loads(bytes(data)))

    def close(self) -> None:
        self.is_aborted = True

    def abort(self) -> None:
        self.is_aborted = True


def _connected() -> tuple[GethIpc, GethLines, _Pipe]:
    lines, pipe = GethLines(), _Pipe()
    lines.connection_made(pipe)
    return lines.ipc, lines, pipe


async def _answered(call: Any, lines: GethLines, *chunks: bytes) -> Any:
    """Start a call, let the answer come in, return what the call returns."""
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    for chunk in chunks:
        lines.data_received(chunk)
    return await task


def _line(number: int, result: str) -> bytes:
    return f'{{"jsonrpc":"2.0","id":{number},"result":{result}}}\n'.encode()


async def test_call_returns_the_result_when_the_answer_comes_in_any_pieces() -> None:
    for size in (1, 7, 1_000):
        ipc, lines, pipe = _connected()
        text = _line(1, '{"a":[1,"}"]}')
        chunks = [text[start : start + size] for start in range(0, len(text), size)]
        assert await _answered(ipc.call("m", 1, "x", timeout_s=5), lines, *chunks) == {"a": [1, "}"]}
        assert pipe.written == [{"jsonrpc": "2.0", "id": 1, "method": "m", "params": [1, "x"]}]


async def test_forward_hands_on_the_result_as_it_was_written() -> None:
    ipc, lines, _ = _connected()
    found = await _answered(ipc.forward("m", [], timeout_s=5), lines, _line(1, '{"b": 1,  "a":"\\u00e9"}'))
    assert found == RawJson(b'{"b": 1,  "a":"\\u00e9"}')
    assert await _answered(ipc.forward("m", [], timeout_s=5), lines, _line(2, "null")) == RawJson(b"null")


async def test_answers_find_their_request_when_they_come_in_another_order() -> None:
    ipc, lines, _ = _connected()
    calls = [asyncio.ensure_future(ipc.call("m", timeout_s=5)) for _ in range(3)]
    await asyncio.sleep(0)
    lines.data_received(_line(3, '"c"') + _line(1, '"a"') + _line(99, '"late"') + _line(2, '"b"'))
    assert await asyncio.gather(*calls) == ["a", "b", "c"]


async def test_batch_returns_results_in_order_and_raises_the_first_error() -> None:
    ipc, lines, _ = _connected()
    good = b'[{"jsonrpc":"2.0","id":1,"result":"0x1"},{"jsonrpc":"2.0","id":2,"result":null}]\n'
    assert await _answered(ipc.batch([("a", ()), ("b", (1,))], timeout_s=5), lines, good) == ["0x1", None]
    bad = b'[{"jsonrpc":"2.0","id":3,"result":1},{"jsonrpc":"2.0","id":4,"error":{"code":-32000,"message":"no"}}]\n'
    with pytest.raises(GethAnswerError, match="no"):
        await _answered(ipc.batch([("a", ()), ("b", ())], timeout_s=5), lines, bad)
    short = b'[{"jsonrpc":"2.0","id":5,"result":1}]\n'
    with pytest.raises(GethUnavailableError, match="2 answers"):
        await _answered(ipc.batch([("a", ()), ("b", ())], timeout_s=5), lines, short)
    assert await ipc.batch([], timeout_s=5) == []


async def test_error_keeps_geths_code_message_and_data() -> None:
    ipc, lines, _ = _connected()
    text = b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x08"}}\n'
    with pytest.raises(GethAnswerError, match=r"^execution reverted$") as caught:
        await _answered(ipc.call("m", timeout_s=5), lines, text)
    assert (caught.value.rpc_code, caught.value.rpc_data) == (3, "0x08")


async def test_answer_is_refused_alone_when_it_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.geth.ipc.GETH_ANSWER_BYTES_MAX", 100)
    ipc, lines, _ = _connected()
    fits = _line(1, '"' + "x" * 60 + '"')
    assert await _answered(ipc.call("m", timeout_s=5), lines, fits) == "x" * 60
    for number, size in ((2, 10), (3, 1_000)):
        large = _line(number, '"' + "x" * 500 + '"')
        chunks = [large[start : start + size] for start in range(0, len(large), size)]
        with pytest.raises(LimitExceededError, match="at most 100 bytes"):
            await _answered(ipc.call("m", timeout_s=5), lines, *chunks)
    assert await _answered(ipc.call("m", timeout_s=5), lines, _line(4, "5")) == 5


@pytest.mark.parametrize(
    "lose",
    [
        lambda lines: lines.connection_lost(None),
        lambda lines: lines.connection_lost(ConnectionResetError("reset")),
        lambda lines: lines.data_received(b"<html>\n"),
        lambda lines: lines.data_received(b'{"jsonrpc":"2.0","id":"x","result":1}\n'),
    ],
)
async def test_everything_fails_for_good_when_the_socket_is_lost_or_talks_nonsense(
    lose: Callable[[GethLines], None],
) -> None:
    ipc, lines, pipe = _connected()
    calls = [asyncio.ensure_future(ipc.call("m", timeout_s=5)) for _ in range(2)]
    await asyncio.sleep(0)
    lose(lines)
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, GethUnavailableError)
    with pytest.raises(GethUnavailableError, match="started again together"):
        await ipc.call("m", timeout_s=5)
    assert len(pipe.written) == 2


async def test_call_fails_when_no_answer_comes_in_time() -> None:
    ipc, lines, _ = _connected()
    with pytest.raises(GethUnavailableError, match="within 0 s"):
        await ipc.call("m", timeout_s=0)
    lines.data_received(_line(1, '"late"'))
    assert await _answered(ipc.call("m", timeout_s=5), lines, _line(2, '"next"')) == "next"


async def test_request_is_refused_when_too_many_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.geth.ipc.GETH_REQUESTS_MAX", 2)
    ipc, lines, _ = _connected()
    calls = [asyncio.ensure_future(ipc.call("m", timeout_s=5)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(GethUnavailableError, match="at most 2"):
        await ipc.call("m", timeout_s=5)
    lines.data_received(_line(1, "1") + _line(2, "2"))
    assert await asyncio.gather(*calls) == [1, 2]
