"""Tables of the FX desk: what was asked, offered and issued, what stands behind it, what was reported."""

from typing import Any, Final

from sqlalchemy import JSON, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base
from node.storage.types import Amount

PLACING: Final = "placing"
OFFERED: Final = "offered"
DECLINED: Final = "declined"
USED: Final = "used"
RELEASING: Final = "releasing"
RELEASED: Final = "released"

SHOWING: Final = "showing"
SHOWN: Final = "shown"
REFUSED: Final = "refused"


class QuoteRequest(Base):
    """A request for quotes that this institution sent for a customer (or for itself)."""

    __tablename__ = "quote_request"

    id: Mapped[str] = mapped_column(primary_key=True)
    taker: Mapped[str]
    """Account that sells and buys."""
    sell_currency: Mapped[str]
    buy_currency: Mapped[str]
    buy_minor: Mapped[int] = mapped_column(Amount)
    trade_id: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    providers: Mapped[list[str]] = mapped_column(JSON)
    """Institutions that were asked."""
    asked_at_s: Mapped[int]
    accepted: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Digest of the quote that was taken."""
    min_minor: Mapped[int | None] = mapped_column(Amount)
    """Bounds a quote has to cover; `buy_minor` where there are none."""
    max_minor: Mapped[int | None] = mapped_column(Amount)
    lock_until_s: Mapped[int | None]
    """Set: a lock is asked for, and this is how long the hold in the bought currency has to stand."""
    spread_bps_max: Mapped[int | None]
    """Set: a quote counts only if it is at most this far below the oracle's median."""


class QuoteOffer(Base):
    """A provider's answer: a firm quote, or why there is none."""

    __tablename__ = "quote_offer"
    __table_args__ = (UniqueConstraint("request_id", "provider"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    request_id: Mapped[str] = mapped_column(index=True)
    provider: Mapped[str]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    quote: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The typed message `Quote` as JSON."""
    signature: Mapped[bytes | None] = mapped_column(LargeBinary(65))
    post_quantum: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    spread_bps: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)
    """Why the provider declined."""
    received_at_s: Mapped[int]
    expires_at_s: Mapped[int | None] = mapped_column(index=True)
    """Of the quote."""
    hold: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Of a lock: the provider's typed message `Hold` as JSON."""
    hold_signature: Mapped[bytes | None] = mapped_column(LargeBinary(65))
    fault: Mapped[str | None]
    """What became of showing that nothing stands behind the quote: `showing`, `shown` or `refused`."""
    fault_reason: Mapped[str | None] = mapped_column(Text)


class IssuedQuote(Base):
    """A firm quote of this institution: `placing` its reserve, `offered`, then `used` or `released`; or `declined`."""

    __tablename__ = "quote_issued"
    __table_args__ = (UniqueConstraint("requester", "request_id"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    requester: Mapped[str]
    """Institution that asked."""
    request_id: Mapped[str]
    quote: Mapped[dict[str, Any]] = mapped_column(JSON)
    sell_currency: Mapped[str]
    buy_currency: Mapped[str]
    spread_bps: Mapped[int]
    expires_at_s: Mapped[int] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)


class QuoteReserve(Base):
    """A hold on chain that stands behind a quote, anybody's: placed for FxSettlement."""

    __tablename__ = "quote_reserve"

    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    token: Mapped[str]
    owner: Mapped[str]
    reference: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Digest of the quote it stands behind."""
    amount_minor: Mapped[int] = mapped_column(Amount)
    """As placed or raised."""
    expires_at_s: Mapped[int] = mapped_column(index=True)


class ProviderFault(Base):
    """A quote that the chain recorded as dishonoured: signed without its reserve."""

    __tablename__ = "quote_fault"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    provider: Mapped[str]
    """Account."""
    missing_minor: Mapped[int] = mapped_column(Amount)
    recorded_at_s: Mapped[int]


class ExposureRow(Base):
    """What a provider still owes on a quote that was taken."""

    __tablename__ = "quote_exposure"

    request_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    provider: Mapped[str]
    """Institution id."""
    currency: Mapped[str]
    """The bought one."""
    amount_minor: Mapped[int] = mapped_column(Amount)
    until_s: Mapped[int | None] = mapped_column(index=True)
    """Last second in which it counts."""
    locked_until_s: Mapped[int | None]
    """Of a lock: how long it stands once it is taken on chain."""
    trade_id: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    hold_id: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    """Of a lock: the provider's hold for the trade."""


class ExposureLimitRow(Base):
    """How much a provider may owe at once."""

    __tablename__ = "quote_exposure_limit"

    provider: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    limit_minor: Mapped[int] = mapped_column(Amount)


class OraclePause(Base):
    """A pair this institution does not report for now."""

    __tablename__ = "quote_oracle_pause"

    pair: Mapped[str] = mapped_column(primary_key=True)
    given_by: Mapped[str]


class OracleReport(Base):
    """A report of one round that reached this institution, its own included."""

    __tablename__ = "quote_oracle_report"

    pair: Mapped[str] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    reporter: Mapped[str] = mapped_column(primary_key=True)
    """Account of the reporter."""
    rate: Mapped[int] = mapped_column(Amount)
    observed_at_s: Mapped[int]
    signature: Mapped[bytes] = mapped_column(LargeBinary(65))


class OracleRound(Base):
    """A round this institution reported on, or submitted, or saw recorded."""

    __tablename__ = "quote_oracle_round"

    pair: Mapped[str] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    submitted: Mapped[bool]
    median: Mapped[int | None] = mapped_column(Amount)
    """As recorded on chain, 18 decimals."""
    usable: Mapped[bool | None]
