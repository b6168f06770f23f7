"""Prints HTML as PDF in a process of its own, so that the event loop goes on and a paper cannot take the node down."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

from node.printing.errors import PressError, PressUnavailableError
from node.printing.limits import HTML_BYTES_MAX, PAPER_BYTES_MAX, PAPERS_MAX, PRINT_TIMEOUT_S, TOLD_BYTES_MAX
from node.printing.worker import LENGTH_BYTES, NO_LIBRARY

MEDIA_TYPE: Final = "application/pdf"
_WORKER: Final = "node.printing.worker"
_SHOWN_CHARS: Final = 500
_ENVIRONMENT: Final = ("PATH", "HOME", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")


class Press:
    """One worker, started when there is something to print; a few papers in line."""

    def __init__(self, timeout_s: float = PRINT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._in_hand = 0
        self._worker: Process | None = None

    async def print(self, html: str) -> bytes:
        """Return the PDF of a page of ours.

        Raises:
            PressUnavailableError: too many wait, it takes too long, or Pango is not installed.
        """
        page = html.encode("utf-8")
        if len(page) > HTML_BYTES_MAX:
            raise PressError(f"html: expected at most {HTML_BYTES_MAX} bytes, got {len(page)}")
        if self._in_hand >= PAPERS_MAX:
            raise PressUnavailableError(f"press: expected fewer than {PAPERS_MAX} papers at once, got one more")
        self._in_hand += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._turn:
                    return await self._print(page)
        except TimeoutError as error:
            raise PressUnavailableError(f"press: expected the paper within {self._timeout_s:g} s, got none") from error
        finally:
            self._in_hand -= 1

    async def close(self) -> None:
        """End the worker; the next paper starts another."""
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            worker.kill()
            # The pipes are read to their ends, so that nothing of them outlives the event loop.
            await worker.communicate()

    async def _print(self, page: bytes) -> bytes:
        worker = await self._ready()
        is_done = False
        try:
            paper = await _exchange(worker, page)
            is_done = True
            return paper
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise await _explain(worker) from error
        finally:
            if not is_done:
                # Whoever comes next must not be given the rest of this one.
                await self.close()

    async def _ready(self) -> Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _WORKER, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment()
            )
        return self._worker


def _environment() -> dict[str, str]:
    """Return what the worker gets of the node's environment: how to find libraries and fonts, nothing else."""
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


async def _exchange(worker: Process, page: bytes) -> bytes:
    if worker.stdin is None or worker.stdout is None:
        raise PressError("worker: expected pipes, got none")
    worker.stdin.write(len(page).to_bytes(LENGTH_BYTES, "big") + page)
    await worker.stdin.drain()
    length = int.from_bytes(await worker.stdout.readexactly(LENGTH_BYTES), "big")
    if length > PAPER_BYTES_MAX:
        raise PressError(f"paper: expected at most {PAPER_BYTES_MAX} bytes, got {length}")
    return await worker.stdout.readexactly(length)


async def _explain(worker: Process) -> PressError | PressUnavailableError:
    told = b"" if worker.stderr is None else await worker.stderr.read(TOLD_BYTES_MAX)
    if await worker.wait() == NO_LIBRARY:
        return PressUnavailableError(
            "press: expected the library Pango on this machine, got none; install it (Debian: libpango-1.0-0, "
            "libpangoft2-1.0-0, libharfbuzz-subset0)"
        )
    return PressError(f"press: expected a paper, got {told.decode(errors='replace')[-_SHOWN_CHARS:]}")
