"""What the routes of trades take and give. Times are ledger time; amounts in answers are written for people."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from node.trades.limits import INVOICE_BYTES_MAX, TERMS_BYTES_MAX
from node.web.schemas import Answer, Digits, Order, Time

_SIDE = "Needed only where this bank has both sides and the caller is its staff"
Side = Literal["importer", "exporter"]
TradeState = Literal["negotiating", "agreed", "funding", "funded", "closed", "withdrawn"]


class DraftIn(Order):
    """Terms as TOML, and the invoice they are about."""

    terms_toml: str = Field(max_length=TERMS_BYTES_MAX, description="Format: docs/spec/terms.md")
    invoice_xml: str | None = Field(None, max_length=INVOICE_BYTES_MAX, description="UBL 2.1 invoice")
    side: Side | None = Field(None, description=_SIDE)

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"terms_toml": 'schema = "landfall-terms/1"\nreference = "NR-2026-0817"\n...', "side": None}]
        },
    )


class SideIn(Order):
    """For which side the caller acts."""

    side: Side | None = Field(None, description=_SIDE)


class AcceptQuoteIn(Order):
    """Which quote is taken."""

    digest: str | None = Field(
        None, pattern=r"^0x[0-9a-f]{64}$", description="As listed; the cheapest all in if left out"
    )


class NextOut(Answer):
    """What is waited for."""

    who: str = Field(examples=["carrier"])
    what: str = Field(examples=["attest loaded"])
    by_s: Time | None = Field(None, description="Last second for it; null where nothing hurries")
    from_s: Time | None = Field(None, description="First second for it; null if it can be done now")
    otherwise: str | None = Field(None, description="What comes of it if nobody does", examples=["it is refunded"])
    role: str | None = Field(None, description="importer, exporter, holder, attester, arbiter, ... or anyone")
    call: str | None = Field(
        None, description="The contract's call, docs/spec/trade.md, or what is done off the chain", examples=["attest"]
    )
    milestone: int | None = Field(None, description="Null where it is about the whole trade")
    weight: str = Field("owed", description="owed: waited for; right: may, while it lasts; option: may at any time")


class PayeeOut(Answer):
    """Who gets how much, if all of the invoice is paid."""

    name: str
    account: str | None = Field(description="Null until the payee's bank has filled it in")
    purpose: str = Field(examples=["tax"])
    share_percent: str = Field(examples=["2.00 %"])
    amount: str = Field(examples=["30,000.00 KES"])


class AttestationOut(Answer):
    """An attester's claim and how far it got."""

    attester: str
    outcome: Literal["fulfilled", "failed"]
    share_bps: int
    source: str = Field(description="epcis or statement")
    state: str = Field(description="signed, recorded, submitted, counted, equivocated or failed")
    summary: str
    evidence_sha256: str
    reason: str | None = Field(None, description="Why the chain refused it, if it did")


class MilestoneOut(Answer):
    """A milestone with what is due, settled and waited for."""

    index: int
    kind: str = Field(examples=["loaded"])
    amount: str = Field(examples=["450,000.00 KES"])
    weight_percent: str = Field(examples=["30.00 %"])
    deadline_s: Time
    silence: str = Field(description="What no quorum by the deadline means: refund or pay")
    quorum: int
    attesters: list[str]
    attestations: list[AttestationOut]
    state: str = Field(description="not funded, pending, due, disputed, final or settled")
    due_percent: str | None = Field(None, description="Share that is due to the exporter")
    final_after_s: Time | None = Field(None, description="Last second in which it can be disputed or awarded")
    paid: str | None = None
    refunded: str | None = None
    refunded_minor: Digits | None = None
    slice: str | None = Field(None, description="What is held of the funding currency for it, under lock and float")
    assignee: str | None = Field(None, description="Account that stands in the exporter's place")


class CostOut(Answer):
    """A firm quote as its taker reads it: spread and fee apart, the total against mid."""

    digest: str
    provider: str
    pays: str = Field(examples=["10,121.21 EUR"])
    for_amount: str = Field(examples=["1,500,000.00 KES"])
    rate: str = Field(description="All in", examples=["148.203400 KES per EUR"])
    value_at_mid: str
    spread: str
    fee: str
    premium: str | None = Field(None, description="Of a lock: paid on top, at funding, for standing ready")
    cancel_fee: str | None = Field(None, description="Of a lock: what giving all of it up costs, pro rata for a part")
    total_percent: str = Field(examples=["0.38 %"], description="Against mid, premium included")
    refusal: str | None = Field(None, description="Why this bank does not take it, null if it does")
    expires_at_s: Time
    post_quantum: bool = Field(description="Signed with the provider's registered ML-DSA key as well")


class FxOut(Answer):
    """The funding currency's leg of a funded trade, under lock and float."""

    provider: str | None = Field(description="Account of the lock's provider; null under float")
    held_at_funding: str = Field(examples=["10,361.09 EUR"])
    rate: str = Field(description="Major units of the invoice currency for one of the funding currency")
    premium: str
    calls: int = Field(description="Calls for a top-up that were not paid in time, one that runs included")
    call_ends_s: Time | None = Field(description="Last second of the last call; null if there was none")
    top_up_missing: str | None = Field(description="What the last call still wants", examples=["431.71 EUR"])
    top_up_missing_minor: str = Field(examples=["43171"])


class StepOut(Answer):
    """A transaction that this bank sent, or has to send, for the trade."""

    step: str = Field(examples=["settle:0"])
    state: str = Field(description="queued, done, failed, or overtaken: somebody else did it first")
    attempts: int
    reason: str | None = Field(description="Why the chain refused the last attempt")


class QuotesOut(Answer):
    """Answers to the latest request, the cheapest first."""

    quotes: list[CostOut]
    declined: dict[str, str] = Field(description="Provider to its reason")
    accepted: str | None = Field(None, description="Digest of the quote that was taken")


class TradeOut(Answer):
    """A trade as one of its banks knows it."""

    reference: str
    state: str = Field(description="negotiating, agreed, funding, funded, closed or withdrawn")
    version: int
    amendment: int | None = Field(description="Version that is proposed for a funded trade; null if none is")
    trade_id: str | None = Field(description="Digest of the terms on chain; null until every account is filled in")
    goods: str
    incoterms: str | None
    importer: str
    exporter: str
    invoice_number: str
    amount: str
    amount_minor: Digits
    currency: str = Field(description="Of the invoice")
    funding_currency: str
    policy: str
    fund_by_s: Time
    hold_expires_at_s: Time
    funded_at_s: Time | None
    importer_paid: str | None
    closed_cause: str | None = Field(description="settled, cancelled, lapsed or out of band")
    uetr: str | None = Field(description="Of its payment; null until the bank has made or taken the transfer")
    screening: str = Field(examples=["not screened"])
    open_accounts: list[str]
    signed_by: list[str]
    failure: str | None = Field(description="Why the last funding was refused")
    cost: CostOut | None = Field(description="The accepted quote; only at the importer's bank")
    payees: list[PayeeOut]
    milestones: list[MilestoneOut]
    fx: FxOut | None = None
    steps: list[StepOut] = Field(default=[], description="What this bank sent for the trade, and how it went")
    next: list[NextOut]


class TradeLineOut(Answer):
    """A trade in a list."""

    reference: str
    state: str
    importer: str
    exporter: str
    amount: str
    amount_minor: Digits
    currency: str
    next: list[NextOut]


class ChangeOut(Answer):
    """A field that a version changed."""

    field: str = Field(examples=["milestones.0.weight_bps"])
    old: Any
    new: Any


class VersionOut(Answer):
    """One version of the terms."""

    version: int
    proposed_by: Side
    proposed_at_s: Time
    changes: list[ChangeOut]
    document: dict[str, Any] = Field(description="The terms document, docs/spec/terms.md")
    has_invoice: bool


class EventOut(Answer):
    """An event of the chain about a trade."""

    name: str = Field(examples=["MilestoneSettled"])
    time_s: Time
    block_number: int
    tx_hash: str
    args: dict[str, Any]


class PaymentMessageOut(Answer):
    """A payment message about a trade, and where it is."""

    number: int = Field(description="For its XML: /v1/trades/{reference}/messages/{number}")
    direction: str = Field(description="sent, received, or issued to a customer")
    partner: str = Field(description="The other bank, or the customer")
    kind: str = Field(examples=["pacs.008.001.08"])
    name: str = Field(examples=["customer credit transfer"])
    message_id: str
    uetr: str | None
    milestone: int | None = Field(description="From 0; null where it is about the whole trade")
    amount: str | None = Field(description="Transferred, or booked in sum", examples=["450,000.00 KES"])
    status: str | None = Field(description="Of a status: ISO 20022 code", examples=["ACSP"])
    reason: str | None = Field(description="Of a status: code, then words")
    time_s: Time
    state: str = Field(
        description="queued, sent, stored (its recipient has signed), refused, dead, dropped; received, handled; issued"
    )
    state_reason: str | None = Field(description="Why it waits, or has ended badly")
    signed_with: str | None = Field(examples=["id-MLDSA65-Ed25519-SHA512"])
    sealed_with: str | None = Field(description="Key encapsulation of the seal")


class AppointmentOut(Answer):
    """A milestone that the caller's institution was named to attest."""

    reference: str
    trade_id: str
    index: int
    kind: str
    goods: str
    shipment: list[str]
    place: str | None
    deadline_s: Time
    attested: bool


class AttestedOut(Answer):
    """The attestation that a document became."""

    digest: str
    trade_id: str
    milestone: int
    outcome: Literal["fulfilled", "failed"]
    share_bps: int
    summary: str
    state: str
    evidence_sha256: str


class PaperOut(Answer):
    """A document about a trade that this desk keeps, named by its hash."""

    sha256: str = Field(examples=["5e" * 32])
    kind: Literal["terms", "invoice", "epcis", "statement"]
    about: str = Field(description="What it is: a version of the terms, or what an attester said of it")
    milestone: int | None = Field(description="From 0; null where it is about the whole trade")
    size_bytes: int
    time_s: Time = Field(description="When it was proposed or attested")


class ReleaseShareOut(Answer):
    """What one payee got of a release."""

    account: str
    name: str | None = Field(description="Null where nobody here knows the account")
    purpose: str = Field(examples=["tax"])
    amount_minor: Digits
    currency: str


class ReleaseOut(Answer):
    """A milestone that was settled: who got what, and what went back."""

    milestone: int
    kind: str = Field(examples=["loaded"])
    time_s: Time
    tx_hash: str
    shares: list[ReleaseShareOut]
    spent_minor: Digits | None = Field(description="What left the importer's account; null if nothing did")
    released_minor: Digits | None = Field(description="What the importer has again; null if nothing")
    currency: str = Field(description="Of what was spent and released")


class TradeAttestationOut(AttestationOut):
    """An attester's claim about a milestone of a trade."""

    digest: str
    milestone: int
    signed_at_s: Time
    is_current: bool = Field(description="False: its milestone's terms have been amended since")
