"""What a verifier knows after it has checked an evidence pack: facts, each of them proven."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.proofs.blocks import ProvenBlock
from bridge.proofs.network import Token
from bridge.proofs.signed import Decision


@dataclass(frozen=True, slots=True)
class Party:
    """Importer, exporter or payee, as the signed terms name it."""

    account: str
    name: str
    bank: str
    """The bank's id in the network."""


@dataclass(frozen=True, slots=True)
class VerifiedQuote:
    """A firm quote that its provider signed or the chain settled."""

    digest: bytes
    provider: str
    provider_name: str
    rate_num: int
    rate_den: int
    """All-in: minor units of the invoice currency for one minor unit of the funding currency."""
    fee_bps: int
    premium_minor: int
    """For a lock's standing ready, minor units of the funding currency."""
    cancel_fee_minor: int
    sell_minor: int
    """What it asks for `buy_minor`, minor units of the funding currency, premium aside."""
    buy_minor: int
    """The invoice amount; of a float's the settled amount, or of one not taken its maximum."""
    is_used: bool
    milestone: int | None
    """Which milestone of a float it settled."""
    median: int
    """The oracle's at its use, 18 decimals; 0 where the pack has none."""
    median_at: int
    """When that round was recorded."""
    fee_minor: int | None
    """The fee's part of `sell_minor`; none without a median, or where the rate was better than it."""
    spread_minor: int | None
    """The FX spread's part of `sell_minor`: what is neither value at the median nor fee."""


@dataclass(frozen=True, slots=True)
class VerifiedAttestation:
    """What an attester recorded, with the document it rests on."""

    milestone: int
    attester: str
    attester_name: str
    outcome: int
    share_bps: int
    proof: str
    """`signature`, `recorded` or `chain`; docs/spec/evidence.md."""
    evidence: bytes
    evidence_hash: bytes
    block: int
    time_s: int


@dataclass(frozen=True, slots=True)
class VerifiedMilestone:
    """A milestone's end."""

    index: int
    kind: str
    weight_bps: int
    amount_minor: int
    why: str
    """`attested`, `silence`, `accepted`, `awarded`, `unawarded`, `waived`, `cancelled`, `lapsed`, `out_of_band`."""
    share_bps: int
    waived_minor: int
    """What the exporter's side gave up of it; not in `amount_minor`."""
    due_minor: int
    """What of the invoice was to be paid."""
    paid_minor: int
    """What was paid in the invoice currency."""
    fx_adjustment_minor: int
    """Beyond a float's band: paid less due. Never part of the invoice amount."""
    refunded_minor: int
    """What of the invoice was not due."""
    slice_minor: int
    """What was held for it in the funding currency at the end, under `lock` and `float`."""
    sold_minor: int
    """What of it the provider got."""
    paid_funding_minor: int
    """What of it the payees got, at the last resort."""
    returned_minor: int
    """What of it went back to the importer."""
    last_resort: int
    """1 ordinary payment, 2 provider's hold expired, 3 provider frozen, 4 float; 0 for an ordinary settlement."""
    assignee: str
    """Who stands in the exporter's place; empty if nobody."""
    settled_at: int
    settled_in: int
    """Block number."""


@dataclass(frozen=True, slots=True)
class VerifiedPayment:
    """Money that left the hold for a payee."""

    milestone: int
    account: str
    name: str
    purpose: str
    token: Token
    """The invoice currency's, or the funding currency's at the last resort."""
    amount_minor: int
    blocked_minor: int


@dataclass(frozen=True, slots=True)
class VerifiedHappening:
    """Something else that happened to the trade."""

    kind: str
    """`waived`, `assigned`, `amended`, `deferred`, `called`, `topped_up`, `cancel_fee` or `disputed`."""
    milestone: int | None
    account: str
    """Whom it concerns, by name where known; empty where nobody in particular."""
    amount_minor: int
    detail: int
    """Version, deadline or end of a call, as the kind has it."""
    time_s: int
    block: int


@dataclass(frozen=True, slots=True)
class VerifiedPack:
    """A closed trade, proven from the genesis hash down."""

    genesis_hash: bytes
    is_trusted: bool
    """Whether the genesis hash came from the verifier; else the pack only agrees with itself."""
    network: str
    chain_id: int
    trade_id: bytes
    document: Mapping[str, Any]
    """Of the last version, as `terms`."""
    terms: Mapping[str, Any]
    policy: int
    """0 none, 1 convert_now, 2 lock, 3 float."""
    version: int
    """Of the terms: 1 where they were never amended."""
    importer: Party
    exporter: Party
    invoice_token: Token
    invoice_minor: int
    funding_token: Token
    funding_minor: int
    funded_at: int
    funded_in: int
    consents: Mapping[str, str]
    """How each side's consent is proven, by `importer` and `exporter`."""
    quotes: tuple[VerifiedQuote, ...]
    attestations: tuple[VerifiedAttestation, ...]
    equivocations: tuple[tuple[int, str, int], ...]
    """(milestone, attester, block)"""
    milestones: tuple[VerifiedMilestone, ...]
    payments: tuple[VerifiedPayment, ...]
    happenings: tuple[VerifiedHappening, ...]
    premium_minor: int
    """Paid to a lock's provider at funding, minor units of the funding currency."""
    blocks: tuple[ProvenBlock, ...]
    validators: int
    """Of the genesis."""
    power_total: int
    """Of the genesis validators."""
    validator_changes: int
    """Changes of the validator set between genesis and the last block, each proven."""
    closed_cause: int
    closed_at: int
    closed_in: int
    decisions: tuple[Decision, ...] = ()
    """What parties signed after the funding, as far as the pack proves it."""
    statement: tuple[str, ...] = ()

    @property
    def paid_minor(self) -> int:
        """Return what all payees got, minor units of the invoice currency."""
        return sum(milestone.paid_minor for milestone in self.milestones)

    @property
    def fx_adjustment_minor(self) -> int:
        """Return what a float beyond its band paid more or less than the invoice said."""
        return sum(milestone.fx_adjustment_minor for milestone in self.milestones)

    @property
    def cancel_fee_minor(self) -> int:
        """Return what a lock's provider got for what was not bought."""
        return sum(one.amount_minor for one in self.happenings if one.kind == "cancel_fee")

    @property
    def refunded_minor(self) -> int:
        """Return what went back to the importer."""
        return sum(milestone.refunded_minor for milestone in self.milestones)
