"""Tables of trades: what was agreed, what the chain says, what attesters said, what this bank does next."""

from typing import Any, Final

from sqlalchemy import JSON, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.audit.store import PERSONAL
from node.storage.database import Base
from node.storage.types import Amount

# States of a trade at one bank.
NEGOTIATING: Final = "negotiating"
AGREED: Final = "agreed"
FUNDING: Final = "funding"
FUNDED: Final = "funded"
CLOSED: Final = "closed"
WITHDRAWN: Final = "withdrawn"
UNREAD: Final = "unread"
"""Amended, at an assignee's bank that waits for the new terms: what follows is applied once they are here."""

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

# States of a motion, and of a request to sign one.
OPEN: Final = "open"
ASKED: Final = "asked"
DECLINED: Final = "declined"

# States of a step.
QUEUED: Final = "queued"
DONE: Final = "done"
OVERTAKEN: Final = "overtaken"
"""Somebody else had done it first: nothing is owed any more."""


class Trade(Base):
    """A trade as one of its banks knows it, or the bank of an assignee."""

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
    """1 settled, 2 cancelled, 3 lapsed, 4 out of band."""
    closed_at_s: Mapped[int | None]
    chain_version: Mapped[int | None]
    """Of the terms on chain: 1 as funded, one more with each amendment; None until funded."""
    uetr: Mapped[str | None] = mapped_column(unique=True)
    """Of its payment: made by the importer's bank at funding, at the exporter's once it has taken the transfer."""


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
    """Less what was waived."""
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
    terms_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """What messages about it bind: its terms, place, amount as agreed, and the version they came with."""
    terms_version: Mapped[int] = mapped_column(server_default="1")
    """Version of the terms on chain in which it got its present ones."""
    slice_minor: Mapped[int | None] = mapped_column(Amount)
    """What is held of the funding currency for it, under `lock` and `float`."""
    target_minor: Mapped[int | None] = mapped_column(Amount)
    """What the last call for a top-up wants its slice to be, None without one."""
    assignee: Mapped[str | None]
    """Account that stands in the exporter's place."""
    final_at_s: Mapped[int | None]
    """Where a decision made it final; where time does, it follows from the windows."""
    quote_request: Mapped[str | None]
    """This bank's latest request for quotes to settle it."""
    resorted: Mapped[int | None] = mapped_column(Amount)
    """What a last resort paid in the funding currency, minor units; None: there was none."""


class FxLeg(Base):
    """The funding currency's leg of a funded trade, under `lock` and `float`, as chain events say."""

    __tablename__ = "trade_fx_leg"

    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    provider: Mapped[str | None]
    """Account of the lock's provider, None under `float`."""
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(Amount)
    """Held at funding, premium not included."""
    rate_num: Mapped[int] = mapped_column(Amount)
    rate_den: Mapped[int] = mapped_column(Amount)
    premium: Mapped[int] = mapped_column(Amount)
    calls: Mapped[int]
    """Calls for a top-up that were not paid in time, the one that runs included."""
    call_ends_at_s: Mapped[int | None]
    """Of the last call, None if there was none."""


class Motion(Base):
    """A change of a funded trade that needs several signatures; the latest of its name, at both banks."""

    __tablename__ = "trade_motion"

    reference: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    """`amend`, `cancel`, `assign:0`."""
    kind: Mapped[str]
    """EIP-712 type: `Amend`, `Cancel` or `Assign`."""
    chain_version: Mapped[int]
    """Version of the terms on chain that it is about."""
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What it says beside trade and version; of an amendment the hash of its document."""
    terms_version: Mapped[int | None]
    """Version of the terms it proposes, where this bank keeps it."""
    ask_provider: Mapped[bool]
    """Whether a lock's provider is asked, though the change could do without it for the cancel fee."""
    proposed_by: Mapped[str]
    """`importer` or `exporter`."""
    state: Mapped[str]
    """`open`, `queued`, `done` or `failed`."""
    reason: Mapped[str | None] = mapped_column(Text)
    opened_at_s: Mapped[int]


class MotionSignature(Base):
    """A signature under a motion."""

    __tablename__ = "trade_motion_signature"

    reference: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    valid_until_s: Mapped[int]
    action: Mapped[int] = mapped_column(Amount)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    increase: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """`IncreaseHold` of the same account: valid_until and signature."""
    given_by: Mapped[str]
    signed_at_s: Mapped[int]


class SignatureRequest(Base):
    """What another institution asks this one, or a customer of it, to sign about a trade."""

    __tablename__ = "trade_signature_request"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Made by the asker."""
    asked_by: Mapped[str]
    reference: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    kind: Mapped[str]
    owner: Mapped[str]
    """Customer id, or this institution's own."""
    message: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The typed message without validity and action number."""
    increase: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What a hold of the owner has to grow by, and live until."""
    summary: Mapped[str] = mapped_column(Text, info=PERSONAL)
    state: Mapped[str]
    """`asked`, `signed` or `declined`."""
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    asked_at_s: Mapped[int]


class Dispute(Base):
    """A dispute about a milestone, at both banks; at an arbiter's desk every one that the chain tells of."""

    __tablename__ = "trade_dispute"
    __table_args__ = (Index("ix_trade_dispute_trade", "trade_id", "milestone"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Of the party's message."""
    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32))
    milestone: Mapped[int]
    party: Mapped[str | None]
    """Account of who raised it."""
    reason_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the reasons."""
    reasons: Mapped[str | None] = mapped_column(Text, info=PERSONAL)
    """None until its bank has sent them."""
    raised_at_s: Mapped[int | None]
    """None until the chain has taken it."""
    share_bps: Mapped[int | None]
    """What the arbiter awards to the exporter's side, None until then."""
    award_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    award_reasons: Mapped[str | None] = mapped_column(Text)
    awarded_at_s: Mapped[int | None]


class Case(Base):
    """A dispute that was put before this arbiter, with what it is about."""

    __tablename__ = "trade_case"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Of the dispute's message."""
    reference: Mapped[str] = mapped_column(index=True)
    trade_id: Mapped[bytes] = mapped_column(LargeBinary(32))
    milestone: Mapped[int]
    milestone_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    banks: Mapped[list[str]] = mapped_column(JSON)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    """The terms in force, canonical JSON."""
    award_by_s: Mapped[int]


class Exhibit(Base):
    """A document of a case; its content is a `Document`."""

    __tablename__ = "trade_exhibit"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """Of the dispute's message."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    kind: Mapped[str]
    """`invoice`, `epcis` or `statement`."""
    summary: Mapped[str] = mapped_column(Text)
    sent_by: Mapped[str]
    """The bank that brought it first."""


class Told(Base):
    """A notice about something that time brings, which is given once."""

    __tablename__ = "trade_told"

    reference: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class WatchSetting(Base):
    """Whether the watch does a step by itself or only proposes it; without a row it does it."""

    __tablename__ = "trade_watch_setting"

    step: Mapped[str] = mapped_column(primary_key=True)
    """`settle`, `silence`, `lapse`, `reprice` or `last_resort`."""
    performs: Mapped[bool]


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
    """An event of TradeEscrow about a trade: its history and its evidence.

    Every institution keeps those of every trade: a milestone may be assigned to it, and the past has to be here then.
    """

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
    """A transaction that this bank owes a trade or sends for a party, at most one of a name at a time."""

    __tablename__ = "trade_step"

    reference: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    """`settle:0`, `silence:1`, `lapse`, `dispute:0`."""
    state: Mapped[str]
    """queued, done, failed or overtaken."""
    attempts: Mapped[int]
    retry_at_s: Mapped[int]
    reason: Mapped[str | None] = mapped_column(Text)
