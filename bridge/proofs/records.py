"""The records of a replayed trade: what the escrow and the tokens hold about it at a moment, and what happened.

They mirror the contracts' records (docs/spec/contracts.md) and add what a reader wants to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.proofs.event_logs import Event
from bridge.proofs.network import Network
from bridge.proofs.surroundings import FreezeBook, RoundBook

BPS: Final = 10_000
NO_ONE: Final = "0x" + "00" * 20

NONE: Final = 0
CONVERT_NOW: Final = 1
LOCK: Final = 2
FLOAT: Final = 3

PENDING: Final = "pending"
DUE: Final = "due"
DISPUTED: Final = "disputed"
FINAL: Final = "final"
SETTLED: Final = "settled"

PAY: Final = 1
REFUND: Final = 2
PARTIAL: Final = 3

BY_SETTLEMENT: Final = 1
BY_CANCEL: Final = 2
BY_LAPSE: Final = 3
OUT_OF_BAND: Final = 4


@dataclass(frozen=True, slots=True)
class Transaction:
    """A proven transaction of the trade, or of what it rests on."""

    path: str
    """Where it is in the pack."""
    block: int
    time_s: int
    index: int
    events: tuple[Event, ...]
    """Events of the network's contracts that the table knows, in log order."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A message that the escrow took, whose signature a pack may carry."""

    number: int
    """Its place among all of the trade, from 0."""
    type: str
    signer: str
    fields: Mapping[str, Any]
    """The message but for `valid_until` and `action` (and `least` of a `ChooseQuote`)."""
    time_s: int
    """When it was used."""
    place: tuple[int, int]
    """Block and transaction that used it."""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that left a hold for a payee."""

    milestone: int
    account: str
    token: str
    amount_minor: int
    blocked_minor: int
    """What the receiver could not have at once (frozen, over a limit) and was credited as blocked."""


@dataclass(frozen=True, slots=True)
class Attested:
    """One attestation as recorded."""

    milestone: int
    bound: bytes
    """What it binds of the milestone, in the version of that time."""
    attester: str
    outcome: int
    share_bps: int
    evidence_hash: bytes
    digest: bytes
    time_s: int
    block: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """A quote that was used."""

    digest: bytes
    milestone: int | None
    """Of a float's settlement; none at funding."""
    sold_minor: int
    """Minor units of the funding currency."""
    bought_minor: int
    """Minor units of the invoice currency."""
    median: int
    """The oracle's at that time, 18 decimals; 0 where the pack has none."""
    median_at: int
    """When that round was recorded."""
    time_s: int


@dataclass(frozen=True, slots=True)
class Happening:
    """Something a reader should know beside attestations, settlements and payments."""

    kind: str
    """`waived`, `assigned`, `amended`, `deferred`, `called`, `topped_up`, `cancel_fee` or `disputed`."""
    milestone: int | None
    time_s: int
    block: int
    amount_minor: int = 0
    account: str = NO_ONE
    detail: int = 0
    """Version, deadline, median or end of a call, as the kind has it."""


@dataclass(slots=True)
class Milestone:
    """A milestone as the escrow has it."""

    index: int
    terms: Mapping[str, Any]
    """EIP-712 message `Milestone`."""
    agreed_minor: int
    version: int
    """Of the terms that brought its present ones."""
    bound: bytes
    """What messages about it bind."""
    amount_minor: int
    """What is agreed less what was waived."""
    deadline: int
    slice_minor: int = 0
    """What is held for it in the funding currency, under `lock` and `float`."""
    target_minor: int = 0
    state: str = PENDING
    outcome: int = 0
    share_bps: int = 0
    due_at: int = 0
    final_at: int = 0
    disputed_at: int = 0
    dispute: bytes = b""
    assignee: str = NO_ONE
    why: str = ""
    """Why it ended so: `attested`, `silence`, `accepted`, `awarded`, `unawarded`, `waived`, `cancelled`, `lapsed` or
    `out_of_band`."""
    waived_minor: int = 0
    due_minor: int = 0
    """What of the invoice was to be paid when it was settled."""
    paid_minor: int = 0
    refunded_minor: int = 0
    paid_funding_minor: int = 0
    """What a last resort paid in the funding currency."""
    sold_minor: int = 0
    returned_minor: int = 0
    """What of its slice went back, in the funding currency."""
    last_resort: int = 0
    median: int = 0
    settled_at: int = 0
    settled_in: int = 0
    tally: dict[tuple[int, int], int] = field(default_factory=dict)
    attesters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Hold:
    """A hold of the trade as its token has it."""

    id: bytes
    token: str
    owner: str
    rest_minor: int
    expires_at: int
    placed_at: int


@dataclass(slots=True)
class FundingLeg:
    """The funding currency's side under `lock` and `float`."""

    provider: str
    rate_num: int
    rate_den: int
    premium_minor: int
    cancel_fee_minor: int
    calls: int = 0
    call_ends_at: int = 0


@dataclass(slots=True)
class Story:
    """What happened to a trade, replayed."""

    trade_id: bytes
    network: Network
    versions: list[Mapping[str, Any]]
    """EIP-712 messages `Terms`: those of the funding, then one of each amendment the pack has."""
    quotes: Mapping[bytes, Mapping[str, Any]]
    """The pack's firm quotes by digest."""
    version: int = 1
    milestones: list[Milestone] = field(default_factory=list)
    rounds: RoundBook = field(default_factory=RoundBook)
    freezes: FreezeBook = field(default_factory=FreezeBook)
    invoice_hold: Hold | None = None
    funding_hold: Hold | None = None
    leg: FundingLeg | None = None
    attestations: list[Attested] = field(default_factory=list)
    equivocations: list[tuple[int, str, int]] = field(default_factory=list)
    """(milestone, attester, block)"""
    payments: list[Payment] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    recorded: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """(institution, digest) to the block's time."""
    signed: int = 0
    """How many messages the escrow has taken."""
    funded_at: int = 0
    funded_in: int = 0
    funding_minor: int = 0
    closed_cause: int = 0
    closed_at: int = 0
    closed_in: int = 0

    @property
    def escrow(self) -> str:
        """Return the escrow's address."""
        return self.network.contracts["TradeEscrow"]

    @property
    def terms(self) -> Mapping[str, Any]:
        """Return the terms in force, EIP-712 message `Terms`."""
        return self.versions[self.version - 1]

    @property
    def policy(self) -> int:
        """Return the FX policy, which no amendment changes."""
        policy: int = self.versions[0]["fx"]["policy"]
        return policy

    @property
    def pair(self) -> bytes:
        """Return the oracle's name of the pair: units of the invoice currency for one of the funding currency."""
        return pair_of(self.network, self.versions[0])


def pair_of(network: Network, terms: Mapping[str, Any]) -> bytes:
    """Return the oracle's name of a trade's pair, such as EUR/UGX."""
    base, other = (network.tokens[terms[name]] for name in ("funding_token", "invoice_token"))
    return f"{base.currency}/{other.currency}".encode().ljust(32, b"\0")
