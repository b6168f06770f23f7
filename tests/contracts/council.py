"""Four members with one validator each, who decide by the contract Governance, governor of their registry."""

from dataclasses import dataclass
from typing import Any, Final

import boa
from eth_hash.auto import keccak

from node.chain.blocks import Log
from node.chain.governance import validator_updates
from tests.contracts.support import (
    BANK,
    LEI,
    VALIDATOR,
    ZERO_BYTES32,
    Actor,
    advance,
    deploy,
)

ML_DSA_65, ED25519 = 1, 2
VOTING_S, LOCK_S, GRACE_S = 3_600, 600, 1_800
BLOCK_BYTES, BLOCK_GAS = 4 * 1024 * 1024, 30_000_000
NO_NODE: Final = bytes(20)

VOTING, LOCKED, READY, EXECUTED, EXPIRED, CANCELLED = 1, 2, 3, 4, 5, 6

Call = tuple[str, bytes]


def key(number: int, algorithm: int = ML_DSA_65) -> bytes:
    """Return a consensus key that differs for each number."""
    return keccak(number.to_bytes(4, "big")) * (61 if algorithm == ML_DSA_65 else 1)


def node_id(number: int) -> bytes:
    return keccak(b"node" + number.to_bytes(4, "big"))[:20]


def next_block() -> None:
    """Begin the next block; its time is the last one's until a test lets it pass."""
    boa.env.evm.patch.block_number += 1


@dataclass
class Council:
    """The contracts and who is in them."""

    registry: Any
    governance: Any
    members: tuple[Actor, ...]

    @classmethod
    def begin(cls, powers: tuple[int, ...] = (1, 1, 1, 1)) -> "Council":
        """Deploy as a genesis does, one member and validator for each power."""
        founder = Actor("founder")
        registry = deploy("ParticipantRegistry", founder.address)
        members = tuple(Actor(f"member {number}") for number in range(len(powers)))
        for member in members:
            registry.register(member.address, LEI, "", BANK | VALIDATOR, ZERO_BYTES32, sender=founder.address)
        periods = (VOTING_S, LOCK_S, GRACE_S)
        governance = deploy("Governance", registry.address, *periods, BLOCK_BYTES, BLOCK_GAS)
        registry.transfer_governance(governance.address, sender=founder.address)
        registry.accept_governance(sender=governance.address)
        found = cls(registry, governance, members)
        for number, (member, power) in enumerate(zip(members, powers, strict=True)):
            found.set_validator(member, number, power)
        next_block()
        return found

    def set_validator(self, owner: Actor, number: int, power: int, algorithm: int = ML_DSA_65) -> None:
        """Set a validator as a passed proposal would, with the key and the node of this number."""
        arguments = (owner.address, algorithm, key(number, algorithm), power, node_id(number))
        self.governance.set_validator(*arguments, sender=self.governance.address)

    def validator_call(self, owner: Actor, number: int, power: int, algorithm: int = ML_DSA_65) -> Call:
        return self.call("set_validator", owner.address, algorithm, key(number, algorithm), power, node_id(number))

    def call(self, function: str, *arguments: Any) -> Call:
        """Return a call of Governance by itself."""
        prepared = getattr(self.governance, function).prepare_calldata(*arguments)
        return self.governance.address, prepared

    def registry_call(self, function: str, *arguments: Any) -> Call:
        return self.registry.address, getattr(self.registry, function).prepare_calldata(*arguments)

    def propose(self, *calls: Call, force: bool = False, by: int = 0) -> int:
        sender = self.members[by].address
        return int(self.governance.propose(list(calls), force, "a title", sender=sender))

    def vote(self, proposal: int, approve: bool, *members: int) -> None:
        for number in members:
            self.governance.vote(proposal, approve, sender=self.members[number].address)

    def passed(self, *calls: Call, force: bool = False) -> int:
        """Return a proposal that three voted for and whose lock has ended."""
        proposal = self.propose(*calls, force=force)
        self.vote(proposal, True, *range(len(self.members) * 2 // 3 + 1))
        advance(LOCK_S)
        next_block()
        return proposal

    def decide(self, *calls: Call, force: bool = False) -> None:
        """Propose, vote, wait and execute."""
        self.governance.execute(self.passed(*calls, force=force))

    def powers(self) -> dict[bytes, int]:
        """Return power by key."""
        return {bytes(one[1]): one[2] for one in self.governance.validators()}

    def logs(self, contract: Any) -> list[Log]:
        """Return the logs of the last call of `contract` as an engine has them."""
        return [
            Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
            for _, address, topics, data in contract._computation.get_raw_log_entries()
        ]

    def changes(self) -> list[tuple[bytes, int]]:
        """Return key and power of the last call's validator changes, as a node reads them from its logs."""
        updates = validator_updates(self.logs(self.governance), bytes.fromhex(self.governance.address[2:]))
        return [(update.public_key, update.power) for update in updates]
