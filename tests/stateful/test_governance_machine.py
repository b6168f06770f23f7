"""Governance and its model, driven together: members, those who were dismissed, strangers, time, blocks.

Every call goes to both; both take it, or both refuse it for the same reason. After every step powers, states and jails
agree, the set is not empty, and the logs of each block, taken together, are the change of the set.
"""

from collections.abc import Callable
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contracts.council import LOCK_S, Call, Council, key, next_block
from tests.contracts.support import START_S, VALIDATOR, ZERO_BYTES32, Actor, advance_to, now_s
from tests.models.governance import GRACE_S, VOTING_S, Action, GovernanceModel, Refused

POWERS = (3, 2, 2, 2, 1)
STATES = {"voting": 1, "locked": 2, "ready": 3, "executed": 4, "expired": 5, "cancelled": 6}
REASON = b"late".ljust(32, b"\0")

owners = st.integers(0, len(POWERS) - 1)
actions = st.one_of(
    st.tuples(st.just("set"), owners, st.sampled_from((0, 0, 1)), st.sampled_from((0, 0, 1, 2, 3, 4, 9))),
    st.tuples(st.just("set"), owners, st.sampled_from((0, 0, 1)), st.sampled_from((0, 0, 1, 2, 3, 4, 9))),
    st.tuples(st.sampled_from(("jail", "unjail", "dismiss", "admit")), owners),
)
# More often one than several; a forced one can do what others cannot.
some_actions = st.one_of(actions.map(lambda one: [one]), st.lists(actions, min_size=1, max_size=3))


class GovernanceMachine(RuleBasedStateMachine):
    """Contract and model side by side. titanoboa undoes on chain what an example did."""

    council: Council

    def __init__(self) -> None:
        super().__init__()
        addresses = [one.address for one in self.council.members]
        self.people = [*self.council.members, Actor("stranger")]
        validators = {number: (addresses[number], power) for number, power in enumerate(POWERS)}
        self.model = GovernanceModel(set(addresses), validators)
        self.logged = self.council.powers()

    @initialize()
    def begin(self) -> None:
        """Two proposals are being voted about."""
        self.propose(0, [("set", 1, 0, 3)], False)
        self.propose(1, [("dismiss", 4)], False)

    @rule(sender=st.integers(0, len(POWERS)), chosen=some_actions, force=st.booleans())
    def propose(self, sender: int, chosen: list[Any], force: bool) -> None:
        who = self.people[sender].address
        planned = [self._action(*one) for one in chosen]
        calls = [self._call(one) for one in planned]
        self.both(
            lambda: self.council.governance.propose(calls, force, "", sender=who),
            lambda: self.model.propose(now_s(), who, planned, force),
        )

    @rule(data=st.data(), sender=st.integers(0, len(POWERS)), approve=st.sampled_from((True, True, True, False)))
    def vote(self, data: Any, sender: int, approve: bool) -> None:
        number, who = self._drawn(data), self.people[sender].address
        self.both(
            lambda: self.council.governance.vote(number + 1, approve, sender=who),
            lambda: self.model.vote(now_s(), who, number, approve),
        )

    @rule(data=st.data())
    def everybody_votes(self, data: Any) -> None:
        """The same one, so that proposals pass."""
        self.approve(self._drawn(data))

    def approve(self, number: int) -> None:
        for person in self.council.members:
            self.both(
                lambda who=person.address: self.council.governance.vote(number + 1, True, sender=who),
                lambda who=person.address: self.model.vote(now_s(), who, number, True),
            )

    @rule(data=st.data(), sender=owners)
    def cancel(self, data: Any, sender: int) -> None:
        number, who = self._drawn(data), self.people[sender].address
        self.both(
            lambda: self.council.governance.cancel(number + 1, sender=who),
            lambda: self.model.cancel(now_s(), who, number),
        )

    @rule(data=st.data())
    def execute(self, data: Any) -> None:
        number = self._drawn(data)
        self.both(
            lambda: self.council.governance.execute(number + 1, sender=self.people[-1].address),
            lambda: self.model.execute(now_s(), number),
        )

    @rule()
    def wait_and_execute_all(self) -> None:
        """Each in a block of its own, so that what is executed is mostly taken."""
        advance_to(now_s() + LOCK_S)
        for number, proposal in enumerate(self.model.proposals):
            if proposal.state(now_s()) == "ready":
                self.begin_block()
                self.both(
                    lambda number=number: self.council.governance.execute(number + 1),
                    lambda number=number: self.model.execute(now_s(), number),
                )

    @rule(chosen=some_actions, force=st.booleans())
    def decide(self, chosen: list[Any], force: bool) -> None:
        """All at once, so that long histories of changes arise."""
        before = len(self.model.proposals)
        for sender in range(len(POWERS)):
            if len(self.model.proposals) == before:
                self.propose(sender, chosen, force)
        if len(self.model.proposals) > before:
            self.approve(before)
            self.wait_and_execute_all()

    @rule(sender=st.integers(0, len(POWERS)), owner=owners, evidence=st.sampled_from((1, 1, 2)))
    def report(self, sender: int, owner: int, evidence: int) -> None:
        who, whose = self.people[sender].address, self.people[owner].address
        digest = bytes([evidence]) * 32
        self.both(
            lambda: self.council.governance.report_double_sign(whose, digest, 7, sender=who),
            lambda: self.model.report(who, whose, evidence),
        )

    @rule()
    def begin_block(self) -> None:
        next_block()
        self.model.block += 1

    @rule(seconds=st.sampled_from((1, LOCK_S - 1, LOCK_S, GRACE_S, VOTING_S, VOTING_S + 1)))
    def let_time_pass(self, seconds: int) -> None:
        advance_to(now_s() + seconds)

    @invariant()
    def figures_agree(self) -> None:
        governance, model = self.council.governance, self.model
        expected = {key(number): power for number, (_, power) in model.validators.items()}
        assert self.council.powers() == expected == self.logged
        assert governance.total_power() == model.total > 0
        assert self.council.registry.role_count(VALIDATOR) == len(model.members) > 0
        for number, proposal in enumerate(model.proposals):
            assert governance.proposal_state(number + 1) == STATES[proposal.state(now_s())]
        for member in self.council.members:
            assert (governance.jail_of(member.address)[3] != 0) == (member.address in model.jailed)

    # ------------------------------------------------------------------ inside

    def both(self, call: Callable[[], Any], model_call: Callable[[], None]) -> None:
        """Do the same to both; follow the logs as a node does."""
        try:
            model_call()
        except Refused as refusal:
            with boa.reverts(f"governance: {refusal}"):
                call()
            return
        call()
        for public_key, power in self.council.changes():
            self.logged.pop(public_key, None)
            if power:
                self.logged[public_key] = power

    def _drawn(self, data: Any) -> int:
        """Draw a proposal, mostly an open one."""
        proposals = self.model.proposals
        is_open = [
            number for number, one in enumerate(proposals) if one.state(now_s()) in ("voting", "locked", "ready")
        ]
        is_any = data.draw(st.integers(0, 9)) == 0
        drawn: int = data.draw(st.sampled_from(range(len(proposals)) if is_any or not is_open else is_open))
        return drawn

    def _action(self, kind: str, owner: int, second: int = 0, power: int = 0) -> Action:
        address = self.people[owner].address
        # An owner's second key is ten further on.
        return (kind, address, owner + 10 * second, power) if kind == "set" else (kind, address)

    def _call(self, action: Action) -> Call:
        kind, address = action[:2]
        owner = next(one for one in self.people if one.address == address)
        if kind == "set":
            _, _, number, power = action  # type: ignore[misc]
            return self.council.validator_call(owner, number, power)
        if kind == "jail":
            return self.council.call("jail", address, REASON, ZERO_BYTES32, 0)
        if kind == "unjail":
            return self.council.call("unjail", address)
        return self.council.registry_call("set_status", address, kind == "admit")


@pytest.mark.parametrize(("examples", "steps"), [(15, 25), pytest.param(500, 80, marks=pytest.mark.soak, id="soak")])
def test_governance_and_model_agree_when_anyone_does_anything(examples: int, steps: int) -> None:
    boa.env.timestamp = START_S
    GovernanceMachine.council = Council.begin(POWERS)
    run_state_machine_as_test(
        GovernanceMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
