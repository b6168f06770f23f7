"""Tables of trades: what was agreed, what the chain says, what attesters said, what this bank does next."""

from typing import Any, Final

from sqlalchemy import JSON, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base
from node.storage.types import Amount

# States of a trade at one bank.
NEGOTIATING: Final = "negotiating"
AGREED: Final = "agreed"
FUNDING: Final = "funding"
FUNDED: Final = "funded"
CLOSED: Final = "closed"
WITHDRAWN: Final = "withdrawn"

# States of a milestone, as TradeEscrow counts them.
PENDING: Final = "pending"
DUE: Final = "due"
DISPUTED: Final = "disputed"
FINAL: Final = "final"
SETTLED: Final = "settled"

# States of an attestation.
SIGNED: Final = "signed"
RECORDED: Final = "recorded"
SUBMITTED: Final = "submitted"
COUNTED: Final = "counted"
EQUIVOCATED: Final = "equivocated"
FAILED: Final = "failed"

# States of a step.
QUEUED: Final = "queued"
DONE: Final = "done"


class Trade(Base):
    """A trade as one of its banks knows it."""

    __tablename__ = "trade"

    reference: Mapped[str] = mapped_column(primary_key=True)
    """Of the terms; the same at both banks."""
    state: Mapped[str] = mapped_column(index=True)
    importer_bank: Mapped[str]
    exporter_bank: Mapped[str]
    importer: Mapped[str]
    """Customer id at its bank."""
    exporter: Mapped[str]
    version: Mapped[int]
    """Latest version of the terms."""
    trade_id: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    """Of the latest version, once every account is filled in."""
    created_at_s: Mapped[int]
    quote_request: Mapped[str | None]
    """Latest request for quotes."""
    fund_attempts: Mapped[int]
    fund_failure: Mapped[str | None] = mapped_column(Text)
    """Why the last funding was refused."""
    funding_minor: Mapped[int | None] = mapped_column(Amount)
    """What the importer paid, in minor units of the funding currency."""
    funded_at_s: Mapped[int | None]
    hold_expires_at_s: Mapped[int | None]
    closed_cause: Mapped[int | None]
    """1 settled, 2 cancelled, 3 lapsed."""
    closed_at_s: Mapped[int | None]


class TermsVersion(Base):
    """One version of the terms."""

    __tablename__ = "trade_version"

    reference: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    proposed_by: Mapped[str]
    """`importer` or `exporter`."""
    trade_id: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    """Once every account is filled in."""
    document: Mapped[bytes] = mapped_column(LargeBinary)
    """Canonical JSON."""
    invoice: Mapped[bytes | None] = mapped_column(LargeBinary)
    """UBL XML as received."""
    proposed_at_s: Mapped[int]


class Consent(Base):
    """A party's signature under a version or a cancellation."""

    __tablename__ = "trade_consent"

    reference: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    """EIP-712 type: `Consent` or `Cancel`."""
    valid_until_s: Mapped[int]
    action: Mapped[int] = mapped_column(Amount)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    given_by: Mapped[str]
    signed_at_s: Mapped[int]


class TradeQuote(Base):
    """A firm quote that was on the table when the trade was funded, at both banks: part of its evidence."""

    __tablename__ = "trade_quote"

    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    quote: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The typed message `Quote` as JSON."""
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))


class MilestoneRow(Base):
    """A milestone of a funded trade, as chain events and time say."""

    __tablename__ = "trade_milestone"
    __table_args__ = (Index("ix_trade_milestone_state", "state"),)

    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    amount: Mapped[int] = mapped_column(Amount)
    deadline_s: Mapped[int]
    silence_pays: Mapped[bool]
    dispute_s: Mapped[int]
    award_s: Mapped[int]
    state: Mapped[str]
    share_bps: Mapped[int | None]
    """What is due to the exporter of it; None while pending."""
    due_at_s: Mapped[int | None]
    disputed_at_s: Mapped[int | None]
    paid: Mapped[int | None] = mapped_column(Amount)
    refunded: Mapped[int | None] = mapped_column(Amount)
    settled_at_s: Mapped[int | None]


class Attestation(Base):
    """An attester's signed claim, at the attester and at both banks."""

    __tablename__ = "trade_attestation"
    __table_args__ = (Index("ix_trade_attestation_trade", "trade_id", "milestone"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32))
    milestone: Mapped[int]
    attester: Mapped[str]
    """Institution id."""
    account: Mapped[str]
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The typed message `Attestation` as JSON."""
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))
    post_quantum: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    source: Mapped[str]
    """`epcis` or `statement`."""
    summary: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    signed_at_s: Mapped[int]


class Document(Base):
    """A document as received, named by its hash."""

    __tablename__ = "trade_document"

    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class UsedEvidence(Base):
    """An event or statement that this attester has attested: it counts once."""

    __tablename__ = "trade_used_evidence"

    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class Appointment(Base):
    """A milestone that this institution was named to attest."""

    __tablename__ = "trade_appointment"

    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(index=True)
    banks: Mapped[list[str]] = mapped_column(JSON)
    goods: Mapped[str] = mapped_column(Text)
    shipment: Mapped[list[str]] = mapped_column(JSON)
    kind: Mapped[str]
    deadline_s: Mapped[int]
    place: Mapped[str | None]
    milestone_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    attested: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Digest of this institution's attestation."""
    settled_at_s: Mapped[int | None]


class EscrowEvent(Base):
    """An event of TradeEscrow, FxSettlement or the registry that belongs to a trade: its history and its evidence."""

    __tablename__ = "trade_event"
    __table_args__ = (UniqueConstraint("block_number", "log_index"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    name: Mapped[str]
    args: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Integers as digits, bytes as hex."""
    block_number: Mapped[int]
    block_time_s: Mapped[int]
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    tx_index: Mapped[int]
    log_index: Mapped[int]


class RecordedDigest(Base):
    """A digest that an attester recorded on chain: where the proof of its own transaction is."""

    __tablename__ = "trade_recorded_digest"

    institution: Mapped[str] = mapped_column(primary_key=True)
    """Account."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    block_number: Mapped[int]
    tx_index: Mapped[int]
    tx_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class Step(Base):
    """A transaction that this bank owes a trade, at most one of a name at a time."""

    __tablename__ = "trade_step"

    reference: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    """`settle:0`, `silence:1`, `lapse`."""
    state: Mapped[str]
    attempts: Mapped[int]
    retry_at_s: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
