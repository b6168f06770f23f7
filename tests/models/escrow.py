"""The escrow as plain Python: what SPEC sections 1 to 3 say, without signatures, hashes or storage.

The model decides by itself whether a call is allowed and with which reason it is refused; the state machine compares
each answer and every balance with the contracts. A trade is one or more legs, each a hold cut into one slice per
milestone: `none` and `convert_now` have the invoice leg alone, `lock` and `float` add a funding leg beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

BPS: Final = 10_000
DAY_S: Final = 86_400
NOBODY: Final = ""


class Rejected(Exception):  # noqa: N818
    """A call that the rules refuse; the message is the contract's reason."""


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
class Hold:
    """A part of the owner's balance, set aside until it expires."""

    owner: str
    amount: int
    expires_at: int
    created_at: int


@dataclass
class Freeze:
    """An order: first and last frozen second, both included."""

    first: int
    last: int
    is_all: bool


@dataclass
class Token:
    """Balances, holds and freeze orders of one currency."""

    available: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    freezes: dict[str, list[Freeze]] = field(default_factory=dict)
    stops: dict[str, list[Freeze]] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)

    def is_frozen(self, account: str, now_s: int, *, all_only: bool) -> bool:
        """Whether an order of the scope, or a wider one, is in force."""
        return any(
            order.first <= now_s <= order.last and (order.is_all or not all_only)
            for order in self.freezes.get(account, [])
        )

    def place(self, owner: str, amount: int, expires_at: int, now_s: int) -> Hold:
        """Set a part of the owner's available balance aside."""
        if self.is_frozen(owner, now_s, all_only=False):
            raise Rejected("token: account frozen")
        if self.available.get(owner, 0) < amount:
            raise Rejected("token: not enough available")
        hold = Hold(owner, amount, expires_at, now_s)
        self._move(self.available, owner, -amount)
        self._move(self.held, owner, amount)
        self.holds.append(hold)
        return hold

    def effective_expiry(self, hold: Hold) -> int:
        """The last second of the hold: its expiry, later by every second in which it stood still."""
        expiry = hold.expires_at
        while (moved := hold.expires_at + self._stopped(hold.owner, hold.created_at, expiry)) != expiry:
            expiry = moved
        return expiry

    def check_executable(self, hold: Hold, now_s: int) -> None:
        """Refuse to pay from a hold that has expired or stands still."""
        if now_s > self.effective_expiry(hold):
            raise Rejected("token: hold expired")
        if self.is_frozen(hold.owner, now_s, all_only=True):
            raise Rejected("token: hold stands still")

    def execute(self, hold: Hold, to: str, amount: int, now_s: int) -> None:
        """Pay from the hold; a frozen receiver is credited blocked."""
        self.check_executable(hold, now_s)
        hold.amount -= amount
        self._move(self.held, hold.owner, -amount)
        frozen = self.is_frozen(to, now_s, all_only=False)
        self._move(self.blocked if frozen else self.available, to, amount)

    def release_expired(self, hold: Hold, now_s: int) -> None:
        """Anyone gives the rest of an expired hold back."""
        if hold.amount == 0:
            raise Rejected("token: hold closed")
        if now_s <= self.effective_expiry(hold):
            raise Rejected("token: hold not expired")
        self.release(hold, hold.amount)

    def release(self, hold: Hold, amount: int) -> None:
        """Give a part back to the owner, frozen or not."""
        hold.amount -= amount
        self._move(self.held, hold.owner, -amount)
        self._move(self.available, hold.owner, amount)

    def claim_blocked(self, account: str, now_s: int) -> None:
        """Make available what no order blocks any more."""
        amount = self.blocked.get(account, 0)
        if amount == 0 or self.is_frozen(account, now_s, all_only=False):
            raise Rejected("token: nothing to clear")
        self._move(self.blocked, account, -amount)
        self._move(self.available, account, amount)

    def freeze(self, account: str, until_s: int, now_s: int, *, is_all: bool) -> Freeze:
        """Put an order in force from this second on."""
        order = Freeze(now_s, until_s, is_all)
        self.freezes.setdefault(account, []).append(order)
        if is_all:
            self.stops.setdefault(account, []).append(order)
        return order

    def lift(self, account: str, order: Freeze, now_s: int) -> None:
        """End an order; this second still counts as frozen for the clock, no longer for spending."""
        self.freezes[account].remove(order)
        order.last = now_s

    def total(self) -> int:
        """Everything there is, in whatever state."""
        return sum(sum(part.values()) for part in (self.available, self.held, self.blocked))

    def _stopped(self, account: str, first: int, last: int) -> int:
        """Count the seconds from `first` to `last` that lie in an order of scope all, overlaps once."""
        counted, reached = 0, first - 1
        for order in sorted(self.stops.get(account, []), key=lambda stop: stop.first):
            begin, end = max(order.first, reached + 1), min(order.last, last)
            if begin <= end:
                counted += end - begin + 1
                reached = end
        return counted

    @staticmethod
    def _move(part: dict[str, int], account: str, amount: int) -> None:
        part[account] = part.get(account, 0) + amount
        if part[account] < 0:
            raise AssertionError(f"{account}: expected a balance of at least 0, got {part[account]}")


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

    token: Token
    hold: Hold
    slices: list[int]


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
    """Trades and the clock. Every method is one call on chain by someone who may submit it."""

    now_s: int
    trades: list[Trade] = field(default_factory=list)

    def fund(
        self,
        importer: str,
        exporter: str,
        arbiter: str,
        token: Token,
        amount: int,
        milestones: list[Milestone],
        payees: list[tuple[str, int]],
        windows: Windows,
        expires_at: int,
    ) -> Trade:
        """Start a trade whose money is in the importer's account, in the invoice currency."""
        if any(milestone.deadline <= self.now_s for milestone in milestones):
            raise Rejected("terms: deadline passed")
        if expires_at < max(milestone.deadline for milestone in milestones) + windows.total_s():
            raise Rejected("terms: hold ends too early")
        slices = slices_of(amount, [milestone.weight_bps for milestone in milestones])
        hold = token.place(importer, amount, expires_at, self.now_s)
        trade = Trade(importer, exporter, arbiter, windows, payees, milestones, Leg(token, hold, slices))
        self.trades.append(trade)
        return trade

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
        share_bps = self._after_time(trade, index)[1]
        leg = trade.invoice
        paid = leg.slices[index] * share_bps // BPS
        payments = split(paid, trade.payees, trade.exporter)
        if leg.hold.amount == 0:
            raise Rejected("token: hold closed")
        if payments:
            leg.token.check_executable(leg.hold, self.now_s)
        self._apply_time(trade, index)
        milestone.state = State.SETTLED
        for account, amount in payments:
            leg.token.execute(leg.hold, account, amount, self.now_s)
        if paid < leg.slices[index]:
            leg.token.release(leg.hold, leg.slices[index] - paid)
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
        if self.now_s <= trade.invoice.token.effective_expiry(trade.invoice.hold):
            raise Rejected("escrow: hold not expired")
        self._refund_rest(trade, Cause.LAPSED)

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

    @staticmethod
    def _refund_rest(trade: Trade, cause: Cause) -> None:
        for milestone in trade.milestones:
            if milestone.state != State.SETTLED:
                milestone.state, milestone.share_bps, milestone.outcome = State.SETTLED, 0, Outcome.REFUND
        trade.cause = cause
        for leg in trade.legs():
            if leg.hold.amount:
                leg.token.release(leg.hold, leg.hold.amount)
