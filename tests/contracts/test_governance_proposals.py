"""Governance: proposals from their making to their execution, and who may do what."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import boa
import pytest

from contracts.client.artifacts import encode_call
from node.chain.governance import (
    BlockLimits,
    KeyState,
    TransactionKeyChange,
    block_limits,
    transaction_key_changes,
)
from tests.contracts.council import (
    BLOCK_BYTES,
    BLOCK_GAS,
    CANCELLED,
    EXECUTED,
    EXPIRED,
    GRACE_S,
    LOCK_S,
    LOCKED,
    ML_DSA_65,
    READY,
    VOTING,
    VOTING_S,
    Call,
    Council,
    key,
    next_block,
    node_id,
)
from tests.contracts.gas import GasSnapshot
from tests.contracts.support import (
    BANK,
    LEI,
    START_S,
    VALIDATOR,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    advance,
    call_raw,
    deploy,
    events_of,
    now_s,
)

NEWCOMER, STRANGER = Actor("newcomer"), Actor("stranger")


@pytest.fixture(scope="module")
def founded() -> Council:
    boa.env.timestamp = START_S
    return Council.begin()


@pytest.fixture
def council(founded: Council) -> Council:
    return founded


@pytest.fixture
def harmless(council: Council) -> Call:
    return council.call("allow_node", node_id(99), True)


def _admit(council: Council, account: Actor) -> Call:
    return council.registry_call("register", account.address, LEI, "", BANK | VALIDATOR, ZERO_BYTES32)


def _dismiss(council: Council, number: int) -> Call:
    return council.registry_call("set_status", council.members[number].address, False)


def _state(council: Council, proposal: int) -> int:
    return int(council.governance.proposal_state(proposal))


# ------------------------------------------------------------------ the way through


def test_proposal_is_executed_when_two_thirds_agree_and_the_lock_has_ended(
    council: Council, gas_snapshot: GasSnapshot
) -> None:
    governance = council.governance
    proposal = council.propose(_admit(council, NEWCOMER), by=1)
    gas_snapshot.check(governance, "propose")
    assert events_of(governance, "Proposed") == [
        {
            "id": proposal,
            "proposer": council.members[1].address,
            "title": "a title",
            "force": False,
            "voting_ends_at": now_s() + VOTING_S,
        }
    ]
    council.vote(proposal, True, 0)
    gas_snapshot.check(governance, "vote")
    assert events_of(governance, "Voted") == [{"id": proposal, "member": council.members[0].address, "approve": True}]
    council.vote(proposal, False, 1)
    council.vote(proposal, True, 2)
    assert _state(council, proposal) == VOTING
    council.vote(proposal, True, 3)
    ready_at = now_s() + LOCK_S
    assert events_of(governance, "ProposalPassed") == [
        {"id": proposal, "ready_at": ready_at, "expires_at": ready_at + GRACE_S}
    ]
    advance(LOCK_S - 1)
    assert _state(council, proposal) == LOCKED
    with boa.reverts("governance: not ready"):
        governance.execute(proposal, sender=STRANGER.address)
    advance(1)
    assert _state(council, proposal) == READY
    assert council.registry.has_role(NEWCOMER.address, VALIDATOR) is False

    governance.execute(proposal, sender=STRANGER.address)
    gas_snapshot.check(governance, "execute")
    assert events_of(governance, "ProposalExecuted") == [{"id": proposal}]
    assert council.registry.has_role(NEWCOMER.address, VALIDATOR) is True
    assert _state(council, proposal) == EXECUTED
    with boa.reverts("governance: not ready"):
        governance.execute(proposal, sender=STRANGER.address)


def test_record_says_what_is_known_of_a_proposal(council: Council, harmless: Call) -> None:
    governance = council.governance
    assert _state(council, 1) == 0
    assert next(iter(governance.proposal(1))) == ZERO_ADDRESS
    proposal = council.propose(harmless, _admit(council, NEWCOMER), force=True)
    council.vote(proposal, True, 2)
    council.vote(proposal, False, 3)
    assert (proposal, governance.proposal_count()) == (1, 1)
    assert tuple(governance.proposal(1)) == (
        council.members[0].address,
        "a title",
        True,
        4,
        now_s() + VOTING_S,
        0,
        0,
        0,
    )
    assert [tuple(call) for call in governance.proposal_calls(1)] == [harmless, _admit(council, NEWCOMER)]
    assert governance.proposal_votes(1) == ([council.members[2].address], [council.members[3].address])


def test_proposal_expires_when_its_voting_ends_without_two_thirds(council: Council, harmless: Call) -> None:
    proposal, other = council.propose(harmless), council.propose(harmless)
    council.vote(proposal, True, 0, 1)
    council.vote(other, True, 0, 1)
    advance(VOTING_S)
    council.vote(other, True, 2)
    assert (_state(council, proposal), _state(council, other)) == (VOTING, LOCKED)
    advance(1)
    assert _state(council, proposal) == EXPIRED
    with boa.reverts("governance: not open"):
        council.vote(proposal, True, 2)
    with boa.reverts("governance: not open"):
        council.governance.cancel(proposal, sender=council.members[0].address)


def test_proposal_expires_when_nobody_executes_it_in_time(council: Council, harmless: Call) -> None:
    proposal, other = council.passed(harmless), council.propose(harmless)
    advance(GRACE_S)
    assert _state(council, proposal) == READY
    with boa.env.anchor():
        council.governance.execute(proposal)
    advance(1)
    assert (_state(council, proposal), _state(council, other)) == (EXPIRED, VOTING)
    with boa.reverts("governance: not ready"):
        council.governance.execute(proposal)


def test_proposal_is_cancelled_by_its_proposer_before_it_passes(council: Council, harmless: Call) -> None:
    governance, proposal = council.governance, council.propose(harmless, by=1)
    for caller in (council.members[0], STRANGER):
        with boa.reverts("governance: not the proposer"):
            governance.cancel(proposal, sender=caller.address)
    with boa.env.anchor():
        council.vote(proposal, True, 0, 2, 3)
        with boa.reverts("governance: not open"):
            governance.cancel(proposal, sender=council.members[1].address)
    council.vote(proposal, True, 0)
    governance.cancel(proposal, sender=council.members[1].address)
    assert events_of(governance, "ProposalCancelled") == [{"id": proposal}]
    assert _state(council, proposal) == CANCELLED
    with boa.reverts("governance: not open"):
        council.vote(proposal, True, 2)


def test_calls_happen_all_or_none(council: Council, harmless: Call) -> None:
    proposal = council.passed(harmless, council.registry_call("set_roles", STRANGER.address, BANK))
    with boa.reverts("registry: not registered"):
        council.governance.execute(proposal)
    assert node_id(99) not in council.governance.node_ids()
    # It can be tried again once what it needs is there.
    council.decide(_admit(council, STRANGER))
    council.governance.execute(proposal)
    assert node_id(99) in council.governance.node_ids()


def test_proposal_may_execute_another_but_not_itself(council: Council, harmless: Call) -> None:
    inner = council.propose(harmless)
    council.vote(inner, True, 0, 1, 2)
    outer = council.passed(council.call("execute", inner))
    itself = council.propose(council.call("execute", council.governance.proposal_count() + 1))
    council.governance.execute(outer)
    assert (_state(council, inner), _state(council, outer)) == (EXECUTED, EXECUTED)
    council.vote(itself, True, 0, 1, 2)
    advance(LOCK_S)
    with boa.reverts("governance: not ready"):
        council.governance.execute(itself)


# ------------------------------------------------------------------ who counts


def test_vote_is_refused_when_it_is_no_members_or_a_second_one(council: Council, harmless: Call) -> None:
    proposal = council.propose(harmless)
    with boa.reverts("governance: not a member"):
        council.governance.vote(proposal, True, sender=STRANGER.address)
    council.vote(proposal, False, 0)
    council.vote(proposal, True, 1)
    for number in (0, 1):
        for approve in (True, False):
            with boa.reverts("governance: voted already"):
                council.vote(proposal, approve, number)
    with boa.reverts("governance: not open"):
        council.vote(proposal + 1, True, 2)


def test_vote_of_a_removed_member_does_not_count(council: Council, harmless: Call) -> None:
    proposal = council.propose(harmless)
    council.vote(proposal, True, 0, 3)
    council.decide(_dismiss(council, 3))
    with boa.reverts("governance: not a member"):
        council.governance.propose([harmless], False, "", sender=council.members[3].address)
    council.vote(proposal, True, 1)
    # Three voted, one of them is gone: two of the four there were.
    assert _state(council, proposal) == VOTING
    council.vote(proposal, True, 2)
    assert _state(council, proposal) == LOCKED


def test_majority_is_counted_again_when_a_proposal_is_executed(council: Council, harmless: Call) -> None:
    proposal = council.propose(harmless)
    dismissal = council.propose(_dismiss(council, 0))
    council.vote(proposal, True, 0, 1, 2)
    council.vote(dismissal, True, 1, 2, 3)
    advance(LOCK_S)
    with boa.env.anchor():
        council.governance.execute(proposal)
    council.governance.execute(dismissal)
    with boa.reverts("governance: majority lost"):
        council.governance.execute(proposal)


def test_newcomer_votes_and_raises_what_two_thirds_are(council: Council, harmless: Call) -> None:
    proposal, early = council.propose(harmless), council.propose(harmless)
    council.vote(early, True, 0, 1, 2)
    council.decide(_admit(council, NEWCOMER))
    council.vote(proposal, True, 0, 1, 2)
    assert _state(council, proposal) == VOTING
    council.governance.vote(proposal, True, sender=NEWCOMER.address)
    assert _state(council, proposal) == LOCKED
    # What had passed before needs no more than it had.
    council.governance.execute(early)


def test_last_member_cannot_be_dismissed(council: Council) -> None:
    everybody = [_dismiss(council, number) for number in range(4)]
    proposal = council.passed(*everybody)
    with boa.reverts("governance: no member left"):
        council.governance.execute(proposal)
    council.decide(*everybody[1:])
    assert council.registry.role_count(VALIDATOR) == 1


# ------------------------------------------------------------------ bounds


def test_proposal_is_refused_when_it_is_malformed(council: Council, harmless: Call) -> None:
    with boa.reverts("governance: not a member"):
        council.governance.propose([harmless], False, "", sender=STRANGER.address)
    with boa.reverts("governance: no call"):
        council.propose()
    with boa.reverts("governance: target has no code"):
        council.propose(harmless, (STRANGER.address, b""))
    council.propose(harmless)


@pytest.mark.parametrize(
    ("calls", "call_bytes", "title_chars"),
    [(9, 4, 0), (1, 2_561, 0), (1, 4, 129)],
)
def test_proposal_is_refused_when_it_is_too_large(
    council: Council, calls: int, call_bytes: int, title_chars: int
) -> None:
    with pytest.raises(boa.BoaError):
        _propose_raw(council, calls, call_bytes, title_chars)
    _propose_raw(council, 8, 4, 128)


def test_largest_proposal_fits_a_transaction(council: Council, gas_snapshot: GasSnapshot) -> None:
    _propose_raw(council, 8, 2_560, 128)
    gas_snapshot.check(council.governance, "propose (8 x 2560 bytes)")


def _propose_raw(council: Council, calls: int, call_bytes: int, title_chars: int) -> None:
    """Propose past the binding, which would refuse what is too large."""
    arguments = ([(council.governance.address, b"x" * call_bytes)] * calls, False, "t" * title_chars)
    call_raw(council.governance, encode_call("Governance", "propose", arguments), council.members[0])


def test_member_has_four_open_proposals_at_most(council: Council, harmless: Call) -> None:
    first = council.propose(harmless)
    for _ in range(3):
        council.propose(harmless)
    with boa.reverts("governance: too many proposals"):
        council.propose(harmless)
    council.propose(harmless, by=1)
    # A locked or ready one is still open, an executed, cancelled or expired one is not.
    council.vote(first, True, 0, 1, 2)
    with boa.reverts("governance: too many proposals"):
        council.propose(harmless)
    advance(LOCK_S)
    with boa.reverts("governance: too many proposals"):
        council.propose(harmless)
    council.governance.execute(first)
    last = council.propose(harmless)
    with boa.reverts("governance: too many proposals"):
        council.propose(harmless)
    council.governance.cancel(last, sender=council.members[0].address)
    council.propose(harmless)
    advance(VOTING_S + 1)
    for _ in range(4):
        council.propose(harmless)


# ------------------------------------------------------------------ what only a proposal may

SELF_CALLS: list[tuple[str, Callable[[Council], tuple[Any, ...]]]] = [
    ("set_validator", lambda one: (one.members[0].address, ML_DSA_65, key(0), 2, node_id(0))),
    ("jail", lambda one: (one.members[0].address, b"late".ljust(32, b"\0"), ZERO_BYTES32, 0)),
    ("unjail", lambda one: (one.members[0].address,)),
    ("allow_node", lambda _: (node_id(50), True)),
    ("set_consensus_params", lambda _: (BLOCK_BYTES, BLOCK_GAS)),
    ("set_periods", lambda _: (VOTING_S, LOCK_S, GRACE_S)),
]


@pytest.mark.parametrize(("function", "arguments"), SELF_CALLS, ids=[name for name, _ in SELF_CALLS])
def test_call_is_refused_when_it_is_not_by_a_proposal(
    council: Council, function: str, arguments: Callable[[Council], tuple[Any, ...]]
) -> None:
    for caller in (council.members[0], STRANGER, Actor("founder")):
        with boa.reverts("governance: not by a proposal"):
            getattr(council.governance, function)(*arguments(council), sender=caller.address)


def test_periods_change_by_proposal_within_bounds(council: Council, harmless: Call) -> None:
    governance, day_s = council.governance, 86_400
    running = council.propose(harmless)
    council.decide(council.call("set_periods", 60, 0, 60))
    assert events_of(governance, "PeriodsChanged") == [{"voting_s": 60, "lock_s": 0, "grace_s": 60}]
    assert tuple(governance.periods()) == (60, 0, 60)
    # What has begun keeps its end of voting; a lock of zero lets it be executed at once.
    assert governance.proposal(running)[4] > now_s() + 60
    council.vote(running, True, 0, 1, 2)
    governance.execute(running)
    for periods, reason in (
        ((59, 0, 60), "voting period"),
        ((90 * day_s + 1, 0, 60), "voting period"),
        ((60, 90 * day_s + 1, 60), "lock period"),
        ((60, 0, 59), "grace period"),
        ((60, 0, 90 * day_s + 1), "grace period"),
    ):
        with boa.reverts(f"governance: {reason}"):
            governance.set_periods(*periods, sender=governance.address)
    governance.set_periods(90 * day_s, 90 * day_s, 90 * day_s, sender=governance.address)


def test_block_limits_change_by_proposal_within_bounds(council: Council) -> None:
    governance = council.governance
    council.decide(council.call("set_consensus_params", 1_048_576, 500_000_000))
    address = bytes.fromhex(governance.address[2:])
    assert block_limits(council.logs(governance), address) == BlockLimits(1_048_576, 500_000_000)
    assert tuple(governance.consensus_params()) == (1_048_576, 500_000_000)
    for limits, reason in (
        ((1_048_575, 30_000_000), "block bytes"),
        ((4_194_305, 30_000_000), "block bytes"),
        ((1_048_576, 29_999_999), "block gas"),
        ((1_048_576, 500_000_001), "block gas"),
    ):
        with boa.reverts(f"governance: {reason}"):
            governance.set_consensus_params(*limits, sender=governance.address)
    governance.set_consensus_params(4_194_304, 30_000_000, sender=governance.address)


def test_constructor_refuses_what_it_cannot_keep(council: Council) -> None:
    good = [council.registry.address, VOTING_S, LOCK_S, GRACE_S, BLOCK_BYTES, BLOCK_GAS]
    for place, value, reason in (
        (0, ZERO_ADDRESS, "no registry"),
        (1, 0, "voting period"),
        (4, 0, "block bytes"),
        (5, 0, "block gas"),
    ):
        with boa.reverts(f"governance: {reason}"):
            deploy("Governance", *good[:place], value, *good[place + 1 :])
    assert deploy("Governance", *good).REGISTRY() == council.registry.address


def test_governance_is_handed_on_and_taken_by_proposal(council: Council) -> None:
    council.decide(council.registry_call("transfer_governance", NEWCOMER.address))
    council.registry.accept_governance(sender=NEWCOMER.address)
    council.registry.transfer_governance(council.governance.address, sender=NEWCOMER.address)
    council.decide(council.registry_call("accept_governance"))
    assert council.registry.governor() == council.governance.address


def test_lost_transaction_key_is_replaced_by_the_members(council: Council) -> None:
    account, registry = council.members[0].address, council.registry
    registry.register_transaction_key(key(70), sender=account)
    council.decide(council.registry_call("revoke_transaction_key", account))
    assert registry.transaction_key_state(account) == 2
    next_block()
    council.decide(council.registry_call("assign_transaction_key", account, key(71)))
    changes = transaction_key_changes(council.logs(council.governance), bytes.fromhex(registry.address[2:]))
    assert changes == (TransactionKeyChange(bytes.fromhex(account[2:]), sha256(key(71)).digest(), KeyState.SET),)
    assert (registry.transaction_key(account), registry.transaction_key_state(account)) == (key(71), 1)
