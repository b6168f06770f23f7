"""What attesters, parties, the arbiter and time make of a milestone."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from tests.models.escrow.rates import Oracle
from tests.models.escrow.records import (
    BPS,
    NOBODY,
    Leg,
    Milestone,
    Option,
    Outcome,
    Policy,
    State,
    Trade,
    Windows,
    require,
)
from tests.models.token import TokenModel


@dataclass
class Milestones:
    """Tokens, trades, the oracle and the clock. Every method is one call on chain by someone who may submit it."""

    address: str
    fx_address: str
    tokens: dict[str, TokenModel]
    now_s: int
    oracle: Oracle = field(default_factory=lambda: Oracle(heartbeat_s=0))
    trades: list[Trade] = field(default_factory=list)
    used_quotes: set[bytes] = field(default_factory=set)
    """Reserves of the quotes that are used up."""

    # What is found and decided ------------------------------------------------------------------------------------

    def attest(self, trade: Trade, index: int, attester: str, outcome: int, share_bps: int) -> bool:
        """Record what an attester says; False if it is recorded as equivocation."""
        milestone = self._open(trade, index)
        require(milestone.state != State.SETTLED, "escrow: milestone settled")
        require(attester in milestone.attesters, "escrow: not its attester")
        claim = (outcome, share_bps)
        if attester in milestone.claims:
            require(milestone.claims[attester] != claim, "escrow: already attested")
            return False
        require(milestone.state == State.PENDING, "escrow: milestone not pending")
        require(self.now_s <= milestone.deadline, "escrow: deadline passed")
        milestone.claims[attester] = claim
        if list(milestone.claims.values()).count(claim) == milestone.quorum:
            self._due(trade, index, share_bps, self.now_s)
        return True

    def declare_silence(self, trade: Trade, index: int) -> None:
        """Store what silence means."""
        milestone = self._open(trade, index)
        require(milestone.state == State.PENDING, "escrow: milestone not pending")
        require(self.now_s > milestone.deadline, "escrow: deadline not passed")
        self._due(trade, index, BPS if milestone.silence_pays else 0, milestone.deadline)

    def accept(self, trade: Trade, index: int, signer: str) -> None:
        """The importer pays in full whatever was found; what was final and paid is so since then."""
        milestone = self._unsettled(trade, index)
        require(signer == trade.importer, "escrow: bad signature")
        self._apply_time(trade, index)
        pays = milestone.state == State.FINAL and milestone.share_bps != 0
        final_at = milestone.final_at if pays else self.now_s
        self._due(trade, index, BPS, self.now_s)
        self._final(trade, index)
        milestone.final_at = final_at

    def waive(self, trade: Trade, index: int, amount: int, signer: str) -> None:
        """The exporter's side gives up a part or all; what is held for it goes back at once."""
        milestone = self._unsettled(trade, index)
        had = trade.invoice.slices[index]
        require(0 < amount <= had, "escrow: more than the milestone")
        require(signer == trade.holder(index), "escrow: bad signature")
        self._apply_time(trade, index)
        left = had - amount
        trade.invoice.slices[index] = left
        if left == 0:
            self._due(trade, index, 0, self.now_s)
            self._final(trade, index)
        elif milestone.state != State.PENDING:
            self._due(trade, index, milestone.share_bps, milestone.due_at, keep_state=True)
        if trade.funding:
            self._shrink_slice(trade, trade.funding, index, amount, left)
        if trade.policy != Policy.FLOAT:
            self._give_back(trade.invoice, amount)

    def assign(self, trade: Trade, index: int, assignee: str, signers: set[str]) -> None:
        """The exporter's side of a milestone goes to a financier."""
        milestone = self._unsettled(trade, index)
        require(milestone.assignee is None, "escrow: milestone assigned")
        require(assignee not in (trade.importer, trade.exporter, trade.arbiter), "escrow: assignee is a party")
        require(assignee not in milestone.attesters, "escrow: assignee attests")
        require(signers == {trade.exporter, assignee}, "escrow: bad signature")
        milestone.assignee = assignee

    def dispute(self, trade: Trade, index: int, party: str) -> None:
        """Put a milestone before the arbiter."""
        milestone = self._open(trade, index)
        require(trade.arbiter != NOBODY, "escrow: no arbiter")
        require(party in (trade.importer, trade.holder(index)), "escrow: not a party")
        require(self.state_of(trade, index) == State.DUE, "escrow: milestone not due")
        self._apply_time(trade, index)
        milestone.state = State.DISPUTED
        milestone.raised_at = self.now_s

    def award(self, trade: Trade, index: int, share_bps: int) -> None:
        """The arbiter decides."""
        milestone = self._open(trade, index)
        require(self.state_of(trade, index) == State.DISPUTED, "escrow: milestone not disputed")
        self._due(trade, index, share_bps, milestone.due_at)
        self._final(trade, index)

    def defer(self, trade: Trade, index: int, deadline: int, signer: str) -> None:
        """Under the option `wait` the exporter's side moves a deadline, as far as the hold's expiry allows."""
        milestone = self._open(trade, index)
        self._check_option(trade, Option.WAIT)
        require(deadline > milestone.deadline, "escrow: deadline not later")
        require(deadline + trade.windows.total_s() <= trade.expires_at, "terms: hold ends too early")
        require(signer == trade.holder(index), "escrow: bad signature")
        milestone.deadline = deadline

    # Views --------------------------------------------------------------------------------------------------------

    def rest_of(self, leg: Leg) -> int:
        """What the leg's hold still has."""
        return self.tokens[leg.token].holds[leg.hold_id].amount if leg.hold_id else 0

    def expiry_of(self, leg: Leg) -> int:
        """The last second in which the leg's hold pays, freezes counted in."""
        assert leg.hold_id is not None
        return self.tokens[leg.token].effective_expiry(leg.hold_id)

    def state_of(self, trade: Trade, index: int) -> State:
        """The state with time applied."""
        return self._after_time(trade, index)[0]

    def share_of(self, trade: Trade, index: int) -> int:
        """The exporter's share in basis points with time applied."""
        return self._after_time(trade, index)[1]

    # Inside -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _open(trade: Trade, index: int) -> Milestone:
        require(trade.cause is None, "escrow: trade closed")
        return trade.milestones[index]

    def _unsettled(self, trade: Trade, index: int) -> Milestone:
        milestone = self._open(trade, index)
        require(milestone.state != State.SETTLED, "escrow: milestone settled")
        return milestone

    def _check_option(self, trade: Trade, option: Option) -> None:
        has_option = trade.rule is not None and trade.rule.option == option
        require(has_option, "escrow: not the terms' option")
        states = [self.state_of(trade, index) for index in range(len(trade.milestones))]
        require(set(states) == {State.PENDING}, "escrow: not all pending")

    @staticmethod
    def _check_expiry(windows: Windows, milestones: list[Milestone], expires_at: int) -> None:
        last = max(milestone.deadline for milestone in milestones)
        require(last + windows.total_s() <= expires_at, "terms: hold ends too early")

    def _is_open(self, trade: Trade, index: int) -> bool:
        """Whether the milestone may still pay something."""
        state, share, *_ = self._after_time(trade, index)
        return state == State.PENDING or (state != State.SETTLED and share > 0)

    @staticmethod
    def _due(trade: Trade, index: int, share_bps: int, due_at: int, *, keep_state: bool = False) -> None:
        milestone = trade.milestones[index]
        if not keep_state:
            milestone.state, milestone.due_at = State.DUE, due_at
        milestone.share_bps = share_bps if trade.invoice.slices[index] * share_bps // BPS else 0
        milestone.outcome = {0: Outcome.REFUND, BPS: Outcome.PAY}.get(milestone.share_bps, Outcome.PARTIAL)

    def _final(self, trade: Trade, index: int) -> None:
        trade.milestones[index].state, trade.milestones[index].final_at = State.FINAL, self.now_s

    def _after_time(self, trade: Trade, index: int) -> tuple[State, int, int, int]:
        """State, share, due and final time as they are now; nothing is stored."""
        milestone, windows = trade.milestones[index], trade.windows
        state, share, due_at, final_at = milestone.state, milestone.share_bps, milestone.due_at, milestone.final_at
        if state == State.PENDING and self.now_s > milestone.deadline:
            state, due_at = State.DUE, milestone.deadline
            share = BPS if milestone.silence_pays else 0
        if state == State.DUE and self.now_s > due_at + windows.dispute_s:
            state, final_at = State.FINAL, due_at + windows.dispute_s
        if state == State.DISPUTED and self.now_s > milestone.raised_at + windows.award_s:
            state, final_at = State.FINAL, milestone.raised_at + windows.award_s
            unawarded = windows.unawarded_bps
            if unawarded:
                share = unawarded if trade.invoice.slices[index] * unawarded // BPS else 0
        return state, share, due_at, final_at

    def _apply_time(self, trade: Trade, index: int) -> None:
        milestone = trade.milestones[index]
        state, share, due_at, final_at = self._after_time(trade, index)
        if state != State.PENDING:
            self._due(trade, index, share, due_at)
            milestone.state, milestone.final_at = state, final_at

    def _shrink_slice(self, trade: Trade, leg: Leg, index: int, waived: int, left: int) -> None:
        """Give back F for what was waived; a lock's provider gets its part of the cancel fee."""
        held, milestone = leg.slices[index], trade.milestones[index]
        kept = ceil(Fraction(held * left, left + waived))
        fee = self._pay_cancel_fee(trade, leg, waived, held - kept)
        leg.slices[index] = kept
        milestone.target = ceil(Fraction(milestone.target * left, left + waived))
        self._give_back(leg, held - kept - fee)

    def _pay_cancel_fee(self, trade: Trade, leg: Leg, waived: int, most: int, *, of_amount: int = 0) -> int:
        """Pay a lock's provider for what it will not sell, out of what would be given back."""
        if trade.policy != Policy.LOCK:
            return 0
        fee = min(most, ceil(Fraction(trade.cancel_fee * waived, of_amount or trade.amount)))
        if fee:
            assert leg.hold_id is not None
            self.tokens[leg.token].execute(self.address, self.now_s, leg.hold_id, trade.provider, fee)
            trade.fees_paid.append(fee)
        return fee

    def _give_back(self, leg: Leg, amount: int | None = None) -> None:
        """Release an amount, or everything; what the token has given back itself is gone."""
        rest = self.rest_of(leg)
        back = rest if amount is None else min(amount, rest)
        if back:
            assert leg.hold_id is not None
            self.tokens[leg.token].release(self.address, self.now_s, leg.hold_id, back)
