"""What a verifier knows after it has checked an evidence pack: facts, each of them proven."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.proofs.blocks import ProvenBlock
from bridge.proofs.network import Token


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
    sell_minor: int
    """What it asks for the whole invoice amount, minor units of the funding currency."""
    is_used: bool


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
    """`attested`, `silence`, `accepted`, `awarded`, `unawarded`, `cancelled` or `lapsed`."""
    share_bps: int
    paid_minor: int
    refunded_minor: int
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
    amount_minor: int
    blocked_minor: int


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
    terms: Mapping[str, Any]
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
    blocks: tuple[ProvenBlock, ...]
    validators: int
    power_total: int
    closed_cause: int
    closed_at: int
    closed_in: int
    statement: tuple[str, ...] = ()

    @property
    def paid_minor(self) -> int:
        """Return what all payees got, minor units of the invoice currency."""
        return sum(milestone.paid_minor for milestone in self.milestones)

    @property
    def refunded_minor(self) -> int:
        """Return what went back to the importer."""
        return sum(milestone.refunded_minor for milestone in self.milestones)
