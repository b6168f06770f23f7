"""The life of a block, whoever orders it: take, propose, verify, finalize, commit.

A consensus driver calls these; an execution engine carries them out. A block is executed once: the result is kept
by block hash until one block of that height is committed. Nothing is persisted before `commit`, which stores the
block, its state and its finality proof in one durable write. This class alone moves the chain's state.
"""

import asyncio
from collections.abc import Sequence

import structlog

from bridge.proofs.finality import FinalityProof, proof_to_json
from node.chain.blocks import BlockHeader, ExecutedBlock, next_base_fee
from node.chain.dual_signing import DualSigners
from node.chain.errors import (
    ChainError,
    CorruptChainError,
    InsufficientFundsError,
    InvalidBlockError,
    TransactionRejectedError,
)
from node.chain.genesis_block import Genesis
from node.chain.limits import BLOCK_BYTES_MAX, EXTRA_DATA
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment, ExecutionEngine, gas_max
from node.chain.senders import SenderAccounts
from node.chain.store import ChainStore, ConsensusPoint
from node.chain.transactions import Transaction, decode_item, validate_sender_code, validate_stateless

_log = structlog.get_logger("landfall.chain")
_CANDIDATES_MAX = 4
_DECODED_AT_ONCE = 64
BLOCK_GAS_META = "block_gas"
"""What the members agreed that a block may use."""


class Application:
    """Owns head, mempool and candidate blocks of one chain."""

    def __init__(self, genesis: Genesis, store: ChainStore, engine: ExecutionEngine) -> None:
        self.genesis = genesis
        self.store = store
        self.mempool = Mempool()
        self.engine = engine
        self._candidates: dict[bytes, ExecutedBlock] = {}
        self._accounts = SenderAccounts(engine)
        self._signers = DualSigners(genesis, engine)
        self.head = self._stored_head()

    def _stored_head(self) -> BlockHeader:
        number = self.store.head_number()
        if number is None:
            self.store.commit(self.genesis.block, None)
            return self.genesis.block.header
        first, head = self.store.header(0), self.store.header(number)
        if first is None or head is None:
            raise CorruptChainError(f"headers: expected blocks 0 and {number}, got nothing")
        if first.hash != self.genesis.block.header.hash:
            raise CorruptChainError(
                f"genesis: expected {first.hash.hex()} as stored, got {self.genesis.block.header.hash.hex()}; "
                "use another home directory for another network"
            )
        return head

    async def open(self) -> None:
        """Bring the engine to the store's head and read what it alone knows.

        Raises:
            UnavailableError, CorruptChainError: as the engine's `open`.
        """
        await self.engine.open()
        await self._signers.load(self.head)

    # -- take --------------------------------------------------------------------------------------------------

    async def take(self, item: bytes, *, is_held: bool = False) -> Transaction:
        """Take one transaction into the pool; a held one does not run before it is released.

        Raises:
            TransactionRejectedError and MempoolFullError with their reasons; nothing was taken.
        """
        [taken] = await self.take_all([item], is_held=is_held)
        if isinstance(taken, ChainError):
            raise taken
        return taken

    async def take_all(self, items: Sequence[bytes], *, is_held: bool = False) -> list[Transaction | ChainError]:
        """Take what may wait for a block; return each transaction, or why it was not taken, in order.

        Yields to other tasks between pieces: recovering a thousand signers takes a tenth of a second.
        """
        decoded: list[Transaction | ChainError] = []
        for start in range(0, len(items), _DECODED_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            decoded += [self._decode(item) for item in items[start : start + _DECODED_AT_ONCE]]
        transactions = [one for one in decoded if isinstance(one, Transaction)]
        await self._accounts.load({tx.sender for tx in transactions}, {tx.sender for tx in transactions if tx.cost_max})
        return [self._take(one, is_held=is_held) if isinstance(one, Transaction) else one for one in decoded]

    def _decode(self, item: bytes) -> Transaction | ChainError:
        try:
            tx = decode_item(item)
            self._check(tx)
        except TransactionRejectedError as error:
            return error
        return tx

    def _check(self, tx: Transaction) -> None:
        """Return when the transaction could run in some block after the head, whatever its account has."""
        validate_stateless(tx, self.genesis.chain_id, next_base_fee(self.head))
        self._signers.check(tx)

    def _take(self, tx: Transaction, *, is_held: bool) -> Transaction | ChainError:
        account = self._accounts[tx.sender]
        try:
            self.mempool.check_room(tx, account.nonce)
            if account.code:
                validate_sender_code(account.code)
            needed = tx.cost_max + self.mempool.pending_cost(tx)
            if account.balance < needed:
                raise InsufficientFundsError(account.balance, needed)
            self.mempool.add(tx, account.nonce, is_held=is_held)
        except ChainError as error:
            return error
        return tx

    # -- propose, verify, finalize -----------------------------------------------------------------------------

    async def propose(
        self, timestamp: int, proposer: bytes, *, allow_empty: bool = False, bytes_max: int = BLOCK_BYTES_MAX
    ) -> list[bytes]:
        """Return the data of a consensus block, filled from the pool: payload, then transactions.

        Nothing when there is nothing to put in and a block is not forced. `proposer` is the validator's address,
        `bytes_max` how much the transactions may take.
        """
        if not allow_empty and not self.mempool.has_executable():
            return []
        parent = self.head
        block = await self.engine.build(
            BlockEnvironment(
                parent=parent,
                timestamp=timestamp,
                coinbase=proposer,
                gas_limit=self.gas_limit,
                extra_data=EXTRA_DATA,
                members_gas_max=self._members_gas_max,
                bytes_max=min(bytes_max, BLOCK_BYTES_MAX),
            ),
            self.mempool,
        )
        if parent is not self.head:
            raise InvalidBlockError("parent_hash", self.head.hash.hex(), parent.hash.hex())
        if not block.transactions and not allow_empty:
            return []
        self._remember(block)
        return block.items

    @property
    def gas_limit(self) -> int:
        """Return what every header says, as genesis does."""
        return self.genesis.block.header.gas_limit

    @property
    def _members_gas_max(self) -> int | None:
        """Return what the members last agreed that a block may use, where they did."""
        stored = self.store.meta(BLOCK_GAS_META)
        return None if stored is None else int.from_bytes(stored, "big")

    async def verify(self, items: Sequence[bytes], proposer: bytes) -> BlockHeader:
        """Return the header when the block follows from the head by the rules; vote for it then.

        Raises:
            InvalidBlockError: what does not follow.
        """
        return (await self._execute(items, proposer)).header

    async def finalize(self, items: Sequence[bytes], proposer: bytes) -> ExecutedBlock:
        """Return the executed block, also when `verify` never saw it (replay); nothing is persisted.

        Raises:
            InvalidBlockError: consensus decided on a block that does not follow: stop.
        """
        return await self._execute(items, proposer)

    async def _execute(self, items: Sequence[bytes], proposer: bytes) -> ExecutedBlock:
        header = decode_header(items)
        known = self._candidates.get(header.hash)
        if known is not None and known.items == list(items) and header.coinbase == proposer:
            return known
        self._verify_header(header, items, proposer)
        block = await self.engine.execute(header, self._transactions(items))
        self._remember(block)
        return block

    def _transactions(self, items: Sequence[bytes]) -> list[Transaction]:
        return [self._included(item, index) for index, item in enumerate(items[1:])]

    def _included(self, item: bytes, index: int) -> Transaction:
        try:
            tx = self.mempool.find(item) or decode_item(item)
            self._check(tx)
        except TransactionRejectedError as error:
            raise InvalidBlockError(f"transactions[{index}]", "one that can run", str(error)) from error
        return tx

    def _verify_header(self, header: BlockHeader, items: Sequence[bytes], proposer: bytes) -> None:
        if header.parent_hash != self.head.hash:
            raise InvalidBlockError("parent_hash", self.head.hash.hex(), header.parent_hash.hex())
        if header.timestamp <= self.head.timestamp:
            raise InvalidBlockError("timestamp", f"later than {self.head.timestamp}", header.timestamp)
        if header.gas_limit != self.gas_limit:
            raise InvalidBlockError("gas_limit", self.gas_limit, header.gas_limit)
        if header.coinbase != proposer:
            raise InvalidBlockError("coinbase", f"the proposer {proposer.hex()}", header.coinbase.hex())
        if header.extra_data != EXTRA_DATA:
            raise InvalidBlockError("extra_data", EXTRA_DATA.hex(), header.extra_data.hex())
        gas = gas_max(self.gas_limit, self._members_gas_max)
        if header.gas_used > gas:
            raise InvalidBlockError("gas_used", f"at most {gas}", header.gas_used)
        size = sum(len(item) for item in items[1:])
        if size > BLOCK_BYTES_MAX:
            raise InvalidBlockError("items", f"at most {BLOCK_BYTES_MAX} bytes", size)

    def _remember(self, block: ExecutedBlock) -> None:
        while len(self._candidates) >= _CANDIDATES_MAX:
            del self._candidates[next(iter(self._candidates))]
        self._candidates[block.header.hash] = block

    # -- commit ------------------------------------------------------------------------------------------------

    async def commit(
        self,
        block: ExecutedBlock,
        finality: FinalityProof | None,
        meta: dict[str, bytes],
        point: ConsensusPoint | None = None,
    ) -> None:
        """Store the block for good and make it the head; the only place where the chain moves.

        `point` is where consensus is with it, on a network that decides by votes.

        Raises:
            ReadOnlyError: the disk refused; head and disk are as before.
        """
        self.store.commit(block, None if finality is None else proof_to_json(finality), meta, point)
        await self.engine.committed(block)
        rekeyed = await self._signers.follow(block)
        self.head = block.header
        self._candidates.clear()
        nonces = self._accounts.follow(block)
        if nonces is None:
            senders = self.mempool.senders()
            await self._accounts.load(senders)
            nonces = {sender: self._accounts[sender].nonce for sender in senders}
        self.mempool.advance(nonces.items())
        for tx in self.mempool.all() if rekeyed else ():
            if tx.sender in rekeyed:
                self._drop_unsigned(tx)

    def _drop_unsigned(self, tx: Transaction) -> None:
        try:
            self._signers.check(tx)
        except TransactionRejectedError as error:
            _log.info("transaction_dropped", tx_hash="0x" + tx.hash.hex(), reason=str(error))
            self.mempool.drop(tx)


def decode_header(items: Sequence[bytes]) -> BlockHeader:
    """Return the header that a consensus block's first item is.

    Raises:
        InvalidBlockError: it is none.
    """
    if not items:
        raise InvalidBlockError("items", "a payload", "nothing")
    try:
        return BlockHeader.decode(items[0])
    except CorruptChainError as error:
        raise InvalidBlockError("payload", "a Prague header", str(error)) from error
