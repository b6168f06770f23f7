"""The escrow as plain Python: what SPEC sections 2 to 4 say, without signatures, hashes or storage.

The model decides by itself whether a call is allowed and with which reason it is refused; the state machine compares
each answer and every balance with the contracts. A trade is one or more legs, each a hold cut into one slice per
milestone: `none` and `convert_now` have the invoice leg alone, `lock` and `float` add a funding leg beside it.
A refused call may leave the model half changed, as a reverted transaction does not: its caller keeps a copy.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from tests.models.token import TokenModel

BPS: Final = 10_000
DAY_S: Final = 86_400
NOBODY: Final = "0x" + "00" * 20


class Rejected(Exception):  # noqa: N818 - what the model does, not what went wrong with it
    """A call that the escrow refuses; the text is the contract's reason. The token's own refusals are `Refused`."""


class State(IntEnum):
    """States of a milestone, numbered as on chain."""

    PENDING = 1
    DUE = 2
    DISPUTED = 3
    FINAL = 4
    SETTLED = 5


class Outcome(IntEnum):
    """What is due, numbered as on chain."""

    NOTHING = 0
    PAY = 1
    REFUND = 2
    PARTIAL = 3


class Cause(IntEnum):
    """Why a trade closed, numbered as on chain."""

    SETTLED = 1
    CANCELLED = 2
    LAPSED = 3


def slices_of(amount: int, weights_bps: list[int]) -> list[int]:
    """Cut `amount` by weights: floor each, the last takes the rest.

    Raises:
        Rejected: a slice would be zero.
    """
    slices = [amount * weight // BPS for weight in weights_bps[:-1]]
    slices.append(amount - sum(slices))
    if 0 in slices:
        raise Rejected("terms: slice is zero")
    return slices


def split(amount: int, payees: list[tuple[str, int]], exporter: str) -> list[tuple[str, int]]:
    """Divide a payment: basis points with floor each, zero skipped, the remainder to the exporter, last."""
    parts = [(account, amount * share // BPS) for account, share in payees]
    parts.append((exporter, amount - sum(part for _, part in parts)))
    return [(account, part) for account, part in parts if part > 0]


@dataclass
class Milestone:
    """A milestone's terms and what has become of it."""

    weight_bps: int
    deadline: int
    quorum: int
    attesters: list[str]
    silence_pays: bool = False
    state: State = State.PENDING
    share_bps: int = 0
    outcome: Outcome = Outcome.NOTHING
    due_at: int = 0
    raised_at: int = 0
    claims: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Windows:
    """Lengths in seconds; `unawarded_bps` 0 leaves the due outcome standing."""

    dispute_s: int
    award_s: int
    unawarded_bps: int = 0
    call_s: int = 0
    grace_s: int = 0

    def total_s(self) -> int:
        """How long after the last deadline the hold must live, the last day included."""
        return self.dispute_s + self.award_s + self.call_s + self.grace_s + DAY_S


@dataclass
class Leg:
    """One currency side of a trade: a hold cut into one slice per milestone."""

    token: str
    hold_id: bytes
    slices: list[int]


@dataclass
class Conversion:
    """A firm quote taken at funding: `sold` goes to the provider, the invoice amount comes out of its reserve."""

    token: str
    sell_hold_id: bytes
    sold: int
    provider: str
    reserve_id: bytes


@dataclass
class Trade:
    """A funded trade."""

    importer: str
    exporter: str
    arbiter: str
    windows: Windows
    payees: list[tuple[str, int]]
    milestones: list[Milestone]
    invoice: Leg
    cause: Cause | None = None
    """Why it closed; None while open."""

    def legs(self) -> Iterator[Leg]:
        """Every leg that has a hold."""
        yield self.invoice

    def unsettled(self, leg: Leg) -> int:
        """Sum of the leg's slices whose milestones are not settled."""
        return sum(
            part
            for part, milestone in zip(leg.slices, self.milestones, strict=True)
            if milestone.state != State.SETTLED
        )


@dataclass
class Escrow:
    """Tokens, trades and the clock. Every method is one call on chain by someone who may submit it."""

    address: str
    fx_address: str
    tokens: dict[str, TokenModel]
    now_s: int
    trades: list[Trade] = field(default_factory=list)

    def fund(
        self,
        trade: Trade,
        amount: int,
        expires_at: int,
        conversion: Conversion | None = None,
    ) -> None:
        """Start a trade; its slices are still to be cut."""
        if any(milestone.deadline <= self.now_s for milestone in trade.milestones):
            raise Rejected("terms: deadline passed")
        if expires_at < max(milestone.deadline for milestone in trade.milestones) + trade.windows.total_s():
            raise Rejected("terms: hold ends too early")
        leg = trade.invoice
        leg.slices = slices_of(amount, [milestone.weight_bps for milestone in trade.milestones])
        if conversion:
            self._convert(conversion, self.tokens[leg.token], trade.importer, amount)
        self.tokens[leg.token].place(
            self.now_s, leg.hold_id, trade.importer, self.address, amount, expires_at, signed=True
        )
        self.trades.append(trade)

    def _convert(self, conversion: Conversion, bought: TokenModel, importer: str, amount: int) -> None:
        sold = self.tokens[conversion.token]
        hold_id, now_s = conversion.sell_hold_id, self.now_s
        sold.place(now_s, hold_id, importer, self.address, conversion.sold, now_s + 1, signed=True)
        sold.execute(self.address, now_s, hold_id, conversion.provider, conversion.sold)
        bought.execute(self.fx_address, now_s, conversion.reserve_id, importer, amount)

    def attest(self, trade: Trade, index: int, attester: str, outcome: int, share_bps: int) -> bool:
        """Record what an attester says; False if it is recorded as equivocation."""
        milestone = self._open(trade, index)
        if milestone.state == State.SETTLED:
            raise Rejected("escrow: milestone settled")
        if attester not in milestone.attesters:
            raise Rejected("escrow: not its attester")
        claim = (outcome, share_bps)
        if attester in milestone.claims:
            if milestone.claims[attester] == claim:
                raise Rejected("escrow: already attested")
            return False
        if milestone.state != State.PENDING:
            raise Rejected("escrow: milestone not pending")
        if self.now_s > milestone.deadline:
            raise Rejected("escrow: deadline passed")
        milestone.claims[attester] = claim
        if list(milestone.claims.values()).count(claim) == milestone.quorum:
            self._due(trade, index, share_bps, self.now_s)
        return True

    def declare_silence(self, trade: Trade, index: int) -> None:
        """Store what silence means."""
        milestone = self._open(trade, index)
        if milestone.state != State.PENDING:
            raise Rejected("escrow: milestone not pending")
        if self.now_s <= milestone.deadline:
            raise Rejected("escrow: deadline not passed")
        self._apply_time(trade, index, only_silence=True)

    def accept(self, trade: Trade, index: int, signer: str) -> None:
        """The importer pays in full whatever was found."""
        milestone = self._open(trade, index)
        if milestone.state == State.SETTLED:
            raise Rejected("escrow: milestone settled")
        if signer != trade.importer:
            raise Rejected("escrow: bad signature")
        self._due(trade, index, BPS, self.now_s)
        milestone.state = State.FINAL

    def dispute(self, trade: Trade, index: int, party: str) -> None:
        """Put a milestone before the arbiter."""
        milestone = self._open(trade, index)
        if trade.arbiter == NOBODY:
            raise Rejected("escrow: no arbiter")
        if party not in (trade.importer, trade.exporter):
            raise Rejected("escrow: not a party")
        if self.state_of(trade, index) != State.DUE:
            raise Rejected("escrow: milestone not due")
        self._apply_time(trade, index)
        milestone.state = State.DISPUTED
        milestone.raised_at = self.now_s

    def award(self, trade: Trade, index: int, share_bps: int) -> None:
        """The arbiter decides."""
        milestone = self._open(trade, index)
        if self.state_of(trade, index) != State.DISPUTED:
            raise Rejected("escrow: milestone not disputed")
        self._due(trade, index, share_bps, milestone.due_at)
        milestone.state = State.FINAL

    def settle(self, trade: Trade, index: int) -> list[tuple[str, int]]:
        """Pay a final milestone; return the payments in order."""
        milestone = self._open(trade, index)
        if self.state_of(trade, index) != State.FINAL:
            raise Rejected("escrow: milestone not final")
        self._apply_time(trade, index)
        leg, token = trade.invoice, self.tokens[trade.invoice.token]
        paid = leg.slices[index] * milestone.share_bps // BPS
        payments = split(paid, trade.payees, trade.exporter)
        for account, amount in payments:
            token.execute(self.address, self.now_s, leg.hold_id, account, amount)
        if paid < leg.slices[index]:
            token.release(self.address, self.now_s, leg.hold_id, leg.slices[index] - paid)
        milestone.state = State.SETTLED
        if all(other.state == State.SETTLED for other in trade.milestones):
            trade.cause = Cause.SETTLED
        return payments

    def cancel(self, trade: Trade, signers: set[str]) -> None:
        """Both parties end the trade."""
        self._open(trade, 0)
        if signers != {trade.importer, trade.exporter}:
            raise Rejected("escrow: bad signature")
        self._refund_rest(trade, Cause.CANCELLED)

    def lapse(self, trade: Trade) -> None:
        """Book a trade whose hold has expired."""
        self._open(trade, 0)
        if self.now_s <= self.tokens[trade.invoice.token].effective_expiry(trade.invoice.hold_id):
            raise Rejected("escrow: hold not expired")
        self._refund_rest(trade, Cause.LAPSED)

    def rest_of(self, leg: Leg) -> int:
        """What the leg's hold still has."""
        return self.tokens[leg.token].holds[leg.hold_id].amount

    def state_of(self, trade: Trade, index: int) -> State:
        """The state with time applied."""
        return self._after_time(trade, index)[0]

    def share_of(self, trade: Trade, index: int) -> int:
        """The exporter's share in basis points with time applied."""
        return self._after_time(trade, index)[1]

    @staticmethod
    def _open(trade: Trade, index: int) -> Milestone:
        if trade.cause is not None:
            raise Rejected("escrow: trade closed")
        return trade.milestones[index]

    @staticmethod
    def _due(trade: Trade, index: int, share_bps: int, due_at: int) -> None:
        milestone = trade.milestones[index]
        milestone.state, milestone.due_at = State.DUE, due_at
        milestone.share_bps = share_bps if trade.invoice.slices[index] * share_bps // BPS else 0
        milestone.outcome = {0: Outcome.REFUND, BPS: Outcome.PAY}.get(milestone.share_bps, Outcome.PARTIAL)

    def _after_time(self, trade: Trade, index: int) -> tuple[State, int, int]:
        """State, share and due time as they are now; nothing is stored."""
        milestone = trade.milestones[index]
        state, share, due_at = milestone.state, milestone.share_bps, milestone.due_at
        if state == State.PENDING and self.now_s > milestone.deadline:
            state, due_at = State.DUE, milestone.deadline
            share = BPS if milestone.silence_pays else 0
        if state == State.DUE and self.now_s > due_at + trade.windows.dispute_s:
            state = State.FINAL
        if state == State.DISPUTED and self.now_s > milestone.raised_at + trade.windows.award_s:
            state = State.FINAL
            unawarded = trade.windows.unawarded_bps
            if unawarded:
                share = unawarded if trade.invoice.slices[index] * unawarded // BPS else 0
        return state, share, due_at

    def _apply_time(self, trade: Trade, index: int, *, only_silence: bool = False) -> None:
        milestone = trade.milestones[index]
        state, share, due_at = self._after_time(trade, index)
        if state == State.PENDING:
            return
        self._due(trade, index, share, due_at)
        milestone.state = State.DUE if only_silence else state

    def _refund_rest(self, trade: Trade, cause: Cause) -> None:
        for milestone in trade.milestones:
            if milestone.state != State.SETTLED:
                milestone.state, milestone.share_bps, milestone.outcome = State.SETTLED, 0, Outcome.REFUND
        trade.cause = cause
        for leg in trade.legs():
            rest = self.rest_of(leg)
            if rest:
                self.tokens[leg.token].release(self.address, self.now_s, leg.hold_id, rest)
