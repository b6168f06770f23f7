"""One poller for many followers."""

import asyncio

import pytest

from contracts.client.block_feed import BlockFeed
from contracts.client.errors import ChainUnavailableError, UnavailableError
from tests.unit.client.fake_chain import FakeChain


async def test_block_is_read_once_when_many_ask() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain)
    chain.mine()
    blocks = await asyncio.gather(*(feed.block(1) for _ in range(5)))
    assert all(block is chain.blocks[1] for block in blocks)
    assert chain.block_reads == 1


async def test_block_is_asked_for_again_when_the_first_answer_failed() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain)
    chain.is_away = True
    with pytest.raises(ChainUnavailableError):
        await feed.block(0)
    chain.is_away = False
    assert (await feed.block(0)).info.number == 0


async def test_block_is_kept_for_the_others_when_one_reader_is_cancelled() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain)
    impatient = asyncio.ensure_future(feed.block(0))
    patient = asyncio.ensure_future(feed.block(0))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).info.number == 0


async def test_now_s_is_the_heads_time_when_a_block_was_seen() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain)
    with pytest.raises(UnavailableError, match="none from the chain yet"):
        feed.now_s()
    chain.mine(seconds=86_400)
    await feed.poll()
    assert feed.now_s() == chain.blocks[-1].info.time_s
    assert feed.head == chain.blocks[-1].info


async def test_wait_beyond_returns_when_the_head_moves_and_not_before() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain)
    await feed.poll()
    waiting = asyncio.ensure_future(feed.wait_beyond(0))
    await feed.poll()
    await asyncio.sleep(0)
    assert not waiting.done()
    chain.mine()
    await feed.poll()
    assert (await waiting).number == 1


async def test_run_goes_on_when_the_chain_was_away_and_is_poked() -> None:
    chain = FakeChain()
    feed = BlockFeed(chain, poll_interval_s=60)
    chain.is_away = True
    running = asyncio.ensure_future(feed.run())
    await asyncio.sleep(0)
    chain.is_away = False
    feed.poke()
    await feed.wait_beyond(-1)
    chain.mine()
    feed.poke()
    assert (await feed.wait_beyond(0)).number == 1
    running.cancel()
