"""Governance: the validator set, its hard rules, peers, and the jail."""

from typing import Any

import boa
import pytest

from bridge.proofs.consensus import VALIDATORS_MAX
from node.chain import flight
from node.chain.limits import BLOCK_BYTES_MAX, CALL_GAS_MAX, TRANSACTION_GAS_MAX
from tests.contracts.council import ED25519, ML_DSA_65, NO_NODE, Council, key, next_block, node_id
from tests.contracts.gas import GasSnapshot
from tests.contracts.support import START_S, ZERO_BYTES32, Actor, events_of, now_s

STRANGER = Actor("stranger")
EVIDENCE, OTHER_EVIDENCE = b"\x0e" * 32, b"\x0f" * 32
LATE = b"late".ljust(32, b"\0")
DOUBLE_SIGN = b"double sign".ljust(32, b"\0")


@pytest.fixture(scope="module")
def founded() -> Council:
    boa.env.timestamp = START_S
    return Council.begin()


@pytest.fixture
def council(founded: Council) -> Council:
    return founded


def _set(council: Council, *fields: Any) -> None:
    council.governance.set_validator(*fields, sender=council.governance.address)


def _report(council: Council, owner: Actor, *members: int, evidence: bytes = EVIDENCE, height: int = 7) -> None:
    for number in members:
        sender = council.members[number].address
        council.governance.report_double_sign(owner.address, evidence, height, sender=sender)


# ------------------------------------------------------------------ the set


def test_first_set_is_that_of_the_genesis(council: Council) -> None:
    assert council.powers() == {key(number): 1 for number in range(4)}
    assert council.governance.total_power() == 4
    assert council.governance.node_ids() == [node_id(number) for number in range(4)]
    assert tuple(council.governance.validators()[2]) == (
        council.members[2].address,
        key(2),
        1,
        node_id(2),
        ML_DSA_65,
    )


def test_validator_is_added_changed_and_removed_by_proposal(council: Council, gas_snapshot: GasSnapshot) -> None:
    owner = council.members[1]
    council.decide(council.validator_call(owner, 10, 1))
    gas_snapshot.check(council.governance, "execute (a new validator)")
    assert council.changes() == [(key(10), 1)]
    assert council.powers() == {key(number): 1 for number in (0, 1, 2, 3, 10)}

    council.decide(council.validator_call(owner, 10, 2))
    assert (council.changes(), council.governance.total_power()) == ([(key(10), 2)], 6)
    council.decide(council.validator_call(owner, 1, 0))
    assert (council.changes(), council.governance.total_power()) == ([(key(1), 0)], 5)
    assert council.powers() == {key(0): 1, key(2): 1, key(3): 1, key(10): 2}
    assert node_id(1) not in council.governance.node_ids()


def test_event_names_algorithm_and_owner(council: Council) -> None:
    owner = council.members[0]
    council.set_validator(owner, 10, 1, ED25519)
    event = {"algorithm": ED25519, "public_key": key(10, ED25519), "owner": owner.address}
    assert events_of(council.governance, "ValidatorChanged") == [event | {"power": 1}]
    next_block()
    _set(council, owner.address, ED25519, key(10, ED25519), 0, NO_NODE)
    assert events_of(council.governance, "ValidatorChanged") == [event | {"power": 0}]


def test_places_are_right_after_every_removal(council: Council) -> None:
    """The last takes the place of the one that goes, also where it is itself the one."""
    for number in (0, 3, 2):
        next_block()
        council.decide(council.validator_call(council.members[number], number, 0), force=True)
        next_block()
        left = council.powers()
        assert key(number) not in left
        for other, owner in enumerate(council.members):
            if key(other) in left:
                council.decide(council.validator_call(owner, other, left[key(other)] + 1), force=True)
        assert council.powers() == {one: power + 1 for one, power in left.items()}


def test_validator_is_refused_when_a_field_is_wrong(council: Council) -> None:
    owner, other = council.members[0].address, council.members[1].address
    refused: list[tuple[tuple[Any, ...], str]] = [
        ((STRANGER.address, ML_DSA_65, key(10), 1, NO_NODE), "not a member"),
        ((owner, 0, key(10), 1, NO_NODE), "algorithm or key"),
        ((owner, 3, key(10), 1, NO_NODE), "algorithm or key"),
        ((owner, ML_DSA_65, key(10)[:-1], 1, NO_NODE), "algorithm or key"),
        ((owner, ML_DSA_65, key(10, ED25519), 1, NO_NODE), "algorithm or key"),
        ((owner, ED25519, key(10), 1, NO_NODE), "algorithm or key"),
        ((owner, ED25519, key(0), 2, NO_NODE), "algorithm or key"),
        ((owner, ML_DSA_65, key(10), 0, NO_NODE), "unknown validator"),
        ((other, ML_DSA_65, key(0), 2, NO_NODE), "key of another owner"),
        ((other, ML_DSA_65, key(0), 0, NO_NODE), "key of another owner"),
    ]
    for fields, reason in refused:
        with boa.reverts(f"governance: {reason}"):
            _set(council, *fields)
    _set(council, owner, ML_DSA_65, key(10), 1, NO_NODE)


def test_former_member_keeps_its_validator_until_it_is_removed(council: Council) -> None:
    owner = council.members[3]
    council.decide(council.registry_call("set_status", owner.address, False))
    assert key(3) in council.powers()
    with boa.reverts("governance: not a member"):
        council.set_validator(owner, 3, 2)
    council.set_validator(owner, 3, 0)
    assert key(3) not in council.powers()


def test_key_is_rotated_with_overlap_and_no_owner_has_three(council: Council) -> None:
    owner = council.members[0]
    council.set_validator(owner, 10, 1)
    next_block()
    with boa.reverts("governance: owner has two keys"):
        council.set_validator(owner, 11, 1)
    council.set_validator(owner, 0, 0)
    next_block()
    council.set_validator(owner, 11, 1)
    assert council.powers() == {key(number): 1 for number in (1, 2, 3, 10, 11)}


def test_key_changes_once_in_a_block(council: Council) -> None:
    owner = council.members[0]
    council.set_validator(owner, 10, 1)
    for power in (0, 2):
        with boa.reverts("governance: key changed in block"):
            council.set_validator(owner, 10, power)
    next_block()
    council.set_validator(owner, 10, 0)
    with boa.reverts("governance: key changed in block"):
        council.set_validator(owner, 10, 1)
    next_block()
    council.set_validator(owner, 10, 1)


# ------------------------------------------------------------------ hard rules


def test_no_more_than_a_third_of_the_power_moves_in_a_block_unless_forced() -> None:
    council = Council.begin((3, 3, 3, 3))
    first, second = council.members[:2]
    # Four of twelve, in parts, up or down.
    council.set_validator(first, 0, 5)
    council.set_validator(second, 1, 1)
    with boa.reverts("governance: over a third of power"):
        council.set_validator(council.members[2], 2, 4)
    with boa.reverts("governance: over a third of power"):
        council.set_validator(council.members[2], 2, 2)
    next_block()
    council.set_validator(council.members[2], 2, 4)
    calls = [council.validator_call(council.members[number], number, 20) for number in (0, 1)]
    proposal = council.passed(*calls)
    with boa.reverts("governance: over a third of power"):
        council.governance.execute(proposal)
    council.decide(*calls, force=True)
    assert council.governance.total_power() == 20 + 20 + 4 + 3
    # The flag is the proposal's, not the contract's from then on.
    next_block()
    with boa.reverts("governance: over a third of power"):
        council.set_validator(first, 0, 1)


def test_force_of_a_proposal_does_not_reach_the_one_that_executes_it() -> None:
    council = Council.begin((3, 3, 3, 3))
    doubled = council.validator_call(council.members[0], 0, 30)
    forced = council.propose(council.call("allow_node", node_id(50), True), force=True)
    council.vote(forced, True, 0, 1, 2)
    outer = council.passed(council.call("execute", forced), doubled)
    with boa.reverts("governance: over a third of power"):
        council.governance.execute(outer)
    # Nor is a forced one tamed by one that it executes.
    plain = council.propose(council.call("allow_node", node_id(50), True))
    council.vote(plain, True, 0, 1, 2)
    council.decide(council.call("execute", plain), doubled, force=True)
    assert council.powers()[key(0)] == 30


def test_set_is_never_empty() -> None:
    council = Council.begin((1,))
    proposal = council.passed(council.validator_call(council.members[0], 0, 0), force=True)
    with boa.reverts("governance: no validator left"):
        council.governance.execute(proposal)
    proposal = council.passed(council.call("jail", council.members[0].address, LATE, ZERO_BYTES32, 0), force=True)
    with boa.reverts("governance: no validator left"):
        council.governance.execute(proposal)
    # Rotation in one block: the new key first.
    council.decide(
        council.validator_call(council.members[0], 1, 1), council.validator_call(council.members[0], 0, 0), force=True
    )
    assert council.powers() == {key(1): 1}


def test_power_is_bounded() -> None:
    council, limit = Council.begin((1, 1)), flight.TOTAL_POWER_MAX
    first = council.members[0]
    for power in (limit, limit + 1, 2**256 - 1):
        proposal = council.passed(council.validator_call(first, 0, power), force=True)
        with boa.reverts("governance: too much power"):
            council.governance.execute(proposal)
    council.decide(council.validator_call(first, 0, limit - 1), force=True)
    assert council.governance.total_power() == limit


def test_validators_are_two_hundred_at_most_and_can_be_read() -> None:
    council = Council.begin((1,) * 100)
    for number, owner in enumerate(council.members):
        council.set_validator(owner, 100 + number, 1)
        next_block()
    with boa.reverts("governance: too many validators"):
        council.set_validator(council.members[0], 200, 1)
    assert len(council.governance.node_ids()) == 200
    assert len(council.governance.validators()) == 200
    # Within a call's gas, also where nothing has touched the 66 slots of each before, as is so in a real call.
    cold = 200 * 66 * (2_100 - 100)
    assert council.governance._computation.get_gas_used() + cold <= CALL_GAS_MAX
    council.set_validator(council.members[0], 100, 0)
    council.decide(council.validator_call(council.members[0], 200, 1))
    assert council.governance.total_power() == 200


# ------------------------------------------------------------------ peers


def test_node_is_allowed_besides_those_of_validators(council: Council) -> None:
    governance = council.governance
    council.decide(council.call("allow_node", node_id(50), True), council.call("allow_node", node_id(51), True))
    assert events_of(governance, "NodeAllowed") == [
        {"node_id": node_id(50), "allowed": True},
        {"node_id": node_id(51), "allowed": True},
    ]
    assert governance.node_ids()[4:] == [node_id(50), node_id(51)]
    for node, allowed, reason in (
        (node_id(50), True, "node is allowed"),
        (node_id(52), False, "unknown node"),
        (NO_NODE, True, "no node"),
    ):
        with boa.reverts(f"governance: {reason}"):
            governance.allow_node(node, allowed, sender=governance.address)
    council.decide(council.call("allow_node", node_id(50), False))
    assert events_of(governance, "NodeAllowed") == [{"node_id": node_id(50), "allowed": False}]
    assert governance.node_ids()[4:] == [node_id(51)]
    # A validator without a node of its own name allows none.
    _set(council, council.members[0].address, ML_DSA_65, key(0), 1, NO_NODE)
    assert governance.node_ids() == [*(node_id(number) for number in (1, 2, 3)), node_id(51)]


def test_nodes_are_six_hundred_at_most(council: Council) -> None:
    governance = council.governance
    council.governance.inject_function(FILL_NODES)
    governance.inject.fill_nodes()
    governance.allow_node(node_id(50), True, sender=governance.address)
    with boa.reverts("governance: too many nodes"):
        governance.allow_node(node_id(51), True, sender=governance.address)
    assert len(governance.node_ids()) == 604


# Leaves room for one.
FILL_NODES = """
@external
def fill_nodes():
    for number: uint160 in range(1, 600):
        validator_set._nodes.append(convert(number, bytes20))
"""


# ------------------------------------------------------------------ jail


def test_double_signer_is_jailed_when_more_than_half_report_it(council: Council, gas_snapshot: GasSnapshot) -> None:
    culprit, governance = council.members[3], council.governance
    _report(council, culprit, 0, 1)
    assert events_of(governance, "DoubleSignReported") == [
        {
            "owner": culprit.address,
            "member": council.members[1].address,
            "evidence_digest": EVIDENCE,
            "height": 7,
        }
    ]
    assert governance.reports_of(culprit.address, EVIDENCE, 7) == [one.address for one in council.members[:2]]
    # Two of four are not more than half; reports about something else do not add up.
    _report(council, culprit, 2, evidence=OTHER_EVIDENCE)
    _report(council, culprit, 2, height=8)
    _report(council, council.members[2], 2)
    assert key(3) in council.powers()

    _report(council, culprit, 2)
    gas_snapshot.check(governance, "report_double_sign (jails)")
    assert council.changes() == [(key(3), 0)]
    assert events_of(governance, "Jailed") == [
        {"owner": culprit.address, "reason": DOUBLE_SIGN, "evidence_digest": EVIDENCE, "height": 7}
    ]
    assert tuple(governance.jail_of(culprit.address)) == (DOUBLE_SIGN, EVIDENCE, 7, now_s())
    assert key(3) not in council.powers()
    # Its node is no validator's any more; it may read on where the members allow that.
    assert node_id(3) not in governance.node_ids()


def test_report_is_refused_when_it_is_malformed_or_comes_twice(council: Council) -> None:
    culprit = council.members[3]
    with boa.reverts("governance: not a member"):
        council.governance.report_double_sign(culprit.address, EVIDENCE, 7, sender=STRANGER.address)
    with boa.reverts("governance: no evidence"):
        _report(council, culprit, 0, evidence=ZERO_BYTES32)
    with boa.reverts("governance: owner has no validator"):
        _report(council, STRANGER, 0)
    _report(council, culprit, 0)
    with boa.reverts("governance: reported already"):
        _report(council, culprit, 0)


def test_report_of_a_removed_member_does_not_count(council: Council) -> None:
    culprit = council.members[3]
    _report(council, culprit, 0, 1)
    council.decide(council.registry_call("set_status", council.members[0].address, False))
    _report(council, culprit, 2)
    # Two of three are more than half.
    assert key(3) not in council.powers()


def test_jailed_owner_has_no_validator_until_it_is_unjailed(council: Council) -> None:
    culprit, governance = council.members[3], council.governance
    council.set_validator(culprit, 10, 1)
    next_block()
    council.decide(council.call("jail", culprit.address, LATE, EVIDENCE, 9), force=True)
    assert sorted(council.changes()) == sorted([(key(3), 0), (key(10), 0)])
    assert tuple(governance.jail_of(culprit.address)) == (LATE, EVIDENCE, 9, now_s())
    next_block()
    with boa.reverts("governance: owner is jailed"):
        council.set_validator(culprit, 3, 1)
    with boa.reverts("governance: owner has no validator"):
        governance.jail(culprit.address, LATE, ZERO_BYTES32, 0, sender=governance.address)

    council.decide(council.call("unjail", culprit.address), council.validator_call(culprit, 3, 1))
    assert events_of(governance, "Unjailed") == [{"owner": culprit.address}]
    assert tuple(governance.jail_of(culprit.address)) == (ZERO_BYTES32, ZERO_BYTES32, 0, 0)
    assert council.powers() == {key(number): 1 for number in range(4)}
    with boa.reverts("governance: owner is not jailed"):
        governance.unjail(culprit.address, sender=governance.address)


def test_evidence_jails_once(council: Council) -> None:
    culprit = council.members[3]
    _report(council, culprit, 0, 1, 2)
    next_block()
    council.decide(council.call("unjail", culprit.address), council.validator_call(culprit, 3, 1))
    next_block()
    for number in (0, 3):
        with boa.reverts("governance: evidence used"):
            _report(council, culprit, number)
    _report(council, culprit, 0, 1, 2, evidence=OTHER_EVIDENCE)
    assert key(3) not in council.powers()


def test_jail_keeps_to_the_third_unless_a_proposal_is_forced() -> None:
    council = Council.begin((2, 1, 1))
    culprit = council.members[0]
    _report(council, culprit, 1)
    with boa.reverts("governance: over a third of power"):
        _report(council, culprit, 2)
    council.decide(council.call("jail", culprit.address, DOUBLE_SIGN, EVIDENCE, 7), force=True)
    assert council.powers() == {key(1): 1, key(2): 1}


def test_constants_are_what_nodes_expect(council: Council) -> None:
    """A node reads no more than its limits; what members can decide stays within them."""
    governance = council.governance
    assert VALIDATORS_MAX == flight.VALIDATORS_MAX == 200
    governance.set_consensus_params(BLOCK_BYTES_MAX, TRANSACTION_GAS_MAX, sender=governance.address)
    for limits in ((BLOCK_BYTES_MAX + 1, TRANSACTION_GAS_MAX), (BLOCK_BYTES_MAX, TRANSACTION_GAS_MAX - 1)):
        with boa.reverts():
            governance.set_consensus_params(*limits, sender=governance.address)
