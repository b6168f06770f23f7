"""What the routes of decisions about a funded trade take and give. Amounts in orders are minor units as digits."""

from typing import Literal

from pydantic import Field

from node.trades.limits import TEXT_LENGTH_MAX
from node.trades.views.schemas import CostOut, Side
from node.web.schemas import Answer, Digits, DigitsIn, Order, Time, TimeIn

_DIGEST = r"^0x[0-9a-f]{64}$"
_SIDE = "Needed only where the caller may act for both sides"
WatchStep = Literal["silence", "settle", "last_resort", "reprice", "lapse"]


class WaiveIn(Order):
    """How much of a milestone is given up."""

    amount: DigitsIn = Field(description="Minor units of the invoice currency, at most what is left of the milestone")


class DisputeIn(Order):
    """Why a milestone is put before the arbiter."""

    reasons: str = Field(
        max_length=TEXT_LENGTH_MAX, description="Kept at the banks and shown to the arbiter; its hash goes on chain"
    )
    side: Side | None = Field(None, description=_SIDE)


class SettleIn(Order):
    """At which quote a float settles; other policies need nothing of this."""

    quote: str | None = Field(None, pattern=_DIGEST, description="As listed; the best if left out")
    least: DigitsIn | None = Field(
        None, description="The fewest minor units of the invoice currency that the chooser takes; what it pays now"
    )
    side: Side | None = Field(None, description=_SIDE)


class TopUpIn(Order):
    """What the importer means to add."""

    amount: DigitsIn | None = Field(None, description="Minor units; only exactly what is missing is taken")


class DeferIn(Order):
    """A later deadline."""

    deadline_s: TimeIn = Field(description="Ledger time")


class AwardIn(Order):
    """An arbiter's decision."""

    share_bps: int = Field(ge=0, le=10_000, description="Share of the whole milestone that the exporter's side gets")
    reasons: str = Field(max_length=TEXT_LENGTH_MAX)


class WatchIn(Order):
    """Whether the watch does a step by itself."""

    step: WatchStep
    performs: bool = Field(description="False: it only proposes the step to staff")


class WatchOut(Answer):
    """What the watch does by itself; the rest it proposes."""

    silence: bool
    settle: bool
    last_resort: bool
    reprice: bool
    lapse: bool


class ConversionOut(Answer):
    """A live quote with what it makes of a milestone now."""

    quote: CostOut
    paid: str | None = Field(description="What the payees get; null where it settles nothing")
    paid_minor: Digits | None
    owed: str | None = Field(description="What the rule owes them")
    sold: str | None = Field(description="What of the slice is sold")
    refunded: str | None = Field(description="What of the slice goes back to the importer")
    is_short: bool
    chooser: Side = Field(description="Whose choice it is")
    refusal: str | None = Field(description="Why it is not taken")


class ConversionsOut(Answer):
    """Live quotes for a milestone, the best first."""

    quotes: list[ConversionOut]
    declined: dict[str, str] = Field(description="Provider to its reason")


class DisputeOut(Answer):
    """A dispute and what became of it."""

    dispute: str = Field(description="Digest of the party's message")
    milestone: int
    raised_by: Side
    raised_at_s: Time
    reasons: str | None = Field(description="Null until the other bank has sent them")
    share_bps: int | None = Field(description="Awarded to the exporter's side; null until then")
    award_reasons: str | None
    awarded_at_s: Time | None


class ExhibitOut(Answer):
    """A document of a case."""

    sha256: str
    kind: str = Field(description="invoice, epcis or statement")
    summary: str
    sent_by: str


class CaseOut(Answer):
    """A dispute put before this arbiter."""

    dispute: str
    reference: str
    trade_id: str
    milestone: int
    milestone_kind: str
    amount: str
    importer: str
    exporter: str
    goods: str
    raised_by: Side
    raised_at_s: Time
    award_by_s: Time = Field(description="Afterwards what was due stands, or the split of the terms")
    reasons: str | None
    share_bps: int | None = Field(description="Awarded to the exporter's side, or about to be; null until then")
    award_reasons: str | None
    awarded_at_s: Time | None
    exhibits: list[ExhibitOut]
    terms: dict[str, object] = Field(description="The terms document in force, docs/spec/terms.md")
