"""Second signatures: who needs one, what passes for one, and what happens when keys come and go."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.proofs.items import SIGNATURE_BYTES, join_item, second_signature_context, split_item
from contracts.client.artifacts import encode_call
from contracts.client.deployment import Deployment
from node.chain.application import Application
from node.chain.blocks import ExecutedBlock
from node.chain.errors import (
    AlreadyKnownError,
    DelegationRefusedError,
    InvalidBlockError,
    MissingSecondSignatureError,
    RevokedTransactionKeyError,
    TransactionRejectedError,
    UnwantedSecondSignatureError,
    WrongSecondSignatureError,
)
from node.chain.genesis import build_genesis
from node.chain.genesis_block import read_genesis
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction
from pqc import signatures
from pqc.signatures import KeyPair
from tests.unit.chain.support import CHAIN_ID, ETHER, GENESIS_TIME_S, Actor
from tests.unit.chain.test_genesis import CONFIG

PROPOSER = b"\x0a" * 20
BANK_KEY = signatures.from_seed("ML-DSA-65", b"\x21" * 32)
NEXT_KEY = signatures.from_seed("ML-DSA-65", b"\x22" * 32)
GOVERNOR, BANK, PLAIN = 1, 2, 7


def dual(raw: bytes, key: KeyPair = BANK_KEY, chain_id: int = CHAIN_ID) -> bytes:
    """Return the item of a transaction signed by `key` too."""
    return join_item(raw, signatures.sign(key, decode_transaction(raw).hash, second_signature_context(chain_id)))


class Network:
    """A chain whose bank has a transaction key from the start, unless told otherwise."""

    def __init__(self, application: Application, registry: bytes) -> None:
        self.application = application
        self.governor, self.bank, self.plain = Actor(GOVERNOR), Actor(BANK), Actor(PLAIN)
        self._registry = registry

    async def block(self, *items: bytes) -> ExecutedBlock:
        """Take all, make one block, commit it."""
        for item in items:
            await self.application.take(item)
        return await self.commit(await self.propose())

    async def propose(self) -> list[bytes]:
        return await self.application.propose(self.application.head.timestamp + 1, PROPOSER, allow_empty=True)

    async def commit(self, items: list[bytes]) -> ExecutedBlock:
        block = await self.application.finalize(items, PROPOSER)
        await self.application.commit(block, None, {})
        return block

    def registry_call(self, actor: Actor, function: str, *arguments: object) -> bytes:
        data = encode_call("ParticipantRegistry", function, arguments)
        return actor.sign(to=self._registry, data=data, gas=5_000_000)


@asynccontextmanager
async def running(folder: Path, key: KeyPair | None = BANK_KEY) -> AsyncIterator[Network]:
    central, bank = CONFIG.participants
    document = build_genesis(
        replace(
            CONFIG,
            participants=(central, bank if key is None else replace(bank, transaction_key=key.public_key)),
            balances_wei={Actor(number).address: ETHER for number in (GOVERNOR, BANK, PLAIN)},
        )
    )
    store = ChainStore(folder, map_bytes=1 << 28)
    application = Application(read_genesis(document), store, PyEvmEngine(store, CHAIN_ID))
    await application.open()
    registry = Deployment.from_genesis(document["landfall"], CHAIN_ID).address("ParticipantRegistry")
    try:
        yield Network(application, bytes.fromhex(registry[2:]))
    finally:
        store.close()


async def test_dual_signed_transaction_is_kept_as_it_came_when_its_block_is_committed(tmp_path: Path) -> None:
    async with running(tmp_path) as network:
        raw = network.bank.sign()
        item = dual(raw)
        block = await network.block(item, network.plain.sign())
        assert block.items[1] == item
        stored, plain = network.application.store.transactions(1)
        assert (stored.item, stored.raw, stored.sender) == (item, raw, network.bank.address)
        assert plain.item == plain.raw
        assert network.application.store.place_of(decode_transaction(raw).hash) is not None
        with pytest.raises(TransactionRejectedError):
            await network.application.take(dual(raw))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda raw: raw, MissingSecondSignatureError),
        (lambda raw: dual(raw, NEXT_KEY), WrongSecondSignatureError),
        (lambda raw: dual(raw, chain_id=CHAIN_ID + 1), WrongSecondSignatureError),
        (lambda raw: join_item(raw, bytes(SIGNATURE_BYTES)), WrongSecondSignatureError),
        (lambda raw: join_item(raw, split_item(dual(Actor(BANK).sign(nonce=9)))[1]), WrongSecondSignatureError),
        (lambda raw: dual(raw)[:-1], TransactionRejectedError),
        (lambda raw: b"\x7d" + bytes(100), TransactionRejectedError),
    ],
)
async def test_transaction_is_refused_when_its_second_signature_is(
    tmp_path: Path, make: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    async with running(tmp_path) as network:
        with pytest.raises(error):
            await network.application.take(make(network.bank.sign(nonce=0)))
        assert len(network.application.mempool) == 0
        await network.application.take(dual(network.bank.sign(nonce=0)))


async def test_plain_account_is_untouched_and_may_carry_no_second_signature(tmp_path: Path) -> None:
    async with running(tmp_path) as network:
        raw = network.plain.sign()
        with pytest.raises(UnwantedSecondSignatureError):
            await network.application.take(dual(raw))
        await network.application.take(raw)


async def test_account_with_a_key_cannot_delegate_when_another_carries_its_authorization(tmp_path: Path) -> None:
    async with running(tmp_path) as network:

        def carrying(authority: Actor) -> bytes:
            fields = [CHAIN_ID, 0, 0, 0, 100_000, b"\x11" * 20, 0, b"", [], [authority.authorize(b"\x12" * 20, 0)]]
            return network.plain.sign_typed(4, fields)

        with pytest.raises(DelegationRefusedError, match=network.bank.address.hex()):
            await network.application.take(carrying(network.bank))
        await network.application.take(carrying(network.governor))


async def test_same_transaction_is_known_when_it_is_signed_again(tmp_path: Path) -> None:
    async with running(tmp_path) as network:
        raw = network.bank.sign()
        await network.application.take(dual(raw))
        with pytest.raises(AlreadyKnownError):
            await network.application.take(dual(raw))


async def test_proposal_is_voted_against_when_a_second_signature_is_missing_or_wrong(tmp_path: Path) -> None:
    async with running(tmp_path) as network:
        raw = network.bank.sign()
        await network.application.take(dual(raw))
        payload, item = await network.propose()
        with pytest.raises(InvalidBlockError, match=r"transactions\[0\].*got none"):
            await network.application.verify([payload, raw], PROPOSER)
        with pytest.raises(InvalidBlockError, match=r"transactions\[0\].*another key"):
            await network.application.verify([payload, dual(raw, NEXT_KEY)], PROPOSER)
        # Another valid signature over the same transaction is as good: signing is randomized.
        await network.application.verify([payload, dual(raw)], PROPOSER)
        await network.application.verify([payload, item], PROPOSER)


async def test_key_counts_from_the_next_block_when_it_is_registered(tmp_path: Path) -> None:
    async with running(tmp_path, key=None) as network:
        application = network.application
        register = network.registry_call(network.bank, "register_transaction_key", BANK_KEY.public_key)
        beside, waiting = network.bank.sign(), network.bank.sign(nonce=3)
        await application.take(waiting)
        await network.block(register, beside)
        assert len(application.store.transactions(1)) == 2
        # What waits without the signature left the pool with the block that set the key.
        assert len(application.mempool) == 0
        with pytest.raises(MissingSecondSignatureError):
            await application.take(waiting)
        await network.block(dual(network.bank.sign()))
        assert len(application.store.transactions(2)) == 1


async def test_revoked_key_stops_the_account_until_the_next_is_assigned(tmp_path: Path) -> None:
    async with running(tmp_path) as network:
        application = network.application
        waiting = dual(network.bank.sign())
        await application.take(waiting)
        revoke = network.registry_call(network.governor, "revoke_transaction_key", network.bank.address)
        await network.block(revoke)
        assert application.store.transactions(1)[0].item == waiting
        following = network.bank.sign()
        for item in (following, dual(following)):
            with pytest.raises(RevokedTransactionKeyError):
                await application.take(item)
        await network.block(
            network.registry_call(network.governor, "assign_transaction_key", network.bank.address, NEXT_KEY.public_key)
        )
        with pytest.raises(WrongSecondSignatureError):
            await application.take(dual(following))
        await network.block(dual(following, NEXT_KEY))
        assert len(application.store.transactions(3)) == 1


async def test_keys_are_known_again_when_the_chain_is_opened_again(tmp_path: Path) -> None:
    async with running(tmp_path, key=None) as network:
        await network.block(network.registry_call(network.bank, "register_transaction_key", BANK_KEY.public_key))
        again = Application(network.application.genesis, network.application.store, network.application.engine)
        await again.open()
        raw = network.bank.sign()
        with pytest.raises(MissingSecondSignatureError):
            await again.take(raw)
        assert (await again.take(dual(raw))).second_signature
        assert again.head.timestamp == GENESIS_TIME_S + 1
