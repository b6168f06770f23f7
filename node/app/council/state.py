"""The members' council as its contracts have it: validators, members, jails, limits, and proposals that can still act.

Everything is read in the state after one block, so that a change is judged against one truth.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

from bridge.proofs.light import light_block_from_json
from contracts.client.artifacts import decode_call
from contracts.client.chain_client import ChainClient
from contracts.client.deployment import Deployment
from node.app.errors import ChangeError
from node.app.light import HttpSource
from node.chain.flight import Seat
from node.chain.governance import ALGORITHM_NUMBERS
from node.participants.directory import Role

GOVERNANCE: Final = "Governance"
REGISTRY: Final = "ParticipantRegistry"
PERIOD_S_MAX: Final = 90 * 86_400
"""Of voting, lock and grace (contracts/src/modules/proposals.vy)."""
_ALGORITHMS: Final = {number: name for name, number in ALGORITHM_NUMBERS.items()}
_AT_ONCE: Final = 32


class ProposalState(IntEnum):
    """Where a proposal is in its life, as the contract numbers it."""

    UNKNOWN = 0
    VOTING = 1
    LOCKED = 2
    READY = 3
    EXECUTED = 4
    EXPIRED = 5
    CANCELLED = 6


@dataclass(frozen=True, slots=True)
class Validator:
    """A consensus key in the set."""

    owner: str
    """Address of the bank."""
    algorithm: str
    public_key: bytes
    power: int
    node_id: bytes
    """20 bytes, zeros where none is named."""

    @property
    def address(self) -> str:
        """Return the key's short name, as CometBFT shows it."""
        return sha256(self.public_key).hexdigest()[:40].upper()


@dataclass(frozen=True, slots=True)
class Jail:
    """Why a bank may have no validator."""

    reason: str
    evidence_digest: bytes
    height: int
    since_s: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a proposal makes; `contract` and `function` are empty where the network knows no such call."""

    target: str
    data: bytes
    contract: str = ""
    function: str = ""
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal and its votes that count."""

    id: int
    proposer: str
    title: str
    is_forced: bool
    state: ProposalState
    until_s: int
    """When this state ends by itself."""
    members: int
    """Whose two thirds decide."""
    yes: tuple[str, ...]
    no: tuple[str, ...]
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Council:
    """The contracts' state after one block."""

    deployment: Deployment
    names: Mapping[str, str]
    """Address to the bank's id in the genesis, where it has one."""
    members: frozenset[str]
    """Addresses with a vote, of those that are known here."""
    members_count: int
    validators: tuple[Validator, ...]
    jails: Mapping[str, Jail]
    proposals: tuple[Proposal, ...]
    """Those being voted on, locked or ready, oldest first."""
    voting_s: int
    lock_s: int
    grace_s: int
    block_bytes: int
    block_gas: int
    signers: frozenset[str]
    """Short names of the keys whose votes made the last block final."""
    pending: int
    """Transactions that wait for a block."""
    now_s: int
    """Ledger time."""

    def name(self, address: str) -> str:
        """Return the bank's id, or its address where the genesis does not name it."""
        return self.names.get(address, address)

    def seat(self, validator: Validator) -> Seat:
        """Return a validator as the flight simulator takes it."""
        return Seat(validator.address, self.name(validator.owner), validator.power)

    def keys_of(self, address: str) -> tuple[Validator, ...]:
        """Return a bank's keys, the one with the most power first."""
        return tuple(sorted((one for one in self.validators if one.owner == address), key=lambda one: -one.power))

    def proposal(self, number: int) -> Proposal:
        """Return a proposal that can still act.

        Raises:
            ChangeError: there is none of this number, or it has ended.
        """
        for one in self.proposals:
            if one.id == number:
                return one
        there = ", ".join(str(one.id) for one in self.proposals) or "none"
        raise ChangeError(f"proposal: expected one that has not ended ({there}), got {number}")


def fetch_deployment(rpc_url: str) -> Deployment:
    """Return where the network's contracts are, as the node says; raises SourceUnavailableError."""
    source = HttpSource(rpc_url)
    try:
        genesis = source.call("landfall_getGenesis")
    finally:
        source.close()
    return Deployment.from_genesis(genesis["landfall"], int(genesis["chain_id"]))


async def read_council(client: ChainClient, others: Collection[str] = ()) -> Council:
    """Read the council at the head.

    Args:
        client: Connected.
        others: Addresses besides the genesis's and the validators' that may be members.
    """
    number = await client.block_number()

    async def ask(contract: str, function: str, *args: Any) -> Any:
        return await client.call(contract, function, *args, block=number)

    validators = tuple(_validator(one) for one in await ask(GOVERNANCE, "validators"))
    header = await client.raw("eth_getBlockByNumber", [hex(number), False])
    now_s = int(header["timestamp"], 16)
    proposals = await _open_proposals(client.deployment, ask, now_s)
    names = {one.address: one.id for one in client.deployment.participants}
    known = sorted({*names, *others, *(one.owner for one in validators), *_named_in(proposals)})
    has_vote = await _each([ask(REGISTRY, "has_role", address, int(Role.VALIDATOR)) for address in known])
    jails = await _each([ask(GOVERNANCE, "jail_of", address) for address in known])
    periods, limits = await ask(GOVERNANCE, "periods"), await ask(GOVERNANCE, "consensus_params")
    light, pool = await client.raw("landfall_getLightBlock", ["latest"]), await client.raw("txpool_status", [])
    return Council(
        deployment=client.deployment,
        names=names,
        members=frozenset(address for address, is_member in zip(known, has_vote, strict=True) if is_member),
        members_count=await ask(REGISTRY, "role_count", int(Role.VALIDATOR)),
        validators=tuple(
            sorted(validators, key=lambda one: (-one.power, names.get(one.owner, one.owner), one.address))
        ),
        jails={address: _jail(one) for address, one in zip(known, jails, strict=True) if one["jailed_at"]},
        proposals=proposals,
        voting_s=periods["voting_s"],
        lock_s=periods["lock_s"],
        grace_s=periods["grace_s"],
        block_bytes=limits["block_bytes"],
        block_gas=limits["block_gas"],
        signers=signers_of(light),
        pending=int(pool["pending"], 16) + int(pool["queued"], 16),
        now_s=now_s,
    )


async def _open_proposals(deployment: Deployment, ask: Any, now_s: int) -> tuple[Proposal, ...]:
    """Return what can still act, from the newest back to one so old that it and all before it must have ended."""
    found: list[Proposal] = []
    last = await ask(GOVERNANCE, "proposal_count")
    while last > 0:
        numbers = range(last, max(0, last - _AT_ONCE), -1)
        states = await _each([ask(GOVERNANCE, "proposal_state", number) for number in numbers])
        for number, state in zip(numbers, states, strict=True):
            if state in (ProposalState.VOTING, ProposalState.LOCKED, ProposalState.READY):
                found.append(await _proposal(deployment, ask, number, ProposalState(state)))
        oldest = await ask(GOVERNANCE, "proposal", numbers[-1])
        if oldest["voting_ends_at"] + 2 * PERIOD_S_MAX < now_s:
            break
        last = numbers[-1] - 1
    return tuple(reversed(found))


def _named_in(proposals: Sequence[Proposal]) -> set[str]:
    """Return the banks that proposals are about: the genesis may not name them."""
    arguments = [call.arguments or {} for one in proposals for call in one.calls]
    return {one[field] for one in arguments for field in ("owner", "account") if isinstance(one.get(field), str)}


async def _proposal(deployment: Deployment, ask: Any, number: int, state: ProposalState) -> Proposal:
    record = await ask(GOVERNANCE, "proposal", number)
    calls = await ask(GOVERNANCE, "proposal_calls", number)
    yes, no = await ask(GOVERNANCE, "proposal_votes", number)
    ends = {
        ProposalState.VOTING: record["voting_ends_at"],
        ProposalState.LOCKED: record["ready_at"],
        ProposalState.READY: record["expires_at"],
    }
    return Proposal(
        id=number,
        proposer=record["proposer"],
        title=record["title"],
        is_forced=record["force"],
        state=state,
        until_s=ends[state],
        members=record["members"],
        yes=tuple(yes),
        no=tuple(no),
        calls=tuple(read_call(deployment, one["target"], one["data"]) for one in calls),
    )


def read_call(deployment: Deployment, target: str, data: bytes) -> Call:
    """Return a call with its meaning, where the network knows its contract and function."""
    for name, address in deployment.contracts.items():
        if address == target:
            decoded = decode_call(name, data)
            return Call(target, data, name, *decoded) if decoded is not None else Call(target, data, name)
    for currency, token in deployment.tokens.items():
        if token.address == target:
            decoded = decode_call(currency, data)
            return Call(target, data, currency, *decoded) if decoded is not None else Call(target, data, currency)
    return Call(target, data)


def _validator(record: Mapping[str, Any]) -> Validator:
    return Validator(
        owner=record["owner"],
        algorithm=_ALGORITHMS.get(record["algorithm"], f"number {record['algorithm']}"),
        public_key=record["public_key"],
        power=record["power"],
        node_id=record["node_id"],
    )


def _jail(record: Mapping[str, Any]) -> Jail:
    return Jail(
        reason=record["reason"].rstrip(b"\0").decode("ascii", "replace"),
        evidence_digest=record["evidence_digest"],
        height=record["height"],
        since_s=record["jailed_at"],
    )


def signers_of(light: Any) -> frozenset[str]:
    """Return who signed the last block; nobody before the first."""
    if light is None:
        return frozenset()
    commit = light_block_from_json(light).commit
    return frozenset(one.validator_address.hex().upper() for one in commit.signatures)


async def _each(asked: list[Any]) -> list[Any]:
    """Return the answers in order, a bounded number being waited for at a time."""
    found: list[Any] = []
    for start in range(0, len(asked), _AT_ONCE):
        found += await asyncio.gather(*asked[start : start + _AT_ONCE])
    return found
