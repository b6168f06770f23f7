"""py-evm's state classes over this chain's store; importing this module loads py-evm (about 1.5 s).

Three changes to py-evm's Prague rules and no more: transactions arrive checked, debug loggers are looked up once,
and calls count their steps.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth.db.backends.base import BaseAtomicDB
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth_utils.logging import get_extended_debug_logger

from node.chain.errors import ExecutionFailedError
from node.chain.limits import CALL_STEPS_MAX
from node.chain.store import ChainStore

_LOGGER = get_extended_debug_logger("node.chain.pyevm")


class StateDatabase(BaseAtomicDB):
    """Nodes of the store, with this block's new nodes kept in `pending` until the application commits them."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self.pending: dict[bytes, bytes] = {}

    def __getitem__(self, key: bytes) -> bytes:
        value = self.pending.get(key)
        if value is None:
            value = self._store.state_node(key)
            if value is None:
                raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.pending[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self.pending[key]

    def _exists(self, key: bytes) -> bool:
        return key in self.pending or self._store.state_node(key) is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[Any]:
        """Write into `pending`; the block as a whole is what is atomic."""
        yield self


class _Executor(PragueTransactionExecutor):
    """Executes transactions that were validated before."""

    def validate_transaction(self, transaction: Any) -> None:
        """Nothing: the engine validates against the state before it executes."""


class BlockState(PragueState):
    """State while a block is executed."""

    transaction_executor_class = _Executor
    logger = _LOGGER

    def set_system_contracts(self) -> None:
        """Nothing: genesis holds the system contracts."""


class _CountingStream(CodeStream):
    def __init__(self, code_bytes: bytes, state: "CallState") -> None:
        super().__init__(code_bytes)
        self._state = state

    def __iter__(self) -> Iterator[int]:
        state = self._state
        for opcode in super().__iter__():
            state.steps += 1
            if state.steps > CALL_STEPS_MAX:
                raise ExecutionFailedError(f"execution aborted: more than {CALL_STEPS_MAX} instructions in one call")
            yield opcode


class _CallComputation(PragueComputation):
    def __init__(self, state: "CallState", message: Any, transaction_context: Any) -> None:
        super().__init__(state, message, transaction_context)
        self.code = _CountingStream(message.code, state)


class CallState(BlockState):
    """State of a call: counts instructions over all nested calls."""

    computation_class: Any = _CallComputation
    steps = 0


class BlockMachine(PragueVM):
    """py-evm's Prague rules for what surrounds the transactions of a block: EIP-2935, 4788, 7002, 7251."""

    _state_class = BlockState

    @property
    def previous_hashes(self) -> Any:
        """Yield the hashes of the blocks before this one, latest first."""
        chain: Any = self.chaindb
        return iter(chain.hashes_before(self.get_header().block_number))


class CallMachine(BlockMachine):
    """The same, for calls."""

    _state_class = CallState
