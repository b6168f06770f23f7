"""The reference execution engine: py-evm's Prague virtual machine over this chain's LMDB store.

The machine is used below py-evm's chain classes: transactions run one by one on one state, the state root is made
once per block, and new nodes wait in memory until the application commits the block. Headers come out as geth and
py-evm's own import would make them.
"""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, Final

import structlog
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import Revert, VMError
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.transactions import Authorization as PyEvmAuthorization
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from node.chain.blocks import (
    EMPTY_UNCLES_HASH,
    ZERO_HASH,
    BlockHeader,
    ExecutedBlock,
    Log,
    Receipt,
    logs_bloom,
    merge_blooms,
    next_base_fee,
)
from node.chain.divergence import LocalResult
from node.chain.errors import (
    CorruptChainError,
    ExecutionFailedError,
    ExecutionRevertedError,
    InsufficientFundsError,
    InvalidBlockError,
    InvariantError,
    NonceTooHighError,
    NonceTooLowError,
    TransactionRejectedError,
)
from node.chain.limits import CALL_GAS_MAX
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment, CallRequest, Overrides, SenderAccount
from node.chain.pyevm.state import BlockMachine, CallMachine, StateDatabase
from node.chain.state import EMPTY_CODE_HASH, StateReader
from node.chain.store import ChainStore
from node.chain.transactions import SET_CODE, Transaction, intrinsic_gas, validate_sender_code, validate_stateless
from node.chain.tries import ordered_root

_ESTIMATE_ERROR_RATIO = 0.015
"""As geth: the search for a gas limit stops when it is this close."""
_CALL_STIPEND = 2_300
_POISONED_MAX: Final = 100
_log = structlog.get_logger("landfall.chain")


class PoisonedTransactionError(InvariantError):
    """Executing `tx` broke the engine, which must never happen; it is thrown out and the chain goes on."""

    code = 26

    def __init__(self, tx: Transaction) -> None:
        super().__init__(f"engine: expected a result for transaction {tx.hash.hex()}, got a failure")
        self.tx = tx


class PyEvmEngine:
    """Executes blocks and calls on the store's own state; see `node.chain.ports.ExecutionEngine`.

    Fills a block for at most `fill_s` seconds. Yields to other tasks after every transaction, so that answers stay
    quick while a large block is made.
    """

    def __init__(self, store: ChainStore, chain_id: int, fill_s: float = math.inf) -> None:
        self._store = store
        self._chain_id = chain_id
        self._fill_s = fill_s
        self._state = StateReader(store)

    async def open(self) -> None:
        """Do nothing: the state is the store's."""

    async def committed(self, block: ExecutedBlock) -> None:
        """Do nothing: the state is the store's."""

    # -- blocks ------------------------------------------------------------------------------------------------

    async def build(self, environment: BlockEnvironment, pool: Mempool) -> ExecutedBlock:
        """Return a block filled from the pool; what can never run is dropped there, what does not fit stays."""
        for _ in range(_POISONED_MAX):
            try:
                return await self._fill(environment, pool)
            except PoisonedTransactionError as error:
                # The state the machine left behind is unknown, so the block is started again without this one.
                _log.exception("transaction_broke_the_engine", tx_hash="0x" + error.tx.hash.hex())
                pool.drop(error.tx)
        raise InvariantError(f"build: expected a working engine, got {_POISONED_MAX} failures in one block")

    async def _fill(self, environment: BlockEnvironment, pool: Mempool) -> ExecutedBlock:
        block = PyEvmBlock(self._store, self._chain_id, environment)
        size, skipped = 0, set()
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._fill_s
        for tx in pool.executable():
            if tx.sender in skipped:
                continue
            if block.gas_used + tx.gas > environment.gas_max or size + len(tx.item) > environment.bytes_max:
                skipped.add(tx.sender)
                continue
            if _can_apply(block, tx, pool):
                size += len(tx.item)
            else:
                skipped.add(tx.sender)
            if loop.time() > end_s:
                break
            await asyncio.sleep(0)
        return block.seal()

    async def execute(self, header: BlockHeader, transactions: Sequence[Transaction]) -> ExecutedBlock:
        """Execute a proposed block on its parent.

        Raises:
            InvalidBlockError: what does not follow, named as a field of the header or a transaction.
        """
        executed = await self._replay(header, transactions)
        if executed.header != header:
            raise InvalidBlockError("hash", executed.header.hash.hex(), header.hash.hex())
        return executed

    async def local_result(
        self, header: BlockHeader, transactions: Sequence[Transaction], refusal: InvalidBlockError
    ) -> LocalResult:
        """Return what this engine makes of a decided block that it refused: header and receipts, if it comes so far."""
        result = LocalResult.refused("py-evm", refusal)
        try:
            executed = await self._replay(header, transactions)
        except InvalidBlockError:
            return result
        return replace(result, header=executed.header, receipts=executed.receipts)

    async def _replay(self, header: BlockHeader, transactions: Sequence[Transaction]) -> ExecutedBlock:
        """Return the block that comes of these transactions where `header` says; its own header may be another."""
        parent = self._store.header(header.number - 1) if header.number > 0 else None
        if parent is None or parent.hash != header.parent_hash:
            raise InvalidBlockError("parent_hash", "the hash of the block before", header.parent_hash.hex())
        block = PyEvmBlock(
            self._store,
            self._chain_id,
            BlockEnvironment(
                parent=parent,
                timestamp=header.timestamp,
                coinbase=header.coinbase,
                gas_limit=header.gas_limit,
                extra_data=header.extra_data,
            ),
        )
        for index, tx in enumerate(transactions):
            try:
                block.apply(tx)
            except TransactionRejectedError as error:
                raise InvalidBlockError(f"transactions[{index}]", "one that can run", str(error)) from error
            await asyncio.sleep(0)
        return block.seal()

    async def logs(self, block: ExecutedBlock, address: bytes) -> Sequence[Log]:
        """Return the logs of one contract in an executed block, in order."""
        return [log for receipt in block.receipts for log in receipt.logs if log.address == address]

    # -- accounts and calls ------------------------------------------------------------------------------------

    async def accounts(self, addresses: Sequence[bytes]) -> Sequence[SenderAccount]:
        """Return accounts after the head block, in order."""
        head = self._store.header(self._store.head_number() or 0)
        if head is None:
            raise CorruptChainError("headers: expected the head block, got nothing")
        return [self._sender(head.state_root, address) for address in addresses]

    def _sender(self, root: bytes, address: bytes) -> SenderAccount:
        account = self._state.account(root, address)
        code = b"" if account.code_hash == EMPTY_CODE_HASH else self._state.code(root, address)
        return SenderAccount(account.nonce, account.balance, code)

    async def call(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> bytes:
        """Return what the call returns in the state after `header`."""
        computation, _ = self._run(header, request, overrides)
        if computation.is_error:
            raise _call_error(computation.error, computation.output)
        return bytes(computation.output)

    def estimate_gas(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> int:
        """Return a gas limit with which the request succeeds as a transaction."""
        computation, used = self._run(header, request, overrides)
        if computation.is_error:
            raise _call_error(computation.error, computation.output)
        floor = intrinsic_gas(request.data, is_create=not request.to, access_list=request.access_list)
        if used == floor == 21_000:
            return used
        refund = int(computation.get_gas_refund())
        low, high = used - 1, request.gas
        guess = min((used + refund + _CALL_STIPEND) * 64 // 63, high)
        while low + 1 < high:
            if self._succeeds(header, request, overrides, guess):
                high = guess
            else:
                low = guess
            if (high - low) / high < _ESTIMATE_ERROR_RATIO:
                break
            guess = min((low + high) // 2, low * 2)
        return high

    def _succeeds(self, header: BlockHeader, request: CallRequest, overrides: Overrides, gas: int) -> bool:
        try:
            computation, _ = self._run(header, request, overrides, gas)
        except TransactionRejectedError:
            return False
        return not computation.is_error

    def _run(
        self, header: BlockHeader, request: CallRequest, overrides: Overrides, gas: int | None = None
    ) -> tuple[Any, int]:
        state: Any = _machine(CallMachine, self._store, self._chain_id, header, header.number, header.parent_hash).state
        _apply_overrides(state, overrides)
        tx = _call_transaction(request, min(gas or request.gas, CALL_GAS_MAX), state.get_nonce(request.sender))
        if tx.gas < tx.intrinsic_gas:
            raise TransactionRejectedError(f"intrinsic gas too low: expected at least {tx.intrinsic_gas}, got {tx.gas}")
        balance, needed = state.get_balance(tx.sender), tx.gas * tx.max_fee_per_gas + tx.value
        if balance < needed:
            raise InsufficientFundsError(balance, needed)
        try:
            computation = state.apply_transaction(tx)
        except VMError as error:
            raise _call_error(error, b"") from error
        return computation, _gas_used(state, tx, computation)


def _can_apply(block: "PyEvmBlock", tx: Transaction, pool: Mempool) -> bool:
    """Execute the next transaction of a block that is being filled; drop it from the pool when it can never run."""
    try:
        block.apply(tx)
    except NonceTooHighError:
        return False
    except TransactionRejectedError as error:
        _log.info("transaction_dropped", tx_hash="0x" + tx.hash.hex(), reason=str(error))
        pool.drop(tx)
        return False
    except Exception as error:
        raise PoisonedTransactionError(tx) from error
    return True


class PyEvmBlock:
    """A block being executed."""

    def __init__(self, store: ChainStore, chain_id: int, environment: BlockEnvironment) -> None:
        self._environment = environment
        self._chain_id = chain_id
        self._number = environment.parent.number + 1
        self._header = BlockHeader(
            parent_hash=environment.parent.hash,
            coinbase=environment.coinbase,
            state_root=environment.parent.state_root,
            number=self._number,
            gas_limit=environment.gas_limit,
            timestamp=environment.timestamp,
            extra_data=environment.extra_data,
            mix_hash=keccak(environment.parent.hash),
            base_fee=next_base_fee(environment.parent),
        )
        self._machine = _machine(BlockMachine, store, chain_id, self._header, self._number, environment.parent.hash)
        self._state: Any = self._machine.state
        self._transactions: list[Transaction] = []
        self._receipts: list[Receipt] = []
        self.gas_used = 0
        # py-evm's own code for system contracts needs just these attributes of a block.
        self._system: Any = SimpleNamespace(header=_py_evm_header(self._header), number=self._number, block_requests=[])
        self._machine.block_preprocessing(self._system)

    def apply(self, tx: Transaction) -> Receipt:
        """Execute the next transaction, or reject it and leave the state as it was."""
        self._validate(tx)
        state = self._state
        state.lock_changes()
        computation = state.apply_transaction(_with_authorizations(tx))
        self.gas_used += _gas_used(state, tx, computation)
        logs = tuple(
            Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), bytes(data))
            for address, topics, data in computation.get_log_entries()
        )
        receipt = Receipt(tx.type_id, not computation.is_error, self.gas_used, logs, logs_bloom(logs))
        self._transactions.append(tx)
        self._receipts.append(receipt)
        return receipt

    def _validate(self, tx: Transaction) -> None:
        validate_stateless(tx, self._chain_id, self._header.base_fee)
        if self.gas_used + tx.gas > self._header.gas_limit:
            raise TransactionRejectedError(f"block gas limit reached: {self.gas_used} used, tx gas {tx.gas}")
        state = self._state
        nonce = state.get_nonce(tx.sender)
        if tx.nonce < nonce:
            raise NonceTooLowError(tx.nonce, nonce)
        if tx.nonce > nonce:
            raise NonceTooHighError(f"nonce too high: next nonce {nonce}, tx nonce {tx.nonce}")
        validate_sender_code(state.get_code(tx.sender))
        balance = state.get_balance(tx.sender)
        if balance < tx.cost_max:
            raise InsufficientFundsError(balance, tx.cost_max)

    def seal(self) -> ExecutedBlock:
        """End the block: system calls, roots, header."""
        machine, block = self._machine, self._system
        # Type 0 requests (deposits) come from one mainnet contract that does not exist here.
        machine.process_withdrawal_request_data(block)
        machine.process_consolidation_request_data(block)
        self._state.persist()
        digests = b"".join(sha256(request).digest() for request in block.block_requests if len(request) > 1)
        header = BlockHeader(
            parent_hash=self._header.parent_hash,
            coinbase=self._header.coinbase,
            state_root=self._state.state_root,
            transactions_root=ordered_root([tx.raw for tx in self._transactions]),
            receipts_root=ordered_root([receipt.encode() for receipt in self._receipts]),
            bloom=merge_blooms(receipt.bloom for receipt in self._receipts),
            number=self._number,
            gas_limit=self._header.gas_limit,
            gas_used=self.gas_used,
            timestamp=self._header.timestamp,
            extra_data=self._header.extra_data,
            mix_hash=self._header.mix_hash,
            base_fee=self._header.base_fee,
            requests_hash=sha256(digests).digest(),
        )
        nodes = self._machine.chaindb.db.pending
        return ExecutedBlock(header, tuple(self._transactions), tuple(self._receipts), nodes)


class _Context:
    """What py-evm's machine reads of a chain database: state nodes and earlier block hashes."""

    def __init__(self, store: ChainStore, parent_hash: bytes) -> None:
        self.db = StateDatabase(store)
        self._store = store
        self._parent_hash = parent_hash

    def hashes_before(self, number: int) -> Iterator[bytes]:
        if number > 0:
            yield self._parent_hash
        for earlier in range(number - 2, max(-1, number - 257), -1):
            block_hash = self._store.hash_of(earlier)
            if block_hash is None:
                return
            yield block_hash


def _machine(kind: Any, store: ChainStore, chain_id: int, header: BlockHeader, number: int, parent_hash: bytes) -> Any:
    return kind(_py_evm_header(header), _Context(store, parent_hash), ChainContext(chain_id), None)


def _py_evm_header(header: BlockHeader) -> Any:
    make: Any = PragueBlockHeader
    return make(
        difficulty=0,
        block_number=header.number,
        gas_limit=header.gas_limit,
        timestamp=header.timestamp,
        coinbase=header.coinbase,
        parent_hash=header.parent_hash,
        uncles_hash=EMPTY_UNCLES_HASH,
        state_root=header.state_root,
        extra_data=header.extra_data,
        mix_hash=header.mix_hash,
        base_fee_per_gas=header.base_fee,
        parent_beacon_block_root=ZERO_HASH,
    )


def _gas_used(state: Any, tx: Any, computation: Any) -> int:
    """Return gas after refunds, at least the calldata floor (EIP-3529, EIP-7623)."""
    used = tx.gas - computation.get_gas_remaining()
    refund = state.get_transaction_executor().calculate_gas_refund(computation, used)
    return int(used - refund + computation.data_floor_gas)


class _Call(SimpleNamespace):
    """A transaction that nobody signed, with the attributes py-evm reads."""


def _call_transaction(request: CallRequest, gas: int, nonce: int) -> Any:
    return _Call(
        type_id=SET_CODE if request.authorization_list else 2,
        sender=request.sender,
        nonce=nonce,
        to=request.to or CREATE_CONTRACT_ADDRESS,
        gas=gas,
        value=request.value,
        data=request.data,
        max_fee_per_gas=request.max_fee_per_gas,
        max_priority_fee_per_gas=request.max_priority_fee_per_gas,
        access_list=request.access_list,
        authorization_list=_authorizations(request.authorization_list),
        intrinsic_gas=intrinsic_gas(
            request.data,
            is_create=not request.to,
            access_list=request.access_list,
            authorizations=len(request.authorization_list),
        ),
    )


def _with_authorizations(tx: Transaction) -> Any:
    if tx.type_id != SET_CODE:
        return tx
    fields = {name: getattr(tx, name) for name in Transaction.__slots__}
    return _Call(**fields | {"authorization_list": _authorizations(tx.authorization_list)})


def _authorizations(entries: Any) -> list[Any]:
    make: Any = PyEvmAuthorization
    return [make(one.chain_id, one.address, one.nonce, one.y_parity, one.r, one.s) for one in entries]


def _apply_overrides(state: Any, overrides: Overrides) -> None:
    for address, change in overrides.items():
        if change.nonce is not None:
            state.set_nonce(address, change.nonce)
        if change.balance is not None:
            state.set_balance(address, change.balance)
        if change.code is not None:
            state.set_code(address, change.code)
        if change.storage is not None:
            state.delete_storage(address)
        for slot, value in (change.storage or change.storage_diff).items():
            state.set_storage(address, slot, value)
    if overrides:
        state.lock_changes()


def _call_error(error: VMError, output: bytes) -> Exception:
    if isinstance(error, Revert):
        return ExecutionRevertedError(bytes(output), _reason(bytes(output)))
    name = type(error).__name__
    words = "".join(" " + letter.lower() if letter.isupper() else letter for letter in name).strip()
    return ExecutionFailedError(f"{words}: {error}" if str(error) else words)


def _reason(output: bytes) -> str | None:
    """Return the text of Error(string) or the code of Panic(uint256)."""
    try:
        if output[:4] == bytes.fromhex("08c379a0"):
            return str(decode(["string"], output[4:])[0])
        if output[:4] == bytes.fromhex("4e487b71"):
            return f"panic code {decode(['uint256'], output[4:])[0]:#x}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None
    return None
