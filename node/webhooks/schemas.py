"""What the API takes and gives about webhooks. Times of deliveries are of the wall clock."""

from typing import Annotated, Literal

from pydantic import Field

from node.web.schemas import Answer, Order, Time, WallTime
from node.webhooks.limits import KINDS_MAX, OVERLAP_S_MAX, TEXT_CHARS_MAX, URL_CHARS_MAX

Kind = Annotated[str, Field(pattern=r"^[a-z_]+(\.[A-Za-z_]+)?$", max_length=64, examples=["trade"])]
Scheme = Literal["hmac", "ed25519"]
State = Literal["active", "disabled"]
DeliveryState = Literal["queued", "delivered", "failed"]
Url = Annotated[
    str, Field(min_length=8, max_length=URL_CHARS_MAX, examples=["https://erp.example/landfall"], description="https")
]
Kinds = Annotated[
    list[Kind], Field(max_length=KINDS_MAX, description="Kinds of events, or of resources; none: everything")
]
Text = Annotated[str, Field(max_length=TEXT_CHARS_MAX, description="Your own note", examples=["ERP, Aalsmeer"])]


class WebhookIn(Order):
    """An address that events are to be brought to."""

    url: Url
    kinds: Kinds = Field(default_factory=list)
    text: Text = ""
    scheme: Scheme = Field("hmac", description="How messages are signed: a shared secret, or a key pair")


class WebhookChangeIn(Order):
    """What is to be another; the rest stays."""

    url: Url | None = None
    kinds: Kinds | None = None
    text: Text | None = None
    state: State | None = None


class KeyIn(Order):
    """A new key."""

    scheme: Scheme = "hmac"
    overlap_s: int = Field(
        86_400, alias="overlap_s", ge=0, le=OVERLAP_S_MAX, description="How long the keys before still count"
    )


class ReplayIn(Order):
    """What is to be sent again."""

    after: int = Field(0, ge=0, lt=2**63, description="Number of an event: those after it")
    only_failed: bool = Field(True, description="False: what was delivered, too")


class KeyOut(Answer):
    """A key that messages are signed with."""

    number: int
    scheme: Scheme
    public: str | None = Field(description="Of an Ed25519 key: what a receiver checks with", examples=["whpk_..."])
    until_s: WallTime | None = Field(description="It counts before this; null while nothing has taken its place")


class NewKeyOut(KeyOut):
    """A key as it is made: its secret is told this once."""

    secret: str | None = Field(description="Of HMAC: what a receiver checks with; keep it", examples=["whsec_..."])


class WebhookOut(Answer):
    """An address that events are brought to."""

    id: str = Field(examples=["wh_5e5e5e5e5e5e5e5e5e5e5e5e"])
    owner: str | None = Field(description="Customer whose events these are; null: the institution's, which are all")
    url: Url
    kinds: list[str]
    text: str
    state: State
    reason: str | None = Field(description="Why the node has disabled it")
    created_at_s: Time = Field(description="Ledger time")
    keys: list[KeyOut] = Field(description="Those that count, the newest first")


class NewWebhookOut(WebhookOut):
    """The same as it is made."""

    secret: str | None = Field(description="Of HMAC: what a receiver checks with; told this once, keep it")


class AttemptOut(Answer):
    """One POST."""

    at_s: WallTime
    status: int | None = Field(description="Of the answer; null where there was none")
    took_ms: int
    reason: str | None = Field(description="Why it did not count as delivered")


class DeliveryOut(Answer):
    """An event on its way to an address."""

    number: int
    event: int = Field(description="Number of the event")
    kind: str = Field(examples=["trade.TradeFunded"])
    message_id: str = Field(description="`webhook-id`: the same however often it comes", examples=["evt_bank-nl_42"])
    state: DeliveryState
    attempts: int
    queued_at_s: WallTime
    next_attempt_at_s: WallTime | None = Field(description="While it is queued")
    ended_at_s: WallTime | None
    reason: str | None = Field(description="Why the last attempt failed")


class DeliveryDetailOut(DeliveryOut):
    """The same with how its attempts went, the oldest first."""

    log: list[AttemptOut]


class ReplayedOut(Answer):
    """How many deliveries are sent again."""

    count: int
