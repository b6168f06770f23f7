"""What a bank writes about a trade's payment as the chain goes on: the transfer, the bookings, the last status."""

from typing import Final
from uuid import uuid4

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from contracts.client.blocks import BlockInfo
from fx.currencies import get_currency
from fx.money import Money
from node.errors import RejectedError
from node.messages.iso20022 import codec
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.trades.context import Desk
from node.trades.errors import InvariantError
from node.trades.payments import notifications, statuses, transfer
from node.trades.payments.notifications import About
from node.trades.payments.people import agent_of
from node.trades.payments.posting import Posting
from node.trades.payments.settled import CLOSED, FUNDED, SETTLED, SettledMilestone, events_beside, settled_milestone
from node.trades.payments.store import RECEIVED, first_of
from node.trades.payments.transfer import Banks
from node.trades.payments.wording import message_id
from node.trades.standing.milestones import milestone_rows
from node.trades.store import EscrowEvent, FxLeg, MilestoneRow, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

_BY_SETTLEMENT = 1
# Asked at every block, so made once.
_OF_BLOCK: Final = (
    select(EscrowEvent)
    .where(EscrowEvent.block_number == bindparam("number"), EscrowEvent.name.in_((FUNDED, SETTLED, CLOSED)))
    .order_by(EscrowEvent.log_index)
)
_CAUSES = {2: "cancelled", 3: "lapsed", 4: "closed out of band"}


class Booking:
    """Follows the chain; each message is written in the transaction of its block."""

    def __init__(self, desk: Desk, posting: Posting) -> None:
        self._desk = desk
        self._posting = posting

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Write what this block's events about our trades ask for."""
        for event in session.scalars(_OF_BLOCK, {"number": block.number}).all():
            trade = self._desk.by_trade_id(session, event.trade_id)
            if trade is None:
                continue
            match event.name:
                case "TradeFunded":
                    self._pay(session, trade)
                case "MilestoneSettled":
                    self._book(session, trade, event)
                case "TradeClosed":
                    self._end(session, trade, event)

    def catch_up(self, session: Session, trade: Trade) -> None:
        """Tell the importer's bank what happened before its transfer came."""
        wanted = select(EscrowEvent).where(EscrowEvent.trade_id == trade.trade_id)
        for event in session.scalars(wanted.order_by(EscrowEvent.block_number, EscrowEvent.log_index)).all():
            if event.name == SETTLED:
                self._confirm(session, trade, settled_milestone(session, self._desk, trade, event))
            elif event.name == CLOSED:
                self._conclude(session, trade, event.block_time_s)

    def _pay(self, session: Session, trade: Trade) -> None:
        if trade.importer_bank != self._desk.id:
            return
        trade.uetr = str(uuid4())
        banks = banks_of(self._desk, trade)
        if not banks.are_one:
            document = funded_document(session, trade)
            self._posting.send(
                session, trade, banks.exporter.id, transfer.transfer_of(trade, document, banks, trade.uetr)
            )

    def _book(self, session: Session, trade: Trade, event: EscrowEvent) -> None:
        if _ending(session, event) is not None:
            # The end of the whole trade tells what it gave back.
            return
        about = self._about(session, trade)
        settled = settled_milestone(session, self._desk, trade, event)
        self._credit(session, trade, about, settled)
        if trade.importer_bank == self._desk.id:
            report = notifications.notification(
                about,
                notifications.importer(about),
                notifications.debit_lines(about, settled),
                message_id=message_id(event.trade_id, f"DBIT-{settled.index + 1}"),
                time_s=settled.time_s,
                remark=notifications.milestone_text(settled),
            )
            if report is not None:
                self._posting.issue(session, trade, trade.importer, report, settled.index)
        self._confirm(session, trade, settled)

    def _credit(self, session: Session, trade: Trade, about: About, settled: SettledMilestone) -> None:
        """Notify every customer of this bank whom the settlement has paid."""
        owners = self._desk.participants.account_names(session)
        for number, share in enumerate(settled.shares, start=1):
            owner = owners.get(share.account, self._desk.id)
            if owner == self._desk.id:
                continue
            report = notifications.notification(
                about,
                notifications.payee(share, self._desk.participants.institution),
                notifications.credit_lines(about, settled, share),
                message_id=message_id(trade.trade_id or b"", f"CRDT-{settled.index + 1}-{number}"),
                time_s=settled.time_s,
                remark=notifications.milestone_text(settled),
            )
            if report is not None:
                self._posting.issue(session, trade, owner, report, settled.index)

    def _confirm(self, session: Session, trade: Trade, settled: SettledMilestone) -> None:
        """Confirm the credit to the importer's bank, once it has sent its transfer."""
        if not self._answers(trade) or not settled.shares:
            return
        about = self._about(session, trade)
        # The escrow pays the exporter's side last; it gets nothing only where payees take all of it.
        share = settled.shares[-1]
        report = notifications.notification(
            about,
            notifications.payee(share, about.banks.exporter),
            notifications.credit_lines(about, settled, share),
            message_id=message_id(trade.trade_id or b"", f"CONF-{settled.index + 1}"),
            time_s=settled.time_s,
            remark=notifications.milestone_text(settled),
        )
        if report is not None:
            self._posting.send(session, trade, trade.importer_bank, report, settled.index)

    def _end(self, session: Session, trade: Trade, event: EscrowEvent) -> None:
        cause = _ending(session, event)
        if cause is not None and trade.importer_bank == self._desk.id:
            self._give_back(session, trade, event, cause)
        self._conclude(session, trade, event.block_time_s)

    def _give_back(self, session: Session, trade: Trade, event: EscrowEvent, cause: int) -> None:
        """Notify the importer of what its hold no longer holds, and of what the end has cost."""
        about, leg = self._about(session, trade), session.get(FxLeg, trade.trade_id)
        currency = get_currency(about.document.invoice.currency if leg is None else leg.currency)
        beside = events_beside(session, event)
        rows = [
            session.get_one(MilestoneRow, (trade.trade_id, int(one.args["milestone"])))
            for one in beside
            if one.name == SETTLED
        ]
        held = sum((row.refunded if leg is None else row.slice_minor) or 0 for row in rows)
        fee = sum(int(one.args["amount"]) for one in beside if one.name == "CancelFeePaid")
        report = notifications.notification(
            about,
            notifications.importer(about),
            [
                notifications.released_line(Money(held - fee, currency), _CAUSES[cause]),
                notifications.cancel_fee_line(Money(fee, currency)),
            ],
            message_id=message_id(event.trade_id, "ENDED"),
            time_s=event.block_time_s,
            remark=f"Trade {_CAUSES[cause]}",
        )
        if report is not None:
            self._posting.issue(session, trade, trade.importer, report)

    def _conclude(self, session: Session, trade: Trade, time_s: int) -> None:
        """Say what has become of the importer's bank's transfer."""
        if not self._answers(trade):
            return
        answer_id = message_id(trade.trade_id or b"", "PACS002")
        try:
            ordered = _taken(session, trade)
        except RejectedError as error:
            # The rules may have changed since it was taken; the chain goes on all the same.
            self._posting.tell_failure(session, trade, answer_id, trade.importer_bank, error, time_s)
            return
        funding = get_currency(self._desk.document(session, trade).funding.currency)
        status, reason = statuses.final_status(trade, milestone_rows(session, trade), ordered.amount, funding)
        banks = banks_of(self._desk, trade)
        answer = statuses.status_of(
            ordered,
            sender=agent_of(banks.exporter),
            recipient=agent_of(banks.importer),
            message_id=answer_id,
            created_s=time_s,
            status=status,
            reason=reason,
        )
        self._posting.send(session, trade, trade.importer_bank, answer)

    def _answers(self, trade: Trade) -> bool:
        """Tell whether this bank has taken another one's transfer for the trade."""
        is_exporters = trade.exporter_bank == self._desk.id != trade.importer_bank
        return is_exporters and trade.uetr is not None

    def _about(self, session: Session, trade: Trade) -> About:
        return About(self._desk.document(session, trade), banks_of(self._desk, trade), trade.uetr)


def banks_of(desk: Desk, trade: Trade) -> Banks:
    """Return the two banks of a trade."""
    directory = desk.participants.directory
    return Banks(directory.institution(trade.importer_bank), directory.institution(trade.exporter_bank))


def funded_document(session: Session, trade: Trade) -> TermsDocument:
    """Return the terms that were funded, whatever has amended them since."""
    wanted = select(TermsVersion).where(
        TermsVersion.reference == trade.reference, TermsVersion.trade_id == trade.trade_id
    )
    return doc.parse_document(session.scalars(wanted).one().document)


def _taken(session: Session, trade: Trade) -> CustomerTransfer:
    """Return the transfer that this bank has taken for a trade, or raise codec's RejectedError."""
    received = first_of(session, trade.reference, RECEIVED, transfer.DEFINITION, trade.uetr)
    ordered = None if received is None else codec.parse(received.document).message
    if not isinstance(ordered, CustomerTransfer):
        raise InvariantError(f"{trade.reference}: expected the transfer that was taken, got none")
    return ordered


def _ending(session: Session, event: EscrowEvent) -> int | None:
    """Return how the call of this event closed the trade, None if it did not or by settling the last milestone."""
    causes = [int(one.args["cause"]) for one in events_beside(session, event) if one.name == CLOSED]
    return next((cause for cause in causes if cause != _BY_SETTLEMENT), None)
