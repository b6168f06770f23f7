"""A chain of random transactions for two engines side by side: its genesis, its accounts, what they send."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.client.artifacts import encode_call
from node.chain.blocks import BlockHeader, ExecutedBlock
from node.chain.genesis_block import Genesis, read_genesis
from node.chain.geth.engine import GethEngine
from node.chain.jsonrpc.formatting import contract_address
from node.chain.limits import EXTRA_DATA
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment
from node.chain.pyevm.engine import PyEvmBlock
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, decode_transaction
from scripts.bench_chain import Account, prepare_home
from tests.unit.chain.support import CHAIN_ID, ETHER, REVERT, STORE, Actor, genesis_document

COINBASE = b"\x0c" * 20
_CREATE = bytes.fromhex("6005600c60003960056000f360015f5500")


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


@dataclass
class Cast:
    """Accounts that hold tokens and ether; `sign` makes any kind of transaction."""

    token: bytes
    document: dict[str, Any]
    genesis: Genesis
    actors: list[Actor]
    created: list[bytes] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path) -> "Cast":
        """Deploy the contracts; the first two actors are the token's issuer and a bank."""
        actors = [Actor(number) for number in range(1, 21)]
        folder.mkdir(parents=True)
        token = prepare_home(folder, [Account(actor.number) for actor in actors])
        document = json.loads((folder / "genesis.json").read_text("utf-8"))
        document["config"]["chainId"] = CHAIN_ID
        document["alloc"] |= genesis_document({actor.address: 1_000 * ETHER for actor in actors})["alloc"]
        return cls(token, document, read_genesis(document), actors)

    def fund(self) -> list[bytes]:
        """Return what gives every actor tokens."""
        issuer, bank = self.actors[:2]
        request = encode_call("SettlementToken", "request_issuance", (10**15, bytes(32)))
        issue = encode_call("SettlementToken", "issue", (bank.address, 10**15, bytes(32)))
        return [
            bank.sign(to=self.token, data=request, gas=500_000),
            issuer.sign(to=self.token, data=issue, gas=500_000),
            *(
                bank.sign(to=self.token, data=self._transfer(actor.address, 10**9), gas=200_000)
                for actor in self.actors[2:]
            ),
        ]

    def _transfer(self, to: bytes, amount: int) -> bytes:
        return encode_call("SettlementToken", "transfer", (to, amount))

    def random(self, dice: random.Random) -> bytes:
        """Return any transaction that a block may hold: one that works, or one that fails inside."""
        sender, other = dice.sample(self.actors[2:], 2)
        slot, value = dice.randrange(9), dice.randrange(3)
        match dice.randrange(10):
            case 0 | 1 | 2:
                data = self._transfer(other.address, dice.randrange(1_000))
                return sender.sign(to=self.token, data=data, gas=200_000)
            case 3:
                return sender.sign(to=self.token, data=self._transfer(other.address, 10**14), gas=200_000)
            case 4:
                return sender.sign(to=REVERT, gas=60_000)
            case 5:
                self.created.append(contract_address(sender.address, sender.nonce))
                return sender.sign(to=b"", data=_CREATE, gas=200_000)
            case 6:
                keys = [[STORE, [words(slot)]], [self.token, []]]
                listed = [CHAIN_ID, sender.nonce, 3, 90_000, STORE, 0, words(slot, value), keys]
                sender.nonce += 1
                return sender.sign_typed(1, listed)
            case 7:
                authorization = other.authorize(STORE, other.nonce)
                other.nonce += 1
                fields = [CHAIN_ID, sender.nonce, 1, 4, 150_000, other.address, 0, words(slot, 8), [], [authorization]]
                sender.nonce += 1
                return sender.sign_typed(4, fields)
            case 8:
                return sender.sign_legacy(price=dice.randrange(5), gas=30_000)
            case _:
                to = dice.choice([STORE, *self.created[-5:]])
                return sender.sign(to=to, data=words(slot, value), value=dice.randrange(2), tip=1, fee=7)


def next_block(parent: BlockHeader, seconds: int = 1) -> BlockEnvironment:
    """Return what comes after `parent`."""
    return BlockEnvironment(
        parent=parent,
        timestamp=parent.timestamp + seconds,
        coinbase=COINBASE,
        gas_limit=parent.gas_limit,
        extra_data=EXTRA_DATA,
    )


def pool_of(*raws: bytes) -> Mempool:
    """Return a pool with these, as if all senders' first ones were next."""
    pool = Mempool()
    transactions = [decode_transaction(raw) for raw in raws]
    first: dict[bytes, int] = {}
    for tx in transactions:
        first[tx.sender] = min(first.get(tx.sender, tx.nonce), tx.nonce)
    for tx in transactions:
        pool.add(tx, first[tx.sender])
    return pool


class TwoEngines:
    """geth with a store of its own, and py-evm with another; both at the same head."""

    def __init__(self, folder: Path, genesis: Genesis, ipc: Path) -> None:
        self.genesis = genesis
        self.store = ChainStore(folder / "geth-store", map_bytes=1 << 28)
        self.other_store = ChainStore(folder / "py-evm-store", map_bytes=1 << 28)
        for store in (self.store, self.other_store):
            store.commit(genesis.block, None)
        self.ipc = ipc
        self.geth = GethEngine(self.store, genesis, ipc)
        self.head = genesis.block.header

    def py_evm(self, environment: BlockEnvironment, transactions: list[Transaction]) -> ExecutedBlock:
        """Return the block as py-evm makes it of the same transactions."""
        execution = PyEvmBlock(self.other_store, CHAIN_ID, environment)
        for tx in transactions:
            execution.apply(tx)
        return execution.seal()

    async def commit(self, block: ExecutedBlock, other: ExecutedBlock) -> None:
        """Make a block head everywhere."""
        self.store.commit(block, None)
        self.other_store.commit(other, None)
        await self.geth.committed(block)
        self.head = block.header

    async def add(self, *raws: bytes) -> ExecutedBlock:
        """Build in geth, compare with py-evm, commit."""
        environment = next_block(self.head)
        block = await self.geth.build(environment, pool_of(*raws))
        other = self.py_evm(environment, list(block.transactions))
        assert block.header == other.header
        await self.commit(block, other)
        return other

    async def reopen(self) -> None:
        """Open geth again, as a new process of the chain would."""
        await self.geth.close()
        self.geth = GethEngine(self.store, self.genesis, self.ipc)
        await self.geth.open()

    async def close(self) -> None:
        await self.geth.close()
        self.store.close()
        self.other_store.close()
