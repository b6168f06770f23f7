"""What is remembered of senders: asked for once, moved by blocks, asked for again where a block may have changed it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from node.chain.blocks import ExecutedBlock
from node.chain.ports import ExecutionEngine, SenderAccount
from node.chain.senders import SenderAccounts
from node.chain.transactions import Transaction, decode_transaction
from tests.unit.chain.support import CHAIN_ID, STORE, Actor

PAYER, OTHER = Actor(1), Actor(2)


class Engine:
    """Answers from a dict and counts what it was asked; `during` runs before an answer, as a commit may."""

    def __init__(self, **changes: Any) -> None:
        self.accounts_now = {one.address: SenderAccount(0, 5, **changes) for one in (PAYER, OTHER)}
        self.asked: list[bytes] = []
        self.during: list[ExecutedBlock] = []
        self.senders = SenderAccounts(cast("ExecutionEngine", self))

    async def accounts(self, addresses: Sequence[bytes]) -> Sequence[SenderAccount]:
        self.asked += addresses
        answers = [self.accounts_now[address] for address in addresses]
        while self.during:
            self.follow(self.during.pop())
        return answers

    def follow(self, block: ExecutedBlock) -> dict[bytes, int] | None:
        for tx in block.transactions:
            account = self.accounts_now[tx.sender]
            self.accounts_now[tx.sender] = replace(account, nonce=tx.nonce + 1, balance=account.balance - tx.value)
        return self.senders.follow(block)


def block(*raws: bytes) -> ExecutedBlock:
    transactions: tuple[Transaction, ...] = tuple(decode_transaction(raw) for raw in raws)
    return ExecutedBlock(cast("Any", None), transactions, (), {})


async def test_nonce_follows_blocks_without_asking_again() -> None:
    engine = Engine()
    await engine.senders.load([PAYER.address, OTHER.address])
    assert engine.follow(block(PAYER.sign(nonce=0), PAYER.sign(nonce=1))) == {PAYER.address: 2}
    await engine.senders.load([PAYER.address, OTHER.address])
    assert len(engine.asked) == 2
    assert (engine.senders[PAYER.address].nonce, engine.senders[OTHER.address].nonce) == (2, 0)


async def test_balance_is_asked_for_again_when_who_pays_comes_after_another_block() -> None:
    engine = Engine()
    await engine.senders.load([PAYER.address], [PAYER.address])
    await engine.senders.load([PAYER.address], [PAYER.address])
    assert len(engine.asked) == 1
    engine.follow(block(PAYER.sign(nonce=0, value=2)))
    await engine.senders.load([PAYER.address], [PAYER.address])
    assert len(engine.asked) == 2
    assert engine.senders[PAYER.address] == SenderAccount(1, 3)


async def test_answer_is_asked_for_again_when_a_block_is_committed_meanwhile() -> None:
    engine = Engine()
    engine.during = [block(PAYER.sign(nonce=0))]
    await engine.senders.load([PAYER.address])
    assert engine.senders[PAYER.address].nonce == 1
    assert len(engine.asked) == 2


async def test_all_are_forgotten_when_a_block_holds_an_authorization() -> None:
    engine = Engine()
    await engine.senders.load([PAYER.address, OTHER.address])
    fields = [CHAIN_ID, 0, 0, 0, 100_000, OTHER.address, 0, b"", [], [OTHER.authorize(STORE, 0)]]
    assert engine.follow(block(PAYER.sign_typed(4, fields))) is None
    await engine.senders.load([OTHER.address])
    assert engine.asked[2:] == [OTHER.address]


async def test_account_with_code_is_asked_for_in_every_block() -> None:
    engine = Engine(code=b"\xef\x01\x00" + STORE)
    await engine.senders.load([PAYER.address])
    assert engine.follow(block(PAYER.sign(nonce=0))) is None
    await engine.senders.load([PAYER.address])
    await engine.senders.load([PAYER.address])
    engine.follow(block())
    await engine.senders.load([PAYER.address])
    assert len(engine.asked) == 3
