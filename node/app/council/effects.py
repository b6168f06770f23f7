"""What calls of a proposal would do to the council: the rules of the contracts, over values.

The arithmetic of powers is in `node.chain.flight`; here is who may have a key at all, who is a member, and the limits.
Calls that touch none of this (a notary, an oracle pair, ...) have no effect here.

Source: contracts/src/Governance.vy, modules/validator_set.vy, ParticipantRegistry.vy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from node.app.council.state import GOVERNANCE, REGISTRY, Call, Council, Jail, Validator
from node.chain.flight import Seat
from node.chain.governance import ALGORITHM_NUMBERS
from node.participants.directory import Role

BLOCK_BYTES: Final = (1_048_576, 4_194_304)
BLOCK_GAS: Final = (30_000_000, 500_000_000)
"""Least and most that the contract takes."""
_ALGORITHMS: Final = {number: name for name, number in ALGORITHM_NUMBERS.items()}


@dataclass(frozen=True, slots=True)
class Effects:
    """What is so after the calls, and why the contracts would refuse some of them."""

    after: Council
    changes: tuple[Seat, ...]
    """New powers by key, in the order of the calls."""
    refusals: tuple[str, ...]


def effects(council: Council, calls: Sequence[Call]) -> Effects:
    """Carry calls out on values, one after another, as one proposal does in one block."""
    after, changes, refusals = council, [], []
    for call in calls:
        rule = _RULES.get((call.contract, call.function))
        if rule is None:
            continue
        after, seats, refusal = rule(after, call.arguments or {})
        changes += seats
        if refusal is not None:
            refusals.append(refusal)
    return Effects(after, tuple(changes), tuple(refusals))


_Effect = tuple[Council, list[Seat], str | None]


def _set_validator(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    owner, power, key = arguments["owner"], arguments["power"], arguments["public_key"]
    algorithm = _ALGORITHMS.get(arguments["algorithm"], str(arguments["algorithm"]))
    one = Validator(owner, algorithm, key, power, arguments["node_id"])
    others = tuple(other for other in council.validators if other.public_key != key)
    after = replace(council, validators=(*others, one) if power else others)
    name, refusal = council.name(owner), None
    if power and owner not in council.members:
        refusal = f"{name}: expected an active institution with the role validator, got none; register it first"
    elif power and owner in council.jails:
        refusal = f"{name}: expected a bank that is not jailed, got one jailed for {council.jails[owner].reason!r}"
    elif any(other.public_key == key and other.algorithm != algorithm for other in council.validators):
        refusal = f"{one.address}: expected the algorithm that the key has in the set, got {algorithm}"
    return after, [council.seat(one)], refusal


def _jail(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    owner = arguments["owner"]
    gone = council.keys_of(owner)
    left = tuple(one for one in council.validators if one.owner != owner)
    after = replace(council, validators=left, jails={**council.jails, owner: _NEW_JAIL})
    refusal = None if gone else f"{council.name(owner)}: expected a bank with a validator to jail, got none"
    return after, [council.seat(replace(one, power=0)) for one in gone], refusal


def _unjail(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    owner = arguments["owner"]
    left = {address: jail for address, jail in council.jails.items() if address != owner}
    refusal = None if owner in council.jails else f"{council.name(owner)}: expected a jailed bank, got another"
    return replace(council, jails=left), [], refusal


def _set_limits(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    after = replace(council, block_bytes=arguments["block_bytes"], block_gas=arguments["block_gas"])
    for name, (least, most) in (("block_bytes", BLOCK_BYTES), ("block_gas", BLOCK_GAS)):
        if not least <= arguments[name] <= most:
            return after, [], f"{name}: expected {least} to {most}, got {arguments[name]}"
    return after, [], None


def _set_roles(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    return _with_vote(council, arguments["account"], bool(arguments["roles"] & Role.VALIDATOR))


def _set_status(council: Council, arguments: Mapping[str, Any]) -> _Effect:
    # Whether a suspended account had the role is not known here: coming back it may have.
    if arguments["active"]:
        return council, [], None
    return _with_vote(council, arguments["account"], False)


def _with_vote(council: Council, account: str, has_vote: bool) -> _Effect:
    members = council.members | {account} if has_vote else council.members - {account}
    moved = len(members) - len(council.members)
    return replace(council, members=members, members_count=council.members_count + moved), [], None


_NEW_JAIL: Final = Jail("by this proposal", bytes(32), 0, 0)
_RULES: Final[Mapping[tuple[str, str], Callable[[Council, Mapping[str, Any]], _Effect]]] = {
    (GOVERNANCE, "set_validator"): _set_validator,
    (GOVERNANCE, "jail"): _jail,
    (GOVERNANCE, "unjail"): _unjail,
    (GOVERNANCE, "set_consensus_params"): _set_limits,
    (REGISTRY, "register"): _set_roles,
    (REGISTRY, "set_roles"): _set_roles,
    (REGISTRY, "set_status"): _set_status,
}
