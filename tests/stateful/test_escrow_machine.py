"""Escrow, FX settlement, oracle and two tokens against the model: all policies, parties, liars, the silent, faults.

Every call goes to both; both take it, or both refuse it for the same reason. After every step all balances, states,
slices and holds agree and the invariants of SPEC section 3 hold. At the end each open trade is driven to its close
twice: by paying everything in the last second of its hold, and by lapse a second later.
"""

import copy
from fractions import Fraction
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from tests.contracts.support import DAY_S, ROOT, START_S, ZERO_BYTES32, Actor, deploy, now_s
from tests.contracts.trades import BPS, payees_of
from tests.models.escrow import Choice, Policy, State
from tests.stateful.escrow_decisions import Decisions, has, in_state
from tests.stateful.escrow_sides import HOUR_S, SidesWorld

ORDERS_MAX = 4

spans = st.sampled_from((1, HOUR_S, DAY_S, 10 * DAY_S))
tokens = st.sampled_from(("eur", "kes"))
rates = st.sampled_from([Fraction(rate) for rate in (150, 147, 144, 144, 138, 156, 120, 200)])


class EscrowMachine(Decisions):
    """What is paid, called for, changed and ended, the faults, and what always holds."""

    def teardown(self) -> None:
        try:
            for number in range(len(self.sides.terms)):
                self._everyone_is_paid_in_the_last_second(number)
                self._anyone_closes_after_expiry(number)
        finally:
            self.anchor.__exit__(None, None, None)

    # Payment ------------------------------------------------------------------------------------------------------

    @precondition(in_state(State.DUE, State.FINAL))
    @rule(data=st.data())
    def settle(self, data: Any) -> None:
        self._settle(*self._draw_milestone(data, State.FINAL))

    @precondition(in_state(State.DUE, State.DISPUTED))
    @rule(data=st.data(), early=st.booleans())
    def wait_and_settle(self, data: Any, early: bool) -> None:
        """Settle in the last second of a milestone's windows, which is too early, or a second later."""
        number, index = self._draw_milestone(data, State.DUE, State.DISPUTED)
        trade = self.model.trades[number]
        milestone = trade.milestones[index]
        ends = {
            State.DUE: max(milestone.due_at, milestone.deadline if milestone.state == State.PENDING else 0)
            + trade.windows.dispute_s,
            State.DISPUTED: milestone.raised_at + trade.windows.award_s,
        }
        end = ends.get(self.model.state_of(trade, index), 0)
        self.sides.go_to(max(now_s(), end if early else end + 1))
        self._settle(number, index)

    @precondition(has(Policy.FLOAT))
    @rule(
        data=st.data(),
        better_bps=st.sampled_from((-1, 0, 0, 25)),
        chooser=st.sampled_from((None, None, "importer", "exporter", "financier")),
        least=st.sampled_from((0, 0, 0, 10**9)),
        for_trade=st.sampled_from((True, True, False)),
    )
    def settle_float(self, data: Any, better_bps: int, chooser: str | None, least: int, for_trade: bool) -> None:
        """Convert at a quote about the worst that counts, chosen by somebody or by nobody."""
        number, index = self._draw_milestone(data, State.FINAL)
        good = self.model.oracle.good
        assert good is not None
        worst = Fraction(good.rate, 10**18) * 9_950 / BPS
        quoted = self.sides.spot(number, worst * (BPS + better_bps) / BPS, for_trade=for_trade)
        if quoted is None:
            return
        fields, quote = quoted
        actor: Actor | None = getattr(self.world, chooser) if chooser else None
        choice = Choice(actor.address, least) if actor else None
        self.sides.both_pay(
            number,
            lambda: self.world.settle_float(self.sides.terms[number], index, fields, actor, least),
            lambda model: model.settle_float(model.trades[number], index, quote, choice),
        )

    @precondition(in_state(State.FINAL))
    @rule(data=st.data(), waits=st.booleans())
    def last_resort(self, data: Any, waits: bool) -> None:
        number, index = self._draw_milestone(data, State.FINAL)
        trade = self.model.trades[number]
        if waits and self.model.state_of(trade, index) == State.FINAL:
            final_at = self.model._after_time(trade, index)[3]
            self.sides.go_to(max(now_s(), final_at + trade.windows.grace_s + data.draw(st.integers(0, 1))))
        self._last_resort(number, index)

    # A float's rate ----------------------------------------------------------------------------------------------

    @rule(rate=rates)
    def report(self, rate: Fraction) -> None:
        self.sides.report(rate)

    @precondition(has(Policy.FLOAT))
    @rule(data=st.data(), rate=st.sampled_from((None, Fraction(144), Fraction(138))))
    def reprice(self, data: Any, rate: Fraction | None) -> None:
        """A call, mostly right after the rate fell."""
        number = self._draw_float(data)
        if rate:
            self.sides.report(rate)
        trade_id = self.sides.trade_id(number)
        self.sides.both(
            lambda: self.world.escrow.reprice(trade_id, sender=self.world.stranger.address),
            lambda model: model.reprice(model.trades[number]),
        )

    @precondition(lambda self: any(trade.calls or trade.call_ends_at for trade in self.model.trades))
    @rule(data=st.data(), wrong_by=st.sampled_from((0, 0, 0, 1, -1)))
    def top_up(self, data: Any, wrong_by: int) -> None:
        number = self._draw_float(data)
        amount = max(0, self.model.missing_of(self.model.trades[number]) + wrong_by)
        self.sides.both(
            lambda: self.world.top_up(self.sides.terms[number], amount),
            lambda model: model.top_up(model.trades[number], amount),
        )

    @precondition(has(Policy.FLOAT))
    @rule(
        data=st.data(),
        later_s=st.sampled_from((0, 1, HOUR_S, DAY_S)),
        who=st.sampled_from(("exporter", "exporter", "financier")),
    )
    def defer(self, data: Any, later_s: int, who: str) -> None:
        number, index = self._draw_milestone(data, State.PENDING)
        signer = getattr(self.world, who)
        deadline = self.model.trades[number].milestones[index].deadline + later_s
        self.sides.both(
            lambda: self.world.defer(self.sides.terms[number], index, deadline, signer),
            lambda model: model.defer(model.trades[number], index, deadline, signer.address),
        )

    @precondition(has(Policy.FLOAT))
    @rule(data=st.data(), by_importer=st.booleans(), liar=st.sampled_from((False, False, True)))
    def close_out_of_band(self, data: Any, by_importer: bool, liar: bool) -> None:
        number = self._draw_float(data)
        signers = [self.world.importer] if by_importer else self.sides.holders(number) or [self.world.exporter]
        if liar:
            signers[0] = self.world.tax
        self.sides.both(
            lambda: self.world.close_out_of_band(self.sides.terms[number], *signers, by_importer=by_importer),
            lambda model: model.close_out_of_band(
                model.trades[number], {signer.address for signer in signers}, by_importer=by_importer
            ),
        )

    # Change and ways out ------------------------------------------------------------------------------------------

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED, State.FINAL))
    @rule(
        data=st.data(),
        added=st.sampled_from((0, 0, 1_000, -1_000)),
        later_s=st.sampled_from((0, 0, DAY_S, -1)),
        moves_deadlines=st.booleans(),
        rate=st.sampled_from((None, None, 144, 156)),
        with_provider=st.sampled_from((True, True, False)),
    )
    def amend(
        self, data: Any, added: int, later_s: int, moves_deadlines: bool, rate: int | None, with_provider: bool
    ) -> None:
        """Another amount, later ends, another agreed rate; a lock's provider agrees or is paid."""
        number, _ = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED, State.FINAL)
        trade, terms = self.model.trades[number], self.sides.terms[number]
        is_lock, is_float = trade.policy == Policy.LOCK, trade.policy == Policy.FLOAT
        milestones = [
            part
            | {"deadline": part["deadline"] + (max(0, later_s) if moves_deadlines and state != State.SETTLED else 0)}
            for part, state in zip(terms["milestones"], [part.state for part in trade.milestones], strict=True)
        ]
        self.sides.amend(
            number,
            with_provider=is_lock and with_provider,
            invoice_amount=terms["invoice_amount"] + added,
            milestones=milestones,
            hold_expires_at=terms["hold_expires_at"] + later_s,
            fx=terms["fx"] | ({"rate_num": rate} if rate and is_float else {}),
        )

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED))
    @rule(
        data=st.data(),
        liar=st.sampled_from(("importer", "holder", "holder", None)),
        with_provider=st.booleans(),
    )
    def cancel(self, data: Any, liar: str | None, with_provider: bool) -> None:
        """All who have a say, or a stranger in one's place; a lock's provider agrees or is paid."""
        number, _ = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED)
        world = self.world
        importer = world.tax if liar == "importer" else world.importer
        holders = self.sides.holders(number) or [world.exporter]
        holders = [world.tax, *holders[1:]] if liar == "holder" else holders
        is_lock = self.model.trades[number].policy == Policy.LOCK
        provider = world.provider if with_provider and is_lock else None
        signers = {signer.address for signer in (importer, *holders, *([provider] if provider else []))}
        self.sides.both(
            lambda: world.cancel(self.sides.terms[number], importer, holders=holders, provider=provider),
            lambda model: model.cancel(model.trades[number], signers),
        )

    @precondition(in_state(State.FINAL))
    @rule(data=st.data())
    def lapse(self, data: Any) -> None:
        number, _ = self._draw_milestone(data, State.FINAL)
        trade_id = self.sides.trade_id(number)
        self.sides.both(
            lambda: self.world.escrow.lapse(trade_id, sender=self.world.stranger.address),
            lambda model: model.lapse(model.trades[number]),
        )

    @precondition(in_state(State.FINAL))
    @rule(data=st.data())
    def release_at_the_token(self, data: Any) -> None:
        """A stranger goes past the escrow."""
        number, _ = self._draw_milestone(data, State.FINAL)
        leg = data.draw(st.sampled_from(list(self.model.trades[number].legs())))
        stranger, rest = self.world.stranger.address, self.model.rest_of(leg)
        self.sides.both(
            lambda: self.sides.contracts[leg.token].release_hold(leg.hold_id, rest, sender=stranger),
            lambda model: model.tokens[leg.token].release(stranger, model.now_s, leg.hold_id, rest),
        )

    # Freezes and time --------------------------------------------------------------------------------------------

    @precondition(lambda self: sum(token.last_order for token in self.model.tokens.values()) < ORDERS_MAX)
    @rule(
        token=tokens,
        who=st.sampled_from(("importer", "importer", "exporter", "provider", "provider")),
        scope=st.sampled_from((1, 2, 2)),
        span=spans,
    )
    def freeze(self, token: str, who: str, scope: int, span: int) -> None:
        account, issuer = getattr(self.world, who).address, self.world.issuer.address
        number, until = self.model.tokens[token].last_order + 1, now_s() + span
        contract = self.sides.contracts[token]
        self.sides.both(
            lambda: contract.order_freeze(account, number, scope, until, ZERO_BYTES32, sender=issuer),
            lambda model: model.tokens[token].order_freeze(issuer, model.now_s, account, number, scope, until),
        )

    @precondition(lambda self: any(token.last_order for token in self.model.tokens.values()))
    @rule(data=st.data())
    def lift(self, data: Any) -> None:
        orders = [
            (name, account, order.number)
            for name, token in self.model.tokens.items()
            for account, placed in token.orders.items()
            for order in placed
        ]
        token, account, number = data.draw(st.sampled_from(orders))
        issuer = self.world.issuer.address
        self.sides.both(
            lambda: self.sides.contracts[token].lift_freeze(account, number, sender=issuer),
            lambda model: model.tokens[token].lift_freeze(issuer, model.now_s, account, number),
        )

    @precondition(lambda self: any(any(token.blocked.values()) for token in self.model.tokens.values()))
    @rule(token=tokens)
    def claim_blocked(self, token: str) -> None:
        account = self.world.exporter.address
        self.sides.both(
            lambda: self.sides.contracts[token].claim_blocked(account),
            lambda model: model.tokens[token].claim_blocked(model.now_s, account),
        )

    @rule(seconds=st.sampled_from((1, 60, HOUR_S, 6 * HOUR_S)))
    def let_time_pass(self, seconds: int) -> None:
        self.sides.go_to(now_s() + seconds)

    @rule(data=st.data(), after_s=st.sampled_from((0, 1, 1)))
    def go_to_an_edge(self, data: Any, after_s: int) -> None:
        """Jump to the second in which something ends, or the one after it."""
        ahead = sorted({edge + after_s for edge in self._edges() if edge + after_s > now_s()})
        if ahead:
            self.sides.go_to(data.draw(st.sampled_from(ahead[:3])))

    # Always ------------------------------------------------------------------------------------------------------

    @invariant()
    def balances_agree(self) -> None:
        """Contracts and model agree on every account; nothing is made or lost."""
        if not self.sides.moved:
            return
        self.sides.moved = False
        addresses = [owner.address for owner in self.sides.owners]
        for name, token in self.model.tokens.items():
            rows = self.probe.balances(self.sides.contracts[name].address, addresses)
            parts = (token.available, token.held, token.blocked)
            assert rows == [[part.get(address, 0) for part in parts] for address in addresses]
            assert sum(map(sum, rows)) == token.supply

    @invariant()
    def trades_agree(self) -> None:
        """States, slices and holds agree; a living hold is the sum of its unsettled slices."""
        for number, trade in enumerate(self.model.trades):
            figures = self.probe.trade(self.world.escrow.address, self.sides.trade_id(number))
            count = range(len(trade.milestones))
            assert figures.states == [self.model.state_of(trade, index) for index in count]
            assert figures.unsettled == sum(milestone.state != State.SETTLED for milestone in trade.milestones)
            assert figures.closed == (trade.cause is not None) == (figures.unsettled == 0)
            assert (figures.version, figures.calls) == (trade.version, trade.calls)
            assert figures.call_ends_at == trade.call_ends_at
            assert figures.amounts == trade.invoice.slices
            if trade.funding:
                assert figures.slices == trade.funding.slices
                assert figures.targets == [milestone.target for milestone in trade.milestones]
            for leg in trade.legs():
                place = 0 if leg is trade.invoice else 1
                assert figures.expiries[place] == self.model.expiry_of(leg)
                rest = figures.rests[place]
                assert rest == trade.unsettled(leg) or (now_s() > figures.expiries[place] and rest == 0)

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        assert all(len(part.payments) <= 1 for trade in self.model.trades for part in trade.milestones)

    # Inside ------------------------------------------------------------------------------------------------------

    def _settle(self, number: int, index: int) -> bool:
        return self.sides.both_pay(
            number,
            lambda: self.world.settle(self.sides.terms[number], index),
            lambda model: model.settle(model.trades[number], index),
        )

    def _last_resort(self, number: int, index: int) -> bool:
        payees = payees_of(self.sides.terms[number]["payees"])
        trade_id = self.sides.trade_id(number)
        return self.sides.both_pay(
            number,
            lambda: self.world.escrow.last_resort(trade_id, index, payees, sender=self.world.stranger.address),
            lambda model: model.last_resort(model.trades[number], index),
        )

    def _everyone_is_paid_in_the_last_second(self, number: int) -> None:
        """What is final for the exporter by then is paid; time alone has made every milestone final."""
        trade = self.model.trades[number]
        expiry = self.model.expiry_of(trade.paying)
        if trade.cause is not None or now_s() > expiry:
            return
        before = copy.deepcopy(self.model)
        with boa.env.anchor():
            self.sides.go_to(expiry)
            for index in range(len(trade.milestones)):
                if self.model.trades[number].milestones[index].state == State.SETTLED:
                    continue
                share = self.model.share_of(self.model.trades[number], index)
                assert self._settle(number, index) or self._last_resort(number, index)
                assert len(self.model.trades[number].milestones[index].payments) == (share > 0)
            assert self.world.escrow.get_trade(self.sides.trade_id(number)).closed
            self._check_empty(number)
        self.sides.model = before

    def _anyone_closes_after_expiry(self, number: int) -> None:
        trade = self.model.trades[number]
        if trade.cause is not None:
            return
        before = copy.deepcopy(self.model)
        trade_id = self.sides.trade_id(number)
        with boa.env.anchor():
            self.sides.go_to(max(now_s(), self.model.expiry_of(trade.paying) + 1))
            assert self.sides.both(
                lambda: self.world.escrow.lapse(trade_id, sender=self.world.stranger.address),
                lambda model: model.lapse(model.trades[number]),
            )
            assert self.world.escrow.get_trade(trade_id).closed
            self._check_empty(number)
        self.sides.model = before

    def _check_empty(self, number: int) -> None:
        for leg in self.model.trades[number].legs():
            assert self.sides.contracts[leg.token].get_hold(leg.hold_id).amount == 0

    def _draw_float(self, data: Any) -> int:
        """Number of a trade under `float`."""
        numbers = [number for number, trade in enumerate(self.model.trades) if trade.policy == Policy.FLOAT]
        drawn: int = data.draw(st.sampled_from(numbers))
        return drawn

    def _edges(self) -> list[int]:
        edges = [
            order.end for token in self.model.tokens.values() for placed in token.orders.values() for order in placed
        ]
        for trade in self.model.trades:
            edges += [self.model.expiry_of(leg) for leg in trade.legs()]
            edges += [self.model.expiry_of(trade.paying) - DAY_S, trade.call_ends_at]
            for milestone in trade.milestones:
                edges += [milestone.deadline, milestone.deadline + trade.windows.dispute_s]
                edges += [milestone.due_at + trade.windows.dispute_s, milestone.raised_at + trade.windows.award_s]
                edges += [milestone.final_at + trade.windows.grace_s, milestone.final_at + trade.windows.choice_s]
        return edges


def _run(examples: int, steps: int, *, is_seeded: bool = False) -> None:
    boa.env.timestamp = START_S
    EscrowMachine.world = SidesWorld()
    EscrowMachine.world.open_market()
    EscrowMachine.probe = deploy("TradeProbe", folder=ROOT / "tests" / "contracts" / "helpers")
    run_state_machine_as_test(
        EscrowMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=is_seeded,
            # A failure is shown as it was found: shrinking whole trades takes longer than reading one.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_escrow_and_model_agree_when_anyone_does_anything() -> None:
    _run(examples=15, steps=30, is_seeded=True)


@pytest.mark.soak
def test_escrow_and_model_agree_over_many_trades() -> None:
    _run(examples=1_000, steps=60)
