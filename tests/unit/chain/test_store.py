"""The store: one transaction per block, refusals that leave everything as it was."""

from pathlib import Path

import pytest

from node.chain.errors import CorruptChainError, ReadOnlyError
from node.chain.genesis_block import read_genesis
from node.chain.store import ChainStore
from tests.unit.chain.support import Actor, genesis_document, open_local_chain


def test_empty_store_knows_nothing(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, map_bytes=1 << 22)
    assert store.head_number() is None
    assert store.header(0) is None
    assert store.header(-1) is None
    assert store.number_of(bytes(32)) is None
    assert store.number_of(b"") is None
    assert store.place_of(bytes(32)) is None
    assert store.finality(1) is None
    assert store.transactions(0) == store.receipts(0) == []
    store.close()


def test_block_is_found_by_number_and_hash_after_it_was_committed(tmp_path: Path) -> None:
    genesis = read_genesis(genesis_document({Actor(1).address: 5}))
    store = ChainStore(tmp_path, map_bytes=1 << 24)
    store.commit(genesis.block, None, {"note": b"x"})
    store.close()
    store = ChainStore(tmp_path, map_bytes=1 << 24)
    assert store.head_number() == 0
    assert store.header(0) == genesis.block.header
    assert store.number_of(genesis.block.header.hash) == 0
    assert store.meta("note") == b"x"
    assert store.meta("other") is None
    with pytest.raises(CorruptChainError, match="expected a block after 0, got 0"):
        store.commit(genesis.block, None)
    store.close()


def test_nothing_is_kept_when_a_write_fails(tmp_path: Path) -> None:
    def fail_at_headers(name: str) -> None:
        if name == "lmdb.put.headers":
            raise OSError(28, "No space left on device")

    genesis = read_genesis(genesis_document({}))
    store = ChainStore(tmp_path, fail_at_headers, map_bytes=1 << 24)
    with pytest.raises(ReadOnlyError, match="No space left"):
        store.commit(genesis.block, None)
    assert store.head_number() is None
    assert all(store.state_node(key) is None for key in genesis.block.state_nodes)
    store.close()


def test_full_map_is_reported_as_read_only(tmp_path: Path) -> None:
    store = ChainStore(tmp_path, map_bytes=1 << 18)
    with pytest.raises(ReadOnlyError, match="restart"):
        store.put_meta("large", bytes(1 << 20))
    assert store.meta("large") is None
    store.close()


async def test_head_stays_when_the_commit_fails(tmp_path: Path) -> None:
    left = [2]

    def fail_at_second_commit(name: str) -> None:
        if name == "lmdb.commit":
            left[0] -= 1
            if left[0] == 0:
                raise OSError(5, "Input/output error")

    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer], fail_at_second_commit)
    try:
        with pytest.raises(ReadOnlyError):
            await chain.send(payer.sign())
        assert chain.application.head.number == 0
        assert len(chain.application.mempool) == 1
        header = await chain.driver.make_block()
        assert header is not None
        assert header.number == 1
    finally:
        await chain.close()
