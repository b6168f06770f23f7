"""What the routes of amendments, assignments, cancellations and requests to sign take and give."""

from pydantic import Field

from node.trades.views.schemas import ChangeOut, DraftIn, SideIn
from node.web.schemas import Answer, Order, Time

_PROVIDER = (
    "Of a lock: ask its provider to agree. Without it what is given up costs the quote's cancel fee; "
    "a change that needs more of the provider, or for longer, asks it in any case"
)


class AmendIn(DraftIn):
    """Other terms for a funded trade; without an invoice the last one stays."""

    ask_provider: bool = Field(False, description=_PROVIDER)


class CancelIn(SideIn):
    """A cancellation by one side."""

    ask_provider: bool = Field(False, description=_PROVIDER)


class AssignIn(Order):
    """Whom a milestone is given to."""

    milestone: int = Field(ge=0, description="Its place, from 0")
    institution: str = Field(
        min_length=1, max_length=40, description="The financier, or the bank that keeps its key", examples=["fx-amber"]
    )
    account: str | None = Field(
        None, pattern=r"^0x[0-9a-fA-F]{40}$", description="The financier's; left out: the institution's own"
    )


class DeclineIn(Order):
    """Why something is not signed."""

    reason: str = Field("", max_length=200)


class SignerOut(Answer):
    """Somebody whose signature is needed."""

    role: str = Field(description="importer, exporter, holder, provider or assignee")
    account: str
    institution: str | None = Field(description="Whose desk keeps its key; null if it is not known here")
    signed: bool


class MotionOut(Answer):
    """A change of a funded trade that waits for signatures, or for its block."""

    name: str = Field(examples=["amend"])
    kind: str = Field(description="Amend, Cancel or Assign")
    proposed_by: str
    state: str = Field(description="open, queued or failed")
    reason: str | None = Field(description="Why it stands still: a refusal by the chain, or by somebody asked")
    ask_provider: bool
    signers: list[SignerOut]
    changes: list[ChangeOut] = Field(description="Of an amendment: what it changes")


class RequestOut(Answer):
    """What the caller, or a customer of it, is asked to sign."""

    id: str
    reference: str
    kind: str
    asked_by: str
    owner: str = Field(description="Who signs: a customer, or the institution itself")
    summary: str
    state: str = Field(description="asked, signed or declined")
    hold_grows_by: str | None = Field(None, description="Minor units that the signer's hold has to grow by, as digits")
    hold_until_s: Time | None = None


class NeedOut(Answer):
    """What the importer must have for the trade to be funded."""

    amount: str | None = Field(description="Null while no rate is known", examples=["10,361.09 EUR"])
    is_firm: bool = Field(description="False: an estimate until there is a quote")
    consists_of: str
    available: str | None = Field(description="What the importer has; only at its bank")
    missing: str | None = Field(description="What it lacks; null if nothing, or not known here")
