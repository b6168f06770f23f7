"""Escrow, FX settlement and two tokens against the model: parties, liars, the silent, time, freezes.

Every call goes to both; both take it, or both refuse it for the same reason. After every step all balances, states and
holds agree and the invariants of SPEC section 3 hold. At the end each open trade is driven to its close twice: by
settling everything in the last second of its hold, and by lapse a second later.
"""

import copy
from collections.abc import Callable
from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.support import (
    DAY_S,
    ROOT,
    START_S,
    ZERO_ADDRESS,
    ZERO_BYTES32,
    Actor,
    advance_to,
    deploy,
    events_of,
    now_s,
)
from tests.contracts.trades import BPS, Fields, World, price
from tests.models.escrow import Conversion, Escrow, Leg, Milestone, Rejected, State, Trade, Windows
from tests.models.token import Refused, TokenModel

HOUR_S = 3_600
TRADES_MAX = 3
ORDERS_MAX = 4
RESERVE_S = 660

shares = st.sampled_from((0, 1, 3_333, 5_000, BPS, BPS))
claims = st.sampled_from(((1, BPS), (1, BPS), (1, BPS), (1, 4_000), (1, 1), (2, 0)))
weights = st.sampled_from(([BPS], [3_000, 7_000], [1, 9_999], [3_333, 3_333, 3_334]))
unawarded_shares = st.sampled_from((0, 2_500))
amounts = st.sampled_from((100_003, 100_003, 77, 1_000_000))
spans = st.sampled_from((1, HOUR_S, DAY_S, 10 * DAY_S))
tokens = st.sampled_from(("eur", "kes"))


def in_state(*states: State) -> Callable[["EscrowMachine"], bool]:
    """Whether some milestone is in one of these states: calls that can only be refused are rare enough without."""
    return lambda machine: any(
        machine.model.state_of(trade, index) in states
        for trade in machine.model.trades
        for index in range(len(trade.milestones))
    )


class EscrowMachine(RuleBasedStateMachine):
    """Contracts and model side by side."""

    world: World
    probe: Any

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        advance_to(START_S)
        world = self.world
        self.contracts = {"eur": world.eur, "kes": world.kes}
        self.owners = [world.importer, world.exporter, world.tax, world.provider, world.other_provider, world.bank]
        self.model = Escrow(
            world.escrow.address, world.fx.address, {name: self._token_model(name) for name in self.contracts}, START_S
        )
        self.terms: list[Fields] = []
        self.moved = True
        self.paid: dict[tuple[bytes, int], int] = {}
        self.attestations: list[tuple[int, int, Actor, Fields]] = []

    def teardown(self) -> None:
        try:
            for number in range(len(self.terms)):
                self._everyone_is_paid_in_the_last_second(number)
                self._anyone_closes_after_expiry(number)
        finally:
            self.anchor.__exit__(None, None, None)

    # Funding -----------------------------------------------------------------------------------------------------

    @initialize(
        converts=st.booleans(),
        weights_bps=weights,
        silence_pays=st.booleans(),
        unawarded_bps=unawarded_shares,
    )
    def fund_the_first(self, converts: bool, weights_bps: list[int], silence_pays: bool, unawarded_bps: int) -> None:
        """Every example has a trade."""
        self.fund(converts, weights_bps, 100_003, silence_pays, unawarded_bps, 2, 2, True, 0)

    @precondition(lambda self: len(self.terms) < TRADES_MAX)
    @rule(
        converts=st.booleans(),
        weights_bps=weights,
        amount=amounts,
        silence_pays=st.booleans(),
        unawarded_bps=unawarded_shares,
        payees=st.integers(0, 2),
        quorum=st.sampled_from((2, 3)),
        has_arbiter=st.sampled_from((True, True, True, False)),
        slack_s=st.sampled_from((-1, 0, 0, DAY_S)),
    )
    def fund(
        self,
        converts: bool,
        weights_bps: list[int],
        amount: int,
        silence_pays: bool,
        unawarded_bps: int,
        payees: int,
        quorum: int,
        has_arbiter: bool,
        slack_s: int,
    ) -> None:
        """A trade in euros or one that converts; with no slack its hold ends as early as the rule allows."""
        world, start = self.world, now_s()
        windows = Windows(HOUR_S, 2 * HOUR_S, unawarded_bps, 0, HOUR_S)
        deadlines = [start + 12 * HOUR_S * (index + 1) for index in range(len(weights_bps))]
        expires_at = deadlines[-1] + windows.total_s() + slack_s
        terms = (world.converted_terms if converts else world.terms)(
            arbiter=world.arbiter.address if has_arbiter else ZERO_ADDRESS,
            invoice_amount=amount,
            milestones=[
                world.milestone(weight, deadline, silence_pays=silence_pays, quorum=quorum)
                for weight, deadline in zip(weights_bps, deadlines, strict=True)
            ],
            payees=[{"account": world.tax.address, "share_bps": 1_600 + 4_000 * number} for number in range(payees)],
            windows={
                "dispute_s": windows.dispute_s,
                "award_s": windows.award_s,
                "unawarded_bps": windows.unawarded_bps,
                "call_s": 0,
                "choice_s": 0,
                "grace_s": windows.grace_s,
            },
            hold_expires_at=expires_at,
        )
        token = "kes" if converts else "eur"
        invoice_hold = world.invoice_hold(terms)
        quote, conversion = self._conversion(terms) if converts else (None, None)
        if converts and quote is None:
            return
        trade = Trade(
            terms["importer"],
            terms["exporter"],
            terms["arbiter"],
            windows,
            [(payee["account"], payee["share_bps"]) for payee in terms["payees"]],
            [
                Milestone(part["weight_bps"], part["deadline"], quorum, part["attesters"], silence_pays)
                for part in terms["milestones"]
            ],
            Leg(token, self._hold_id(token, invoice_hold[2]), []),
        )
        arguments = [conversion[1]] if conversion else []
        if self.both(
            lambda: world.fund(terms, invoice_hold=invoice_hold, conversion=arguments),
            lambda model: model.fund(trade, amount, expires_at, conversion[0] if conversion else None),
        ):
            self.terms.append(terms)

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
            self.world.submit_attestation(self.terms[number], actor, message, sender=actor.address)
        except boa.BoaError:
            return
        raise AssertionError("attestation: expected a refusal of the replay, got acceptance")

    @precondition(
        lambda self: any(part.state == State.PENDING for trade in self.model.trades for part in trade.milestones)
    )
    @rule(data=st.data())
    def declare_silence(self, data: Any) -> None:
        number, index = self._draw_milestone(data, State.DUE)
        trade_id = self.world.trade_id(self.terms[number])
        self.both(
            lambda: self.world.escrow.declare_silence(trade_id, index),
            lambda model: model.declare_silence(model.trades[number], index),
        )

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED))
    @rule(data=st.data(), liar=st.sampled_from((True, True, False)))
    def accept(self, data: Any, liar: bool) -> None:
        number, index = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED)
        signer = self.world.exporter if liar else self.world.importer
        self.both(
            lambda: self.world.accept(self.terms[number], index, signer),
            lambda model: model.accept(model.trades[number], index, signer.address),
        )

    @precondition(in_state(State.DUE))
    @rule(data=st.data(), party=st.sampled_from(("importer", "exporter", "tax")))
    def dispute(self, data: Any, party: str) -> None:
        number, index = self._draw_milestone(data, State.DUE)
        actor: Actor = getattr(self.world, party)
        self.both(
            lambda: self.world.dispute(self.terms[number], index, actor),
            lambda model: model.dispute(model.trades[number], index, actor.address),
        )

    @precondition(in_state(State.DISPUTED))
    @rule(data=st.data(), share_bps=shares)
    def award(self, data: Any, share_bps: int) -> None:
        number, index = self._draw_milestone(data, State.DISPUTED)
        self.both(
            lambda: self.world.award(self.terms[number], index, share_bps),
            lambda model: model.award(model.trades[number], index, share_bps),
        )

    # Ways out ----------------------------------------------------------------------------------------------------

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
        self._go_to(max(now_s(), end if early else end + 1))
        self._settle(number, index)

    @precondition(in_state(State.PENDING, State.DUE, State.DISPUTED))
    @rule(data=st.data(), liar=st.sampled_from(("importer", "exporter", "importer", None)))
    def cancel(self, data: Any, liar: str | None) -> None:
        """Both parties, or a stranger in one's place."""
        number, _ = self._draw_milestone(data, State.PENDING, State.DUE, State.DISPUTED)
        world = self.world
        signers = {"importer": world.importer, "exporter": world.exporter} | ({liar: world.stranger} if liar else {})
        self.both(
            lambda: world.cancel(self.terms[number], **signers),
            lambda model: model.cancel(model.trades[number], {signer.address for signer in signers.values()}),
        )

    @precondition(in_state(State.FINAL))
    @rule(data=st.data())
    def lapse(self, data: Any) -> None:
        number, _ = self._draw_milestone(data, State.FINAL)
        trade_id = self.world.trade_id(self.terms[number])
        self.both(
            lambda: self.world.escrow.lapse(trade_id, sender=self.world.stranger.address),
            lambda model: model.lapse(model.trades[number]),
        )

    @precondition(in_state(State.FINAL))
    @rule(data=st.data())
    def release_at_the_token(self, data: Any) -> None:
        """A stranger goes past the escrow."""
        number, _ = self._draw_milestone(data, State.FINAL)
        leg = self.model.trades[number].invoice
        stranger, rest = self.world.stranger.address, self.model.rest_of(leg)
        self.both(
            lambda: self.contracts[leg.token].release_hold(leg.hold_id, rest, sender=stranger),
            lambda model: model.tokens[leg.token].release(stranger, model.now_s, leg.hold_id, rest),
        )

    # Freezes and time --------------------------------------------------------------------------------------------

    @precondition(lambda self: sum(token.last_order for token in self.model.tokens.values()) < ORDERS_MAX)
    @rule(
        token=tokens,
        who=st.sampled_from(("importer", "importer", "exporter", "provider")),
        scope=st.sampled_from((1, 2, 2)),
        span=spans,
    )
    def freeze(self, token: str, who: str, scope: int, span: int) -> None:
        account, issuer = getattr(self.world, who).address, self.world.issuer.address
        number, until = self.model.tokens[token].last_order + 1, now_s() + span
        self.both(
            lambda: self.contracts[token].order_freeze(account, number, scope, until, ZERO_BYTES32, sender=issuer),
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
        self.both(
            lambda: self.contracts[token].lift_freeze(account, number, sender=issuer),
            lambda model: model.tokens[token].lift_freeze(issuer, model.now_s, account, number),
        )

    @precondition(lambda self: any(any(token.blocked.values()) for token in self.model.tokens.values()))
    @rule(token=tokens)
    def claim_blocked(self, token: str) -> None:
        account = self.world.exporter.address
        self.both(
            lambda: self.contracts[token].claim_blocked(account),
            lambda model: model.tokens[token].claim_blocked(model.now_s, account),
        )

    @rule(seconds=st.sampled_from((1, 60, HOUR_S, 6 * HOUR_S)))
    def let_time_pass(self, seconds: int) -> None:
        self._go_to(now_s() + seconds)

    @rule(data=st.data(), after_s=st.sampled_from((0, 1, 1)))
    def go_to_an_edge(self, data: Any, after_s: int) -> None:
        """Jump to the second in which something ends, or the one after it."""
        ahead = sorted({edge + after_s for edge in self._edges() if edge + after_s > now_s()})
        if ahead:
            self._go_to(data.draw(st.sampled_from(ahead[:3])))

    # Always ------------------------------------------------------------------------------------------------------

    @invariant()
    def balances_agree(self) -> None:
        """Contracts and model agree on every account; nothing is made or lost."""
        if not self.moved:
            return
        self.moved = False
        addresses = [owner.address for owner in self.owners]
        for name, token in self.model.tokens.items():
            rows = self.probe.balances(self.contracts[name].address, addresses)
            parts = (token.available, token.held, token.blocked)
            assert rows == [[part.get(address, 0) for part in parts] for address in addresses]
            assert sum(map(sum, rows)) == token.supply

    @invariant()
    def trades_agree(self) -> None:
        """States and holds agree; a living hold is the sum of its unsettled slices."""
        for trade, terms in zip(self.model.trades, self.terms, strict=True):
            unsettled, closed, rest, expiry, states = self.probe.trade(
                self.world.escrow.address, self.world.trade_id(terms)
            )
            assert states == [self.model.state_of(trade, index) for index in range(len(trade.milestones))]
            assert unsettled == sum(milestone.state != State.SETTLED for milestone in trade.milestones)
            assert closed == (trade.cause is not None) == (unsettled == 0)
            assert expiry == self.model.tokens[trade.invoice.token].effective_expiry(trade.invoice.hold_id)
            assert rest == trade.unsettled(trade.invoice) or (now_s() > expiry and rest == 0)

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        for number, terms in enumerate(self.terms):
            slices = self.model.trades[number].invoice.slices
            for index, amount in enumerate(slices):
                assert self.paid.get((self.world.trade_id(terms), index), 0) <= amount

    # Inside ------------------------------------------------------------------------------------------------------

    def both(
        self,
        call: Callable[[], Any],
        model_call: Callable[[Escrow], Any],
        after_call: Callable[[], None] | None = None,
    ) -> bool:
        """Do the same to both; return whether both took it."""
        before = copy.deepcopy(self.model)
        try:
            model_call(self.model)
        except (Rejected, Refused) as refusal:
            self.model = before
            with boa.reverts(f"token: {refusal}" if isinstance(refusal, Refused) else str(refusal)):
                call()
            return False
        call()
        self.moved = True
        if after_call:
            after_call()
        return True

    def _settle(self, number: int, index: int) -> None:
        terms = self.terms[number]
        trade_id = self.world.trade_id(terms)
        if self.both(
            lambda: self.world.settle(terms, index),
            lambda model: model.settle(model.trades[number], index),
            lambda: self._book_payments(trade_id, index),
        ):
            trade = self.model.trades[number]
            share_bps = trade.milestones[index].share_bps
            assert self.paid[trade_id, index] == trade.invoice.slices[index] * share_bps // BPS

    def has_undeclared(self) -> bool:
        """Whether some milestone is stored as pending."""
        return any(part.state == State.PENDING for trade in self.model.trades for part in trade.milestones)

    def _attest(self, number: int, index: int, actor: Actor, claim: tuple[int, int]) -> None:
        world, terms = self.world, self.terms[number]
        message = world.attestation(terms, index, outcome=claim[0], share_bps=claim[1])
        if self.both(
            lambda: world.submit_attestation(terms, actor, message, sender=actor.address),
            lambda model: model.attest(model.trades[number], index, actor.address, *claim),
        ):
            self.attestations.append((number, index, actor, message))

    def _everyone_is_paid_in_the_last_second(self, number: int) -> None:
        """What is final for the exporter by then is paid; time alone has made every milestone final."""
        trade = self.model.trades[number]
        leg = trade.invoice
        expiry = self.model.tokens[leg.token].effective_expiry(leg.hold_id)
        if trade.cause is not None or now_s() > expiry:
            return
        terms, trade_id = self.terms[number], self.world.trade_id(self.terms[number])
        model = copy.deepcopy(self.model)
        with boa.env.anchor():
            advance_to(expiry)
            model.now_s = expiry
            for index, milestone in enumerate(model.trades[number].milestones):
                if milestone.state == State.SETTLED:
                    continue
                payments = model.settle(model.trades[number], index)
                self.world.settle(terms, index)
                assert payments == [
                    (event["account"], event["amount"]) for event in events_of(self.world.escrow, "PaymentMade")
                ]
            assert self.world.escrow.get_trade(trade_id).closed
            assert self.contracts[leg.token].get_hold(leg.hold_id).amount == 0

    def _anyone_closes_after_expiry(self, number: int) -> None:
        trade = self.model.trades[number]
        leg = trade.invoice
        if trade.cause is not None:
            return
        trade_id = self.world.trade_id(self.terms[number])
        with boa.env.anchor():
            advance_to(max(now_s(), self.model.tokens[leg.token].effective_expiry(leg.hold_id) + 1))
            self.world.escrow.lapse(trade_id, sender=self.world.stranger.address)
            assert self.world.escrow.get_trade(trade_id).closed
            assert self.contracts[leg.token].get_hold(leg.hold_id).amount == 0

    def _conversion(self, terms: Fields) -> tuple[Fields | None, tuple[Conversion, Any] | None]:
        """Place a reserve and sign everything a conversion needs; nothing if the provider may not spend."""
        world, start = self.world, now_s()
        quote = world.quote(min_amount=1, max_amount=terms["invoice_amount"])
        reserve_id = bytes(quote["reserve_id"])
        provider = world.provider.address
        placed = self.both(
            lambda: world.reserve(quote, expires_at=start + RESERVE_S),
            lambda model: model.tokens["kes"].place(
                model.now_s,
                reserve_id,
                provider,
                model.fx_address,
                quote["max_amount"],
                start + RESERVE_S,
                signed=False,
            ),
        )
        if not placed:
            return None, None
        signed = world.conversion(terms, quote)
        conversion = Conversion(
            "eur", self._hold_id("eur", signed[2][2]), price(quote, terms["invoice_amount"]), provider, reserve_id
        )
        return quote, (conversion, signed)

    def _hold_id(self, token: str, salt: bytes) -> bytes:
        world = self.world
        return bytes(self.contracts[token].hold_id(world.importer.address, world.escrow.address, salt))

    def _draw_milestone(self, data: Any, *states: State) -> tuple[int, int]:
        """Number of a trade and place of one of its milestones: mostly one in these states, now and then any."""
        everything = [
            (number, index) for number, trade in enumerate(self.model.trades) for index in range(len(trade.milestones))
        ]
        fitting = [(n, i) for n, i in everything if self.model.state_of(self.model.trades[n], i) in states]
        drawn: tuple[int, int] = data.draw(st.sampled_from(fitting * 4 + everything))
        return drawn

    def _edges(self) -> list[int]:
        edges = [
            order.end for token in self.model.tokens.values() for placed in token.orders.values() for order in placed
        ]
        for trade in self.model.trades:
            edges.append(self.model.tokens[trade.invoice.token].effective_expiry(trade.invoice.hold_id))
            for milestone in trade.milestones:
                edges += [milestone.deadline, milestone.deadline + trade.windows.dispute_s]
                edges += [milestone.due_at + trade.windows.dispute_s, milestone.raised_at + trade.windows.award_s]
        return edges

    def _go_to(self, time_s: int) -> None:
        advance_to(time_s)
        self.model.now_s = time_s

    def _book_payments(self, trade_id: bytes, index: int) -> None:
        paid = sum(event["amount"] for event in events_of(self.world.escrow, "PaymentMade"))
        self.paid[trade_id, index] = self.paid.get((trade_id, index), 0) + paid

    def _token_model(self, name: str) -> TokenModel:
        world, contract = self.world, self.contracts[name]
        model = TokenModel(
            issuer=world.issuer.address,
            banks=frozenset({world.bank.address, world.provider.address, world.other_provider.address}),
            notaries=frozenset({world.escrow.address, world.fx.address}),
            supply=contract.totalSupply(),
        )
        model.available = {owner.address: contract.availableOf(owner.address) for owner in self.owners}
        return model


def _run(examples: int, steps: int) -> None:
    boa.env.timestamp = START_S
    EscrowMachine.world = World()
    EscrowMachine.probe = deploy("TradeProbe", folder=ROOT / "tests" / "contracts" / "helpers")
    run_state_machine_as_test(
        EscrowMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_escrow_and_model_agree_when_anyone_does_anything() -> None:
    _run(examples=15, steps=30)


@pytest.mark.soak
def test_escrow_and_model_agree_over_many_trades() -> None:
    _run(examples=1_000, steps=60)
