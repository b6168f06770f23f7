"""Whole trades without a chain: a small network of models, everything its actors may do, and what must always hold.

A play is an escrow model with one trade. An act is a name and its arguments, so that it can be drawn, listed, hashed
and written into a failure. Acts include those that can only be refused: liars act like everyone else.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, TypeVar

from tests.models.escrow import (
    BPS,
    DAY_S,
    Amendment,
    Choice,
    Conversion,
    Escrow,
    FloatRule,
    Leg,
    Milestone,
    Oracle,
    Policy,
    Quote,
    Rejected,
    State,
    Trade,
    Windows,
)
from tests.models.token import Refused, TokenModel

START_S: Final = 1_000_000
HOUR_S: Final = 3_600
PLENTY: Final = 10**17
UNIT: Final = 10**18
ATTESTERS: Final = ["attester a", "attester b", "attester c"]
ACCOUNTS: Final = ("importer", "exporter", "provider", "tax", "financier")

Act = tuple[Any, ...]
Record = TypeVar("Record")


@dataclass(frozen=True)
class Plan:
    """A trade to be funded; times are seconds after the start."""

    policy: Policy
    amount: int = 1_003
    weights_bps: tuple[int, ...] = (BPS,)
    deadlines: tuple[int, ...] = (12 * HOUR_S,)
    windows: Windows = field(default_factory=lambda: Windows(HOUR_S, 2 * HOUR_S, 0, 3 * HOUR_S, 4 * HOUR_S, HOUR_S))
    quorum: int = 1
    attesters: int = 1
    silence_pays: bool = False
    has_arbiter: bool = True
    payees: tuple[tuple[str, int], ...] = (("tax", 1_600),)
    slack_s: int = 0
    rate: Fraction = Fraction(150)
    """Minor units of X for one of F."""
    scale: Fraction = Fraction(1, UNIT)
    """Makes such a rate of a median; not 10^-18 where the currencies' exponents differ."""
    rule: FloatRule | None = None
    premium: int = 0
    cancel_fee: int = 0
    heartbeat_s: int = 400 * DAY_S


class Play:
    """One trade and its world."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.escrow = Escrow("escrow", "fx", {name: _token() for name in ("F", "X")}, START_S)
        self.escrow.oracle = Oracle(plan.heartbeat_s)
        self.escrow.oracle.record(int(plan.rate / plan.scale), START_S)
        self.trade = self._funded()
        # Of the invoice, every unit that a provider ever had to stand ready for; one asked for again counts again.
        self.locked = plan.amount
        self.quotes = 0

    def clone(self) -> "Play":
        """A copy to try something on; what never changes is shared, as copying is what exploring costs."""
        copied = _shallow(self)
        copied.escrow = _shallow(self.escrow)
        copied.escrow.tokens = {name: _copied_token(token) for name, token in self.escrow.tokens.items()}
        copied.escrow.oracle = _shallow(self.escrow.oracle)
        copied.escrow.used_quotes = set(self.escrow.used_quotes)
        copied.trade = _copied_trade(self.trade)
        copied.escrow.trades = [copied.trade]
        return copied

    # Acts ---------------------------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Perform an act.

        Raises:
            Rejected, Refused: the escrow or a token refuses it; the play may be half changed.
        """
        name, *arguments = act
        getattr(self, f"do_{name}")(*arguments)

    def takes(self, act: Act) -> "Play | None":
        """The play after an act, or None if it is refused."""
        after = self.clone()
        try:
            after.act(act)
        except (Rejected, Refused):
            return None
        return after

    def do_go(self, time_s: int) -> None:
        self.escrow.now_s = time_s

    def do_attest(self, index: int, attester: str, outcome: int, share_bps: int) -> None:
        self.escrow.attest(self.trade, index, attester, outcome, share_bps)

    def do_silence(self, index: int) -> None:
        self.escrow.declare_silence(self.trade, index)

    def do_accept(self, index: int, signer: str) -> None:
        self.escrow.accept(self.trade, index, signer)

    def do_waive(self, index: int, amount: int, signer: str) -> None:
        self.escrow.waive(self.trade, index, amount, signer)

    def do_assign(self, index: int, exporter: str) -> None:
        self.escrow.assign(self.trade, index, "financier", {exporter, "financier"})

    def do_dispute(self, index: int, party: str) -> None:
        self.escrow.dispute(self.trade, index, party)

    def do_award(self, index: int, share_bps: int) -> None:
        self.escrow.award(self.trade, index, share_bps)

    def do_defer(self, index: int, later_s: int, signer: str) -> None:
        deadline = self.trade.milestones[index].deadline + later_s
        self.escrow.defer(self.trade, index, deadline, signer)

    def do_settle(self, index: int) -> None:
        self.escrow.settle(self.trade, index)

    def do_settle_float(
        self, index: int, better_bps: int, signer: str | None, least: int = 0, reserve: int = 10**9
    ) -> None:
        """Settle at a quote `better_bps` above the worst that counts, reserved for this call alone."""
        escrow, token = self.escrow, self.escrow.tokens["X"]
        assert escrow.oracle.good is not None
        rule = self.trade.rule or FloatRule(self.plan.rate)
        price = rule.least_price(escrow.oracle.good.rate * self.plan.scale) * (BPS + better_bps) / BPS
        self.quotes += 1
        reserve_id, expires_at = b"reserve %d" % self.quotes, escrow.now_s + 60
        token.place(escrow.now_s, reserve_id, "provider", "fx", reserve, expires_at + 1, signed=False)
        number = None if signer else self.trade.number
        quote = Quote("provider", price, reserve_id, "importer", expires_at, PLENTY, 0, number)
        escrow.settle_float(self.trade, index, quote, Choice(signer, least) if signer else None)
        rest = token.holds[reserve_id].amount
        if rest:
            token.release("fx", escrow.now_s, reserve_id, rest)
        del token.holds[reserve_id]

    def do_last_resort(self, index: int) -> None:
        self.escrow.last_resort(self.trade, index)

    def do_reprice(self) -> None:
        self.escrow.reprice(self.trade)

    def do_top_up(self, wrong_by: int = 0) -> None:
        self.escrow.top_up(self.trade, (self.escrow.missing_of(self.trade) if self.trade.funding else 0) + wrong_by)

    def do_cancel(self, *signers: str) -> None:
        self.escrow.cancel(self.trade, set(signers))

    def do_close_out_of_band(self, *signers: str) -> None:
        self.escrow.close_out_of_band(self.trade, set(signers), by_importer="importer" in signers)

    def do_lapse(self) -> None:
        self.escrow.lapse(self.trade)

    def do_amend(self, amount: int, later_s: int, rate: Fraction | None, *signers: str) -> None:
        """New amount, later deadlines of unsettled milestones and a later end, perhaps another agreed rate."""
        trade = self.trade
        milestones = [self._terms_again(milestone, later_s) for milestone in trade.milestones]
        rule = replace(trade.rule, rate=rate or trade.rule.rate) if trade.rule else None
        new = Amendment(amount, milestones, trade.windows, trade.expires_at + later_s, rule)
        before = trade.unsettled(trade.invoice)
        self.escrow.amend(trade, new, set(signers))
        self.locked += max(0, trade.unsettled(trade.invoice) - before)

    def do_median(self, rate: Fraction) -> None:
        """The oracle records a round."""
        self.escrow.oracle.record(int(rate / self.plan.scale), self.escrow.now_s)

    def do_oracle_dies(self) -> None:
        self.escrow.oracle.heartbeat_s = -1

    def do_freeze(self, token: str, account: str, scope: int, span_s: int) -> None:
        model, now_s = self.escrow.tokens[token], self.escrow.now_s
        model.order_freeze("issuer", now_s, account, model.last_order + 1, scope, now_s + span_s)

    def do_lift(self, token: str, account: str, number: int) -> None:
        self.escrow.tokens[token].lift_freeze("issuer", self.escrow.now_s, account, number)

    def do_claim_blocked(self, token: str, account: str) -> None:
        self.escrow.tokens[token].claim_blocked(self.escrow.now_s, account)

    def do_release_at_token(self, token: str) -> None:
        """A stranger goes past the escrow."""
        for leg in self.trade.legs():
            if leg.token == token:
                assert leg.hold_id is not None
                model, rest = self.escrow.tokens[token], self.escrow.rest_of(leg)
                model.release("stranger", self.escrow.now_s, leg.hold_id, rest)

    # What must always hold ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Conservation, holds, and nothing paid twice."""
        for name, token in self.escrow.tokens.items():
            parts = (token.available, token.held, token.blocked)
            assert min(min(part.values(), default=0) for part in parts) >= 0, name
            assert sum(sum(part.values()) for part in parts) == token.supply, name
        trade = self.trade
        for leg in trade.legs():
            rest, unsettled = self.escrow.rest_of(leg), trade.unsettled(leg)
            is_over = self.escrow.now_s > self.escrow.expiry_of(leg)
            assert rest == unsettled or (rest == 0 and is_over), (leg.token, rest, unsettled)
        for index, milestone in enumerate(trade.milestones):
            assert len(milestone.payments) <= 1, milestone.payments
            assert trade.invoice.slices[index] <= milestone.agreed
            if milestone.payments:
                assert milestone.state == State.SETTLED
        assert (trade.cause is not None) == all(part.state == State.SETTLED for part in trade.milestones)
        # What is not bought costs the agreed fee once, and a unit for each rounding: of a payment, of new terms.
        agreed = Fraction(self.plan.cancel_fee * self.locked, self.plan.amount)
        assert sum(trade.fees_paid) <= agreed + len(trade.fees_paid) + trade.version, trade.fees_paid

    def check_ways_out(self) -> None:
        """A stranger and time can close the trade, and before its hold ends pay whatever is the exporter's."""
        if self.trade.cause is not None:
            return
        expiry = self.escrow.expiry_of(self.trade.paying)
        if self.escrow.now_s <= expiry:
            self._check_last_second(expiry)
        late = self.clone()
        late.act(("go", max(self.escrow.now_s, expiry + 1)))
        late.act(("lapse",))
        late.check()
        assert late.trade.cause is not None
        assert not any(late.escrow.rest_of(leg) for leg in late.trade.legs())

    def _check_last_second(self, expiry: int) -> None:
        play = self.clone()
        play.act(("go", expiry))
        escrow, trade = play.escrow, play.trade
        for index, milestone in enumerate(trade.milestones):
            if milestone.state == State.SETTLED:
                continue
            assert escrow.state_of(trade, index) == State.FINAL, "a window outlives the hold"
            pays = escrow.share_of(trade, index) > 0
            act = next((act for act in (("settle", index), ("last_resort", index)) if play.takes(act)), None)
            assert act is not None, "nobody can settle in the last second"
            play.act(act)
            assert len(trade.milestones[index].payments) == pays
        play.check()
        assert trade.cause is not None

    def key(self) -> tuple[Any, ...]:
        """What the future depends on; balances do not count, as everyone has plenty."""
        escrow, trade, oracle = self.escrow, self.trade, self.escrow.oracle
        if trade.cause is not None:
            return (trade.cause, *(tuple(milestone.payments) for milestone in trade.milestones))
        return (
            escrow.now_s,
            oracle.is_dead(escrow.now_s),
            *(found.rate if found else None for found in (oracle.last, oracle.before, oracle.good)),
            trade.cause,
            trade.calls,
            trade.call_ends_at,
            trade.version,
            trade.expires_at,
            trade.rule.rate if trade.rule else None,
            *(tuple(leg.slices) for leg in (trade.invoice, trade.funding) if leg),
            *(escrow.rest_of(leg) for leg in trade.legs()),
            *(_milestone_key(milestone) for milestone in trade.milestones),
            *(escrow.expiry_of(leg) for leg in trade.legs()),
            *(tuple(_order_keys(token, escrow.now_s)) for token in escrow.tokens.values()),
        )

    # Inside -------------------------------------------------------------------------------------------------------

    def _funded(self) -> Trade:
        plan, escrow = self.plan, self.escrow
        trade = Trade(
            "importer",
            "exporter",
            "arbiter" if plan.has_arbiter else "0x" + "00" * 20,
            plan.windows,
            list(plan.payees),
            [
                Milestone(weight, START_S + deadline, plan.quorum, ATTESTERS[: plan.attesters], plan.silence_pays)
                for weight, deadline in zip(plan.weights_bps, plan.deadlines, strict=True)
            ],
            Leg("X", None if plan.policy == Policy.FLOAT else b"X hold"),
            plan.policy,
        )
        expires_at = START_S + max(plan.deadlines) + plan.windows.total_s() + plan.slack_s
        conversion = None
        if plan.policy in (Policy.LOCK, Policy.FLOAT):
            trade.funding = Leg("F", b"F hold")
        if plan.policy == Policy.FLOAT:
            trade.rule = replace(plan.rule or FloatRule(plan.rate), rate=plan.rate, scale=plan.scale)
        if plan.policy in (Policy.CONVERT_NOW, Policy.LOCK):
            conversion = self._conversion(trade, expires_at)
        escrow.fund(trade, plan.amount, expires_at, conversion)
        escrow.tokens["X"].holds.pop(b"reserve", None)
        return trade

    def _conversion(self, trade: Trade, expires_at: int) -> Conversion:
        plan, escrow = self.plan, self.escrow
        escrow.tokens["X"].place(START_S, b"reserve", "provider", "fx", plan.amount, START_S + 61, signed=False)
        quote = Quote("provider", plan.rate, b"reserve", "importer", START_S + 60, plan.amount, 0, 0)
        if plan.policy == Policy.CONVERT_NOW:
            trade.convert_from = "F"
            return Conversion(quote, b"F hold", -(-plan.amount // plan.rate))
        quote.lock_until, quote.premium, quote.cancel_fee = expires_at, plan.premium, plan.cancel_fee
        return Conversion(quote, b"X hold", plan.amount)

    @staticmethod
    def _terms_again(milestone: Milestone, later_s: int) -> Milestone:
        later = 0 if milestone.state == State.SETTLED else later_s
        deadline = milestone.deadline_agreed + later
        return Milestone(milestone.weight_bps, deadline, milestone.quorum, milestone.attesters, milestone.silence_pays)


def edges_of(play: Play) -> list[int]:
    """Seconds in which something ends, from now on."""
    trade, escrow, windows = play.trade, play.escrow, play.trade.windows
    edges = [order.end for token in escrow.tokens.values() for orders in token.orders.values() for order in orders]
    edges += [trade.call_ends_at, trade.call_ends_at + (trade.rule.cool_down_s if trade.rule else 0)]
    for leg in trade.legs():
        expiry = escrow.expiry_of(leg)
        edges += [expiry - DAY_S, expiry]
        edges += [expiry - windows.call_s - windows.grace_s] if trade.rule else []
    for index, milestone in enumerate(trade.milestones):
        if milestone.state == State.SETTLED:
            continue
        state, _, due_at, final_at = escrow._after_time(trade, index)
        ends = {
            State.PENDING: [milestone.deadline],
            State.DUE: [due_at + windows.dispute_s],
            State.DISPUTED: [milestone.raised_at + windows.award_s],
            State.FINAL: [final_at + windows.grace_s] + ([final_at + windows.choice_s] if trade.rule else []),
        }
        edges += ends[state]
    return sorted({edge for edge in edges if edge >= escrow.now_s})


def _shallow(record: Record) -> Record:
    copied = object.__new__(type(record))
    copied.__dict__.update(record.__dict__)
    return copied


def _copied_token(token: TokenModel) -> TokenModel:
    copied = _shallow(token)
    copied.available, copied.held, copied.blocked = dict(token.available), dict(token.held), dict(token.blocked)
    copied.holds = {hold_id: _shallow(hold) for hold_id, hold in token.holds.items()}
    copied.orders = {account: [_shallow(order) for order in orders] for account, orders in token.orders.items()}
    copied._lifted = set(token._lifted)
    copied.windows = copy.deepcopy(token.windows)
    return copied


def _copied_trade(trade: Trade) -> Trade:
    copied = _shallow(trade)
    copied.milestones = [_shallow(milestone) for milestone in trade.milestones]
    for milestone in copied.milestones:
        milestone.claims, milestone.payments = dict(milestone.claims), list(milestone.payments)
    copied.invoice = replace(trade.invoice, slices=list(trade.invoice.slices))
    if trade.funding:
        copied.funding = replace(trade.funding, slices=list(trade.funding.slices))
    copied.fees_paid = list(trade.fees_paid)
    return copied


def _token() -> TokenModel:
    token = TokenModel(issuer="issuer", banks=frozenset({"provider"}), notaries=frozenset({"escrow", "fx"}))
    token.available = {"importer": PLENTY, "provider": PLENTY}
    token.supply = 2 * PLENTY
    return token


def _milestone_key(milestone: Milestone) -> tuple[Any, ...]:
    """A milestone's future; what is over does not count."""
    state = milestone.state
    claims = tuple(sorted(milestone.claims.items())) if state == State.PENDING else ()
    times = {
        State.DUE: (milestone.due_at,),
        State.DISPUTED: (milestone.raised_at,),
        State.FINAL: (milestone.final_at,),
    }.get(state, ())
    if state == State.SETTLED:
        return (state, tuple(milestone.payments))
    return (state, milestone.share_bps, milestone.deadline, milestone.assignee, milestone.target, claims, times)


def _order_keys(token: TokenModel, now_s: int) -> Iterator[tuple[Any, ...]]:
    """Orders in force; what others did is in the holds' expiries."""
    for account, orders in sorted(token.orders.items()):
        yield from ((account, order.number, order.scope, order.end) for order in orders if order.end >= now_s)
    yield (token.last_order,)
