"""Blocks of this engine against py-evm's own chain import: every kind of transaction, equal block hashes."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth.chains.base import Chain
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock, PragueBlockHeader

from node.chain.errors import (
    ExecutionFailedError,
    ExecutionRevertedError,
    InsufficientFundsError,
    TransactionRejectedError,
)
from node.chain.jsonrpc.formatting import contract_address
from node.chain.ports import AccountOverride, CallRequest
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.state import StateReader
from node.chain.store import ChainStore
from tests.unit.chain.support import (
    CHAIN_ID,
    CLEAR,
    ETHER,
    GENESIS_TIME_S,
    LOOP,
    RECURSE,
    REVERT,
    STORE,
    STORE_CODE,
    Actor,
    LocalChain,
    open_local_chain,
)

CREATE_STORE = (
    bytes.fromhex(f"60{len(STORE_CODE):02x}600a5f3960{len(STORE_CODE):02x}5ff3").ljust(10, b"\0") + STORE_CODE
)


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def _import_with_py_evm(chain: LocalChain) -> None:
    """Import every stored block into py-evm's own chain; it raises when anything differs."""
    database = AtomicDB()
    for key, value in chain.genesis.block.state_nodes.items():
        database[key] = value
    configured: Any = Chain.configure("Reference", vm_configuration=((0, PragueVM),), chain_id=CHAIN_ID)
    reference = configured.from_genesis_header(
        database, rlp.decode(chain.genesis.block.header.payload, PragueBlockHeader)
    )
    for number in range(1, chain.application.head.number + 1):
        _import_block(reference, chain.store, number)


def _import_block(reference: Any, store: ChainStore, number: int) -> None:
    header = store.header(number)
    assert header is not None
    builder: Any = PragueVM.get_transaction_builder()
    transactions = [builder.decode(tx.raw) for tx in store.transactions(number)]
    block = PragueBlock(rlp.decode(header.payload, PragueBlockHeader), transactions, [], [])
    assert reference.import_block(block).imported_block.hash == header.hash


async def test_blocks_equal_py_evms_import_for_every_kind_of_transaction(tmp_path: Path) -> None:
    payer, other, delegator = Actor(1), Actor(2), Actor(3)
    chain = await open_local_chain(tmp_path, [payer, other, delegator])
    try:
        await chain.send(payer.sign(value=5), payer.sign_legacy(price=7), other.sign(tip=2, fee=9, value=1))
        await chain.send(payer.sign(to=STORE, data=_words(1, 42)), payer.sign(to=STORE, data=_words(1, 0)))
        await chain.send(
            payer.sign(to=REVERT),
            payer.sign(to=LOOP, gas=60_000),
            payer.sign(to=b"", data=CREATE_STORE, gas=300_000),
            payer.sign(to=RECURSE, gas=1_000_000),
            other.sign(to=b"\x02".rjust(20, b"\0"), data=b"hash me", gas=60_000),
        )
        listed = [CHAIN_ID, payer.nonce, 3, 90_000, STORE, 0, _words(2, 9), [[STORE, [bytes(31) + b"\2"]]]]
        payer.nonce += 1
        authorization = delegator.authorize(STORE, delegator.nonce)
        set_code = [CHAIN_ID, other.nonce, 1, 4, 150_000, delegator.address, 0, _words(3, 8), [], [authorization]]
        other.nonce += 1
        await chain.send(payer.sign_typed(1, listed), other.sign_typed(4, set_code))
        await chain.driver.make_block(is_forced=True)
        assert chain.application.head.number == 5
        assert [receipt.is_success for receipt in chain.store.receipts(3)] == [False, False, True, True, True]
        assert chain.account(delegator.address).nonce == 1
        _import_with_py_evm(chain)
    finally:
        await chain.close()


def _random_program(dice: random.Random) -> bytes:
    """Return code that stores, creates, calls, destroys and fails, in any order."""
    pieces = [
        lambda: _push(dice.randrange(4)) + _push(dice.randrange(3)) + b"\x55",  # store, often zero
        lambda: _push(dice.randrange(3)) + b"\x54\x50",
        lambda: b"\x33\xff",  # destroy itself, to the caller
        lambda: b"\x5f\x5f\xfd",
        lambda: b"\xfe",
        lambda: _push(dice.randrange(256)) + b"\x5f\x53",
        # create a child that stores and destroys itself
        lambda: b"\x66\x60\x05\x60\x01\x55\x33\xff\x5f\x52\x60\x07\x60\x19\x5f\xf0\x50",
        lambda: (
            b"\x66\x60\x05\x60\x01\x55\x33\xfe\x5f\x52" + _push(dice.randrange(2)) + b"\x60\x07\x60\x19\x5f\xf5\x50"
        ),
        lambda: b"\x5f\x5f\x60\x40\x5f\x5f\x73" + STORE + b"\x5a\xf1\x50",
        lambda: b"\x5f\x5f\x60\x20\x5f\x73" + STORE + b"\x5a\xf4\x50",
        lambda: b"\x5f\x5f\xa0",
        lambda: b"\x60\x01\x5f\x5d\x5f\x5c\x50",
    ]
    body = b"".join(dice.choice(pieces)() for _ in range(dice.randrange(1, 9)))
    return body + dice.choice([b"", b"\x00", b"\x60\x09\x5f\xf3"])


def _push(value: int) -> bytes:
    return bytes([0x60, value])


async def test_blocks_of_random_contracts_equal_py_evms_import(tmp_path: Path) -> None:
    dice, payer = random.Random(7_251), Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        created: list[bytes] = []
        for _ in range(12):
            raws = []
            for _ in range(6):
                created.append(contract_address(payer.address, payer.nonce))
                raws.append(payer.sign(to=b"", data=_random_program(dice), gas=200_000))
                raws.append(payer.sign(to=dice.choice(created), value=dice.randrange(2), gas=150_000))
            await chain.send(*raws)
        results = [receipt.is_success for number in range(1, 13) for receipt in chain.store.receipts(number)]
        assert len(results) == 144
        assert {True, False} == set(results)
        _import_with_py_evm(chain)
    finally:
        await chain.close()


async def test_receipts_hold_logs_status_and_gas(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.send(payer.sign(to=STORE, data=_words(7, 42)), payer.sign(to=REVERT))
        stored, reverted = chain.store.receipts(1)
        assert stored.is_success
        assert [(log.address, log.topics, log.data) for log in stored.logs] == [(STORE, (_words(7),), _words(42))]
        assert not reverted.is_success
        assert reverted.logs == ()
        assert reverted.cumulative_gas == chain.application.head.gas_used > stored.cumulative_gas > 21_000
        assert StateReader(chain.store).storage(chain.application.head.state_root, STORE, 7) == 42
    finally:
        await chain.close()


def _request(**changes: Any) -> CallRequest:
    fields: dict[str, Any] = {"sender": b"\x22" * 20, "to": STORE, "gas": 1_000_000, "value": 0, "data": b""}
    return CallRequest(**fields | changes)


async def test_call_returns_output_and_leaves_no_trace(tmp_path: Path) -> None:
    chain = await open_local_chain(tmp_path, [Actor(1)])
    try:
        engine, head = chain.application.engine, chain.application.head
        assert await engine.call(head, _request(data=_words(1, 5)), {}) == bytes(32)
        assert await engine.call(head, _request(data=_words(1, 6)), {}) == bytes(32)
        overridden = {STORE: AccountOverride(storage_diff={1: 99})}
        assert await engine.call(head, _request(data=_words(1, 6)), overridden) == _words(99)
        with pytest.raises(ExecutionRevertedError, match="execution reverted: no") as caught:
            await engine.call(head, _request(to=REVERT), {})
        assert caught.value.rpc_data.startswith("0x08c379a0")
    finally:
        await chain.close()


async def test_call_is_refused_when_it_costs_too_much(tmp_path: Path) -> None:
    chain = await open_local_chain(tmp_path, [Actor(1)])
    try:
        engine, head = chain.application.engine, chain.application.head
        with pytest.raises(ExecutionFailedError, match="out of gas"):
            await engine.call(head, _request(to=LOOP, gas=50_000), {})
        with pytest.raises(ExecutionFailedError, match="too many steps"):
            await engine.call(head, _request(to=LOOP, gas=30_000_000), {})
        with pytest.raises(InsufficientFundsError):
            await engine.call(head, _request(value=1), {})
        with pytest.raises(InsufficientFundsError):
            await engine.call(head, _request(max_fee_per_gas=1), {})
        with pytest.raises(TransactionRejectedError, match="intrinsic gas"):
            await engine.call(head, _request(gas=20_000), {})
        assert await engine.call(head, _request(to=RECURSE, gas=30_000_000), {}) == b""
    finally:
        await chain.close()


async def test_estimate_is_enough_and_not_far_too_much(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        engine, head = chain.application.engine, chain.application.head
        assert engine.estimate_gas(head, _request(sender=payer.address, to=b"\x33" * 20), {}) == 21_000
        request = _request(sender=payer.address, data=_words(1, 5), gas=30_000_000)
        gas = engine.estimate_gas(head, request, {})
        await chain.send(payer.sign(to=STORE, data=_words(1, 5), gas=gas))
        receipt = chain.store.receipts(1)[0]
        assert receipt.is_success
        assert receipt.cumulative_gas <= gas < receipt.cumulative_gas * 1.05
        with pytest.raises(ExecutionRevertedError):
            engine.estimate_gas(head, _request(to=REVERT), {})
        with pytest.raises(ExecutionFailedError):
            engine.estimate_gas(head, _request(to=LOOP, gas=40_000), {})
    finally:
        await chain.close()


async def test_gas_used_is_the_calldata_floor_when_the_refund_goes_below_it(tmp_path: Path) -> None:
    # EIP-7623: max(gas used - refund, floor). py-evm's receipt would say less than its sender pays.
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.send(payer.sign(to=CLEAR, data=b"\1" * 2_000, gas=300_000, tip=1, fee=1))
        floor = 21_000 + 10 * 4 * 2_000
        assert chain.store.receipts(1)[0].cumulative_gas == floor
        assert chain.account(payer.address).balance == 1_000 * ETHER - floor
        await chain.send(Actor(1, nonce=1).sign(to=CLEAR, gas=300_000, tip=1, fee=1))
        assert chain.store.receipts(2)[0].cumulative_gas > 21_000
    finally:
        await chain.close()


async def test_tips_reach_the_proposer_and_fees_leave_the_sender(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.send(payer.sign(tip=2, fee=2, value=3, gas=21_000))
        assert chain.account(payer.address).balance == 1_000 * ETHER - 42_000 - 3
        assert chain.account(chain.application.head.coinbase).balance == 42_000
    finally:
        await chain.close()


async def test_reads_are_served_while_a_block_is_executed(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        for _ in range(5):
            await chain.intake.submit(payer.sign(to=STORE, data=_words(1, 5)))
        making = asyncio.create_task(chain.driver.make_block())
        for _ in range(3):
            await asyncio.sleep(0)
        assert chain.account(payer.address).nonce == 0
        header = await making
        assert header is not None
        assert chain.account(payer.address).nonce == 5
    finally:
        await chain.close()


async def test_block_is_ended_when_it_takes_too_long_and_the_rest_stays(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        for _ in range(3):
            await chain.intake.submit(payer.sign())
        assert len(await chain.application.propose(GENESIS_TIME_S + 1, bytes(20))) == 4
        chain.application.engine = PyEvmEngine(chain.store, CHAIN_ID, fill_s=0)
        assert len(await chain.application.propose(GENESIS_TIME_S + 1, bytes(20))) == 2
        assert len(chain.application.mempool) == 3
    finally:
        await chain.close()
