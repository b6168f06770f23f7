"""What the application needs from an execution engine, and what an engine is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.chain.blocks import BlockHeader, ExecutedBlock, Log
from node.chain.divergence import LocalResult
from node.chain.errors import InvalidBlockError
from node.chain.limits import BLOCK_BYTES_MAX
from node.chain.mempool import Mempool
from node.chain.transactions import AccessList, Authorization, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEnvironment:
    """What is decided about a block before its transactions run; `timestamp` in unix seconds."""

    parent: BlockHeader
    timestamp: int
    coinbase: bytes
    gas_limit: int
    extra_data: bytes
    members_gas_max: int | None = None
    """What the members agreed on, where they did."""
    bytes_max: int = BLOCK_BYTES_MAX
    """Of the transactions."""

    @property
    def gas_max(self) -> int:
        """Return how much gas a block may use."""
        return gas_max(self.gas_limit, self.members_gas_max)


def gas_max(gas_limit: int, members_gas_max: int | None) -> int:
    """Return how much gas a block may use: at or below the EIP-1559 target a base fee of zero stays zero."""
    target = gas_limit // 2
    return target if members_gas_max is None else min(target, members_gas_max)


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


@dataclass(frozen=True, slots=True)
class SenderAccount:
    """What decides whether an account's transaction may wait; `balance` in wei, `code` only where there is some."""

    nonce: int
    balance: int
    code: bytes = b""


class ExecutionEngine(Protocol):
    """Carries out blocks on the state after the store's head, and answers calls on the state after any block."""

    async def open(self) -> None:
        """Come to the store's head.

        Raises:
            UnavailableError: the engine cannot be reached.
            CorruptChainError: it holds another chain.
        """
        ...

    async def build(self, environment: BlockEnvironment, pool: Mempool) -> ExecutedBlock:
        """Return a block filled from the pool; what can never run is dropped there, what does not fit stays."""
        ...

    async def execute(self, header: BlockHeader, transactions: Sequence[Transaction]) -> ExecutedBlock:
        """Return the block with this header.

        Raises:
            InvalidBlockError: it does not follow from its parent by the rules.
        """
        ...

    async def local_result(
        self, header: BlockHeader, transactions: Sequence[Transaction], refusal: InvalidBlockError
    ) -> LocalResult:
        """Return what this engine makes of a decided block that it refused, as far as it comes."""
        ...

    async def committed(self, block: ExecutedBlock) -> None:
        """Take the block, which is in the store for good, as the head."""
        ...

    async def accounts(self, addresses: Sequence[bytes]) -> Sequence[SenderAccount]:
        """Return accounts after the head block, in order."""
        ...

    async def call(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> bytes:
        """Return what the call returns in the state after `header`.

        Raises:
            ExecutionRevertedError, ExecutionFailedError, InsufficientFundsError.
        """
        ...

    async def logs(self, block: ExecutedBlock, address: bytes) -> Sequence[Log]:
        """Return the logs of one contract in an executed block, in order."""
        ...
