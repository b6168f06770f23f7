"""The solo driver: one sequencer that makes a block when something is pending, at intervals, or when told to.

Instant mode batches: what arrives while a block is being made goes into the next one together. An empty pool makes
no block; only time control forces one.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from node.chain.application import Application
from node.chain.blocks import BlockHeader
from node.chain.clock import LedgerClock
from node.chain.errors import InvariantError, TimeControlError
from node.chain.journal import TransactionJournal
from node.chain.sealing import BlockSealer
from node.chain.transactions import Transaction

_log = structlog.get_logger("landfall.chain")
CLOCK_META = "clock"


class SoloDriver:
    """Orders transactions alone. `interval_ms` 0 means instant; `manual` makes blocks only when told to."""

    def __init__(
        self,
        application: Application,
        sealer: BlockSealer,
        clock: LedgerClock,
        journal: TransactionJournal,
        interval_ms: int = 0,
        *,
        is_manual: bool = False,
    ) -> None:
        self._application = application
        self._sealer = sealer
        self.clock = clock
        self._journal = journal
        self._interval_s = interval_ms / 1000
        self._is_manual = is_manual
        self._pending = asyncio.Event()
        self._making = asyncio.Lock()
        self._listeners: list[Callable[[BlockHeader], None]] = []

    def on_block(self, listener: Callable[[BlockHeader], None]) -> None:
        """Call `listener` after every committed block."""
        self._listeners.append(listener)

    def transaction_taken(self, _: Transaction) -> None:
        """Tell the driver that the pool has something new."""
        self._pending.set()

    async def run(self) -> None:
        """Make blocks until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._pending.wait()
            if self._interval_s:
                due = max(due + self._interval_s, loop.time())
                await asyncio.sleep(due - loop.time())
            self._pending.clear()
            if not self._is_manual:
                await self.make_block()
                if self._application.mempool.has_executable():
                    self._pending.set()

    async def make_block(self, *, is_forced: bool = False) -> BlockHeader | None:
        """Make one block now: propose, verify, finalize, sign, commit; None when there was nothing to do."""
        async with self._making:
            return await self._make_block(is_forced=is_forced)

    @asynccontextmanager
    async def time_control(self) -> AsyncIterator[BlockHeader]:
        """Hold block making while the clock is moved; yields the head."""
        async with self._making:
            yield self._application.head

    async def advance_to(self, time_s: int) -> BlockHeader:
        """Make one block at exactly `time_s`, with what is pending; the clock goes on from there.

        Raises:
            TimeControlError: not after the head block, or absurdly far.
        """
        async with self._making:
            self.clock.set_next(time_s, self._application.head.timestamp)
            header = await self._make_block(is_forced=True)
        if header is None or header.timestamp != time_s:
            raise TimeControlError(f"timestamp: expected a block at {time_s}, got none")
        return header

    async def _make_block(self, *, is_forced: bool) -> BlockHeader | None:
        app = self._application
        timestamp = self.clock.next_block_s(app.head.timestamp)
        proposer = self._sealer.address
        items = await app.propose(timestamp, proposer, allow_empty=is_forced)
        if not items:
            return None
        header = await app.verify(items, proposer)
        block = await app.finalize(items, proposer)
        if block.header.hash != header.hash:
            raise InvariantError(f"block: expected {header.hash.hex()}, got {block.header.hash.hex()}")
        self.clock.block_made(timestamp)
        proof = self._sealer.seal(block)
        await app.commit(block, proof, {CLOCK_META: json.dumps({"offset_s": self.clock.offset_s}).encode()})
        self._sealer.committed(block, proof)
        if not len(app.mempool):
            self._journal.trim()
        for listener in self._listeners:
            listener(block.header)
        _log.debug("block_committed", block_number=block.header.number, transactions=len(block.transactions))
        return block.header
