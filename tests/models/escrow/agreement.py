"""How a trade begins, changes by agreement, and ends before it is paid."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from tests.models.escrow.payments import Settlements
from tests.models.escrow.rates import FloatRule, lock_slices
from tests.models.escrow.records import (
    Cause,
    Conversion,
    Leg,
    Milestone,
    Option,
    Outcome,
    Policy,
    State,
    Trade,
    Windows,
    require,
    slices_of,
)


@dataclass
class Amendment:
    """New terms: everything that may change. Milestones here are terms only."""

    amount: int
    milestones: list[Milestone]
    windows: Windows
    expires_at: int
    rule: FloatRule | None = None


def _terms_of(milestone: Milestone) -> tuple[object, ...]:
    return (
        milestone.weight_bps,
        milestone.deadline_agreed or milestone.deadline,
        milestone.quorum,
        tuple(milestone.attesters),
        milestone.silence_pays,
    )


@dataclass
class Escrow(Settlements):
    """The whole escrow."""

    # Funding ------------------------------------------------------------------------------------------------------

    def fund(
        self,
        trade: Trade,
        amount: int,
        expires_at: int,
        conversion: Conversion | None = None,
        held: int | None = None,
    ) -> None:
        """Start a trade; its slices are still to be cut.

        Args:
            held: what the importer's hold was signed for, where that is not just right.
        """
        require(all(milestone.deadline > self.now_s for milestone in trade.milestones), "terms: deadline passed")
        self._check_expiry(trade.windows, trade.milestones, expires_at)
        trade.number, trade.expires_at = len(self.trades), expires_at
        trade.invoice.slices = slices_of(amount, [milestone.weight_bps for milestone in trade.milestones])
        for milestone, part in zip(trade.milestones, trade.invoice.slices, strict=True):
            milestone.agreed, milestone.deadline_agreed = part, milestone.deadline
        if trade.policy == Policy.LOCK:
            self._fund_lock(trade, amount, conversion, held)
        elif trade.policy == Policy.FLOAT:
            self._fund_float(trade, held)
        else:
            require(held in (None, amount), "escrow: hold of another amount")
            if conversion:
                self._convert(trade, conversion, amount)
            self._place(trade.invoice, trade.importer, amount, expires_at)
        self.trades.append(trade)

    def needed_for(self, trade: Trade, amount: int, conversion: Conversion | None) -> int:
        """What the importer's hold must be signed for."""
        if trade.policy == Policy.LOCK:
            assert conversion is not None
            return ceil(amount / conversion.quote.price) + conversion.quote.premium
        if trade.policy == Policy.FLOAT:
            weights = [milestone.weight_bps for milestone in trade.milestones]
            return sum(trade.float_rule.slice_of(part) for part in slices_of(amount, weights))
        return amount

    def _convert(self, trade: Trade, conversion: Conversion, amount: int) -> None:
        quote = conversion.quote
        assert trade.convert_from is not None
        require(quote.trade in (None, trade.number), "escrow: quote for another trade")
        price = ceil(amount / quote.price)
        require(conversion.amount >= price, "escrow: hold below the price")
        leg = Leg(trade.convert_from, conversion.hold_id)
        self._place(leg, trade.importer, conversion.amount, self.now_s + 1)
        self._execute(leg, [(quote.provider, price)])
        self._give_back(leg, conversion.amount - price)
        self._deliver(trade.invoice.token, quote, trade.importer, [(trade.importer, amount)])

    def _fund_lock(self, trade: Trade, amount: int, conversion: Conversion | None, held: int | None) -> None:
        """Two holds of one expiry; the quote's reserve makes room for the provider's."""
        assert conversion is not None
        quote, leg = conversion.quote, self._funding(trade)
        require(quote.lock_until is not None, "escrow: not a lock quote")
        require(quote.trade == trade.number, "escrow: quote for another trade")
        assert quote.lock_until is not None
        require(quote.lock_until >= trade.expires_at, "escrow: lock ends too early")
        price = ceil(amount / quote.price)
        require(quote.cancel_fee <= price, "escrow: fee above the price")
        require(held in (None, price + quote.premium), "escrow: hold of another amount")
        require(conversion.amount == amount, "escrow: another provider's hold")
        self._use_quote(trade.invoice.token, quote, trade.importer, amount)
        rest = self.tokens[trade.invoice.token].holds[quote.reserve_id].amount
        self.tokens[trade.invoice.token].release(self.fx_address, self.now_s, quote.reserve_id, rest)
        trade.invoice.hold_id = conversion.hold_id
        self._place(trade.invoice, quote.provider, amount, trade.expires_at)
        self._place(leg, trade.importer, price + quote.premium, trade.expires_at)
        self._execute(leg, [(quote.provider, quote.premium)] if quote.premium else [])
        trade.price, trade.provider, trade.cancel_fee = quote.price, quote.provider, quote.cancel_fee
        leg.slices = lock_slices(price, trade.invoice.slices)
        require(0 not in leg.slices, "terms: slice out of range")

    def _fund_float(self, trade: Trade, held: int | None) -> None:
        rule, leg = trade.float_rule, self._funding(trade)
        require(rule.covers(self._median_of(trade)), "escrow: rate outside the band")
        leg.slices = [rule.slice_of(part) for part in trade.invoice.slices]
        require(held in (None, sum(leg.slices)), "escrow: hold of another amount")
        self._place(leg, trade.importer, sum(leg.slices), trade.expires_at)

    def _place(self, leg: Leg, owner: str, amount: int, expires_at: int) -> None:
        assert leg.hold_id is not None
        self.tokens[leg.token].place(self.now_s, leg.hold_id, owner, self.address, amount, expires_at, signed=True)

    # Change -------------------------------------------------------------------------------------------------------

    def amend(self, trade: Trade, new: Amendment, signers: set[str]) -> None:
        """New terms by consent of all who stand in unsettled milestones; what changes is pending again."""
        self._open(trade, 0)
        require(new.expires_at >= trade.expires_at, "escrow: hold would end earlier")
        require(trade.importer in signers, "escrow: bad signature")
        require(set(trade.holders()) <= signers, "escrow: consent missing")
        provider_agrees = trade.policy == Policy.LOCK and trade.provider in signers
        moves_expiry = new.expires_at != trade.expires_at
        amounts = slices_of(new.amount, [milestone.weight_bps for milestone in new.milestones])
        amount_before = trade.amount
        trade.version += 1
        trade.windows, trade.expires_at = new.windows, new.expires_at
        resizes = self._restate_rule(trade, new.rule)
        slices = self._funding_slices(trade, new.amount, amounts)
        for index, (terms, amount) in enumerate(zip(new.milestones, amounts, strict=True)):
            self._amend_milestone(trade, index, terms, amount, slices, resizes=resizes)
        self._check_expiry(trade.windows, trade.milestones, new.expires_at)
        if trade.policy == Policy.LOCK:
            if not provider_agrees:
                self._shrink_lock(trade, amount_before, moves_expiry=moves_expiry)
            trade.cancel_fee = ceil(trade.cancel_fee * Fraction(new.amount, amount_before))
        for leg in reversed(list(trade.legs())):
            self._resize(leg, trade.unsettled(leg), new.expires_at)

    def _shrink_lock(self, trade: Trade, amount_before: int, *, moves_expiry: bool) -> None:
        """Without the provider's consent a lock only shrinks, for the cancel fee."""
        leg = self._funding(trade)
        unbought = self.rest_of(trade.invoice) - trade.unsettled(trade.invoice)
        require(unbought >= 0 and not moves_expiry, "escrow: provider does not agree")
        freed = self.rest_of(leg) - trade.unsettled(leg)
        if freed > 0:
            self._pay_cancel_fee(trade, leg, unbought, freed, of_amount=amount_before)

    def _restate_rule(self, trade: Trade, rule: FloatRule | None) -> bool:
        """Take a float's new terms; return whether slices are cut anew."""
        if trade.rule is None:
            return False
        assert rule is not None
        before, trade.rule = trade.rule, rule
        if self.is_call_open(trade):
            trade.call_ends_at = self.now_s - 1
        return (rule.rate, rule.band_bps, rule.spread_bps) != (before.rate, before.band_bps, before.spread_bps)

    @staticmethod
    def _funding_slices(trade: Trade, total: int, amounts: list[int]) -> list[int]:
        if trade.policy == Policy.LOCK:
            slices = lock_slices(ceil(total / trade.price), amounts)
            require(0 not in slices, "terms: slice out of range")
            return slices
        return [trade.float_rule.slice_of(amount) for amount in amounts] if trade.rule else []

    def _amend_milestone(
        self, trade: Trade, index: int, terms: Milestone, amount: int, slices: list[int], *, resizes: bool
    ) -> None:
        milestone = trade.milestones[index]
        is_changed = (_terms_of(terms), amount) != (_terms_of(milestone), milestone.agreed)
        if milestone.state == State.SETTLED:
            require(not is_changed, "escrow: milestone settled")
        elif is_changed:
            require(terms.deadline > self.now_s, "terms: deadline passed")
            terms.agreed, terms.deadline_agreed = amount, terms.deadline
            terms.assignee, terms.state = milestone.assignee, State.PENDING
            terms.outcome, terms.payments = Outcome.NOTHING, milestone.payments
            trade.milestones[index] = terms
            trade.invoice.slices[index] = amount
            if trade.funding:
                trade.funding.slices[index] = slices[index]
        elif resizes:
            milestone.target = 0
            self._funding(trade).slices[index] = trade.float_rule.slice_of(trade.invoice.slices[index])

    def _resize(self, leg: Leg, amount: int, expires_at: int) -> None:
        """Raise or lower a hold to what its slices need; its owner signs a rise."""
        assert leg.hold_id is not None
        token = self.tokens[leg.token]
        hold = token.holds[leg.hold_id]
        if amount > hold.amount or expires_at > hold.expires_at:
            token.increase(self.address, self.now_s, leg.hold_id, max(amount, hold.amount), expires_at)
        if amount < hold.amount:
            self._give_back(leg, hold.amount - amount)

    # Ends ---------------------------------------------------------------------------------------------------------

    def cancel(self, trade: Trade, signers: set[str]) -> None:
        """All who have a say end the trade; a lock's provider does not mind or gets its cancel fee."""
        self._open(trade, 0)
        expected = {trade.importer, *trade.holders()}
        require(signers - {trade.provider} == expected, "escrow: bad signature")
        unbought = trade.unsettled(trade.invoice)
        if trade.policy == Policy.LOCK and trade.provider not in signers:
            leg = self._funding(trade)
            self._pay_cancel_fee(trade, leg, unbought, self.rest_of(leg))
        self._refund_rest(trade, Cause.CANCELLED)

    def close_out_of_band(self, trade: Trade, signers: set[str], *, by_importer: bool) -> None:
        """Under the option `refund` either side ends a trade whose rate left the band for two rounds."""
        self._open(trade, 0)
        self._check_option(trade, Option.REFUND)
        rule = trade.float_rule
        self.oracle.median(self.now_s)
        for found in (self.oracle.last, self.oracle.before):
            is_outside = found is not None and not rule.covers(found.rate * rule.scale)
            require(is_outside, "escrow: rate within the band")
        require(signers == ({trade.importer} if by_importer else set(trade.holders())), "escrow: bad signature")
        self._refund_rest(trade, Cause.OUT_OF_BAND)

    def lapse(self, trade: Trade) -> None:
        """Book a trade whose hold has expired."""
        self._open(trade, 0)
        require(self.now_s > self.expiry_of(trade.paying), "escrow: hold not expired")
        self._refund_rest(trade, Cause.LAPSED)
