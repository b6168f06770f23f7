"""One pull follower per database: takes block after block and applies what there is in one SQL transaction.

The cursor (number, hash) moves in the same SQL transaction as the handlers' work, so a crash at any point
leaves a block either applied whole or not at all, and it is applied again after the restart.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from contracts.client.artifacts import ChainEvent
from contracts.client.block_feed import BlockFeed
from contracts.client.blocks import BlockData, BlockInfo, TransactionOutcome
from contracts.client.errors import ForkedChainError, UnavailableError

Session = TypeVar("Session")
# Pause before asking again for a block the chain did not hand out.
_RETRY_S: Final = 0.5
# Blocks of one transaction: whoever is behind pays for one commit, and others wait for no more than these.
_TOGETHER_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last block that was applied."""

    number: int
    hash: bytes


class FollowerStore(Protocol[Session]):
    """The database side; `node.storage` implements it."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a transaction: commit at the end, roll back on an exception.

        What it says of the chain can be had from the chain again; the loss of power may take the last ones back, but
        nothing that anybody was told.
        """
        ...

    def load_cursor(self, session: Session) -> Cursor | None:
        """Return the cursor, None in a new database."""
        ...

    def save_cursor(self, session: Session, cursor: Cursor, time_s: int) -> None:
        """Replace the cursor; `time_s` is its block's time."""
        ...


@dataclass(slots=True)
class Handlers(Generic[Session]):
    """What is applied to each block, in this order: whole blocks, all outcomes, each event, then the block's info.

    `times` look at what the last block's time has made due: once for all blocks that are applied together.

    A handler may raise only what stops the follower: it gets facts, and has nobody to refuse them to.
    """

    blocks: list[Callable[[Session, BlockData], None]] = field(default_factory=list)
    outcomes: list[Callable[[Session, Sequence[TransactionOutcome]], None]] = field(default_factory=list)
    events: list[Callable[[Session, ChainEvent], None]] = field(default_factory=list)
    infos: list[Callable[[Session, BlockInfo], None]] = field(default_factory=list)
    times: list[Callable[[Session, BlockInfo], None]] = field(default_factory=list)

    def apply(self, session: Session, block: BlockData) -> None:
        """Run every handler on one block."""
        for on_block in self.blocks:
            on_block(session, block)
        for on_outcomes in self.outcomes if block.outcomes else ():
            on_outcomes(session, block.outcomes)
        _each(session, self.events, block.events)
        _each(session, self.infos, (block.info,))


class EventFollower(Generic[Session]):
    """Applies the chain's blocks to one database."""

    def __init__(self, feed: BlockFeed, store: FollowerStore[Session], handlers: Handlers[Session]) -> None:
        self._feed = feed
        self._store = store
        self._handlers = handlers
        self._cursor: Cursor | None = None
        self._moved = asyncio.Condition()

    @property
    def cursor(self) -> Cursor | None:
        """The last block applied by this process, None before the first."""
        return self._cursor

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            ForkedChainError: the chain no longer has the block the cursor names. Stop.
            Exception: whatever a handler raised; the block is not applied.
        """
        while True:
            try:
                await self.catch_up()
                await self._feed.wait_beyond(-1 if self._cursor is None else self._cursor.number)
            except UnavailableError:
                await asyncio.sleep(_RETRY_S)

    async def catch_up(self) -> int:
        """Apply every block up to the feed's head; return how many."""
        cursor = self._load()
        applied = 0
        while (head := self._feed.head) is not None and head.number > (
            reached := -1 if cursor is None else cursor.number
        ):
            last = min(head.number, reached + _TOGETHER_MAX)
            blocks = [await self._feed.block(number) for number in range(reached + 1, last + 1)]
            cursor = await self._apply(cursor, blocks)
            applied += len(blocks)
        return applied

    async def wait_for(self, number: int) -> None:
        """Return once block `number` is applied."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._cursor is not None and self._cursor.number >= number)

    async def _apply(self, cursor: Cursor | None, blocks: Sequence[BlockData]) -> Cursor | None:
        """Apply blocks, at least one, in one transaction."""
        with self._store.transaction() as session:
            for block in blocks:
                if cursor is not None and block.parent_hash != cursor.hash:
                    raise ForkedChainError(cursor.number, cursor.hash, block.parent_hash)
                cursor = Cursor(block.info.number, block.info.hash)
                self._handlers.apply(session, block)
                self._store.save_cursor(session, cursor, block.info.time_s)
            _each(session, self._handlers.times, (blocks[-1].info,))
        async with self._moved:
            self._cursor = cursor
            self._moved.notify_all()
        return cursor

    def _load(self) -> Cursor | None:
        if self._cursor is None:
            with self._store.transaction() as session:
                self._cursor = self._store.load_cursor(session)
        return self._cursor


Item = TypeVar("Item")


def _each(session: Session, handlers: list[Callable[[Session, Item], None]], items: Sequence[Item]) -> None:
    for item in items:
        for handler in handlers:
            handler(session, item)
