"""The machine's rules about words: funding, and what attesters, parties and the arbiter say of milestones."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.contracts.support import DAY_S, ZERO_ADDRESS, Actor
from tests.contracts.trades import BPS, Fields
from tests.models.escrow import Escrow, Policy, State
from tests.stateful.escrow_sides import HOUR_S, Sides, SidesWorld

TRADES_MAX = 3
shares = st.sampled_from((0, 1, 3_333, 5_000, BPS, BPS))
claims = st.sampled_from(((1, BPS), (1, BPS), (1, BPS), (1, 4_000), (1, 1), (2, 0)))
weights = st.sampled_from(([BPS], [3_000, 7_000], [1, 9_999], [3_333, 3_333, 3_334]))
unawarded_shares = st.sampled_from((0, 2_500))
amounts = st.sampled_from((100_003, 100_003, 30_077, 1_000_000))
policies = st.sampled_from((Policy.NONE, Policy.CONVERT_NOW, Policy.LOCK, Policy.LOCK, *[Policy.FLOAT] * 4))
floats = st.fixed_dictionaries(
    {
        "share_bps": st.sampled_from((BPS, BPS, 5_000, 0)),
        "option": st.just(0),
        "cool_down_s": st.sampled_from((0, HOUR_S)),
        "calls_max": st.sampled_from((0, 1, 2)),
    }
) | st.fixed_dictionaries({"option": st.sampled_from((1, 2))})


def in_state(*states: State) -> Callable[["Decisions"], bool]:
    """Whether some milestone is in one of these states: calls that can only be refused are rare enough without."""
    return lambda machine: any(
        machine.model.state_of(trade, index) in states
        for trade in machine.model.trades
        for index in range(len(trade.milestones))
    )


def has(policy: Policy) -> Callable[["Decisions"], bool]:
    """Whether some open trade has the policy."""
    return lambda machine: any(trade.policy == policy and trade.cause is None for trade in machine.model.trades)


class Decisions(RuleBasedStateMachine):
    """Contracts and model side by side; what is said about milestones."""

    world: SidesWorld
    probe: Any

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.sides = Sides(self.world)
        self.attestations: list[tuple[int, int, Actor, Fields]] = []

    @property
    def model(self) -> Escrow:
        """The model as it is now; a refused call puts its old state back."""
        return self.sides.model

    # Funding -----------------------------------------------------------------------------------------------------

    @initialize(policy=policies, weights_bps=weights, silence_pays=st.booleans(), fx=floats)
    def fund_the_first(self, policy: Policy, weights_bps: list[int], silence_pays: bool, fx: Fields) -> None:
        """Every example has a trade."""
        self.sides.fund(self.sides.build(policy, weights_bps, 100_003, silence_pays=silence_pays, fx=fx))

    @precondition(lambda self: len(self.sides.terms) < TRADES_MAX)
    @rule(
        policy=policies,
        weights_bps=weights,
        amount=amounts,
        changes=st.fixed_dictionaries(
            {
                "silence_pays": st.booleans(),
                "unawarded_bps": unawarded_shares,
                "payees": st.integers(0, 2),
                "quorum": st.sampled_from((2, 3)),
                "slack_s": st.sampled_from((-1, 0, 0, DAY_S)),
                "fx": floats,
            }
        ),
        has_arbiter=st.sampled_from((True, True, True, False)),
    )
    def fund(self, policy: Policy, weights_bps: list[int], amount: int, changes: Fields, has_arbiter: bool) -> None:
        """Another trade; with no slack its hold ends as early as the rule allows."""
        arbiter = self.world.arbiter.address if has_arbiter else ZERO_ADDRESS
        self.sides.fund(self.sides.build(policy, weights_bps, amount, arbiter=arbiter, **changes))

    # What attesters, parties and the arbiter say -----------------------------------------------------------------

    @precondition(in_state(State.PENDING, State.DUE))
    @rule(data=st.data(), attester=st.integers(0, 3), claim=claims)
    def attest(self, data: Any, attester: int, claim: tuple[int, int]) -> None:
        """An attester says something, true or not; the fourth is not one of them."""
        number, index = self._draw_milestone(data, State.PENDING, State.DUE)
        self._attest(number, index, [*self.world.attesters, self.world.stranger][attester], claim)

    @precondition(in_state(State.PENDING))
    @rule(data=st.data(), claim=claims)
    def agree(self, data: Any, claim: tuple[int, int]) -> None:
        """All attesters say the same, one after the other; what comes after the quorum is refused."""
        number, index = self._draw_milestone(data, State.PENDING)
        for actor in self.world.attesters:
            self._attest(number, index, actor, claim)

    @precondition(lambda self: self.attestations)
    @rule(data=st.data())
    def replay_attestation(self, data: Any) -> None:
        """A used message never counts again."""
        number, _, actor, message = data.draw(st.sampled_from(self.attestations))
        try:
            self.world.submit_attestation(self.sides.terms[number], actor, message, sender=actor.address)
        except boa.BoaError:
            return
        raise AssertionError("attestation: expected a refusal of the replay, got acceptance")

    @precondition(
        lambda self: any(part.state == State.PENDING for trade in self.model.trades for part in trade.milestones)
    )
    @rule(data=st.data())
    def declare_silence(self, data: Any) -> None:
        number, index = self._draw_milestone(data, State.DUE)
        trade_id = self.sides.trade_id(number)
        self.sides.both(
            lambda: self.world.escrow.declare_silence(trade_id, index),
            lambda model: model.declare_silence(model.trades[number], index),
        )

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED))
    @rule(data=st.data(), liar=st.sampled_from((True, True, False)))
    def accept(self, data: Any, liar: bool) -> None:
        number, index = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED)
        signer = self.world.exporter if liar else self.world.importer
        self.sides.both(
            lambda: self.world.accept(self.sides.terms[number], index, signer),
            lambda model: model.accept(model.trades[number], index, signer.address),
        )

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED, State.FINAL))
    @rule(
        data=st.data(),
        part=st.sampled_from((0, Fraction(1, 3), Fraction(1, 3), 1, 2)),
        who=st.sampled_from(("exporter", "exporter", "financier", "importer")),
    )
    def waive(self, data: Any, part: int | Fraction, who: str) -> None:
        number, index = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED, State.FINAL)
        amount, signer = int(self.model.trades[number].invoice.slices[index] * part), getattr(self.world, who)
        self.sides.both(
            lambda: self.world.waive(self.sides.terms[number], index, amount, signer),
            lambda model: model.waive(model.trades[number], index, amount, signer.address),
        )

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED, State.FINAL))
    @rule(data=st.data(), who=st.sampled_from(("exporter", "exporter", "importer")))
    def assign(self, data: Any, who: str) -> None:
        number, index = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED, State.FINAL)
        exporter, financier = getattr(self.world, who), self.world.financier
        self.sides.both(
            lambda: self.world.assign(self.sides.terms[number], index, exporter=exporter),
            lambda model: model.assign(
                model.trades[number], index, financier.address, {exporter.address, financier.address}
            ),
        )

    @precondition(in_state(State.DUE))
    @rule(data=st.data(), party=st.sampled_from(("importer", "exporter", "financier", "tax")))
    def dispute(self, data: Any, party: str) -> None:
        number, index = self._draw_milestone(data, State.DUE)
        actor: Actor = getattr(self.world, party)
        self.sides.both(
            lambda: self.world.dispute(self.sides.terms[number], index, actor),
            lambda model: model.dispute(model.trades[number], index, actor.address),
        )

    @precondition(in_state(State.DISPUTED))
    @rule(data=st.data(), share_bps=shares)
    def award(self, data: Any, share_bps: int) -> None:
        number, index = self._draw_milestone(data, State.DISPUTED)
        self.sides.both(
            lambda: self.world.award(self.sides.terms[number], index, share_bps),
            lambda model: model.award(model.trades[number], index, share_bps),
        )

    # Inside ------------------------------------------------------------------------------------------------------

    def _attest(self, number: int, index: int, actor: Actor, claim: tuple[int, int]) -> None:
        world, terms = self.world, self.sides.terms[number]
        message = world.attestation(terms, index, outcome=claim[0], share_bps=claim[1])
        if self.sides.both(
            lambda: world.submit_attestation(terms, actor, message, sender=actor.address),
            lambda model: model.attest(model.trades[number], index, actor.address, *claim),
        ):
            self.attestations.append((number, index, actor, message))

    def _draw_milestone(self, data: Any, *states: State) -> tuple[int, int]:
        """Number of a trade and place of one of its milestones: mostly one in these states, now and then any."""
        everything = [
            (number, index) for number, trade in enumerate(self.model.trades) for index in range(len(trade.milestones))
        ]
        fitting = [(n, i) for n, i in everything if self.model.state_of(self.model.trades[n], i) in states]
        drawn: tuple[int, int] = data.draw(st.sampled_from(fitting * 4 + everything))
        return drawn
