"""The life of a block: what check refuses, what propose leaves out, what verify must not accept, what commit keeps."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.proofs.finality import proof_from_json, verify_finality
from node.chain.application import Application
from node.chain.blocks import BlockHeader, Receipt
from node.chain.errors import (
    AlreadyKnownError,
    CorruptChainError,
    InsufficientFundsError,
    InvalidBlockError,
    NonceTooLowError,
    TransactionRejectedError,
    UnderpricedError,
    WrongChainError,
)
from node.chain.genesis_block import read_genesis
from node.chain.limits import BLOCK_GAS_LIMIT
from node.chain.pyevm.engine import PyEvmBlock, PyEvmEngine
from node.chain.transactions import Transaction, decode_item
from tests.unit.chain.support import (
    CHAIN_ID,
    ETHER,
    GENESIS_TIME_S,
    LOOP,
    STORE,
    Actor,
    LocalChain,
    genesis_document,
    open_local_chain,
)

BLOCK_GAS_TARGET = BLOCK_GAS_LIMIT // 2
PROPOSER = b"\x0a" * 20


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"chain_id": 1}, WrongChainError, "expected 1337, got 1"),
        ({"gas": 20_999}, TransactionRejectedError, "intrinsic gas too low"),
        ({"gas": BLOCK_GAS_TARGET + 1}, TransactionRejectedError, "exceeds block gas limit"),
        ({"tip": 2, "fee": 1}, TransactionRejectedError, "max priority fee"),
        ({"value": 1_000 * ETHER + 1, "gas": 21_000}, InsufficientFundsError, "insufficient funds"),
        ({"fee": ETHER}, InsufficientFundsError, "insufficient funds"),
        ({"to": b"", "data": bytes(49_153), "gas": 10_000_000}, TransactionRejectedError, "max initcode size"),
        ({"data": b"\1" * 5_000, "gas": 110_000}, TransactionRejectedError, "intrinsic gas too low"),
        ({"data": bytes(131_073), "gas": 10_000_000}, TransactionRejectedError, "oversized data"),
        ({"nonce": (1 << 64) - 1}, TransactionRejectedError, "nonce"),
        ({"nonce": 100_000}, TransactionRejectedError, "nonce too high"),
    ],
)
async def test_check_rejects_a_transaction_when(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        chain.application.mempool.drop(await chain.application.take(Actor(1).sign()))
        with pytest.raises(error, match=message):
            await chain.intake.submit(payer.sign(**changes))
        assert len(chain.application.mempool) == 0
        assert chain.journal.size == 0
    finally:
        await chain.close()


async def test_check_rejects_a_sender_with_code_but_not_a_delegated_one(tmp_path: Path) -> None:
    contract, delegated = Actor(1), Actor(2)
    codes = {contract.address: b"\x00", delegated.address: b"\xef\x01\x00" + STORE}
    chain = await open_local_chain(tmp_path, [contract, delegated], codes=codes)
    try:
        with pytest.raises(TransactionRejectedError, match="EIP-3607"):
            await chain.intake.submit(contract.sign())
        await chain.send(delegated.sign())
        assert len(chain.store.transactions(1)) == 1
    finally:
        await chain.close()


async def test_check_counts_what_waits_already_against_the_balance(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.intake.submit(payer.sign(value=600 * ETHER))
        with pytest.raises(InsufficientFundsError):
            await chain.intake.submit(payer.sign(value=600 * ETHER))
        await chain.intake.submit(payer.sign(value=400 * ETHER, nonce=1))
    finally:
        await chain.close()


async def test_check_rejects_what_was_sent_before(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        raw = payer.sign()
        await chain.intake.submit(raw)
        with pytest.raises(AlreadyKnownError):
            await chain.intake.submit(raw)
        await chain.driver.make_block()
        with pytest.raises(NonceTooLowError, match="next nonce 1, tx nonce 0"):
            await chain.intake.submit(raw)
    finally:
        await chain.close()


async def test_replacement_needs_a_better_fee(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.intake.submit(payer.sign(nonce=0, tip=10, fee=10))
        with pytest.raises(UnderpricedError, match="at least 11"):
            await chain.intake.submit(payer.sign(nonce=0, tip=10, fee=10, value=1))
        better = await chain.intake.submit(payer.sign(nonce=0, tip=11, fee=11, value=2))
        await chain.driver.make_block()
        place = chain.store.place_of(better)
        assert place is not None
        assert len(chain.store.transactions(1)) == 1
    finally:
        await chain.close()


async def test_empty_pool_makes_no_block_and_a_gap_waits(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        assert await chain.driver.make_block() is None
        later = await chain.intake.submit(payer.sign(nonce=1))
        assert await chain.driver.make_block() is None
        assert chain.application.head.number == 0
        await chain.intake.submit(payer.sign(nonce=0))
        header = await chain.driver.make_block()
        assert header is not None
        assert len(chain.store.transactions(1)) == 2
        assert chain.store.place_of(later) is not None
    finally:
        await chain.close()


async def test_block_is_filled_to_the_gas_target_so_the_base_fee_stays_zero(tmp_path: Path) -> None:
    actors = [Actor(number) for number in (1, 2, 3)]
    chain = await open_local_chain(tmp_path, actors)
    try:
        for actor in actors:
            await chain.intake.submit(actor.sign(to=LOOP, gas=BLOCK_GAS_TARGET // 30))
        big = actors[0].sign(gas=BLOCK_GAS_TARGET)
        await chain.intake.submit(big)
        first = await chain.driver.make_block()
        second = await chain.driver.make_block()
        assert first is not None
        assert second is not None
        assert first.gas_used == 3 * (BLOCK_GAS_TARGET // 30)
        assert len(chain.store.transactions(2)) == 1
        assert second.base_fee == 0
    finally:
        await chain.close()


async def test_transaction_that_cannot_run_any_more_is_dropped(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        await chain.intake.submit(payer.sign(value=900 * ETHER, tip=1, fee=1))
        doomed = payer.sign(value=99 * ETHER)
        await chain.intake.submit(doomed)
        # What the pool counts is always enough, so the second is made impossible by hand.
        chain.application.mempool.drop(chain.application.mempool.all()[0])
        chain.application.mempool.add(decode_item(payer.sign(nonce=0, value=950 * ETHER)), 0)
        await chain.driver.make_block()
        assert len(chain.store.transactions(1)) == 1
        assert len(chain.application.mempool) == 0
    finally:
        await chain.close()


async def test_transaction_that_breaks_the_engine_is_thrown_out_and_the_rest_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer, other = Actor(1), Actor(2)
    chain = await open_local_chain(tmp_path, [payer, other])
    apply = PyEvmBlock.apply

    def broken(block: PyEvmBlock, tx: Transaction) -> Receipt:
        if tx.value == 13:
            apply(block, tx)
            raise RecursionError("a bug of the engine")
        return apply(block, tx)

    monkeypatch.setattr(PyEvmBlock, "apply", broken)
    try:
        await chain.intake.submit(payer.sign(value=1))
        await chain.intake.submit(payer.sign(value=13))
        await chain.intake.submit(other.sign(value=2))
        await chain.driver.make_block()
        assert [tx.sender for tx in chain.store.transactions(1)] == [payer.address, other.address]
        assert len(chain.application.mempool) == 0
    finally:
        await chain.close()


async def _proposal(chain: LocalChain, payer: Actor) -> list[bytes]:
    await chain.intake.submit(payer.sign(value=1))
    await chain.intake.submit(payer.sign(value=2))
    return await chain.application.propose(GENESIS_TIME_S + 10, PROPOSER)


def _with_header(items: Sequence[bytes], **changes: Any) -> list[bytes]:
    header = BlockHeader.decode(items[0])
    fields = {name: getattr(header, name) for name in BlockHeader.__slots__ if name not in ("payload", "hash")}
    return [BlockHeader(**fields | changes).payload, *items[1:]]


async def test_verify_and_finalize_accept_a_block_never_proposed_here(tmp_path: Path) -> None:
    payer = Actor(1)
    proposer, validator = (
        await open_local_chain(tmp_path / "a", [payer]),
        await open_local_chain(tmp_path / "b", [payer]),
    )
    try:
        items = await _proposal(proposer, payer)
        await validator.application.verify(items, PROPOSER)
        block = await validator.application.finalize(items, PROPOSER)
        assert block.items == items
        assert validator.application.head.number == 0
    finally:
        await proposer.close()
        await validator.close()


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda items: [], "items"),
        (lambda items: [b"\xc0", *items[1:]], "payload"),
        (lambda items: [items[0] + b"\0", *items[1:]], "payload"),
        (lambda items: items[:-1], "hash"),
        (lambda items: [items[0], items[2], items[1]], r"transactions\[0\]"),
        (lambda items: [items[0], items[1], items[1]], r"transactions\[1\]"),
        (lambda items: [*items, b"\x02\xc0"], r"transactions\[2\]"),
        (lambda items: _with_header(items, parent_hash=bytes(32)), "parent_hash"),
        (lambda items: _with_header(items, timestamp=GENESIS_TIME_S), "timestamp"),
        (lambda items: _with_header(items, gas_limit=1_000_000), "gas_limit"),
        (lambda items: _with_header(items, gas_used=BLOCK_GAS_TARGET + 1), "gas_used"),
        (lambda items: _with_header(items, extra_data=b"other"), "extra_data"),
        (lambda items: _with_header(items, coinbase=bytes(20)), "coinbase"),
        (lambda items: _with_header(items, state_root=bytes(32)), "hash"),
        (lambda items: _with_header(items, number=2), "hash"),
        (lambda items: _with_header(items, base_fee=1), "hash"),
        (lambda items: _with_header(items, mix_hash=bytes(32)), "hash"),
        (lambda items: _with_header(items, requests_hash=bytes(32)), "hash"),
    ],
)
async def test_verify_rejects_a_block_when(
    tmp_path: Path, spoil: Callable[[list[bytes]], list[bytes]], field: str
) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        items = await _proposal(chain, payer)
        await chain.application.verify(items, PROPOSER)
        with pytest.raises(InvalidBlockError, match=field):
            await chain.application.verify(spoil(items), PROPOSER)
    finally:
        await chain.close()


async def test_verify_rejects_a_smuggled_transaction(tmp_path: Path) -> None:
    payer, honest = Actor(1), Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        items = await _proposal(chain, payer)
        foreign = honest.sign(chain_id=CHAIN_ID + 1)
        with pytest.raises(InvalidBlockError, match="chain id"):
            await chain.application.verify([items[0], foreign], PROPOSER)
        with pytest.raises(InvalidBlockError, match="EIP-155"):
            await chain.application.verify([items[0], Actor(1).sign_legacy(chain_id=None)], PROPOSER)
    finally:
        await chain.close()


async def test_commit_stores_a_finality_proof_that_verifies(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    try:
        for _ in range(3):
            await chain.send(payer.sign())
        previous = None
        for number in (1, 2, 3):
            proof = proof_from_json(chain.store.finality(number))
            payload = verify_finality(proof, "landfall-test", chain.genesis.validators)
            header = BlockHeader.decode(payload)
            assert header.hash == chain.store.hash_of(number)
            assert proof.header.app_hash == chain.store.hash_of(number - 1)
            assert proof.header.height == number
            if previous is not None:
                assert proof.header.last_block_id == previous
            previous = proof.commit.block_id
    finally:
        await chain.close()


async def test_chain_goes_on_after_it_is_opened_again(tmp_path: Path) -> None:
    payer = Actor(1)
    chain = await open_local_chain(tmp_path, [payer])
    await chain.send(payer.sign())
    waiting = await chain.intake.submit(payer.sign())
    await chain.close()
    chain = await open_local_chain(tmp_path, [payer])
    try:
        assert chain.application.head.number == 1
        assert chain.application.mempool.get(waiting) is not None
        await chain.driver.make_block()
        assert chain.store.place_of(waiting) is not None
        assert chain.journal.size == 0
        first, second = (proof_from_json(chain.store.finality(number)) for number in (1, 2))
        assert second.header.last_block_id == first.commit.block_id
    finally:
        await chain.close()


async def test_home_of_another_network_is_refused(tmp_path: Path) -> None:
    chain = await open_local_chain(tmp_path, [Actor(1)])
    try:
        other = read_genesis(genesis_document({b"\x01" * 20: 1}))
        with pytest.raises(CorruptChainError, match="another home directory"):
            Application(other, chain.store, PyEvmEngine(chain.store, CHAIN_ID))
        same = replace(chain.genesis, network="renamed")
        assert Application(same, chain.store, PyEvmEngine(chain.store, CHAIN_ID)).head.number == 0
    finally:
        await chain.close()
