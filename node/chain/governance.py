"""What a block's logs change in consensus: validators, block limits, and whose transactions need a second signature.

Pure: from (address, topics, data) to values, whichever engine executed the block. The contracts see to it that a key
changes at most once in a block and that the set never becomes empty (contracts/src/modules/validator_set.vy), so a
block's updates can be handed to consensus as they are.

Source: docs/spec/governance.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from contracts.client.artifacts import decode_log
from node.chain.errors import InvariantError

ALGORITHM_NUMBERS: Final = {"ML-DSA-65": 1, "Ed25519": 2}
"""Of the contract Governance, by name."""
_ALGORITHMS: Final = {number: name for name, number in ALGORITHM_NUMBERS.items()}


class EventLog(Protocol):
    """A log as every engine has it."""

    @property
    def address(self) -> bytes:
        """Return the contract's address."""
        ...

    @property
    def topics(self) -> Sequence[bytes]:
        """Return the event and its indexed fields."""
        ...

    @property
    def data(self) -> bytes:
        """Return the other fields."""
        ...


@dataclass(frozen=True, slots=True)
class ValidatorUpdate:
    """A validator's new power; zero removes it."""

    algorithm: str
    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """What a consensus block may hold."""

    block_bytes: int
    block_gas: int


class KeyState(IntEnum):
    """Whether an account's transactions need a second signature."""

    NONE = 0
    SET = 1
    REVOKED = 2
    """It may send nothing until it is assigned the next key."""


@dataclass(frozen=True, slots=True)
class TransactionKeyChange:
    """An account whose key was set, replaced or revoked; `key_hash` is SHA-256 of that key."""

    account: bytes
    key_hash: bytes
    state: KeyState


def validator_updates(logs: Iterable[EventLog], governance: bytes) -> tuple[ValidatorUpdate, ...]:
    """Return what a block's logs change in the validator set, in order.

    Args:
        logs: All logs of the block.
        governance: Address of the contract Governance.

    Raises:
        InvariantError: the contract logged an algorithm this node does not know.
    """
    return tuple(
        ValidatorUpdate(_algorithm(fields["algorithm"]), fields["public_key"], fields["power"])
        for fields in _events(logs, governance, "Governance", "ValidatorChanged")
    )


def block_limits(logs: Iterable[EventLog], governance: bytes) -> BlockLimits | None:
    """Return the limits that hold after a block whose logs are these, or None where they are as before."""
    found = None
    for fields in _events(logs, governance, "Governance", "ConsensusParamsChanged"):
        found = BlockLimits(fields["block_bytes"], fields["block_gas"])
    return found


def transaction_key_changes(logs: Iterable[EventLog], registry: bytes) -> tuple[TransactionKeyChange, ...]:
    """Return the accounts whose transaction key a block's logs change, in order; an account can stand twice.

    Args:
        logs: All logs of the block.
        registry: Address of the contract ParticipantRegistry.
    """
    return tuple(
        TransactionKeyChange(
            bytes.fromhex(fields["account"].removeprefix("0x")), fields["key_hash"], KeyState(fields["state"])
        )
        for fields in _events(logs, registry, "ParticipantRegistry", "TransactionKeyChanged")
    )


def _events(logs: Iterable[EventLog], address: bytes, contract: str, event: str) -> Iterator[dict[str, Any]]:
    for log in logs:
        decoded = decode_log(contract, log.topics, log.data) if log.address == address else None
        if decoded is not None and decoded[0] == event:
            yield decoded[1]


def _algorithm(number: int) -> str:
    name = _ALGORITHMS.get(number)
    if name is None:
        raise InvariantError(f"ValidatorChanged: expected algorithm {', '.join(map(str, _ALGORITHMS))}, got {number}")
    return name
