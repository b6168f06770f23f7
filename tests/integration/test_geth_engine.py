"""The geth engine with a real geth: equal blocks with py-evm, crashes, lost databases, hostile blocks."""

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from node.chain.blocks import EMPTY_REQUESTS_HASH, BlockHeader, ExecutedBlock
from node.chain.divergence import build_report
from node.chain.errors import (
    ExecutionFailedError,
    ExecutionRevertedError,
    GethMismatchError,
    GethUnavailableError,
    InvalidBlockError,
)
from node.chain.geth.engine import GethEngine
from node.chain.ports import AccountOverride, CallRequest, SenderAccount
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction
from node.chain.tries import ordered_root
from tests.integration.engines import Geth, running_geth
from tests.integration.geth_chain import COINBASE, Cast, TwoEngines, next_block, pool_of, words
from tests.unit.chain.support import ETHER, REVERT, STORE, STORE_CODE, Actor

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3"))
# EIP-7002: a withdrawal request is 48 bytes of key and 8 of amount, for a fee of 1 wei when nobody else asks.
WITHDRAWALS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return Cast.make(tmp_path_factory.mktemp("cast") / "genesis")


@contextlib.asynccontextmanager
async def _engines(folder: Path, cast: Cast) -> AsyncIterator[tuple[TwoEngines, Geth]]:
    for actor in cast.actors:
        actor.nonce = 0
    async with running_geth(folder / "home", cast.document) as geth:
        both = TwoEngines(folder, cast.genesis, geth.ipc)
        await both.geth.open()
        try:
            yield both, geth
        finally:
            await both.close()


async def test_engines_make_equal_blocks_of_random_transactions(tmp_path: Path, cast: Cast) -> None:
    dice = random.Random(6_001)
    async with _engines(tmp_path, cast) as (both, _):
        assert len((await both.add(*cast.fund())).transactions) == 20
        kinds, statuses = set(), set()
        for _ in range(25):
            block = await both.add(*(cast.random(dice) for _ in range(dice.randrange(1, 30))))
            kinds |= {tx.type_id for tx in block.transactions}
            statuses |= {receipt.is_success for receipt in block.receipts}
            # What did not run and what was authorized twice leaves the actors' counts behind.
            accounts = await both.geth.accounts([actor.address for actor in cast.actors])
            for actor, account in zip(cast.actors, accounts, strict=True):
                actor.nonce = account.nonce
        assert kinds == {0, 1, 2, 4}
        assert statuses == {True, False}
        assert both.head.number == 26


async def test_geth_executes_what_py_evm_proposes(tmp_path: Path, cast: Cast) -> None:
    dice = random.Random(6_002)
    async with _engines(tmp_path, cast) as (both, _):
        await both.add(*cast.fund())
        for seconds in (1, 3_600, 1):
            environment = next_block(both.head, seconds)
            raws = [cast.actors[index].sign(to=STORE, data=words(index, dice.randrange(9))) for index in range(2, 9)]
            proposed = both.py_evm(environment, [decode_transaction(raw) for raw in raws])
            block = await both.geth.execute(proposed.header, proposed.transactions)
            assert await both.geth.logs(block, STORE) == [receipt.logs[0] for receipt in proposed.receipts]
            await both.commit(block, proposed)
        assert both.head.number == 4


async def test_blocks_with_requests_are_executed_although_their_data_does_not_hold_them(
    tmp_path: Path, cast: Cast
) -> None:
    async with _engines(tmp_path, cast) as (both, geth):
        request = cast.actors[0].sign(to=WITHDRAWALS, data=b"\7" * 48 + words(5)[-8:], value=1, gas=300_000)
        block = both.py_evm(next_block(both.head), [decode_transaction(request)])
        assert block.header.requests_hash != EMPTY_REQUESTS_HASH
        with pytest.raises(InvalidBlockError, match="requests_hash"):
            await both.geth.execute(replace(block.header, requests_hash=b"\1" * 32), block.transactions)
        await both.commit(await both.geth.execute(block.header, block.transactions), block)
        await _lose_database(both, geth, cast)
        assert await _geth_head(both) == block.header.hash


# -- crashes -----------------------------------------------------------------------------------------------------------


async def _lose_database(both: TwoEngines, geth: Geth, cast: Cast) -> None:
    await geth.kill()
    shutil.rmtree(geth.home / "geth")
    await geth.start(cast.document)
    await both.reopen()


async def _geth_head(both: TwoEngines) -> bytes:
    found = await both.geth._call("eth_getBlockByNumber", "finalized", False)
    return bytes.fromhex(found["hash"][2:])


async def _store_blocks(both: TwoEngines, cast: Cast, count: int, dice: random.Random) -> None:
    for _ in range(count):
        await both.add(*(actor.sign(to=STORE, data=words(dice.randrange(9), 5)) for actor in cast.actors))


async def test_geth_comes_back_to_the_stores_head_when_killed(tmp_path: Path, cast: Cast) -> None:
    dice = random.Random(6_003)
    async with _engines(tmp_path, cast) as (both, geth):
        for _ in range(3):
            await _store_blocks(both, cast, 4, dice)
            await geth.kill()
            await geth.start(cast.document)
            await both.reopen()
            assert await _geth_head(both) == both.head.hash
        await _store_blocks(both, cast, 1, dice)
        assert both.head.number == 13


async def test_no_block_is_lost_when_geth_is_killed_at_any_moment(tmp_path: Path, cast: Cast) -> None:
    dice = random.Random()
    async with _engines(tmp_path, cast) as (both, geth):
        for _ in range(ROUNDS):
            making = asyncio.create_task(_store_blocks(both, cast, 1_000, dice))
            await asyncio.sleep(dice.uniform(0.05, 0.5))
            await geth.kill()
            with pytest.raises(GethUnavailableError):
                await making
            await geth.start(cast.document)
            await both.reopen()
            # The store may have a block that the test did not come to note.
            number = both.store.head_number()
            head = None if number is None else both.store.header(number)
            assert head is not None
            assert head.number - both.head.number in (0, 1)
            both.head = head
            assert await _geth_head(both) == head.hash
            accounts = await both.geth.accounts([actor.address for actor in cast.actors])
            for actor, account in zip(cast.actors, accounts, strict=True):
                actor.nonce = account.nonce
        await _store_blocks(both, cast, 1, dice)


async def test_lost_database_is_rebuilt_from_the_store_and_said_so(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, geth):
        await _store_blocks(both, cast, 40, random.Random(6_004))
        with structlog.testing.capture_logs() as entries:
            await _lose_database(both, geth, cast)
        said = next(entry for entry in entries if entry["event"] == "engine_rebuilding")
        assert (said["from_number"], said["to_number"]) == (1, 40)
        assert await _geth_head(both) == both.head.hash
        await _store_blocks(both, cast, 1, random.Random(6_005))


async def test_geth_is_taken_back_when_it_is_ahead_of_the_store(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, geth):
        await _store_blocks(both, cast, 3, random.Random(6_006))
        await both.geth.close()
        older = ChainStore(tmp_path / "older", map_bytes=1 << 28)
        for number in range(2):
            header = both.store.header(number)
            assert header is not None
            transactions = tuple(decode_transaction(tx.raw) for tx in both.store.transactions(number))
            older.commit(ExecutedBlock(header, transactions, (), {}), None)
        engine = GethEngine(older, cast.genesis, geth.ipc)
        try:
            await engine.open()
            found = await engine._call("eth_getBlockByNumber", "latest", False)
            assert int(found["number"], 16) == 1
            head = older.header(1)
            assert head is not None
            other = await engine.build(next_block(head, 77), pool_of(Actor(1, nonce=1).sign(value=9)))
            older.commit(other, None)
            await engine.committed(other)
            # The other branch is geth's chain now: a store with the first one takes it back once more.
            await engine.close()
            await both.reopen()
            assert await _geth_head(both) == both.head.hash
        finally:
            await engine.close()
            older.close()


async def test_open_is_refused_when_geth_has_another_genesis(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, geth):
        header = replace(cast.genesis.block.header, timestamp=cast.genesis.block.header.timestamp + 1)
        for field, genesis in (
            ("genesis", replace(cast.genesis, block=replace(cast.genesis.block, header=header))),
            ("chain_id", replace(cast.genesis, chain_id=5)),
        ):
            other = GethEngine(both.store, genesis, geth.ipc)
            with pytest.raises(GethMismatchError, match=field):
                await other.open()
            await other.close()


async def test_everything_fails_as_unavailable_when_geth_is_gone(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, geth):
        await geth.kill()
        with pytest.raises(GethUnavailableError):
            await both.geth.accounts([COINBASE])
        with pytest.raises(GethUnavailableError):
            await both.geth.build(next_block(both.head), pool_of(cast.actors[0].sign()))


# -- hostile blocks ----------------------------------------------------------------------------------------------------

_HEADERS: dict[str, Callable[[BlockHeader], BlockHeader]] = {
    "state_root": lambda one: replace(one, state_root=b"\1" * 32),
    "receipts_root": lambda one: replace(one, receipts_root=b"\1" * 32),
    "transactions_root": lambda one: replace(one, transactions_root=b"\1" * 32),
    "bloom": lambda one: replace(one, bloom=b"\1" * 256),
    "gas_used": lambda one: replace(one, gas_used=one.gas_used + 1),
    "base_fee": lambda one: replace(one, base_fee=1),
    "gas_limit": lambda one: replace(one, gas_limit=2 * one.gas_limit),
    "mix_hash": lambda one: replace(one, mix_hash=b"\1" * 32),
    "timestamp": lambda one: replace(one, timestamp=one.timestamp - 1),
    "extra_data": lambda one: replace(one, extra_data=b"\1" * 33),
    "parent_hash": lambda one: replace(one, parent_hash=b"\1" * 32),
}


async def test_block_is_refused_by_the_field_that_is_wrong(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        raws = [actor.sign(to=STORE, data=words(1, 2), tip=1, fee=1) for actor in cast.actors[:3]]
        good = both.py_evm(next_block(both.head), [decode_transaction(raw) for raw in raws])
        for field, change in _HEADERS.items():
            for _ in range(2):  # asked again, it says the same
                with pytest.raises(InvalidBlockError) as caught:
                    await both.geth.execute(change(good.header), good.transactions)
                assert caught.value.field == field
        assert await _geth_head(both) == both.head.hash
        await both.commit(await both.geth.execute(good.header, good.transactions), good)


async def test_block_is_refused_by_the_transaction_that_cannot_run(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        payer, stranger = cast.actors[0], Actor(4_711)
        good = decode_transaction(payer.sign())
        for bad in (
            payer.sign(nonce=0),
            payer.sign(nonce=2),
            stranger.sign(value=1),
            payer.sign_legacy(chain_id=None),
            payer.sign_legacy(chain_id=5),
            payer.sign(nonce=1, gas=20_999),
            payer.sign(nonce=1, gas=30_000_001),
        ):
            header = both.py_evm(next_block(both.head), [good]).header
            with pytest.raises(InvalidBlockError) as caught:
                await both.geth.execute(header, [good, decode_transaction(bad)])
            assert caught.value.field in ("transactions[1]", "transactions_root")


async def test_build_goes_on_without_what_cannot_run(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        first, second, stranger = cast.actors[0], cast.actors[1], Actor(4_711)
        hopeless = stranger.sign(value=1)
        late = Actor(second.number).sign(value=2_000 * ETHER)
        raws = [first.sign(value=1), hopeless, first.sign(value=2), second.sign(value=3), second.sign(value=4)]
        pool = pool_of(*raws)
        block = await both.geth.build(next_block(both.head), pool)
        assert {tx.raw for tx in block.transactions} == {raws[0], raws[2], raws[3], raws[4]}
        assert pool.get(decode_transaction(hopeless).hash) is None
        assert len(pool) == 4
        await both.commit(block, both.py_evm(next_block(both.head), list(block.transactions)))
        # Rich enough when it came in, too poor when its turn comes: in the block before it, then out.
        pool = pool_of(
            Actor(second.number, nonce=2).sign(value=900 * ETHER), Actor(second.number, nonce=3).sign(value=900 * ETHER)
        )
        block = await both.geth.build(next_block(both.head), pool)
        assert [tx.nonce for tx in block.transactions] == [2]
        await both.commit(block, both.py_evm(next_block(both.head), list(block.transactions)))
        pool.advance([(second.address, 3)])
        assert (await both.geth.build(next_block(both.head), pool)).transactions == ()
        assert len(pool) == 0
        assert late


async def test_build_fills_half_the_gas_limit_however_generous_the_senders_are(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        target = both.head.gas_limit // 2
        sizes = []
        for _ in range(3):
            raws = [actor.sign(gas=2_000_000) for actor in cast.actors for _ in range(100)]
            block = await both.geth.build(next_block(both.head), pool_of(*raws))
            sizes.append(block.header.gas_used)
            await both.commit(block, both.py_evm(next_block(both.head), list(block.transactions)))
            for actor, account in zip(
                cast.actors, await both.geth.accounts([one.address for one in cast.actors]), strict=True
            ):
                actor.nonce = account.nonce
        assert sizes[0] == target // 2_000_000 * 21_000
        assert 0.85 * target < sizes[1] <= target
        # Senders that use all they asked for: the guess is too high, and is taken back.
        payer = cast.actors[0]
        heavy = [payer.sign(to=b"", data=b"\x5b\x5f\x56", gas=2_000_000) for _ in range(200)]
        block = await both.geth.build(next_block(both.head), pool_of(*heavy))
        assert 0 < block.header.gas_used <= target


async def test_divergence_is_reported_with_field_and_transaction(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        raws = [actor.sign(to=STORE, data=words(index, 2)) for index, actor in enumerate(cast.actors[:5])]
        transactions = [decode_transaction(raw) for raw in raws]
        good = both.py_evm(next_block(both.head), transactions)
        # The others' engine charged the fourth transaction one gas more.
        receipts = [
            replace(receipt, cumulative_gas=receipt.cumulative_gas + (index >= 3))
            for index, receipt in enumerate(good.receipts)
        ]
        decided = replace(
            good.header,
            receipts_root=ordered_root([receipt.encode() for receipt in receipts]),
            gas_used=good.header.gas_used + 1,
            state_root=b"\7" * 32,
        )
        with pytest.raises(InvalidBlockError) as caught:
            await both.geth.execute(decided, transactions)
        local = await both.geth.local_result(decided, transactions, caught.value)
        assert local.header == good.header
        assert list(local.receipts) == list(good.receipts)
        report = build_report(decided, transactions, local)
        assert [one["field"] for one in report["fields"]] == ["state_root", "receipts_root", "gas_used"]
        assert (report["transaction"]["index"], report["transaction"]["field"]) == (3, "gas_used")

        stranger = decode_transaction(Actor(4_711).sign(value=1))
        with_root = replace(good.header, transactions_root=ordered_root([raws[0], stranger.raw]))
        with pytest.raises(InvalidBlockError) as caught:
            await both.geth.execute(with_root, [transactions[0], stranger])
        local = await both.geth.local_result(with_root, [transactions[0], stranger], caught.value)
        report = build_report(with_root, [transactions[0], stranger], local)
        assert report["transaction"]["hash"] == "0x" + stranger.hash.hex()
        assert "insufficient funds" in report["refusal"]


# -- reads of the engine -----------------------------------------------------------------------------------------------


async def test_accounts_and_calls_are_those_of_the_state(tmp_path: Path, cast: Cast) -> None:
    async with _engines(tmp_path, cast) as (both, _):
        payer = cast.actors[0]
        await both.add(payer.sign(to=STORE, data=words(7, 42)), payer.sign(value=5))
        found = await both.geth.accounts([payer.address, b"\x99" * 20, STORE])
        assert found[0] == SenderAccount(2, 1_000 * ETHER - 5)
        assert found[1] == SenderAccount(0, 0)
        assert found[2].code == STORE_CODE
        request: dict[str, Any] = {"sender": payer.address, "to": STORE, "gas": 100_000, "value": 0}
        call = CallRequest(**request, data=words(7, 1))
        first = cast.genesis.block.header
        assert await both.geth.call(both.head, call, {}) == words(42)
        assert await both.geth.call(first, call, {}) == words(0)
        assert await both.geth.call(first, call, {STORE: AccountOverride(storage_diff={7: 9})}) == words(9)
        assert 40_000 < await both.geth.estimate_gas(first, call, {}) < 60_000
        with pytest.raises(ExecutionRevertedError, match="execution reverted: no") as caught:
            await both.geth.call(both.head, CallRequest(**request | {"to": REVERT}, data=b""), {})
        assert caught.value.rpc_data.startswith("0x08c379a0")
        with pytest.raises(ExecutionFailedError):
            await both.geth.call(both.head, CallRequest(**request | {"value": 2_000 * ETHER}, data=b""), {})
