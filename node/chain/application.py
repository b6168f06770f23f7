"""The life of a block, whoever orders it: check, propose, verify, finalize, commit.

A consensus driver calls these; an execution engine carries them out. A block is executed once: the result is kept
by block hash until one block of that height is committed. Nothing is persisted before `commit`, which stores the
block, its state and its finality proof in one durable write. This class alone moves the chain's state.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.proofs.finality import FinalityProof, proof_to_json
from node.chain.blocks import BlockHeader, ExecutedBlock, next_base_fee
from node.chain.errors import (
    CorruptChainError,
    InsufficientFundsError,
    InvalidBlockError,
    InvariantError,
    NonceTooHighError,
    TransactionRejectedError,
)
from node.chain.genesis_block import Genesis
from node.chain.limits import BLOCK_BYTES_MAX, BLOCK_GAS_LIMIT, BLOCK_GAS_TARGET, EXTRA_DATA, EXTRA_DATA_BYTES_MAX
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment, BlockExecution, ExecutionEngine
from node.chain.state import EMPTY_CODE_HASH, Account, StateReader
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, decode_transaction, validate_sender_code, validate_stateless

_log = structlog.get_logger("landfall.chain")
_CANDIDATES_MAX = 4
_POISONED_MAX = 100


class PoisonedTransactionError(InvariantError):
    """Executing `tx` broke the engine, which must never happen; it is thrown out and the chain goes on."""

    code = 26

    def __init__(self, tx: Transaction) -> None:
        super().__init__(f"engine: expected a result for transaction {tx.hash.hex()}, got a failure")
        self.tx = tx


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a proposer offers: the data of a consensus block (payload, then transactions)."""

    block_hash: bytes
    items: tuple[bytes, ...]


class Application:
    """Owns head, mempool and candidate blocks of one chain."""

    def __init__(self, genesis: Genesis, store: ChainStore, engine: ExecutionEngine, coinbase: bytes) -> None:
        self.genesis = genesis
        self.store = store
        self.mempool = Mempool()
        self.state = StateReader(store)
        self.engine = engine
        self._coinbase = coinbase
        self._candidates: dict[bytes, ExecutedBlock] = {}
        self._accounts: dict[bytes, Account] = {}
        self.head = self._open()

    def _open(self) -> BlockHeader:
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

    # -- check -------------------------------------------------------------------------------------------------

    def check(self, raw: bytes) -> Transaction:
        """Return the transaction when it may wait for a block.

        Raises:
            TransactionRejectedError and MempoolFullError with their reasons; nothing was taken.
        """
        tx = decode_transaction(raw)
        validate_stateless(tx, self.genesis.chain_id, next_base_fee(self.head))
        account = self.account(tx.sender)
        self.mempool.check_room(tx, account.nonce)
        if account.code_hash != EMPTY_CODE_HASH:
            validate_sender_code(self.state.code(self.head.state_root, tx.sender))
        needed = tx.cost_max + self.mempool.pending_cost(tx)
        if account.balance < needed:
            raise InsufficientFundsError(account.balance, needed)
        return tx

    def account(self, address: bytes) -> Account:
        """Return an account after the head block."""
        found = self._accounts.get(address)
        if found is None:
            found = self._accounts[address] = self.state.account(self.head.state_root, address)
        return found

    # -- propose, verify, finalize -----------------------------------------------------------------------------

    async def propose(self, timestamp: int, *, allow_empty: bool = False) -> Proposal | None:
        """Fill a block from the pool; None when there is nothing to put in and a block is not forced.

        What cannot run is dropped from the pool; what does not fit stays. Yields to other tasks after every
        transaction, so answers stay quick while a large block is made.
        """
        if not allow_empty and not self.mempool.has_executable():
            return None
        for _ in range(_POISONED_MAX):
            try:
                return await self._fill(timestamp, allow_empty=allow_empty)
            except PoisonedTransactionError as error:
                # The state the engine left behind is unknown, so the block is started again without this one.
                _log.exception("transaction_broke_the_engine", tx_hash="0x" + error.tx.hash.hex())
                self.mempool.drop(error.tx)
        raise InvariantError(f"propose: expected a working engine, got {_POISONED_MAX} failures in one block")

    async def _fill(self, timestamp: int, *, allow_empty: bool) -> Proposal | None:
        parent = self.head
        execution = self.engine.open_block(
            BlockEnvironment(
                parent=parent,
                timestamp=timestamp,
                coinbase=self._coinbase,
                gas_limit=BLOCK_GAS_LIMIT,
                extra_data=EXTRA_DATA,
            )
        )
        size, included, skipped = 0, 0, set()
        for tx in self.mempool.executable():
            if tx.sender in skipped:
                continue
            if execution.gas_used + tx.gas > BLOCK_GAS_TARGET or size + len(tx.raw) > BLOCK_BYTES_MAX:
                skipped.add(tx.sender)
                continue
            if self._try(execution, tx):
                included, size = included + 1, size + len(tx.raw)
            else:
                skipped.add(tx.sender)
            await asyncio.sleep(0)
        if parent is not self.head:
            raise InvalidBlockError("parent_hash", self.head.hash.hex(), parent.hash.hex())
        if not included and not allow_empty:
            return None
        block = execution.seal()
        self._remember(block)
        return Proposal(block.header.hash, tuple(block.items))

    def _try(self, execution: BlockExecution, tx: Transaction) -> bool:
        try:
            execution.apply(tx)
        except NonceTooHighError:
            return False
        except TransactionRejectedError as error:
            _log.info("transaction_dropped", tx_hash="0x" + tx.hash.hex(), reason=str(error))
            self.mempool.drop(tx)
            return False
        except Exception as error:
            raise PoisonedTransactionError(tx) from error
        return True

    async def verify(self, items: Sequence[bytes]) -> None:
        """Return when the block follows from the head by the rules; vote for it then.

        Raises:
            InvalidBlockError: what does not follow.
        """
        await self._execute(items)

    async def finalize(self, items: Sequence[bytes]) -> ExecutedBlock:
        """Return the executed block, also when `verify` never saw it (replay); nothing is persisted.

        Raises:
            InvalidBlockError: consensus decided on a block that does not follow: stop.
        """
        return await self._execute(items)

    async def _execute(self, items: Sequence[bytes]) -> ExecutedBlock:
        if not items:
            raise InvalidBlockError("items", "a payload", "nothing")
        try:
            header = BlockHeader.decode(items[0])
        except CorruptChainError as error:
            raise InvalidBlockError("payload", "a Prague header", str(error)) from error
        known = self._candidates.get(header.hash)
        if known is not None and known.items == list(items):
            return known
        self._verify_header(header, items)
        execution = self.engine.open_block(
            BlockEnvironment(
                parent=self.head,
                timestamp=header.timestamp,
                coinbase=header.coinbase,
                gas_limit=header.gas_limit,
                extra_data=header.extra_data,
            )
        )
        for index, raw in enumerate(items[1:]):
            try:
                execution.apply(decode_transaction(raw))
            except TransactionRejectedError as error:
                raise InvalidBlockError(f"transactions[{index}]", "one that can run", str(error)) from error
            await asyncio.sleep(0)
        block = execution.seal()
        if block.header != header:
            raise InvalidBlockError("hash", block.header.hash.hex(), header.hash.hex())
        self._remember(block)
        return block

    def _verify_header(self, header: BlockHeader, items: Sequence[bytes]) -> None:
        if header.parent_hash != self.head.hash:
            raise InvalidBlockError("parent_hash", self.head.hash.hex(), header.parent_hash.hex())
        if header.timestamp <= self.head.timestamp:
            raise InvalidBlockError("timestamp", f"later than {self.head.timestamp}", header.timestamp)
        if header.gas_limit != BLOCK_GAS_LIMIT:
            raise InvalidBlockError("gas_limit", BLOCK_GAS_LIMIT, header.gas_limit)
        if len(header.extra_data) > EXTRA_DATA_BYTES_MAX or len(header.coinbase) != 20:
            raise InvalidBlockError("extra_data", f"at most {EXTRA_DATA_BYTES_MAX} bytes", len(header.extra_data))
        if header.gas_used > BLOCK_GAS_TARGET:
            raise InvalidBlockError("gas_used", f"at most {BLOCK_GAS_TARGET}", header.gas_used)
        size = sum(len(item) for item in items[1:])
        if size > BLOCK_BYTES_MAX:
            raise InvalidBlockError("items", f"at most {BLOCK_BYTES_MAX} bytes", size)

    def _remember(self, block: ExecutedBlock) -> None:
        while len(self._candidates) >= _CANDIDATES_MAX:
            del self._candidates[next(iter(self._candidates))]
        self._candidates[block.header.hash] = block

    # -- commit ------------------------------------------------------------------------------------------------

    def commit(self, block: ExecutedBlock, finality: FinalityProof, meta: dict[str, bytes]) -> None:
        """Store the block for good and make it the head; the only place where the chain moves.

        Raises:
            ReadOnlyError: the disk refused; head and disk are as before.
        """
        self.store.commit(block, proof_to_json(finality), meta)
        self.head = block.header
        self._candidates.clear()
        self._accounts.clear()
        # Only senders' nonces move, except that an EIP-7702 authorization moves its authority's.
        is_any = any(tx.authorization_list for tx in block.transactions)
        moved = self.mempool.senders() if is_any else {tx.sender for tx in block.transactions}
        self.mempool.advance((sender, self.account(sender).nonce) for sender in moved)
