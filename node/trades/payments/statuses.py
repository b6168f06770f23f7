"""pacs.002: how the exporter's bank answers a payment, and how it says in the end what became of it."""

from collections.abc import Sequence
from typing import Final

from fx.currencies import Currency
from fx.money import Money
from node.messages.iso20022.formats.answers import REJECTED, PaymentStatus
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Agent, Original, Reason
from node.trades.payments import transfer
from node.trades.payments.wording import reason_lines
from node.trades.store import MilestoneRow, Trade

DEFINITION: Final = "pacs.002.001.10"
IN_PROCESS: Final = "ACSP"
SETTLED: Final = "ACSC"
SETTLED_IN_PART: Final = "ACWC"
"""Accepted with change: what was paid is not what was ordered."""
_CANCELLED: Final = 2
_ORDER_CANCELLED: Final = "DS02"
_ENDINGS: Final = {
    1: "each milestone settled by the terms",
    2: "both sides cancelled",
    3: "the hold lapsed",
    4: "closed with the rate out of band",
}


def status_of(
    answered: CustomerTransfer,
    *,
    sender: Agent,
    recipient: Agent,
    message_id: str,
    created_s: int,
    status: str,
    reason: Reason | None = None,
) -> PaymentStatus:
    """Return the answer to a transfer."""
    return PaymentStatus(
        message_id=message_id,
        created_s=created_s,
        instructing=sender,
        instructed=recipient,
        original=Original(
            message_id=answered.message_id,
            definition=transfer.DEFINITION,
            uetr=answered.uetr,
            end_to_end_id=answered.end_to_end_id,
            instruction_id=answered.instruction_id,
        ),
        status=status,
        reason=reason,
    )


def final_status(
    trade: Trade, rows: Sequence[MilestoneRow], ordered: Money, funding: Currency
) -> tuple[str, Reason | None]:
    """Return the last status of a closed trade's payment: settled only if all that was ordered was paid.

    Args:
        ordered: Amount of the transfer.
        funding: Currency that a last resort pays in.
    """
    paid = Money(sum(row.paid or 0 for row in rows), ordered.currency)
    # Under a policy with one currency a last resort is the ordinary payment, and leaves nothing here.
    resorted = Money(sum(row.resorted or 0 for row in rows), funding)
    if ordered <= paid:
        return SETTLED, None
    ending = _ENDINGS[trade.closed_cause or 1]
    if paid.amount_minor:
        told = f"{paid} of {ordered} paid" + (f", {resorted} at the last resort" if resorted.amount_minor else "")
    elif resorted.amount_minor:
        told = f"{resorted} paid at the last resort in place of {ordered}"
    else:
        code = _ORDER_CANCELLED if trade.closed_cause == _CANCELLED else transfer.OTHERWISE
        return REJECTED, Reason(code, reason_lines(f"nothing of {ordered} paid: {ending}"))
    return SETTLED_IN_PART, Reason(transfer.OTHERWISE, reason_lines(f"{told}: {ending}"))
