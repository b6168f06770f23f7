"""Gossip: what is handed out together, what again, and that nothing acknowledged is forgotten while it waits."""

import asyncio
from collections.abc import Callable

import pytest

from node.chain import gossip
from node.chain.errors import ConsensusUnavailableError
from node.chain.gossip import Gossip, decode_batch, encode_batch, first_batch
from node.chain.limits import BATCH_BYTES_MAX, BATCH_TRANSACTIONS_MAX, GOSSIP_AGAIN_S
from node.chain.mempool import Mempool
from node.chain.transactions import Transaction, decode_transaction
from tests.unit.chain.support import Actor

CATCHING_UP = "cometbft broadcast_tx_async: expected a result, got endpoint is closed while node is catching up"
KNOWN = "cometbft broadcast_tx_async: expected a result, got {'data': 'tx already exists in cache'}"


class FakeRpc:
    """Keeps what it is given; refuses while `refusal` is set; calls `during` meanwhile."""

    def __init__(self) -> None:
        self.batches: list[tuple[bytes, ...]] = []
        self.refusal: str | None = None
        self.during: Callable[[], None] = lambda: None
        self.has_more = asyncio.Event()

    async def broadcast_async(self, item: bytes) -> None:
        self.during()
        if self.refusal:
            raise ConsensusUnavailableError(self.refusal)
        self.batches.append(decode_batch(item))
        self.has_more.set()


class Node:
    """A pool and its gossip."""

    def __init__(self) -> None:
        self.pool, self.rpc, self.payer = Mempool(), FakeRpc(), Actor(1)
        self.gossip = Gossip(self.pool, self.rpc)

    def take(self, **changes: bytes) -> Transaction:
        tx = decode_transaction(self.payer.sign(**changes))
        self.pool.add(tx, 0)
        self.gossip.transaction_taken(tx)
        return tx


def test_batch_is_told_from_a_transaction() -> None:
    items = [Actor(1).sign(), Actor(2).sign()]
    for batch in (items, items[:1]):
        assert encode_batch(batch)[0] == 0x7E
        assert decode_batch(encode_batch(batch)) == tuple(batch)
    assert decode_batch(items[0]) == (items[0],)


def test_batch_is_as_large_as_may_be() -> None:
    payer = Actor(1)
    many = [decode_transaction(payer.sign())] * (BATCH_TRANSACTIONS_MAX + 1)
    assert len(first_batch(many)) == BATCH_TRANSACTIONS_MAX
    large = [decode_transaction(payer.sign(data=bytes(130_000)))] * 9
    batch = first_batch(large)
    assert len(batch) == 8
    assert BATCH_BYTES_MAX - 131_000 < len(encode_batch([tx.item for tx in batch])) <= BATCH_BYTES_MAX
    assert first_batch([]) == []


async def test_what_came_together_is_handed_out_together_in_order() -> None:
    node = Node()
    items = [node.take().item for _ in range(BATCH_TRANSACTIONS_MAX + 2)]
    assert await node.gossip.hand_out(0)
    # After each batch its last transaction once more: that batch is kept where it comes, and wakes the proposer.
    assert [list(batch) for batch in node.rpc.batches] == [
        items[:BATCH_TRANSACTIONS_MAX],
        items[BATCH_TRANSACTIONS_MAX - 1 : BATCH_TRANSACTIONS_MAX],
        items[BATCH_TRANSACTIONS_MAX:],
        items[-1:],
    ]
    assert await node.gossip.hand_out(1)
    assert len(node.rpc.batches) == 4


async def test_transaction_is_handed_out_again_while_it_waits() -> None:
    node = Node()
    first, second = node.take(), node.take()
    await node.gossip.hand_out(0)
    await node.gossip.hand_out(GOSSIP_AGAIN_S - 1)
    assert node.rpc.batches == [(first.item, second.item), (second.item,)]
    node.pool.drop(first)
    await node.gossip.hand_out(GOSSIP_AGAIN_S)
    assert node.rpc.batches[2:] == [(second.item,)]
    await node.gossip.hand_out(2 * GOSSIP_AGAIN_S)
    assert node.rpc.batches[3:] == [(second.item,)]
    node.pool.drop(second)
    await node.gossip.hand_out(3 * GOSSIP_AGAIN_S)
    assert len(node.rpc.batches) == 4


async def test_transaction_stays_due_when_cometbft_does_not_take_it() -> None:
    node = Node()
    tx = node.take()
    node.rpc.refusal = CATCHING_UP
    assert not await node.gossip.hand_out(0)
    assert not await node.gossip.hand_out(1)
    assert node.gossip.waiting() == [tx.item]
    node.rpc.refusal = None
    assert await node.gossip.hand_out(2)
    assert node.rpc.batches == [(tx.item,)]


async def test_batch_that_cometbft_has_counts_as_handed_out() -> None:
    node = Node()
    node.take()
    node.rpc.refusal = KNOWN
    assert await node.gossip.hand_out(0)
    node.rpc.refusal = None
    assert await node.gossip.hand_out(1)
    assert node.rpc.batches == []


async def test_what_is_acknowledged_is_kept_for_the_journal_at_every_moment() -> None:
    node = Node()
    kept: list[int] = []
    node.rpc.during = lambda: kept.append(len(node.gossip.waiting()))
    for _ in range(3):
        node.take()
    assert len(node.gossip.waiting()) == 3
    await node.gossip.hand_out(0)
    assert kept == [3, 3]
    assert len(node.gossip.waiting()) == 3
    await node.gossip.hand_out(GOSSIP_AGAIN_S)
    assert kept == [3, 3, 3, 3]
    for tx in node.pool.all():
        node.pool.drop(tx)
    assert node.gossip.waiting() == []


async def test_what_comes_while_a_batch_is_under_way_goes_next_also_when_some_is_dropped() -> None:
    node = Node()
    dropped, stays = node.take(), node.take()
    late: list[Transaction] = []

    def during() -> None:
        if not late:
            node.pool.drop(dropped)
            late.append(node.take())

    node.rpc.during = during
    assert await node.gossip.hand_out(0)
    assert node.rpc.batches == [(dropped.item, stays.item), (stays.item,), (late[0].item,)]
    assert node.gossip.waiting() == [stays.item, late[0].item]


async def test_loop_hands_out_as_soon_as_something_comes_and_again_after_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gossip, "GOSSIP_COLLECT_S", 0)
    monkeypatch.setattr(gossip, "GOSSIP_RETRY_S", 0)
    node = Node()
    running = asyncio.create_task(node.gossip.run())
    try:
        for refusal in (None, CATCHING_UP):
            node.rpc.refusal, refusals = refusal, list[int]()

            def lift(refusals: list[int] = refusals) -> None:
                refusals.append(1)
                if len(refusals) == 3:
                    node.rpc.refusal = None

            node.rpc.during = lift
            tx = node.take()
            async with asyncio.timeout(5):
                await node.rpc.has_more.wait()
            node.rpc.has_more.clear()
            assert node.rpc.batches[-1] == (tx.item,)
    finally:
        running.cancel()


async def test_loop_hands_out_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gossip, "GOSSIP_COLLECT_S", 0)
    monkeypatch.setattr(gossip, "GOSSIP_AGAIN_S", 0.001)
    node = Node()
    node.take()
    running = asyncio.create_task(node.gossip.run())
    try:
        async with asyncio.timeout(5):
            while len(node.rpc.batches) < 3:
                await node.rpc.has_more.wait()
                node.rpc.has_more.clear()
    finally:
        running.cancel()
