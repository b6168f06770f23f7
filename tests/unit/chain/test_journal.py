"""The journal: durable before it answers, torn tails cut, trimmed and rewritten without losing anything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from node.chain import journal as journal_module
from node.chain.errors import ReadOnlyError
from node.chain.journal import TransactionJournal


@asynccontextmanager
async def _running(
    path: Path, hook: Callable[[str], None] = lambda _: None, pending: tuple[bytes, ...] = ()
) -> AsyncIterator[TransactionJournal]:
    journal = TransactionJournal(path, hook)
    task = asyncio.create_task(journal.run(lambda: pending))
    try:
        yield journal
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        journal.close()


def _replay(path: Path) -> list[bytes]:
    journal = TransactionJournal(path)
    try:
        return journal.replay()
    finally:
        journal.close()


async def test_append_is_on_disk_when_it_returns(tmp_path: Path) -> None:
    async with _running(tmp_path / "j") as journal:
        await journal.append(b"one")
        assert _replay(tmp_path / "j") == [b"one"]
        await asyncio.gather(*(journal.append(bytes([i]) * 10) for i in range(50)))
    assert _replay(tmp_path / "j") == [b"one", *(bytes([i]) * 10 for i in range(50))]


async def test_appends_that_arrive_together_share_one_fsync(tmp_path: Path) -> None:
    events: list[str] = []
    async with _running(tmp_path / "j", events.append) as journal:
        await asyncio.gather(*(journal.append(b"x%d" % i) for i in range(40)))
    assert events.count("journal.fsync") < 5


@pytest.mark.parametrize("cut", range(1, 12))
async def test_torn_tail_is_cut_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    async with _running(tmp_path / "j") as journal:
        await journal.append(b"one")
        await journal.append(b"two!")
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-cut])
    assert _replay(tmp_path / "j") == [b"one"]
    async with _running(tmp_path / "j") as journal:
        await journal.append(b"three")
    assert _replay(tmp_path / "j") == [b"one", b"three"]


async def test_changed_byte_ends_the_replay(tmp_path: Path) -> None:
    async with _running(tmp_path / "j") as journal:
        for raw in (b"one", b"two", b"three"):
            await journal.append(raw)
    data = bytearray((tmp_path / "j").read_bytes())
    data[8 + 3 + 8] ^= 1
    (tmp_path / "j").write_bytes(data)
    assert _replay(tmp_path / "j") == [b"one"]


async def test_trim_empties_the_file_and_appends_go_on(tmp_path: Path) -> None:
    async with _running(tmp_path / "j") as journal:
        await journal.append(b"one")
        journal.trim()
        assert journal.size == 0
        await journal.append(b"two")
    assert _replay(tmp_path / "j") == [b"two"]


async def test_trim_leaves_what_is_being_written(tmp_path: Path) -> None:
    async with _running(tmp_path / "j") as journal:
        await journal.append(b"one")
        writing = asyncio.create_task(journal.append(b"two"))
        await asyncio.sleep(0)
        journal.trim()
        await writing
    assert _replay(tmp_path / "j")[-1] == b"two"


async def test_large_journal_is_rewritten_with_what_waits_and_what_came_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_BYTES_MAX", 100)
    async with _running(tmp_path / "j", pending=(b"waiting",)) as journal:
        await journal.append(b"x" * 200)
        await journal.append(b"after")
        await journal.append(b"last")
    assert _replay(tmp_path / "j") == [b"waiting", b"after", b"last"]


async def test_record_stays_when_the_journal_is_rewritten_as_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "JOURNAL_BYTES_MAX", 100)
    async with _running(tmp_path / "j") as journal:
        await asyncio.gather(journal.append(b"x" * 200), journal.append(b"y"))
    assert _replay(tmp_path / "j") == [b"x" * 200, b"y"]


async def test_append_is_refused_when_the_disk_refuses_and_for_ever_after(tmp_path: Path) -> None:
    def full(name: str) -> None:
        if name == "journal.fsync":
            raise OSError(28, "No space left on device")

    async with _running(tmp_path / "j", full) as journal:
        with pytest.raises(ReadOnlyError, match="No space left"):
            await journal.append(b"one")
        with pytest.raises(ReadOnlyError):
            await journal.append(b"two")
