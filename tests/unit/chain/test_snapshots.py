"""Snapshots: what a node lists and hands out, and what another makes of it when pieces are wrong."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import rlp

from node.chain import snapshots, store
from node.chain.abci.abci_pb2 import (
    Empty,
    RequestApplySnapshotChunk,
    RequestLoadSnapshotChunk,
    RequestOfferSnapshot,
    ResponseApplySnapshotChunk,
    ResponseOfferSnapshot,
    Snapshot,
)
from node.chain.blocks import BlockHeader
from node.chain.errors import CorruptChainError
from node.chain.limits import SNAPSHOT_CHUNK_BYTES, SNAPSHOT_EVERY_HEIGHTS, SNAPSHOTS_LISTED
from tests.unit.chain.decided import Decided, decided, validator_change
from tests.unit.chain.support import Actor

ACCEPT, RETRY = ResponseApplySnapshotChunk.ACCEPT, ResponseApplySnapshotChunk.RETRY


@asynccontextmanager
async def chain_and_newcomer(
    path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int = 12
) -> AsyncIterator[tuple[Decided, Decided]]:
    """A node with blocks at every second height, and one without any. Three headers a piece; small pieces of blocks."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_HEADERS", 3)
    monkeypatch.setattr(store, "SNAPSHOT_CHUNK_BYTES", 3_000)
    actor = Actor(1)
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(decided(path / "node", [actor]))
        newcomer = await stack.enter_async_context(decided(path / "newcomer", [actor]))
        for number in range(1, blocks + 1):
            await node.decide([])
            item = validator_change(actor, b"\5" * 32, 7, algorithm=2) if number == 3 else actor.sign()
            await node.block(item, *([actor.sign(data=bytes(4_000), gas=900_000)] if number == 5 else []))
        yield node, newcomer


async def listed(node: Decided) -> list[Snapshot]:
    return list((await node.driver.list_snapshots(Empty())).snapshots)


async def load(node: Decided, snapshot: Snapshot, index: int, **changes: Any) -> bytes:
    fields = {"height": snapshot.height, "format": snapshot.format, "chunk": index}
    return (await node.driver.load_snapshot_chunk(RequestLoadSnapshotChunk(**fields | changes))).chunk


async def offer(node: Decided, snapshot: Snapshot, app_hash: bytes, **changes: Any) -> "ResponseOfferSnapshot.Result":
    changed = Snapshot.FromString(snapshot.SerializeToString())
    for name, value in changes.items():
        setattr(changed, name, value)
    return (await node.driver.offer_snapshot(RequestOfferSnapshot(snapshot=changed, app_hash=app_hash))).result


async def apply(node: Decided, index: int, chunk: bytes, sender: str = "peer") -> ResponseApplySnapshotChunk:
    return await node.driver.apply_snapshot_chunk(RequestApplySnapshotChunk(index=index, chunk=chunk, sender=sender))


async def restore(node: Decided, newcomer: Decided, snapshot: Snapshot, first: int = 0) -> None:
    for index in range(first, snapshot.chunks):
        answer = await apply(newcomer, index, await load(node, snapshot, index))
        assert answer.result == ACCEPT, (index, answer)


async def test_newcomer_gets_the_same_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        snapshot = (await listed(node))[0]
        assert snapshot.height == 20
        number = node.store.last_number_at(20)
        app_hash = node.store.hash_of(number)
        assert app_hash == snapshot.hash
        assert snapshot.chunks > 4 + 4
        assert await offer(newcomer, snapshot, app_hash) == ResponseOfferSnapshot.ACCEPT
        await restore(node, newcomer, snapshot)
        assert (newcomer.chain.height, newcomer.chain.app_hash) == (20, app_hash)
        assert newcomer.application.head.number == number == 10
        for block in range(1, number + 1):
            assert newcomer.store.consensus_height(block) == node.store.consensus_height(block) == 2 * block
            assert newcomer.store.consensus_items(block) == node.store.consensus_items(block)
        assert newcomer.store.validator_change_heights(0, 99) == node.store.validator_change_heights(0, 99) == [7]
        # It goes on with the others, and is as good a source.
        for height in range(21, 25):
            items = node.store.consensus_items(height // 2) if height % 2 == 0 else []
            await newcomer.decide(items)
        assert newcomer.chain.app_hash == node.chain.app_hash
        assert await listed(newcomer) == await listed(node)
        assert [await load(newcomer, snapshot, one) for one in range(snapshot.chunks)] == [
            await load(node, snapshot, one) for one in range(snapshot.chunks)
        ]


async def test_snapshot_ends_with_a_height_that_holds_no_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch, blocks=4) as (node, newcomer):
        for _ in range(5):
            await node.decide([])
        [snapshot] = await listed(node)
        assert (snapshot.height, int.from_bytes(snapshot.metadata, "big")) == (10, 4)
        assert await offer(newcomer, snapshot, node.chain.app_hash) == ResponseOfferSnapshot.ACCEPT
        await restore(node, newcomer, snapshot)
        assert (newcomer.chain.height, newcomer.application.head.number) == (10, 4)
        await newcomer.decide([])


async def test_snapshots_are_listed_when_consensus_can_prove_their_height(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch, blocks=1) as (node, _):
        for height in range(3, 60):
            await node.decide([])
            newest = (height - 2) // SNAPSHOT_EVERY_HEIGHTS * SNAPSHOT_EVERY_HEIGHTS
            expected = [newest - back * SNAPSHOT_EVERY_HEIGHTS for back in range(SNAPSHOTS_LISTED)]
            assert [one.height for one in await listed(node)] == [one for one in expected if one > 0]


async def test_nothing_is_listed_when_there_is_no_block(tmp_path: Path) -> None:
    async with decided(tmp_path, []) as node:
        for _ in range(25):
            await node.decide([])
        assert await listed(node) == []


@pytest.mark.parametrize("changes", [{"height": 0}, {"height": 99}, {"format": 2}, {"chunk": 99}])
async def test_no_piece_is_handed_out_when_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, int]
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, _):
        assert await load(node, (await listed(node))[0], 0) != b""
        assert await load(node, (await listed(node))[0], 0, **changes) == b""


async def test_offer_is_refused_when_it_cannot_lead_to_the_proven_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        snapshot, reject = (await listed(node))[0], ResponseOfferSnapshot.REJECT
        assert await offer(newcomer, snapshot, b"\1" * 32) == reject
        assert await offer(newcomer, snapshot, snapshot.hash, format=2) == ResponseOfferSnapshot.REJECT_FORMAT
        for changes in (
            {"metadata": b""},
            {"metadata": bytes(8)},
            {"metadata": bytes(9)},
            {"metadata": b"\xff" * 8},
            {"chunks": 4},
            {"chunks": 15},
            {"height": 9},
        ):
            assert await offer(newcomer, snapshot, snapshot.hash, **changes) == reject, changes
        assert await offer(node, snapshot, snapshot.hash) == reject
        assert await offer(newcomer, snapshot, snapshot.hash) == ResponseOfferSnapshot.ACCEPT


async def test_piece_is_asked_for_again_elsewhere_when_it_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        snapshot = (await listed(node))[0]
        good = [await load(node, snapshot, index) for index in range(snapshot.chunks)]
        await offer(newcomer, snapshot, snapshot.hash)
        forged = rlp.decode(good[4])
        forged[0][0] = b"\xff"
        twice = rlp.decode(good[4])
        twice.append(twice[0])
        stripped = [entry[:2] for entry in rlp.decode(good[4])]
        headers = rlp.decode(good[0])
        wrong: Sequence[tuple[int, bytes]] = [
            (0, b""),
            (0, b"\x80"),
            (0, b"\xc1" * 9_000),
            (0, good[1]),
            (0, rlp.encode(headers[1:])),
            (0, rlp.encode([[], *headers[1:]])),
            (1, good[1]),
            (0, good[0]),
            (1, good[0]),
            (1, good[1]),
            (2, good[2]),
            (3, good[3]),
            (4, b""),
            (4, good[0]),
            (4, rlp.encode([[]])),
            (4, rlp.encode([[b"\2", b"no header"]])),
            (4, rlp.encode(forged)),
            (4, rlp.encode(stripped)),
            (4, good[5]),
        ]
        accepted = []
        for index, chunk in wrong:
            answer = await apply(newcomer, index, chunk, "liar")
            if answer.result == ACCEPT:
                accepted.append(index)
            else:
                assert (answer.result, list(answer.refetch_chunks), list(answer.reject_senders)) == (
                    RETRY,
                    [index],
                    ["liar"],
                )
        assert accepted == [0, 1, 2, 3]
        assert newcomer.application.head.number == 0
        await restore(node, newcomer, snapshot, first=4)
        assert newcomer.chain.app_hash == snapshot.hash


async def test_whole_snapshot_is_refused_when_it_is_not_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        snapshot, reject = (await listed(node))[0], ResponseApplySnapshotChunk.REJECT_SNAPSHOT
        await offer(newcomer, snapshot, snapshot.hash, metadata=(9).to_bytes(8, "big"))
        assert (await apply(newcomer, 0, await load(node, snapshot, 0))).result == reject
        await offer(newcomer, snapshot, snapshot.hash, chunks=snapshot.chunks - 1)
        results = [
            (await apply(newcomer, one, await load(node, snapshot, one))).result for one in range(snapshot.chunks - 1)
        ]
        assert results == [ACCEPT] * (snapshot.chunks - 2) + [reject]


async def test_newcomer_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        snapshot = (await listed(node))[0]
        await offer(newcomer, snapshot, snapshot.hash)
        for index in range(6):
            assert (await apply(newcomer, index, await load(node, snapshot, index))).result == ACCEPT
        blocks = newcomer.application.head.number
        assert 0 < blocks < 10
        newcomer.store.close()
        async with decided(tmp_path / "newcomer", [Actor(1)]) as again:
            assert again.application.head.number == blocks
            assert await offer(again, snapshot, snapshot.hash) == ResponseOfferSnapshot.ACCEPT
            await restore(node, again, snapshot)
            assert (again.chain.height, again.chain.app_hash) == (20, snapshot.hash)


async def test_node_stops_when_what_is_trusted_belongs_to_another_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        chain_and_newcomer(tmp_path, monkeypatch) as (node, _),
        decided(tmp_path / "stranger", [Actor(1), Actor(2)]) as stranger,
    ):
        snapshot = (await listed(node))[0]
        assert await offer(stranger, snapshot, snapshot.hash) == ResponseOfferSnapshot.ACCEPT
        for index in range(3):
            await apply(stranger, index, await load(node, snapshot, index))
        with pytest.raises(CorruptChainError, match="another network"):
            await apply(stranger, 3, await load(node, snapshot, 3))


async def test_node_stops_when_its_own_blocks_are_not_the_proven_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chain_and_newcomer(tmp_path, monkeypatch) as (node, newcomer):
        await newcomer.block(Actor(1).sign(value=7))
        snapshot = (await listed(node))[0]
        assert await offer(newcomer, snapshot, snapshot.hash) == ResponseOfferSnapshot.ACCEPT
        for index in range(3):
            await apply(newcomer, index, await load(node, snapshot, index))
        with pytest.raises(CorruptChainError, match=r"block 1: expected .* as proven"):
            await apply(newcomer, 3, await load(node, snapshot, 3))


async def test_pieces_are_large_where_blocks_are(tmp_path: Path) -> None:
    actor = Actor(1)
    async with decided(tmp_path, [actor]) as node:
        for _ in range(9):
            await node.block(*(actor.sign(data=bytes(130_000), gas=1_500_000) for _ in range(8)))
            await node.decide([])
        assert node.store.chunk_starts(9) == [1, 5, 9]
        assert node.store.chunk_starts(4) == [1]
        [snapshot] = await listed(node)
        assert snapshot.chunks == 1 + 2
        sizes = [len(await load(node, snapshot, index)) for index in (1, 2)]
        assert max(sizes) <= SNAPSHOT_CHUNK_BYTES
        assert BlockHeader.decode(rlp.decode(await load(node, snapshot, 2))[0][1]).number == 5
