"""What the routes of quotes give. Times are ledger time; amounts are minor units as digits."""

from pydantic import Field

from node.web.schemas import Answer, Digits, DigitsIn, Order, Time


class IssuedQuoteOut(Answer):
    """A firm quote of this desk."""

    digest: str = Field(description="EIP-712 digest of the quote")
    requester: str = Field(examples=["bank-nl"])
    sell_currency: str = Field(description="What the taker pays in")
    buy_currency: str
    kind: str = Field(description="spot or lock")
    max_amount: str = Field(description="Minor units of the bought currency, as digits")
    rate_num: str = Field(description="All in: bought minor units for one sold minor unit, numerator")
    rate_den: str
    spread_bps: int
    fee_bps: int
    premium: str = Field(description="Of a lock: paid on top, minor units of the sold currency, as digits")
    cancel_fee: str
    expires_at_s: Time
    state: str = Field(description="placing its reserve, offered, used, releasing, released or declined")
    reason: str | None = None


class RateOut(Answer):
    """A mid rate by ledger time."""

    base: str
    quote: str
    rate: str = Field(description="Units of the quote currency for one of the base", examples=["148.772900"])
    day: str = Field(description="Ledger day the rate was asked for")


class RoundOut(Answer):
    """A round of the oracle as this institution knows it."""

    pair: str
    round: int
    submitted: bool
    median: str | None = Field(None, description="18 decimals, as digits; null until recorded on chain")
    usable: bool | None = None


class FaultOut(Answer):
    """A quote that its provider signed without the reserve behind it, as the chain recorded it."""

    digest: str
    provider: str = Field(description="Account of the provider")
    missing: str = Field(description="Minor units of the bought currency that were missing, as digits")
    recorded_at_s: Time


class PairOut(Answer):
    """An oracle pair, as this institution's books have it."""

    pair: str = Field(examples=["EUR/KES"])
    is_reported: bool | None = Field(description="Whether this institution reports it; null if it is no reporter")
    median: str | None = Field(None, description="18 decimals, as digits; null while none settles")
    round: int | None = None
    started_at_s: Time | None = None
    unusable: str | None = Field(None, description="Why no median settles now")


class ExposureOut(Answer):
    """What a provider still owes on quotes that were taken, and how much it may."""

    provider: str
    currency: str
    used: Digits
    limit: Digits | None = Field(description="Null: as much as there may be")
    free: Digits | None


class ExposureLimitIn(Order):
    """How much a provider may owe at once; quotes above are not taken."""

    limit: DigitsIn | None = Field(description="Minor units; null: as much as there may be")
