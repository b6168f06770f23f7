"""py-evm's state classes over this chain's store; importing this module loads py-evm (about 1.5 s).

Five changes to py-evm's Prague code and none to its rules: a faster instruction loop, tries changed in one descent
per block, transactions arrive checked, debug loggers are looked up once, and calls count their jumps.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth.db.backends.base import BaseAtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.state import PragueState, PragueTransactionExecutor
from eth_utils.logging import get_extended_debug_logger

from node.chain.limits import CALL_JUMPS_MAX
from node.chain.pyevm.accounts import AccountDatabase
from node.chain.pyevm.interpreter import FastComputation
from node.chain.store import ChainStore

# py-evm warns about an instruction that contracts of strangers may use; it is no news to an operator.
warnings.filterwarnings("ignore", "SELFDESTRUCT opcode present", DeprecationWarning)
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

    account_db_class = AccountDatabase
    computation_class: Any = FastComputation
    transaction_executor_class = _Executor
    logger = _LOGGER

    def set_system_contracts(self) -> None:
        """Nothing: genesis holds the system contracts."""


class CallState(BlockState):
    """State of a call: every taken jump counts, over all nested calls, and too many end the call."""

    jumps_left: int = CALL_JUMPS_MAX


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
