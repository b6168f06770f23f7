"""What the application needs from an execution engine, and what an engine is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from node.chain.blocks import BlockHeader, ExecutedBlock, Receipt
from node.chain.transactions import AccessList, Authorization, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEnvironment:
    """What is decided about a block before its transactions run; `timestamp` in unix seconds."""

    parent: BlockHeader
    timestamp: int
    coinbase: bytes
    gas_limit: int
    extra_data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """A message call that leaves no trace; fees in wei, `to` empty for a creation."""

    sender: bytes
    to: bytes
    gas: int
    value: int
    data: bytes
    max_fee_per_gas: int = 0
    max_priority_fee_per_gas: int = 0
    access_list: AccessList = ()
    authorization_list: tuple[Authorization, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountOverride:
    """What a call shall believe about an account; None leaves a field as it is."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: Mapping[int, int] | None = None
    """Replaces all storage."""
    storage_diff: Mapping[int, int] = field(default_factory=dict)


Overrides = Mapping[bytes, AccountOverride]


class BlockExecution(Protocol):
    """A block being executed on its parent's state; holds no lock and leaves no trace until committed."""

    @property
    def gas_used(self) -> int:
        """Return the gas used so far."""
        ...

    def apply(self, tx: Transaction) -> Receipt:
        """Execute the next transaction.

        Raises:
            TransactionRejectedError: it cannot be in this block at this place; the state is as before.
        """
        ...

    def seal(self) -> ExecutedBlock:
        """End the block: system calls, roots, header."""
        ...


class ExecutionEngine(Protocol):
    """Builds blocks and answers calls over the states of stored blocks."""

    def open_block(self, environment: BlockEnvironment) -> BlockExecution:
        """Start a block on a stored parent."""
        ...

    def call(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> bytes:
        """Return what the call returns in the state after `header`.

        Raises:
            ExecutionRevertedError, ExecutionFailedError, InsufficientFundsError.
        """
        ...

    def estimate_gas(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> int:
        """Return a gas limit with which the request succeeds as a transaction.

        Raises:
            ExecutionRevertedError, ExecutionFailedError, InsufficientFundsError.
        """
        ...
