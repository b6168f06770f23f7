"""What the API gives about a day. Amounts are minor units of the report's currency."""

from pydantic import Field

from node.ledger.schemas import ReconciliationOut
from node.web.schemas import Answer, Digits, Time


class OwnersDayOut(Answer):
    """What one owner had at both ends of a day, and what went in and out between."""

    owner: str
    opening: Digits
    credited: Digits
    debited: Digits
    closing: Digits


class ClosingOut(Answer):
    """The end-of-day report of an institution in one currency."""

    currency: str
    day: str = Field(examples=["2026-08-17"])
    from_s: Time
    until_s: Time = Field(description="The cut-off")
    opening: Digits = Field(description="Of every owner together")
    closing: Digits
    is_balanced: bool = Field(description="Opening, credits and debits come to the closing balance, owner by owner")
    owners: list[OwnersDayOut]
    entries_by_kind: dict[str, int]
    payments_by_state: dict[str, int] = Field(description="Of those ordered on the day, in their present state")
    trades_funded: int = Field(description="Of this institution, in any currency")
    trades_closed: int
    held: Digits = Field(description="Held now, of every owner")
    messages_waiting: int = Field(description="Now, in any matter")
    messages_to_repair: int
    reconciliation: ReconciliationOut | None = Field(
        None, description="Books against chain now; only with the last day that is over, and while the chain answers"
    )
