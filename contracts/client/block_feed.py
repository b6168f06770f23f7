"""One poller of the chain's head per process; every follower of the process takes its blocks from here.

A block is fetched and decoded once, however many institutions follow it, and kept for a while.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from contracts.client.blocks import BlockData, BlockInfo, ChainReader
from contracts.client.errors import UnavailableError

# Half of what a person notices; a poll of an idle chain costs about a millisecond.
POLL_INTERVAL_S: Final = 0.05
# Back-off while the chain process is away.
_AWAY_INTERVAL_S: Final = 0.5
# Followers of one process are at most a few blocks apart; a restarted one reads older blocks again.
_KEPT_BLOCKS: Final = 256


class BlockFeed:
    """The head, and decoded blocks by number."""

    def __init__(self, reader: ChainReader, poll_interval_s: float = POLL_INTERVAL_S) -> None:
        self._reader = reader
        self._poll_interval_s = poll_interval_s
        self._blocks: OrderedDict[int, asyncio.Task[BlockData]] = OrderedDict()
        self._head: BlockInfo | None = None
        self._moved = asyncio.Condition()
        self._poke = asyncio.Event()

    @property
    def head(self) -> BlockInfo | None:
        """The newest block seen, None before the first answer."""
        return self._head

    def now_s(self) -> int:
        """Return ledger time: the timestamp of the newest block seen.

        Raises:
            UnavailableError: no block has been seen yet.
        """
        if self._head is None:
            raise UnavailableError("ledger time: expected a block, got none from the chain yet; try again")
        return self._head.time_s

    def poke(self) -> None:
        """Look at the head now instead of at the next poll: something was just submitted."""
        self._poke.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            pause_s = self._poll_interval_s
            try:
                await self.poll()
            except UnavailableError:
                pause_s = _AWAY_INTERVAL_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._poke.wait()
            except TimeoutError:
                continue
            self._poke.clear()

    async def poll(self) -> BlockInfo:
        """Look at the head once and wake the followers if it moved."""
        number = await self._reader.block_number()
        if self._head is None or number > self._head.number:
            head = (await self.block(number)).info
            async with self._moved:
                self._head = head
                self._moved.notify_all()
        if self._head is None:
            raise UnavailableError("head: expected a block, got none")
        return self._head

    async def wait_beyond(self, number: int) -> BlockInfo:
        """Return the head as soon as it is above `number`."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._head is not None and self._head.number > number)
        if self._head is None:
            raise UnavailableError("head: expected a block, got none")
        return self._head

    async def block(self, number: int) -> BlockData:
        """Return a block that is not above the chain's head.

        Raises:
            UnavailableError: the chain does not answer now.
        """
        task = self._blocks.get(number)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.ensure_future(self._reader.block(number))
            self._blocks[number] = task
            while len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        # Shielded: a follower that is cancelled must not take the block away from the others.
        return await asyncio.shield(task)
