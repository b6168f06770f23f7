"""How a final milestone is paid or refunded, and how an importer is called to top a float up."""

from fractions import Fraction
from math import ceil, floor

from tests.models.escrow.milestones import Milestones
from tests.models.escrow.rates import share_up
from tests.models.escrow.records import (
    BPS,
    DAY_S,
    Cause,
    Choice,
    Leg,
    Milestone,
    Outcome,
    Policy,
    Quote,
    State,
    Trade,
    require,
    split,
)
from tests.models.token import SCOPE_ALL

Payments = list[tuple[str, int]]


class Settlements(Milestones):
    """The calls that move money out of the holds."""

    def settle(self, trade: Trade, index: int) -> Payments:
        """Pay a final milestone, or refund it; return the payments in order."""
        milestone = self._take_final(trade, index)
        due = self._due_amount(trade, index)
        require(trade.policy != Policy.FLOAT or due == 0, "escrow: needs a quote")
        return self._settle_plainly(trade, index, milestone, due)

    def settle_float(self, trade: Trade, index: int, quote: Quote, choice: Choice | None = None) -> Payments:
        """Convert a float's slice at a firm quote and pay with it."""
        milestone = self._take_final(trade, index)
        require(trade.policy == Policy.FLOAT, "escrow: not a float")
        require(milestone.share_bps != 0, "escrow: nothing to pay")
        require(quote.trade in (None, trade.number), "escrow: quote for another trade")
        rule, median = trade.float_rule, self._median_of(trade)
        require(quote.price >= rule.least_price(median), "escrow: quote over the spread")
        leg = self._funding(trade)
        held = leg.slices[index]
        full = rule.full(self._due_amount(trade, index), median)
        paid = min(full, floor(share_up(held, milestone.share_bps) * quote.price))
        require(paid != 0, "escrow: nothing to pay")
        if choice:
            chooser = trade.holder(index) if paid < full else trade.importer
            require(choice.signer == chooser, "escrow: bad signature")
            require(paid >= choice.least, "escrow: less than agreed")
        else:
            require(self.now_s > milestone.final_at + trade.windows.choice_s, "escrow: choice window open")
            require(quote.trade == trade.number, "escrow: quote for any trade")
            may_be_topped_up = self.is_call_open(trade) or self._is_call_possible(trade, median)
            require(paid == full or not may_be_topped_up, "escrow: slice may be topped up")
        sold = ceil(paid / quote.price)
        self._execute(leg, [(quote.provider, sold)])
        payments = split(paid, trade.payees, trade.holder(index))
        self._deliver(trade.invoice.token, quote, trade.importer, payments)
        self._give_back(leg, held - sold)
        self._close_milestone(trade, milestone, trade.invoice.token, payments)
        return payments

    def last_resort(self, trade: Trade, index: int) -> Payments:
        """Pay without quote or fresh oracle when nobody has for long, or the hold ends."""
        milestone = self._take_final(trade, index)
        require(milestone.share_bps != 0, "escrow: nothing to pay")
        waited = self.now_s > milestone.final_at + trade.windows.grace_s
        is_last_day = self.now_s + DAY_S > self.expiry_of(trade.paying)
        require(waited or is_last_day, "escrow: not yet the last resort")
        due = self._due_amount(trade, index)
        if trade.policy in (Policy.NONE, Policy.CONVERT_NOW):
            return self._settle_plainly(trade, index, milestone, due)
        leg = self._funding(trade)
        held = leg.slices[index]
        paid = share_up(held, milestone.share_bps)
        if trade.policy == Policy.LOCK:
            x_token, x_leg = self.tokens[trade.invoice.token], trade.invoice
            is_frozen = x_token.is_frozen(trade.provider, SCOPE_ALL, self.now_s)
            require(self.now_s > self.expiry_of(x_leg) or is_frozen, "escrow: provider can pay")
        else:
            # The hold's last day is the exporter's, whatever runs.
            require(is_last_day or not self.is_call_open(trade), "escrow: a call runs")
            rule, good = trade.float_rule, self.oracle.good
            assert good is not None
            paid = min(paid, rule.costs(due, rule.effective(good.rate * rule.scale)))
        payments = split(paid, trade.payees, trade.holder(index))
        self._execute(leg, payments)
        self._give_back(leg, held - paid)
        if trade.policy == Policy.LOCK:
            self._give_back(trade.invoice, trade.invoice.slices[index])
        self._close_milestone(trade, milestone, leg.token, payments)
        return payments

    # Calls for a top-up -------------------------------------------------------------------------------------------

    def reprice(self, trade: Trade) -> None:
        """Call the importer to raise every open slice to what it needs a band below the present median."""
        self._open(trade, 0)
        require(trade.policy == Policy.FLOAT, "escrow: not a float")
        rule, median, leg = trade.float_rule, self._median_of(trade), self._funding(trade)
        require(not self.is_call_open(trade), "escrow: a call runs")
        require(self._is_call_possible(trade, median), "escrow: no call possible")
        amounts = {i: trade.invoice.slices[i] for i in range(len(trade.milestones)) if self._is_open(trade, i)}
        is_short = any(leg.slices[i] < rule.threshold(amount, median) for i, amount in amounts.items())
        require(is_short, "escrow: no slice too small")
        for index, amount in amounts.items():
            trade.milestones[index].target = max(leg.slices[index], rule.target(amount, median))
        trade.calls += 1
        trade.call_ends_at = self.now_s + trade.windows.call_s

    def missing_of(self, trade: Trade) -> int:
        """What a top-up must bring."""
        leg = self._funding(trade)
        return sum(
            max(0, milestone.target - leg.slices[index])
            for index, milestone in enumerate(trade.milestones)
            if self._is_open(trade, index)
        )

    def top_up(self, trade: Trade, amount: int) -> None:
        """The importer raises its hold by exactly what is missing; its signature is the token's to check."""
        self._open(trade, 0)
        missing = self.missing_of(trade) if trade.funding else 0
        require(missing != 0, "escrow: nothing to top up")
        require(amount == missing, "escrow: not what is missing")
        leg = self._funding(trade)
        assert leg.hold_id is not None
        hold = self.tokens[leg.token].holds[leg.hold_id]
        self.tokens[leg.token].increase(self.address, self.now_s, leg.hold_id, hold.amount + amount, hold.expires_at)
        for index, milestone in enumerate(trade.milestones):
            if self._is_open(trade, index):
                leg.slices[index] = max(leg.slices[index], milestone.target)
        if self.is_call_open(trade):
            trade.calls -= 1
            trade.call_ends_at = self.now_s - 1

    def is_call_open(self, trade: Trade) -> bool:
        """Whether the importer may still pay a call in time."""
        return self.now_s <= trade.call_ends_at

    def _is_call_possible(self, trade: Trade, median: Fraction) -> bool:
        rule, windows = trade.float_rule, trade.windows
        if rule.share_bps == 0 or trade.calls >= rule.calls_max or median >= rule.lo:
            return False
        if trade.call_ends_at and self.now_s <= trade.call_ends_at + rule.cool_down_s:
            return False
        return self.now_s + windows.call_s + windows.grace_s <= self.expiry_of(trade.paying)

    # Inside -------------------------------------------------------------------------------------------------------

    def _take_final(self, trade: Trade, index: int) -> Milestone:
        milestone = self._open(trade, index)
        require(self.state_of(trade, index) == State.FINAL, "escrow: milestone not final")
        self._apply_time(trade, index)
        return milestone

    def _due_amount(self, trade: Trade, index: int) -> int:
        return trade.invoice.slices[index] * trade.milestones[index].share_bps // BPS

    def _median_of(self, trade: Trade) -> Fraction:
        return self.oracle.median(self.now_s) * trade.float_rule.scale

    @staticmethod
    def _funding(trade: Trade) -> Leg:
        assert trade.funding is not None
        return trade.funding

    def _settle_plainly(self, trade: Trade, index: int, milestone: Milestone, due: int) -> Payments:
        """Pay X out of its hold; under `lock` the provider gets its part of F, under `float` it is a refund."""
        if trade.funding:
            held = trade.funding.slices[index]
            sold = share_up(held, milestone.share_bps)
            self._execute(trade.funding, [(trade.provider, sold)] if sold else [])
            self._give_back(trade.funding, held - sold)
        payments = split(due, trade.payees, trade.holder(index))
        if trade.policy != Policy.FLOAT:
            self._execute(trade.invoice, payments)
            self._give_back(trade.invoice, trade.invoice.slices[index] - due)
        self._close_milestone(trade, milestone, trade.invoice.token, payments)
        return payments

    def _close_milestone(self, trade: Trade, milestone: Milestone, token: str, payments: Payments) -> None:
        milestone.state = State.SETTLED
        if payments:
            milestone.payments.append((token, sum(amount for _, amount in payments)))
        if all(other.state == State.SETTLED for other in trade.milestones):
            trade.cause = Cause.SETTLED

    def _execute(self, leg: Leg, payments: Payments) -> None:
        assert leg.hold_id is not None
        for account, amount in payments:
            self.tokens[leg.token].execute(self.address, self.now_s, leg.hold_id, account, amount)

    def _deliver(self, token: str, quote: Quote, taker: str, payments: Payments) -> None:
        """FX settlement pays the bought leg out of the quote's reserve."""
        amount = sum(part for _, part in payments)
        self._use_quote(token, quote, taker, amount)
        for account, part in payments:
            self.tokens[token].execute(self.fx_address, self.now_s, quote.reserve_id, account, part)

    def _use_quote(self, token: str, quote: Quote, taker: str, amount: int) -> None:
        bought = self.tokens[token]
        require(quote.reserve_id not in self.used_quotes, "fx: quote used")
        require(self.now_s <= quote.expires_at, "fx: quote expired")
        require(quote.taker == taker, "fx: quote is for another taker")
        require(quote.min_amount <= amount <= quote.max_amount, "fx: amount outside the quote")
        reserve = bought.holds.get(quote.reserve_id)
        is_enough = (
            reserve is not None
            and bought.effective_expiry(quote.reserve_id) > quote.expires_at
            and amount <= reserve.amount
        )
        require(is_enough, "fx: reserve too small")
        self.used_quotes.add(quote.reserve_id)

    def _refund_rest(self, trade: Trade, cause: Cause) -> None:
        for milestone in trade.milestones:
            if milestone.state != State.SETTLED:
                milestone.state, milestone.share_bps, milestone.outcome = State.SETTLED, 0, Outcome.REFUND
        trade.cause = cause
        for leg in trade.legs():
            self._give_back(leg)
