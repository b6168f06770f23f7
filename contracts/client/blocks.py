"""What a block means to a service, and the two ports through which services see a chain.

`ChainReader` is implemented by `ChainClient` and by the fake chain of the tests.
"""

from dataclasses import dataclass
from typing import Protocol

from contracts.client.artifacts import ChainEvent


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """A block as handlers see it."""

    number: int
    hash: bytes
    time_s: int
    """Ledger time, unix seconds."""


@dataclass(frozen=True, slots=True)
class TransactionOutcome:
    """What became of one transaction of a block."""

    tx_hash: bytes
    sender: str
    """Account that signed it."""
    block_number: int
    succeeded: bool
    reason: str | None
    """Why it reverted; None when it succeeded."""


@dataclass(frozen=True, slots=True)
class BlockData:
    """A block with everything a follower applies: decoded once per process."""

    info: BlockInfo
    parent_hash: bytes
    events: tuple[ChainEvent, ...]
    """Of the network's contracts, in the order of their log index."""
    outcomes: tuple[TransactionOutcome, ...]


class ChainReader(Protocol):
    """Read access to blocks.

    Raises (every call):
        UnavailableError: the chain does not answer now.
    """

    async def block_number(self) -> int:
        """Return the head's number."""
        ...

    async def block(self, number: int) -> BlockData:
        """Return the block of that number, which is not above the head."""
        ...


class ChainWriter(Protocol):
    """What a sender needs from a chain.

    Raises (every call):
        UnavailableError: the chain does not answer now; whether a submission arrived is unknown.
    """

    async def chain_id(self) -> int:
        """Return the EIP-155 chain id."""
        ...

    async def transaction_count(self, address: str) -> int:
        """Return how many transactions of `address` the head's state has executed."""
        ...

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        """Execute the call on the head's state without effect.

        Raises:
            CallRevertedError: it reverts there.
        """
        ...

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        """Hand over a signed transaction, with the second signature where its account needs one.

        Raises:
            TransactionRefusedError: the chain refused it; a transaction that it already knows is no error.
        """
        ...

    async def knows_transaction(self, tx_hash: bytes) -> bool:
        """Return whether the transaction is pending or in a block."""
        ...
