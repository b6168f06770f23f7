"""What this slice holds about a customer: its trades with their terms, invoices, documents and payment messages."""

from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from node.messages.personal import erase_thread
from node.trades.context import Desk
from node.trades.payments.store import TradeMessage, messages_of
from node.trades.store import (
    CLOSED,
    WITHDRAWN,
    Attestation,
    Consent,
    Dispute,
    Document,
    FxLeg,
    MilestoneRow,
    Motion,
    MotionSignature,
    SignatureRequest,
    Step,
    TermsVersion,
    Told,
    Trade,
    TradeQuote,
)

_OVER: Final = (CLOSED, WITHDRAWN)
_BY_REFERENCE: Final = (TermsVersion, Consent, Motion, MotionSignature, SignatureRequest, Told, Step, TradeMessage)
_BY_TRADE: Final = (MilestoneRow, FxLeg, TradeQuote, Dispute)


class TradeKeeper:
    """Trades. The chain's events stay: they name accounts, amounts and hashes."""

    name = "trades"

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        """Return the trades that still run."""
        return [
            f"the trade {trade.reference} is {trade.state}"
            for trade in self._of(session, customer_id)
            if trade.state not in _OVER
        ]

    def export(self, session: Session, customer_id: str) -> Any:
        return [
            {
                "trade": trade.shown(),
                "versions": [row.shown() for row in self._versions(session, trade)],
                "messages": [row.shown() for row in messages_of(session, trade.reference)],
                "attestations": [row.shown() for row in self._attestations(session, trade)],
                "documents": [row.shown() for row in self._documents(session, trade)],
            }
            for trade in self._of(session, customer_id)
        ]

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """Nothing acts here: a trade that runs is an obstacle."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        """Forget the trades in which nobody else of this institution takes part."""
        for trade in self._of(session, customer_id):
            if self._is_anothers(session, trade, customer_id):
                continue
            for document in self._documents(session, trade):
                session.delete(document)
            for table in _BY_REFERENCE:
                session.execute(delete(table).where(table.reference == trade.reference))
            for one in _BY_TRADE:
                session.execute(delete(one).where(one.trade_id == trade.trade_id))
            session.execute(delete(Attestation).where(Attestation.trade_id == trade.trade_id))
            erase_thread(session, trade.reference)
            session.delete(trade)

    def _of(self, session: Session, customer_id: str) -> list[Trade]:
        own = self._desk.id
        is_importer = (Trade.importer == customer_id) & (Trade.importer_bank == own)
        is_exporter = (Trade.exporter == customer_id) & (Trade.exporter_bank == own)
        return list(session.scalars(select(Trade).where(is_importer | is_exporter).order_by(Trade.reference)))

    def _is_anothers(self, session: Session, trade: Trade, customer_id: str) -> bool:
        """Tell whether the other side is a customer of this institution that it has not forgotten."""
        own = self._desk.id
        if (trade.importer_bank, trade.exporter_bank) != (own, own):
            return False
        other = trade.exporter if trade.importer == customer_id else trade.importer
        known = {customer.id: customer.name for customer in self._desk.participants.customers(session)}
        return bool(known.get(other))

    def _versions(self, session: Session, trade: Trade) -> list[TermsVersion]:
        wanted = select(TermsVersion).where(TermsVersion.reference == trade.reference)
        return list(session.scalars(wanted.order_by(TermsVersion.version)))

    def _attestations(self, session: Session, trade: Trade) -> list[Attestation]:
        return list(session.scalars(select(Attestation).where(Attestation.trade_id == trade.trade_id)))

    def _documents(self, session: Session, trade: Trade) -> list[Document]:
        """Return what the attestations of a trade rest on."""
        hashes = [
            bytes.fromhex(str(row.message["evidence_hash"]).removeprefix("0x"))
            for row in self._attestations(session, trade)
        ]
        return list(session.scalars(select(Document).where(Document.sha256.in_(hashes))))
