"""A council of values: banks A to E, of which the first four have a key with power 10."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from contracts.client.artifacts import checksummed
from contracts.client.deployment import Deployment
from node.app.cast import devnet_seed
from node.app.council.state import Call, Council, Proposal, ProposalState, Validator
from pqc import signatures
from tests.unit.client.fake_chain import GENESIS_TIME_S, contract_address, genesis_section

BANKS = ("A", "B", "C", "D", "E")
ADDRESS = {bank: checksummed(bytes([number]) * 20) for number, bank in enumerate(BANKS, 1)}
NODE = bytes([7]) * 20
NOW_S = GENESIS_TIME_S + 100


def key_pair(name: str, algorithm: str = "Ed25519") -> signatures.KeyPair:
    return signatures.from_seed(algorithm, devnet_seed(name, "validator"))


def validator(bank: str, power: int = 10, name: str = "") -> Validator:
    """Return a bank's key: its first, or the one of another name."""
    return Validator(ADDRESS[bank], "Ed25519", key_pair(name or bank).public_key, power, NODE)


def deployment() -> Deployment:
    section = genesis_section()
    names = ("Governance", "ParticipantRegistry", "TradeEscrow")
    participants = [
        {
            "id": bank,
            "name": f"Bank {bank}",
            "lei": f"LEI-{bank}",
            "bic": "",
            "roles": 66,
            "address": ADDRESS[bank],
            "key_thumbprint": "0x" + "00" * 32,
        }
        for bank in BANKS
    ]
    contracts = {name: contract_address(name) for name in names}
    return Deployment.from_genesis(section | {"contracts": contracts, "participants": participants}, 77001)


def council(*validators: Validator, **changes: Any) -> Council:
    """Return a council with these keys, by default of the first four banks."""
    plain = Council(
        deployment=deployment(),
        names={address: bank for bank, address in ADDRESS.items()},
        members=frozenset(ADDRESS.values()),
        members_count=len(ADDRESS),
        validators=validators or tuple(validator(bank) for bank in BANKS[:4]),
        jails={},
        proposals=(),
        voting_s=3_600,
        lock_s=60,
        grace_s=3_600,
        block_bytes=4_194_304,
        block_gas=30_000_000,
        signers=frozenset(),
        pending=0,
        now_s=NOW_S,
    )
    return replace(plain, **changes)


def proposal(number: int, calls: Sequence[Call], *, is_forced: bool = False) -> Proposal:
    return Proposal(
        id=number,
        proposer=ADDRESS["A"],
        title=f"title {number}",
        is_forced=is_forced,
        state=ProposalState.VOTING,
        until_s=NOW_S + 3_600,
        members=5,
        yes=(),
        no=(),
        calls=tuple(calls),
    )
