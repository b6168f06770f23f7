"""From members' files to the genesis everybody starts from: the same in whatever order the files are given.

Each member merges, or gets the merged file, and compares one hash with the others, aloud.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

import rfc8785

from contracts.genesis import GovernanceRules
from fx.currencies import get_currency
from node.app.errors import CeremonyError
from node.app.validator.cometbft import genesis_document
from node.app.validator.home import ValidatorHome
from node.app.validator.members import Member
from node.chain.genesis_block import read_genesis
from node.chain.limits import NETWORK_GAS_LIMIT
from node.chain.validator_key import FILE_NAME, load_or_create_validator_key

_PREFUNDED_WEI: Final = 10_000 * 10**18
_POWER: Final = 10
"""Of each validator: more than one, so that a key is rotated with overlap, half and half."""
_PAIR: Final = {"period_s": 3600, "heartbeat_s": 345_600, "jump_bps": 500, "outlier_bps": 200}
"""Of every pair of currencies at the start: hourly rounds, stale after four days."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What the members agree on besides themselves; `prefunded` are further accounts, 20 bytes each."""

    network: str
    chain_id: int
    genesis_time_s: int
    prefunded: tuple[bytes, ...] = ()
    rules: GovernanceRules = field(default_factory=GovernanceRules)


def merge_members(members: Iterable[Member], plan: NetworkPlan) -> dict[str, Any]:
    """Return the genesis document of the members' network.

    Raises:
        CeremonyError: two members share what must be one's own, or none of them is a validator.
        GenesisError: names the field that is malformed.
    """
    # Loading the machine that deploys the contracts takes seconds.
    from node.chain.genesis import NetworkConfig, PairConfig, ParticipantConfig, TokenConfig, build_genesis

    ordered = sorted(members, key=lambda one: one.id)
    _check_own(ordered)
    codes = sorted(one.code for member in ordered for one in member.currencies)
    accounts = [bytes.fromhex(one.account[2:]) for one in ordered]
    document = build_genesis(
        NetworkConfig(
            network=plan.network,
            chain_id=plan.chain_id,
            genesis_time_s=plan.genesis_time_s,
            # Nobody governs alone: the members vote.
            governor=None,
            # As the nodes begin: half a header's gas, above which the base fee would rise from zero.
            rules=replace(plan.rules, block_gas=NETWORK_GAS_LIMIT // 2),
            gas_limit=NETWORK_GAS_LIMIT,
            validators=tuple(_validators(ordered)),
            participants=tuple(
                ParticipantConfig(
                    id=one.id,
                    name=one.name,
                    lei=one.lei,
                    bic=one.bic,
                    roles=(*one.roles, *(("validator",) if one.validator else ())),
                    address=account,
                    key_thumbprint=bytes.fromhex(one.message_key),
                )
                for one, account in zip(ordered, accounts, strict=True)
            ),
            tokens=tuple(
                TokenConfig(
                    currency=one.code,
                    name=one.name,
                    symbol=one.symbol,
                    decimals=get_currency(one.code).exponent,
                    issuer=member.id,
                )
                for member in ordered
                for one in member.currencies
            ),
            pairs=tuple(PairConfig(name=f"{a}/{b}", **_PAIR) for a, b in itertools.combinations(codes, 2)),
            balances_wei=dict.fromkeys([*accounts, *plan.prefunded], _PREFUNDED_WEI),
        )
    )
    document["landfall"]["peers"] = [
        {"name": one.id, "node_id": one.validator.node_id, "address": one.validator.address}
        for one in ordered
        if one.validator
    ]
    return document


def check_genesis(document: Mapping[str, Any]) -> str:
    """Return the hash of a genesis that both engines and CometBFT can start from, 64 hex digits.

    It covers every field (canonical JSON, RFC 8785), also those that no block hash covers, such as the chain id.

    Raises:
        GenesisError, HomeError: names the field that is malformed.
    """
    genesis_document(document)
    try:
        return sha256(rfc8785.dumps(dict(document))).hexdigest()
    except rfc8785.CanonicalizationError as error:
        raise CeremonyError(f"genesis: expected numbers below 2^53 and text, got {error}") from error


def verifier_hash(document: Mapping[str, Any]) -> str:
    """Return what a verifier of this network's evidence packs trusts, 64 hex digits."""
    return read_genesis(document).trusted_hash.hex()


def merge_again(members: Iterable[Member], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the members' files give with the network, chain id and time of a genesis that was checked."""
    section = document["landfall"]
    return merge_members(
        members, NetworkPlan(section["network"], document["config"]["chainId"], section["genesis_time_s"])
    )


def member_name_of(home: ValidatorHome, document: Mapping[str, Any]) -> str:
    """Return whose validator key the home has.

    Raises:
        CeremonyError: a key that no member of the genesis votes with.
    """
    if not (home.root / FILE_NAME).exists():
        raise CeremonyError(f"{home.root}: expected the bank's keys, got none; make them: landfall init bank")
    key = load_or_create_validator_key(home.root)
    for one in document["landfall"]["validators"]:
        if one["public_key"] == "0x" + key.public_key.hex():
            return str(one["name"])
    raise CeremonyError(
        f"{home.root}: expected the key of one of the network's validators, got another; "
        "was your member file merged? To join a network that runs: landfall join"
    )


def peers_of(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return ID@HOST:PORT of every other validator that told its address."""
    peers = document["landfall"].get("peers", [])
    return tuple(f"{one['node_id']}@{one['address']}" for one in peers if one["name"] != name and one["address"])


def _validators(members: Sequence[Member]) -> Iterable[Any]:
    from node.chain.genesis import ValidatorConfig

    for one in members:
        if one.validator:
            yield ValidatorConfig(
                name=one.id,
                algorithm=one.validator.algorithm,
                public_key=bytes.fromhex(one.validator.public_key),
                node_id=bytes.fromhex(one.validator.node_id),
                power=_POWER,
            )


def _check_own(members: Sequence[Member]) -> None:
    if not any(one.validator for one in members):
        raise CeremonyError("members: expected at least one with a validator, got none")
    own: dict[str, list[str]] = {
        "id": [one.id for one in members],
        "lei": [one.lei for one in members],
        "account": [one.account for one in members],
        "currency": [currency.code for one in members for currency in one.currencies],
        "validator.public_key": [one.validator.public_key for one in members if one.validator],
        "validator.node_id": [one.validator.node_id for one in members if one.validator],
    }
    for name, values in own.items():
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise CeremonyError(f"{name}: expected one member for each, got two with {twice[:80]}")
