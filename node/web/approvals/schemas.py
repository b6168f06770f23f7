"""What the API takes and gives about proposals and limits."""

from typing import Annotated, Any, Literal

from pydantic import Field

from node.web.approvals import service
from node.web.approvals.store import ProposalRow
from node.web.limits import REASON_CHARS_MAX
from node.web.permissions import CHECKED_BY, Permission
from node.web.schemas import Answer, Digits, DigitsIn, Order, Time

State = Literal["open", "done", "rejected", "withdrawn", "expired"]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code", examples=["EUR"])]


class ProposalOut(Answer):
    """A request that waits for a second person, or what became of it."""

    id: str
    state: State
    permission: str = Field(description="What the maker used", examples=["payments:write"])
    checked_by: str = Field(description="The permission that a checker needs", examples=["payments:approve"])
    summary: str
    amount: Digits | None = Field(description="Minor units as a string of digits; null where there is no amount")
    currency: str | None
    maker: str = Field(examples=["bank-nl/p-5f0c2d"])
    request: str = Field(description="Method and path", examples=["POST /v1/payments"])
    preview: Any = Field(description="What it would be answered with when it was made; null where that is not tried")
    made_at_s: Time = Field(description="Of the clock on the wall, as the other two")
    expires_at_s: Time
    checker: str | None
    decided_at_s: Time | None
    reason: str | None


class DecisionOut(Answer):
    """An approved proposal, and how the request was answered."""

    proposal: ProposalOut
    status: int = Field(description="HTTP status of the request's answer", examples=[202])
    answer: Any


class RejectProposalIn(Order):
    """Why not."""

    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX)


class LimitOut(Answer):
    """Up to this amount one person may act alone."""

    permission: str
    currency: str
    amount: Digits


class LimitIn(Order):
    """A limit to be set; \"0\": two people for every amount."""

    permission: Permission
    currency: CurrencyCode
    amount: DigitsIn


def proposal_out(row: ProposalRow, now_s: int) -> ProposalOut:
    """Return a proposal as the API shows it."""
    return ProposalOut.model_validate(
        {
            "id": row.id,
            "state": service.state_of(row, now_s),
            "permission": row.permission,
            "checked_by": str(CHECKED_BY[Permission(row.permission)]),
            "summary": row.summary,
            "amount": row.amount_minor,
            "currency": row.currency,
            "maker": row.maker,
            "request": f"{row.method} {row.path}",
            "preview": row.preview,
            "made_at_s": row.made_at_s,
            "expires_at_s": row.expires_at_s,
            "checker": row.checker,
            "decided_at_s": row.decided_at_s,
            "reason": row.reason,
        }
    )
