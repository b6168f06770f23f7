"""Payment messages from other banks: held against the trade on the chain, answered, kept.

A transfer that contradicts the trade is rejected in words and people of both banks are told; the escrow, which moves
the money, goes on.
"""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.messages.iso20022 import codec
from node.messages.iso20022.formats.answers import REJECTED, PaymentStatus
from node.messages.iso20022.formats.cash import CashReport
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Reason
from node.messages.ports import Message
from node.messages.service import show_to_staff
from node.storage.cursor import booked_until_s
from node.trades.context import Desk
from node.trades.errors import PaymentRejectedError, UnavailableError
from node.trades.payments import statuses, transfer
from node.trades.payments.booking import Booking, banks_of, funded_document
from node.trades.payments.people import account_of, agent_of
from node.trades.payments.posting import PaymentMessage, Posting, reason_text
from node.trades.payments.settled import SETTLED, settled_milestone
from node.trades.payments.store import RECEIVED, SENT, first_of
from node.trades.payments.transfer import refusal
from node.trades.payments.wording import answer_id, trade_reference
from node.trades.store import EscrowEvent, Trade
from node.web.events import publish

Kind = TypeVar("Kind", CustomerTransfer, PaymentStatus, CashReport)


class Answering:
    """Handlers of the three kinds of payment messages between banks."""

    def __init__(self, desk: Desk, posting: Posting, booking: Booking) -> None:
        self._desk = desk
        self._posting = posting
        self._booking = booking

    def on_transfer(self, session: Session, message: Message) -> None:
        """Take a transfer if it is what the trade on the chain makes it, else reject it; answer either way."""
        got = _parsed(message, CustomerTransfer)
        trade = self._named(session, message.sender, got)
        if trade is not None:
            self._require_followed(session, got)
        reason = self._verdict(session, trade, message.sender, got)
        if trade is not None:
            self._posting.keep(session, trade, message, got)
        participants = self._desk.participants
        answer = statuses.status_of(
            got,
            sender=agent_of(participants.institution),
            recipient=agent_of(participants.directory.institution(message.sender)),
            message_id=answer_id(message.sender, message.message_id),
            created_s=booked_until_s(session),
            status=statuses.IN_PROCESS if reason is None else REJECTED,
            reason=reason,
        )
        self._posting.send(session, trade, message.sender, answer)
        if trade is None or reason is not None:
            self._tell(session, "payment.rejected", trade, message, reason)
            return
        trade.uetr = got.uetr
        session.flush()
        self._booking.catch_up(session, trade)

    def on_status(self, session: Session, message: Message) -> None:
        """Take the other bank's word about our transfer; a rejection, or one about no trade, is for people to look at.

        Raises:
            PaymentRejectedError: our transfer of this UETR is another one, or went to another bank.
        """
        got = _parsed(message, PaymentStatus)
        trade = self._paid_to(session, message.sender, got.original.uetr)
        if trade is None:
            show_to_staff(session, message)
            return
        sent = first_of(session, trade.reference, SENT, transfer.DEFINITION, trade.uetr)
        if sent is None or sent.message_id != got.original.message_id:
            raise PaymentRejectedError("OrgnlMsgId", "our transfer for the trade", got.original.message_id)
        self._require_followed(session, got)
        is_answer = first_of(session, trade.reference, RECEIVED, statuses.DEFINITION, trade.uetr) is None
        self._posting.keep(session, trade, message, got)
        if is_answer and got.status == REJECTED:
            self._tell(session, "payment.rejected", trade, message, got.reason)

    def on_notification(self, session: Session, message: Message) -> None:
        """Take the other bank's confirmation of a credit; people are told where the chain says otherwise.

        Raises:
            PaymentRejectedError: our transfer of this UETR went to another bank.
        """
        got = _parsed(message, CashReport)
        named = {entry.uetr for entry in got.entries}
        trade = self._paid_to(session, message.sender, named.pop() if len(named) == 1 else None)
        if trade is None:
            show_to_staff(session, message)
            return
        self._require_followed(session, got)
        milestone = self._confirmed(session, trade, got)
        self._posting.keep(session, trade, message, got, milestone)
        if milestone is None:
            expected = "a payment that the chain has made"
            amounts = ", ".join(str(entry.amount) for entry in got.entries)
            self._tell(session, "payment.contradicted", trade, message, refusal("NARR", "credit", expected, amounts))

    def _verdict(self, session: Session, trade: Trade | None, sender: str, got: CustomerTransfer) -> Reason | None:
        """Return why a transfer is rejected, None if it is right."""
        if trade is None:
            named = got.remittance.reference if got.remittance is not None else None
            return refusal(transfer.OTHERWISE, "trade", f"one of {sender} with a customer here", named)
        if trade.funded_at_s is None:
            return refusal(transfer.OTHERWISE, "trade", "one that the chain has funded", trade.state)
        if trade.uetr is not None:
            return refusal(transfer.SECOND_PAYMENT, "payment", f"one for the trade, {trade.uetr}", got.uetr)
        if session.scalar(select(Trade.reference).where(Trade.uetr == got.uetr)) is not None:
            return refusal(transfer.UETR_USED, "UETR", "one that no other trade has", got.uetr)
        banks = banks_of(self._desk, trade)
        expected = transfer.transfer_of(trade, funded_document(session, trade), banks, got.uetr)
        return transfer.contradiction(expected, got)

    def _named(self, session: Session, sender: str, got: CustomerTransfer) -> Trade | None:
        """Return the trade that a transfer pays, None unless sender and we are its banks."""
        named = got.end_to_end_id if got.remittance is None else got.remittance.reference or got.end_to_end_id
        found = session.get(Trade, trade_reference(named))
        ends = None if found is None else (found.importer_bank, found.exporter_bank)
        return found if ends == (sender, self._desk.id) else None

    def _paid_to(self, session: Session, bank: str, uetr: str | None) -> Trade | None:
        """Return the trade for which we have sent that bank a transfer with this UETR, None where no trade has it."""
        found = None if uetr is None else session.scalar(select(Trade).where(Trade.uetr == uetr))
        if found is not None and (found.importer_bank, found.exporter_bank) != (self._desk.id, bank):
            raise PaymentRejectedError("UETR", f"a payment of ours to {bank}", uetr)
        return found

    def _confirmed(self, session: Session, trade: Trade, got: CashReport) -> int | None:
        """Return the milestone whose settlement has put this much on this account at that time, None if none has."""
        wanted = select(EscrowEvent).where(
            EscrowEvent.trade_id == trade.trade_id,
            EscrowEvent.name == SETTLED,
            EscrowEvent.block_time_s == got.created_s,
        )
        for event in session.scalars(wanted.order_by(EscrowEvent.log_index)).all():
            settled = settled_milestone(session, self._desk, trade, event)
            for share in settled.shares:
                is_same = account_of(share.account) == got.account and share.amount.currency.code == got.currency
                told = sum(entry.amount.amount_minor for entry in got.entries)
                if is_same and share.amount.amount_minor == told:
                    return settled.index
        return None

    def _require_followed(self, session: Session, got: PaymentMessage) -> None:
        """Put off what tells of a time that this bank has not followed the chain to."""
        now_s = booked_until_s(session)
        if got.created_s > now_s:
            raise UnavailableError(f"created: expected at most {now_s}, as far as followed, got {got.created_s}; later")

    def _tell(self, session: Session, kind: str, trade: Trade | None, message: Message, reason: Reason | None) -> None:
        body = {
            "reference": None if trade is None else trade.reference,
            "message_id": message.message_id,
            "from": message.sender,
            "kind": message.kind,
            "reason": reason_text(reason),
        }
        publish(session, kind=kind, owner=None, body=body, time_s=booked_until_s(session))


def _parsed(message: Message, kind: type[Kind]) -> Kind:
    found = codec.parse(message.payload).message
    if not isinstance(found, kind):
        raise PaymentRejectedError("kind", kind.__name__, type(found).__name__)
    return found
