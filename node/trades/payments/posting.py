"""Payment messages on their way out, and what is kept of each: one row, beside the post's own."""

from typing import Any

from sqlalchemy.orm import Session

from fx.currencies import get_currency
from fx.money import Money
from node.errors import RejectedError
from node.messages.iso20022 import codec
from node.messages.iso20022.formats.answers import PaymentStatus
from node.messages.iso20022.formats.cash import CashReport, EntryStatus
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Header, Reason
from node.messages.ports import Message
from node.trades.context import Desk
from node.trades.payments.people import agent_of
from node.trades.payments.store import ISSUED, RECEIVED, SENT, TradeMessage
from node.trades.store import Trade
from node.web.events import publish

PaymentMessage = CustomerTransfer | PaymentStatus | CashReport


class Posting:
    """Sends to banks, issues to customers, keeps what came."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def send(
        self, session: Session, trade: Trade | None, to: str, message: PaymentMessage, milestone: int | None = None
    ) -> None:
        """Queue a message to another bank, in the lane of its trade; of an unknown trade nothing is kept here.

        The chain goes on whatever becomes of it: what cannot be written is told to this bank's people.
        """
        directory = self._desk.participants.directory
        sender, recipient = agent_of(self._desk.participants.institution), agent_of(directory.institution(to))
        kind = codec.definition_of(message)
        try:
            document = codec.build(message, Header(message.message_id, sender, recipient, message.created_s))
            self._desk.messages.send_document(
                session,
                to=to,
                kind=kind,
                message_id=message.message_id,
                document=document,
                thread=None if trade is None else lane_of(trade),
            )
        except RejectedError as error:
            self.tell_failure(session, trade, message.message_id, to, error, message.created_s)
            return
        if trade is not None:
            session.add(_row(trade, SENT, to, message, document, milestone))

    def issue(
        self, session: Session, trade: Trade, customer: str, report: CashReport, milestone: int | None = None
    ) -> None:
        """Keep a notification for a customer, and tell it that there is one."""
        try:
            document = codec.build(report)
        except RejectedError as error:
            self.tell_failure(session, trade, report.message_id, customer, error, report.created_s)
            return
        session.add(_row(trade, ISSUED, customer, report, document, milestone))
        body = {"reference": trade.reference, "message_id": report.message_id, "milestone": milestone}
        publish(session, kind="payment.notified", owner=customer, body=body, time_s=report.created_s)

    def keep(
        self, session: Session, trade: Trade, came: Message, message: PaymentMessage, milestone: int | None = None
    ) -> None:
        """Keep a message that another bank has sent."""
        session.add(_row(trade, RECEIVED, came.sender, message, came.payload, milestone))
        session.flush()

    def tell_failure(
        self, session: Session, trade: Trade | None, message_id: str, to: str, error: RejectedError, time_s: int
    ) -> None:
        """Tell this bank's people of a message that could not be written."""
        body = {
            "reference": None if trade is None else trade.reference,
            "message_id": message_id,
            "to": to,
            "reason": str(error),
        }
        publish(session, kind="payment.not_sent", owner=None, body=body, time_s=time_s)


def lane_of(trade: Trade) -> str:
    """Return what keeps the messages of a trade in order."""
    return "0x" + (trade.trade_id or b"").hex()


def reason_text(reason: Reason | None) -> str | None:
    """Return a reason in one line, after its code."""
    return None if reason is None else " ".join((reason.code, *reason.lines))


def _row(
    trade: Trade, direction: str, partner: str, message: PaymentMessage, document: bytes, milestone: int | None
) -> TradeMessage:
    match message:
        case CustomerTransfer():
            told: dict[str, Any] = {"uetr": message.uetr, **_amount(message.amount)}
        case PaymentStatus():
            told = {"uetr": message.original.uetr, "status": message.status, "reason": reason_text(message.reason)}
        case CashReport():
            told = {"uetr": message.entries[0].uetr, **_amount(_booked(message))}
    return TradeMessage(
        reference=trade.reference,
        direction=direction,
        partner=partner,
        message_id=message.message_id,
        kind=codec.definition_of(message),
        milestone=milestone,
        time_s=message.created_s,
        document=document,
        **told,
    )


def _booked(report: CashReport) -> Money:
    """Return the sum of what a notification books, zero where it only informs."""
    nothing = Money(0, get_currency(report.currency))
    return sum((entry.amount for entry in report.entries if entry.status is EntryStatus.BOOKED), nothing)


def _amount(money: Money) -> dict[str, Any]:
    return {"amount_minor": money.amount_minor, "currency": money.currency.code}
