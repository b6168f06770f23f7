"""Waiting transactions: nonce order per sender, better tips first, bounds, replacement, what a block removes."""

import pytest

from node.chain import mempool as mempool_module
from node.chain.errors import (
    AlreadyKnownError,
    MempoolFullError,
    NonceTooHighError,
    NonceTooLowError,
    UnderpricedError,
)
from node.chain.mempool import Mempool
from node.chain.transactions import Transaction, decode_transaction
from tests.unit.chain.support import Actor


def _tx(actor: int, nonce: int, tip: int = 0, value: int = 0) -> Transaction:
    return decode_transaction(Actor(actor).sign(nonce=nonce, tip=tip, fee=tip, value=value))


def test_executable_orders_by_tip_then_arrival_and_keeps_nonces() -> None:
    pool = Mempool()
    slow, rich, late = _tx(1, 0), _tx(2, 0, tip=5), _tx(3, 0)
    follower = _tx(2, 1)
    for tx in (slow, rich, late, follower):
        pool.add(tx, 0)
    assert list(pool.executable()) == [rich, slow, late, follower]


def test_gap_is_not_executable_until_it_is_closed() -> None:
    pool = Mempool()
    pool.add(_tx(1, 2), 0)
    assert not pool.has_executable()
    pool.add(_tx(1, 0), 0)
    assert [tx.nonce for tx in pool.executable()] == [0]
    assert pool.pending_nonce(Actor(1).address, 0) == 1
    pool.add(_tx(1, 1), 0)
    assert [tx.nonce for tx in pool.executable()] == [0, 1, 2]
    assert pool.pending_nonce(Actor(1).address, 0) == 3
    assert pool.pending_nonce(Actor(9).address, 4) == 4


def test_held_transaction_and_its_followers_wait_for_release() -> None:
    pool = Mempool()
    held, follower, other = _tx(1, 0), _tx(1, 1), _tx(2, 0)
    pool.add(held, 0, is_held=True)
    assert not pool.has_executable()
    pool.add(follower, 0)
    pool.add(other, 0)
    assert list(pool.executable()) == [other]
    pool.release(held)
    assert list(pool.executable()) == [held, follower, other]


def test_advance_removes_what_a_block_made_impossible() -> None:
    pool = Mempool()
    for nonce in range(3):
        pool.add(_tx(1, nonce), 0)
    pool.advance([(Actor(1).address, 2), (Actor(9).address, 7)])
    assert [tx.nonce for tx in pool.executable()] == [2]
    assert len(pool) == 1
    pool.advance([(Actor(1).address, 3)])
    assert len(pool) == 0
    assert pool.senders() == []


def test_replacement_takes_the_place_only_with_a_better_fee() -> None:
    pool = Mempool()
    old, same_fee, better = _tx(1, 0, tip=100), _tx(1, 0, tip=109, value=1), _tx(1, 0, tip=110, value=2)
    pool.add(old, 0)
    with pytest.raises(UnderpricedError, match="expected at least 110, got 109"):
        pool.add(same_fee, 0)
    pool.add(better, 0)
    assert list(pool.executable()) == [better]
    assert pool.get(old.hash) is None
    assert len(pool) == 1


def test_free_transaction_is_replaced_only_by_one_that_pays() -> None:
    pool = Mempool()
    pool.add(_tx(1, 0), 0)
    with pytest.raises(UnderpricedError):
        pool.add(_tx(1, 0, value=1), 0)
    pool.add(_tx(1, 0, tip=1), 0)


def test_add_rejects_known_low_and_far_nonces() -> None:
    pool = Mempool()
    tx = _tx(1, 5)
    pool.add(tx, 5)
    with pytest.raises(AlreadyKnownError):
        pool.add(tx, 5)
    with pytest.raises(NonceTooLowError, match="next nonce 6, tx nonce 5"):
        pool.add(_tx(1, 5, tip=9), 6)
    with pytest.raises(NonceTooHighError):
        pool.add(_tx(1, 5_000), 5)


def test_pool_is_bounded_per_sender_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mempool_module, "MEMPOOL_PER_SENDER_MAX", 2)
    monkeypatch.setattr(mempool_module, "MEMPOOL_TRANSACTIONS_MAX", 3)
    pool = Mempool()
    pool.add(_tx(1, 0), 0)
    pool.add(_tx(1, 1), 0)
    with pytest.raises(MempoolFullError, match="per account"):
        pool.add(_tx(1, 2), 0)
    pool.add(_tx(2, 0), 0)
    with pytest.raises(MempoolFullError, match="3 transactions waiting"):
        pool.add(_tx(3, 0), 0)
    pool.add(_tx(2, 0, tip=1), 0)
    pool.drop(next(pool.executable()))
    pool.add(_tx(3, 0), 0)
    assert len(pool) == 3


def test_pending_cost_counts_what_else_waits_without_the_one_to_replace() -> None:
    pool = Mempool()
    pool.add(_tx(1, 0, value=10), 0)
    pool.add(_tx(1, 2, value=30), 0)
    assert pool.pending_cost(_tx(1, 1)) == 40
    assert pool.pending_cost(_tx(1, 2)) == 10
    assert pool.pending_cost(_tx(2, 0)) == 0
    pool.advance([(Actor(1).address, 1)])
    assert pool.pending_cost(_tx(1, 1)) == 30
    pool.drop(pool.all()[0])
    assert pool.pending_cost(_tx(1, 1)) == 0
