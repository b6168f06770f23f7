"""Frames: read whole, refused when they are too long, cut off or no request; never anything else."""

import asyncio

import pytest
from google.protobuf.proto import serialize_length_prefixed
from hypothesis import given
from hypothesis import strategies as st

from node.chain.abci import server
from node.chain.abci.abci_pb2 import Echo, Request, RequestCheckTx
from node.chain.abci.server import MalformedFrameError, parse_request, read_frame


def reader_of(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def read_all(data: bytes) -> list[bytes]:
    """Return every frame up to the end."""
    reader, frames = reader_of(data), []
    while True:
        try:
            frames.append(await read_frame(reader))
        except EOFError:
            return frames


async def test_frames_are_read_one_after_the_other() -> None:
    assert await read_all(b"") == []
    assert await read_all(b"\x00\x03abc\x80\x01" + b"x" * 128) == [b"", b"abc", b"x" * 128]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80", "whole length"),
        (b"\x03ab", "expected 3 bytes, got 2 and the end"),
        (b"\xff\xff\xff\xff\xff\x01", "length of at most 5 bytes"),
        (b"\x81\x80\x80\x20", "at most 67108864 bytes, got 67108865"),
    ],
)
async def test_frame_is_refused_when_it_is_cut_off_or_too_long(data: bytes, message: str) -> None:
    with pytest.raises(MalformedFrameError, match=message):
        await read_all(data)


async def test_longest_frame_is_read_and_one_byte_more_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ABCI_MESSAGE_BYTES_MAX", 300)
    assert await read_all(b"\xac\x02" + bytes(300)) == [bytes(300)]
    with pytest.raises(MalformedFrameError, match="at most 300 bytes, got 301"):
        await read_all(b"\xad\x02" + bytes(301))


@given(st.binary(max_size=400))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    async def read() -> None:
        try:
            for frame in await read_all(data):
                parse_request(frame)
        except MalformedFrameError:
            pass

    asyncio.run(read())


@given(st.data())
def test_cut_or_changed_requests_are_read_or_refused(data: st.DataObject) -> None:
    request = Request(check_tx=RequestCheckTx(tx=data.draw(st.binary(max_size=200)), type=1))
    whole = bytearray(request.SerializeToString())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    for frame in (bytes(whole), bytes(whole[:at])):
        try:
            parse_request(frame)
        except MalformedFrameError:
            continue


def test_request_is_read_as_it_was_written() -> None:
    request = Request(echo=Echo(message="x"))
    assert parse_request(request.SerializeToString()) == request
    assert parse_request(b"").WhichOneof("value") is None
    with pytest.raises(MalformedFrameError, match="expected a request"):
        parse_request(b"\xff\xff\xff")


def test_library_writes_frames_as_they_are_read() -> None:
    from io import BytesIO

    output = BytesIO()
    serialize_length_prefixed(Request(echo=Echo(message="x" * 200)), output)
    [frame] = asyncio.run(read_all(output.getvalue()))
    assert parse_request(frame).echo.message == "x" * 200
