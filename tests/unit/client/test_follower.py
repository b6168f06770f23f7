"""Blocks are applied in order, whole, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from contracts.client.block_feed import BlockFeed
from contracts.client.errors import ForkedChainError
from contracts.client.follower import Cursor, EventFollower, Handlers
from tests.unit.client.fake_chain import FakeChain, contract_address

PING = {"contract": "FxOracle", "name": "Ping", "address": contract_address("FxOracle")}


@dataclass
class MemoryStore:
    """A store whose transactions really roll back."""

    rows: list[object] = field(default_factory=list)
    cursor: Cursor | None = None
    time_s: int = 0
    commits: int = 0

    @contextmanager
    def transaction(self) -> Iterator[list[object]]:
        rows, cursor = list(self.rows), self.cursor
        try:
            yield self.rows
        except BaseException:
            self.rows, self.cursor = rows, cursor
            raise
        self.commits += 1

    def load_cursor(self, _session: list[object]) -> Cursor | None:
        return self.cursor

    def save_cursor(self, _session: list[object], cursor: Cursor, time_s: int) -> None:
        self.cursor, self.time_s = cursor, time_s


async def follow(chain: FakeChain, store: MemoryStore, handlers: Handlers[list[object]]) -> int:
    """Catch up with a new follower, as after a restart."""
    feed = BlockFeed(chain)
    await feed.poll()
    return await EventFollower(feed, store, handlers).catch_up()


async def test_catch_up_applies_every_block_once_when_run_again_by_a_new_process() -> None:
    chain, store = FakeChain(), MemoryStore()
    handlers = Handlers[list[object]](infos=[lambda session, info: session.append(info.number)])
    chain.mine()
    assert await follow(chain, store, handlers) == 2
    chain.mine()
    assert await follow(chain, store, handlers) == 1
    assert await follow(chain, store, handlers) == 0
    assert store.rows == [0, 1, 2]
    assert store.cursor == Cursor(2, chain.blocks[2].info.hash)
    assert store.time_s == chain.blocks[2].info.time_s


async def test_blocks_are_applied_one_by_one_in_few_transactions_when_the_follower_is_behind() -> None:
    chain, store = FakeChain(), MemoryStore()
    for _ in range(39):
        chain.mine()
    seen: list[tuple[int, int]] = []
    late: list[int] = []
    handlers = Handlers[list[object]](
        infos=[lambda _, info: seen.append((info.number, store.time_s))],
        times=[lambda _, info: late.append(info.number)],
    )
    assert await follow(chain, store, handlers) == 40
    times = [block.info.time_s for block in chain.blocks]
    # Each block finds the cursor at the block before it.
    assert seen == list(enumerate([0, *times[:-1]]))
    # What time makes due is looked at once in each.
    assert late == [15, 31, 39]
    # One reads the cursor.
    assert store.commits == 1 + 3


async def test_handlers_run_in_their_order_when_a_block_has_all_kinds() -> None:
    chain, store = FakeChain(), MemoryStore()
    chain.mine(events=[PING, PING])
    handlers = Handlers[list[object]](
        infos=[lambda session, info: session.append(("info", info.number))],
        events=[lambda session, event: session.append(("event", event.log_index))],
        blocks=[lambda session, block: session.append(("block", block.info.number))],
    )
    await follow(chain, store, handlers)
    assert store.rows == [("block", 0), ("info", 0), ("block", 1), ("event", 0), ("event", 1), ("info", 1)]


async def test_block_is_not_applied_when_a_handler_fails_and_is_when_it_works_again() -> None:
    chain, store = FakeChain(), MemoryStore()
    is_broken = True

    def on_event(session: list[object], event: object) -> None:
        session.append("event")
        if is_broken:
            raise ValueError("handler")

    handlers = Handlers[list[object]](
        events=[on_event], blocks=[lambda session, block: session.append(block.info.number)]
    )
    await follow(chain, store, handlers)
    chain.mine(events=[PING])
    with pytest.raises(ValueError, match="handler"):
        await follow(chain, store, handlers)
    assert (store.rows, store.cursor) == ([0], Cursor(0, chain.blocks[0].info.hash))
    is_broken = False
    await follow(chain, store, handlers)
    assert store.rows == [0, 1, "event"]


async def test_follower_stops_when_the_cursors_block_is_no_longer_on_the_chain() -> None:
    chain, store = FakeChain(), MemoryStore()
    chain.mine()
    await follow(chain, store, Handlers())
    other = FakeChain()
    other.mine(seconds=5)
    other.mine()
    store.cursor = Cursor(1, bytes(32))
    with pytest.raises(ForkedChainError, match="block 1"):
        await follow(other, store, Handlers())


async def test_follower_waits_when_the_chain_is_behind_the_cursor() -> None:
    chain, store = FakeChain(), MemoryStore()
    chain.mine()
    await follow(chain, store, Handlers())
    assert await follow(FakeChain(), store, Handlers()) == 0
