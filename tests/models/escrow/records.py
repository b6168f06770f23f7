"""What the escrow keeps of a trade, and the messages that come with calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.models.escrow.rates import FloatRule

BPS: Final = 10_000
DAY_S: Final = 86_400
NOBODY: Final = "0x" + "00" * 20


class Rejected(Exception):  # noqa: N818 - what the model does, not what went wrong with it
    """A call that the escrow refuses; the text is the contract's reason. The token's own refusals are `Refused`."""


def require(condition: bool, reason: str) -> None:
    """Refuse a call with the contract's reason."""
    if not condition:
        raise Rejected(reason)


class Policy(IntEnum):
    """FX policies, numbered as on chain."""

    NONE = 0
    CONVERT_NOW = 1
    LOCK = 2
    FLOAT = 3


class Option(IntEnum):
    """What a float does beyond its band, numbered as on chain."""

    SHARE = 0
    WAIT = 1
    REFUND = 2


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
    OUT_OF_BAND = 4


def slices_of(amount: int, weights_bps: list[int]) -> list[int]:
    """Cut `amount` by weights: floor each, the last takes the rest.

    Raises:
        Rejected: there is nothing to cut, or a slice would be zero.
    """
    require(amount > 0, "terms: amount out of range")
    slices = [amount * weight // BPS for weight in weights_bps[:-1]]
    slices.append(amount - sum(slices))
    if 0 in slices:
        raise Rejected("terms: slice is zero")
    return slices


def split(amount: int, payees: list[tuple[str, int]], holder: str) -> list[tuple[str, int]]:
    """Divide a payment: basis points with floor each, zero skipped, the remainder to the holder, last."""
    parts = [(account, amount * share // BPS) for account, share in payees]
    parts.append((holder, amount - sum(part for _, part in parts)))
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
    final_at: int = 0
    assignee: str | None = None
    deadline_agreed: int = 0
    """The terms' deadline; `deadline` is later where it was deferred."""
    agreed: int = 0
    """The amount in X before waivers."""
    target: int = 0
    """What the last call raises the slice to, in F."""
    claims: dict[str, tuple[int, int]] = field(default_factory=dict)
    payments: list[tuple[str, int]] = field(default_factory=list)
    """Every payment to payees ever made for it: token and amount. Not on chain; invariants read it."""


@dataclass
class Windows:
    """Lengths in seconds; `unawarded_bps` 0 leaves the due outcome standing."""

    dispute_s: int
    award_s: int
    unawarded_bps: int = 0
    call_s: int = 0
    grace_s: int = 0
    choice_s: int = 0

    def total_s(self) -> int:
        """How long after the last deadline the hold must live, the last day included."""
        return self.dispute_s + self.award_s + self.call_s + self.grace_s + DAY_S


@dataclass
class Leg:
    """One currency side of a trade: a hold cut into one slice per milestone; no hold where the leg is bought later."""

    token: str
    hold_id: bytes | None
    slices: list[int] = field(default_factory=list)


@dataclass
class Quote:
    """A firm quote; `price` is minor units of X for one of F."""

    provider: str
    price: Fraction
    reserve_id: bytes
    taker: str
    expires_at: int
    max_amount: int
    min_amount: int = 0
    trade: int | None = None
    """Number of the only trade it settles."""
    lock_until: int | None = None
    """Set where it is a lock."""
    premium: int = 0
    cancel_fee: int = 0


@dataclass
class Conversion:
    """A quote taken at funding with the hold it needs: the importer's in F, or under `lock` the provider's in X."""

    quote: Quote
    hold_id: bytes
    amount: int
    """What the hold was signed for."""


@dataclass
class Choice:
    """A party's choice of a quote and the least it takes."""

    signer: str
    least: int = 0


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
    policy: Policy = Policy.NONE
    funding: Leg | None = None
    """Under `lock` and `float`."""
    rule: FloatRule | None = None
    """Under `float`."""
    convert_from: str | None = None
    """The token sold at funding, under `convert_now`."""
    expires_at: int = 0
    """When the holds nominally end."""
    price: Fraction = Fraction(0)
    """Under `lock`: the quote's."""
    provider: str = NOBODY
    cancel_fee: int = 0
    fees_paid: list[int] = field(default_factory=list)
    """Every cancel fee ever paid, in F. Not on chain; invariants read it."""
    calls: int = 0
    call_ends_at: int = 0
    version: int = 1
    number: int = 0
    """Its place among the trades."""
    cause: Cause | None = None
    """Why it closed; None while open."""

    @property
    def amount(self) -> int:
        """The invoice amount agreed."""
        return sum(milestone.agreed for milestone in self.milestones)

    @property
    def paying(self) -> Leg:
        """The leg whose hold bounds the trade's life."""
        return self.funding or self.invoice

    @property
    def float_rule(self) -> FloatRule:
        assert self.rule is not None
        return self.rule

    def legs(self) -> Iterator[Leg]:
        """Every leg that has a hold."""
        if self.policy != Policy.FLOAT:
            yield self.invoice
        if self.funding:
            yield self.funding

    def holder(self, index: int) -> str:
        """Who stands on the exporter's side of a milestone."""
        return self.milestones[index].assignee or self.exporter

    def holders(self) -> list[str]:
        """Those of unsettled milestones, each once, in order."""
        unsettled = [i for i, milestone in enumerate(self.milestones) if milestone.state != State.SETTLED]
        return list(dict.fromkeys(self.holder(index) for index in unsettled))

    def unsettled(self, leg: Leg) -> int:
        """Sum of the leg's slices whose milestones are not settled."""
        return sum(
            part
            for part, milestone in zip(leg.slices, self.milestones, strict=True)
            if milestone.state != State.SETTLED
        )
