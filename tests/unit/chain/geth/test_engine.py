"""What the engine does with geth's answers; the real geth is in tests/integration."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from eth_hash.auto import keccak

from node.chain.blocks import BlockHeader, ExecutedBlock
from node.chain.errors import GethMismatchError, GethUnavailableError, InvalidBlockError
from node.chain.genesis_block import Genesis, read_genesis
from node.chain.geth.engine import GethEngine
from node.chain.geth.ipc import GethIpc
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction
from tests.unit.chain.geth.fake_geth import FakeGeth
from tests.unit.chain.support import CHAIN_ID, Actor, genesis_document

GENESIS: Genesis = read_genesis(genesis_document({}))


def _after(parent: BlockHeader, extra_data: bytes = b"") -> BlockHeader:
    return replace(
        parent,
        parent_hash=parent.hash,
        number=parent.number + 1,
        timestamp=parent.timestamp + 1,
        mix_hash=keccak(parent.hash),
        extra_data=extra_data,
    )


def _chain(count: int, extra_data: bytes = b"", first: BlockHeader = GENESIS.block.header) -> list[BlockHeader]:
    headers = [first]
    for _ in range(count):
        headers.append(_after(headers[-1], extra_data))
    return headers[1:]


def _hashes(headers: list[BlockHeader]) -> list[str]:
    return ["0x" + header.hash.hex() for header in [GENESIS.block.header, *headers]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChainStore]:
    store = ChainStore(tmp_path, map_bytes=1 << 28)
    store.commit(GENESIS.block, None)
    yield store
    store.close()


@pytest.fixture
def geth(monkeypatch: pytest.MonkeyPatch) -> FakeGeth:
    fake = FakeGeth(GENESIS.block.header, CHAIN_ID)
    monkeypatch.setattr(GethIpc, "connect", fake.connect)
    return fake


@pytest.fixture
async def engine(store: ChainStore, geth: FakeGeth) -> AsyncIterator[GethEngine]:
    engine = GethEngine(store, GENESIS, Path("geth.ipc"))
    yield engine
    await engine.close()
    assert geth.is_closed or "web3_clientVersion" not in geth.asked


def _put(store: ChainStore, headers: list[BlockHeader]) -> None:
    for header in headers:
        store.commit(ExecutedBlock(header, (), (), {}), None)


def _give(geth: FakeGeth, headers: list[BlockHeader]) -> None:
    parent = geth.canonical[0]
    for header in headers:
        block_hash = "0x" + header.hash.hex()
        geth.blocks[block_hash] = {"hash": block_hash, "number": hex(header.number), "parent": parent}
        geth.canonical.append(block_hash)
        parent = block_hash


@pytest.mark.parametrize(
    ("stored", "common", "beyond"),
    [(0, 0, 0), (5, 5, 0), (70, 0, 0), (70, 41, 0), (5, 5, 3), (0, 0, 4), (9, 3, 2), (9, 3, 20), (9, 8, 1)],
)
async def test_open_makes_geths_chain_the_stores(
    store: ChainStore, geth: FakeGeth, engine: GethEngine, stored: int, common: int, beyond: int
) -> None:
    ours = _chain(stored)
    last = ours[common - 1] if common else GENESIS.block.header
    _put(store, ours)
    _give(geth, [*ours[:common], *_chain(beyond, b"other", last)])
    with structlog.testing.capture_logs() as entries:
        await engine.open()
    assert geth.canonical == _hashes(ours)
    said = {entry["event"]: entry for entry in entries}
    assert ("engine_taken_back" in said) == (beyond > 0)
    assert ("engine_rebuilding" in said) == (common < stored)
    if common < stored:
        assert (said["engine_rebuilding"]["from_number"], said["engine_rebuilding"]["to_number"]) == (
            common + 1,
            stored,
        )
    assert geth.asked.count("engine_newPayloadV4") == stored - common


async def test_open_heals_a_block_whose_state_is_lost(store: ChainStore, geth: FakeGeth, engine: GethEngine) -> None:
    ours = _chain(4)
    _put(store, ours)
    _give(geth, ours[:2])
    lost = "0x" + ours[1].hash.hex()
    geth.stateless.add(lost)
    await engine.open()
    assert geth.canonical == _hashes(ours)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": "Geth/v1.17.50-stable/linux"}, "version"),
        ({"version": "Geth/v1.16.7-stable/linux"}, "version"),
        ({"chain_id": 1}, "chain_id"),
        ({"genesis": _after(GENESIS.block.header)}, "genesis"),
    ],
)
async def test_open_is_refused_when_it_is_another_geth(
    store: ChainStore, engine: GethEngine, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], field: str
) -> None:
    fields: dict[str, object] = {"genesis": GENESIS.block.header, "chain_id": CHAIN_ID}
    other = FakeGeth(**fields | change)  # type: ignore[arg-type]
    monkeypatch.setattr(GethIpc, "connect", other.connect)
    with pytest.raises(GethMismatchError, match=field):
        await engine.open()
    assert "engine_forkchoiceUpdatedV3" not in other.asked


async def test_execute_returns_a_valid_block_and_head_moves_only_when_committed(
    store: ChainStore, geth: FakeGeth, engine: GethEngine
) -> None:
    await engine.open()
    header = _after(GENESIS.block.header)
    tx = decode_transaction(Actor(1).sign())
    block = await engine.execute(header, [tx])
    assert block == ExecutedBlock(header, (tx,), (), {})
    assert geth.canonical == _hashes([])
    store.commit(block, None)
    await engine.committed(block)
    assert geth.canonical == _hashes([header])


async def test_committed_imports_a_block_that_was_never_executed(
    store: ChainStore, geth: FakeGeth, engine: GethEngine
) -> None:
    await engine.open()
    (header,) = _chain(1)
    block = ExecutedBlock(header, (), (), {})
    store.commit(block, None)
    await engine.committed(block)
    assert geth.canonical == _hashes([header])


async def test_execute_is_refused_with_the_first_reason_when_geth_no_longer_says_it(
    store: ChainStore, geth: FakeGeth, engine: GethEngine
) -> None:
    await engine.open()
    (header,) = _chain(1)
    block_hash = "0x" + header.hash.hex()
    geth.refuse[block_hash] = "invalid gas used (remote: 1 local: 0)"
    with pytest.raises(InvalidBlockError, match="gas_used: expected 0, got 1"):
        await engine.execute(header, [])
    geth.refuse[block_hash] = "links to previously rejected block"
    with pytest.raises(InvalidBlockError, match="gas_used: expected 0, got 1"):
        await engine.execute(header, [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"parent_hash": b"\1" * 32}, "parent_hash"),
        ({"number": 7}, "parent_hash"),
        ({"number": 0}, "parent_hash"),
        ({"mix_hash": b"\1" * 32}, "mix_hash"),
        ({"requests_hash": b"\1" * 32}, "transactions"),
    ],
)
async def test_execute_is_refused_before_geth_imports_anything(
    store: ChainStore, geth: FakeGeth, engine: GethEngine, change: dict[str, object], field: str
) -> None:
    await engine.open()
    header = replace(_after(GENESIS.block.header), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidBlockError) as caught:
        await engine.execute(header, [])
    assert caught.value.field == field
    assert "engine_newPayloadV4" not in geth.asked


async def test_execute_is_unavailable_when_geth_lost_the_parent(
    store: ChainStore, geth: FakeGeth, engine: GethEngine
) -> None:
    first, second = _chain(2)
    _put(store, [first])
    await engine.open()
    del geth.blocks["0x" + first.hash.hex()]
    with pytest.raises(GethUnavailableError):
        await engine.execute(second, [])


async def test_engine_is_unavailable_before_it_is_open(engine: GethEngine) -> None:
    with pytest.raises(GethUnavailableError, match="still opening"):
        await engine.accounts([b"\1" * 20])
