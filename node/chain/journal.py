"""The transaction journal: transactions on disk before anyone is told they were taken.

An append-only file of records `length (4 bytes) || CRC-32 (4 bytes) || raw`. Appends that arrive together share one
fsync (group commit), done outside the event loop. At start the records are read up to the first torn one and
offered to the mempool again; once everything in it is in blocks the file is emptied.
"""

import asyncio
import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import structlog

from node.chain.errors import ReadOnlyError
from node.chain.hooks import WriteHook, no_hook
from node.chain.limits import ITEM_BYTES_MAX, JOURNAL_BYTES_MAX

_HEADER_BYTES: Final = 8
_log = structlog.get_logger("landfall.chain")


class TransactionJournal:
    """Owns the journal file; one per process. `run` must be running for `append` to return."""

    def __init__(self, path: Path, before_write: WriteHook = no_hook) -> None:
        self._path = path
        self._hook = before_write
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._failed: ReadOnlyError | None = None
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._file).st_size

    @property
    def size(self) -> int:
        """Return the file's size in bytes."""
        return self._size

    def replay(self) -> list[bytes]:
        """Return the whole records, and cut a torn tail off: its sender was never told it was taken."""
        data = self._path.read_bytes()
        records, position = [], 0
        while position + _HEADER_BYTES <= len(data):
            length = int.from_bytes(data[position : position + 4], "big")
            crc = int.from_bytes(data[position + 4 : position + 8], "big")
            raw = data[position + _HEADER_BYTES : position + _HEADER_BYTES + length]
            if not 0 < length <= ITEM_BYTES_MAX or len(raw) != length or zlib.crc32(raw) != crc:
                break
            records.append(raw)
            position += _HEADER_BYTES + length
        if position < len(data):
            _log.warning("journal_tail_cut", bytes=len(data) - position)
            self._hook("journal.truncate")
            os.ftruncate(self._file, position)
            os.fsync(self._file)
            self._size = position
        return records

    async def append(self, raw: bytes) -> None:
        """Return once `raw` is durable.

        Raises:
            ReadOnlyError: the disk refused a write, now or earlier; the transaction was not taken.
        """
        if self._failed:
            raise self._failed
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((raw, done))
        self._wake.set()
        await done

    async def run(self, pending: Callable[[], Iterable[bytes]]) -> None:
        """Write what is appended until cancelled; `pending` tells what must stay when the file is rewritten."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await self._flush(batch)
            if self._size > JOURNAL_BYTES_MAX:
                await _in_thread(self._rewrite, [*pending(), *(raw for raw, _ in self._waiting)])

    def trim(self) -> None:
        """Empty the file; call it when every record is in a committed block."""
        if self._size and not self._waiting and not self._wake.is_set():
            self._hook("journal.trim")
            os.ftruncate(self._file, 0)
            self._size = 0

    def close(self) -> None:
        """Close the file; what was acknowledged is on disk."""
        os.close(self._file)

    async def _flush(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
        data = b"".join(_record(raw) for raw, _ in batch)
        try:
            await _in_thread(self._write, data)
        except OSError as error:
            self._failed = ReadOnlyError(f"journal: expected a durable write, got {error}; free space and restart")
            _log.error("journal_failed", error=str(error))
        for _, done in batch:
            if done.done():
                continue
            if self._failed:
                done.set_exception(self._failed)
            else:
                done.set_result(None)

    def _write(self, data: bytes) -> None:
        self._hook("journal.write")
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self._hook("journal.fsync")
        os.fdatasync(self._file)
        self._size += len(data)

    def _rewrite(self, records: list[bytes]) -> None:
        temporary = self._path.with_suffix(".new")
        file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._hook("journal.rewrite")
        data = b"".join(_record(raw) for raw in records)
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
        self._hook("journal.rename")
        temporary.rename(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        os.close(self._file)
        self._file, self._size = file, len(data)


async def _in_thread(function: Callable[..., None], argument: object) -> None:
    """Run in a thread and, when cancelled, wait for it: the file must not be closed under it."""
    running = asyncio.ensure_future(asyncio.to_thread(function, argument))
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _record(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + zlib.crc32(raw).to_bytes(4, "big") + raw
