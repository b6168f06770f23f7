"""What the chain says about trades: the events of the escrow, applied to this institution's tables.

The only writer of a funded trade's state. Events of trades that are not this institution's are ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from node.ledger.errors import NotBookedError
from node.participants.directory import Role
from node.trades import document as doc
from node.trades import store
from node.trades.attesting import Attesting
from node.trades.context import ESCROW, Desk
from node.trades.funding import Funding
from node.trades.store import Appointment, Attestation, EscrowEvent, MilestoneRow, RecordedDigest, Trade
from node.web.notices import publish

REGISTRY = "ParticipantRegistry"


class ChainView:
    """Applies events."""

    def __init__(self, desk: Desk, funding: Funding, attesting: Attesting) -> None:
        self._desk = desk
        self._funding = funding
        self._attesting = attesting
        self._appliers: Mapping[str, Callable[[Session, Trade, ChainEvent], None]] = {
            "TradeFunded": self._funded,
            "AttestationRecorded": self._attested,
            "EquivocationRecorded": self._equivocated,
            "MilestoneDue": self._due,
            "MilestoneAccepted": self._final,
            "AwardMade": self._final,
            "DisputeRaised": self._disputed,
            "PaymentMade": self._paid,
            "MilestoneSettled": self._settled,
            "TradeClosed": self._closed,
        }

    def on_event(self, session: Session, event: ChainEvent) -> None:
        """Apply an event of a trade of this institution."""
        if event.contract == REGISTRY and event.name == "DigestRecorded":
            self._recorded(session, event)
        if event.contract != ESCROW or "trade_id" not in event.args:
            return
        find = self._desk.funded_version if event.name == "TradeFunded" else self._desk.by_trade_id
        trade = find(session, event.args["trade_id"])
        if trade is None:
            self._at_attester(session, event)
            return
        self._keep(session, event)
        applier = self._appliers.get(event.name)
        if applier is not None:
            applier(session, trade, event)
            self._announce(session, trade, event)

    def _funded(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        document = self._desk.document(session, trade)
        trade.state, trade.funded_at_s = store.FUNDED, event.block_time_s
        trade.funding_minor, trade.fund_failure = event.args["funding_amount"], None
        amounts = doc.milestone_amounts(document)
        for index, milestone in enumerate(document.milestones):
            session.add(
                MilestoneRow(
                    trade_id=trade.trade_id,
                    index=index,
                    kind=milestone.kind,
                    amount=amounts[index],
                    deadline_s=milestone.deadline_s,
                    silence_pays=milestone.silence == "pay",
                    dispute_s=document.windows.dispute_s,
                    award_s=document.windows.award_s,
                    state=store.PENDING,
                )
            )
        session.flush()
        if trade.importer_bank == self._desk.id:
            self._attesting.appoint(session, trade, document)
            self._funding.share_quotes(session, trade)

    def _attested(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._mark(session, event.args["signature_digest"], store.COUNTED)

    def _equivocated(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._mark(session, event.args["digest"], store.EQUIVOCATED)

    def _due(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.share_bps, row.due_at_s = event.args["share_bps"], event.args["due_at"]
        if row.state == store.PENDING:
            row.state = store.DUE

    def _final(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        self._milestone(session, event).state = store.FINAL

    def _disputed(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.disputed_at_s = store.DISPUTED, event.block_time_s

    def _paid(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Say in the books what a payment was for, where they are ours."""
        account, document = event.args["account"], self._desk.document(session, trade)
        if account not in self._desk.participants.account_names(session):
            return
        purposes = {payee.account: payee.purpose for payee in document.payees}
        try:
            self._desk.ledger.add_payment_memo(
                session,
                event,
                currency=document.invoice.currency,
                account=account,
                amount=event.args["amount"],
                purpose=purposes.get(account, "invoice"),
                trade_id=trade.reference,
                milestone=event.args["milestone"],
                text=document.invoice.number,
            )
        except NotBookedError:
            # Payer and payee share these books and the account: nothing moved that a statement would show.
            return

    def _settled(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        row = self._milestone(session, event)
        row.state, row.settled_at_s = store.SETTLED, event.block_time_s
        row.paid, row.refunded = event.args["paid"], event.args["refunded"]

    def _closed(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        trade.state, trade.closed_at_s = store.CLOSED, event.block_time_s
        trade.closed_cause = event.args["cause"]

    def _at_attester(self, session: Session, event: ChainEvent) -> None:
        """An attester keeps no trade, but learns what became of its own attestations."""
        if event.name == "AttestationRecorded":
            self._mark(session, event.args["signature_digest"], store.COUNTED)
        elif event.name == "EquivocationRecorded":
            self._mark(session, event.args["digest"], store.EQUIVOCATED)
        elif event.name == "MilestoneSettled":
            key = (event.args["trade_id"], event.args["milestone"])
            appointment = session.get(Appointment, key)
            if appointment is not None and appointment.settled_at_s is None:
                appointment.settled_at_s = event.block_time_s

    def _recorded(self, session: Session, event: ChainEvent) -> None:
        """Keep where an attester recorded a digest: its attestation may come later than the block."""
        recorder = self._desk.participants.directory.at_address(event.args["institution"])
        if recorder is None or Role.ATTESTER not in recorder.roles or not self._is_bank():
            return
        key = (event.args["institution"], event.args["digest"])
        if session.get(RecordedDigest, key) is None:
            session.add(
                RecordedDigest(
                    institution=key[0],
                    digest=key[1],
                    block_number=event.block_number,
                    tx_index=event.tx_index,
                    tx_hash=event.tx_hash,
                )
            )

    def _is_bank(self) -> bool:
        return Role.BANK in self._desk.participants.institution.roles

    def _mark(self, session: Session, digest: bytes, state: str) -> None:
        attestation = session.get(Attestation, digest)
        if attestation is not None:
            attestation.state, attestation.reason = state, None

    def _milestone(self, session: Session, event: ChainEvent) -> MilestoneRow:
        return session.get_one(MilestoneRow, (event.args["trade_id"], event.args["milestone"]))

    def _keep(self, session: Session, event: ChainEvent) -> None:
        session.add(
            EscrowEvent(
                trade_id=event.args["trade_id"],
                name=event.name,
                args={name: _shown(value) for name, value in event.args.items()},
                block_number=event.block_number,
                block_time_s=event.block_time_s,
                tx_hash=event.tx_hash,
                tx_index=event.tx_index,
                log_index=event.log_index,
            )
        )
        session.flush()

    def _announce(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Tell the parties' event streams what happened."""
        for side in self._desk.own_sides(trade):
            publish(
                session,
                kind=f"trade.{event.name}",
                owner=self._desk.customer_of(trade, side),
                body={"reference": trade.reference, **{name: _shown(item) for name, item in event.args.items()}},
                time_s=event.block_time_s,
            )


def events_of(session: Session, trade_id: bytes) -> list[EscrowEvent]:
    """Return a trade's events, oldest first."""
    wanted = select(EscrowEvent).where(EscrowEvent.trade_id == trade_id)
    return list(session.scalars(wanted.order_by(EscrowEvent.block_number, EscrowEvent.log_index)))


def _shown(value: Any) -> Any:
    match value:
        case bool() | str():
            return value
        case int():
            return str(value)
        case bytes():
            return "0x" + value.hex()
    return str(value)
