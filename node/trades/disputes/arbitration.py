"""Disputes at the banks: what the chain says of them, and the papers that both banks put before the arbiter.

Reasons and documents never go on chain, only their hashes do; whoever receives them compares.
"""

import base64
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from node.messages.ports import Message
from node.quotes.wire import hex_of, text_of, word_of
from node.trades.context import Desk
from node.trades.errors import OfferRejectedError
from node.trades.limits import TEXT_LENGTH_MAX
from node.trades.store import Attestation, Dispute, Document, EscrowEvent, MilestoneRow, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

CASE: Final = "trades.case"
EXHIBIT: Final = "trades.exhibit"
REASONS: Final = "trades.reasons"
AWARD: Final = "trades.award"
INVOICE: Final = "invoice"


class Arbitration:
    """Disputes of this institution's trades."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_raised(self, session: Session, event: ChainEvent) -> None:
        """Keep a dispute that the chain has taken; reasons that are not those it names fall."""
        args = event.args
        row = self._row(session, args["digest"], args["reason_hash"])
        if row.reasons is not None and sha256(row.reasons.encode()).digest() != args["reason_hash"]:
            row.reasons = None
        row.trade_id, row.milestone, row.party = args["trade_id"], args["milestone"], args["party"]
        row.reason_hash, row.raised_at_s = args["reason_hash"], event.block_time_s
        session.flush()

    def on_awarded(self, session: Session, event: ChainEvent) -> None:
        """Keep what the arbiter decided of a milestone's open dispute."""
        row = latest(session, event.args["trade_id"], event.args["milestone"])
        if row is None:
            return
        if row.award_reasons is not None and sha256(row.award_reasons.encode()).digest() != event.args["reason_hash"]:
            row.award_reasons = None
        row.share_bps, row.award_hash = event.args["share_bps"], event.args["reason_hash"]
        row.awarded_at_s = event.block_time_s

    def put_before(self, session: Session, trade: Trade, row: MilestoneRow, event: ChainEvent) -> None:
        """Send the arbiter the terms, the reasons if they are known here, and every document about the milestone.

        The reasons go to the trade's other institutions too. An assignee's bank puts forward what its customer raised,
        and leaves the documents to the trade's banks.
        """
        document, digest = self._desk.document(session, trade), event.args["digest"]
        dispute = session.get_one(Dispute, digest)
        if dispute.reasons is not None:
            told = {"reference": trade.reference, "dispute": hex_of(digest), "reasons": dispute.reasons}
            for partner in self._desk.partners(session, trade):
                message_id = f"reasons/{digest.hex()}/{partner}"
                self._desk.messages.send(
                    session, to=partner, kind=REASONS, message_id=message_id, body=told, thread=trade.reference
                )
        is_banks = bool(self._desk.own_sides(trade))
        if dispute.reasons is None and not is_banks:
            return
        self._send(
            session,
            document,
            CASE,
            f"case/{digest.hex()}/{self._desk.id}",
            {
                "dispute": hex_of(digest),
                "trade_id": hex_of(trade.trade_id or b""),
                "milestone": row.index,
                "milestone_version": row.terms_version,
                "document": doc.canonical(document).decode(),
                "funded_document": self._funded_document(session, trade),
                "reasons": dispute.reasons,
                "block": event.block_number,
            },
        )
        for kind, summary, content in self._exhibits(session, trade, row) if is_banks else ():
            body = {
                "dispute": hex_of(digest),
                "kind": kind,
                "summary": summary,
                "content": base64.b64encode(content).decode(),
                "block": event.block_number,
            }
            message_id = f"exhibit/{digest.hex()}/{sha256(content).hexdigest()}/{self._desk.id}"
            self._send(session, document, EXHIBIT, message_id, body)

    def on_reasons(self, session: Session, message: Message) -> None:
        """Keep the reasons that another institution of the trade gives for its dispute."""
        trade = self._desk.trade(session, text_of(message.body.get("reference"), "reference"))
        if message.sender not in self._desk.partners(session, trade):
            raise OfferRejectedError("sender", "an institution that keeps a key of the trade", message.sender)
        reasons = text_of(message.body.get("reasons"), "reasons", length_max=TEXT_LENGTH_MAX)
        digest = word_of(message.body.get("dispute"), "dispute")
        keep_reasons(session, self._row(session, digest, sha256(reasons.encode()).digest()), reasons)

    def on_award(self, session: Session, message: Message) -> None:
        """Keep the arbiter's reasons."""
        row = session.get(Dispute, word_of(message.body.get("dispute"), "dispute"))
        trade = None if row is None else self._desk.by_trade_id(session, row.trade_id)
        if row is None or trade is None:
            raise OfferRejectedError("dispute", "a dispute of a trade of this bank", message.body.get("dispute"))
        arbiter = self._desk.document(session, trade).arbiter.institution
        if message.sender != arbiter:
            raise OfferRejectedError("sender", arbiter, message.sender)
        reasons = text_of(message.body.get("reasons"), "reasons", length_max=TEXT_LENGTH_MAX)
        if row.award_hash not in (None, sha256(reasons.encode()).digest()):
            raise OfferRejectedError("reasons", "those whose hash is on chain", "others")
        row.award_reasons = reasons

    def disputes(self, session: Session, trade: Trade) -> list[Dispute]:
        """Return the disputes of a trade that the chain has taken, the oldest first."""
        wanted = select(Dispute).where(Dispute.trade_id == trade.trade_id, Dispute.raised_at_s.is_not(None))
        return list(session.scalars(wanted.order_by(Dispute.raised_at_s, Dispute.milestone)))

    def _row(self, session: Session, digest: bytes, reason_hash: bytes) -> Dispute:
        row = session.get(Dispute, digest)
        if row is None:
            row = Dispute(digest=digest, trade_id=bytes(32), milestone=0, reason_hash=reason_hash)
            session.add(row)
        return row

    def _exhibits(self, session: Session, trade: Trade, row: MilestoneRow) -> list[tuple[str, str, bytes]]:
        found = []
        invoice = self._desk.version(session, trade).invoice
        if invoice is not None:
            found.append((INVOICE, "invoice of the trade", invoice))
        wanted = select(Attestation).where(Attestation.trade_id == trade.trade_id, Attestation.milestone == row.index)
        for item in session.scalars(wanted.order_by(Attestation.signed_at_s, Attestation.attester)):
            outcome = "fulfilled" if item.message["outcome"] == "1" else "failed"
            content = session.get_one(Document, bytes.fromhex(item.message["evidence_hash"][2:])).content
            summary = f"{item.attester}: {outcome}, {item.message['share_bps']} basis points; {item.summary}"[:500]
            found.append((item.source, summary, content))
        return found

    def _funded_document(self, session: Session, trade: Trade) -> str | None:
        """Return the terms that the trade's id is the digest of, None where those in force are."""
        if (trade.chain_version or doc.FUNDED_VERSION) == doc.FUNDED_VERSION:
            return None
        wanted = select(TermsVersion).where(TermsVersion.trade_id == trade.trade_id)
        found = session.scalar(wanted.order_by(TermsVersion.version).limit(1))
        return None if found is None else found.document.decode()

    def _send(
        self, session: Session, document: TermsDocument, kind: str, message_id: str, body: dict[str, Any]
    ) -> None:
        self._desk.messages.send(
            session,
            to=document.arbiter.institution,
            kind=kind,
            message_id=message_id,
            body=body,
            thread=document.reference,
        )


def keep_reasons(session: Session, row: Dispute, reasons: str) -> None:
    """Store the reasons of a dispute.

    Raises:
        OfferRejectedError: the chain names others.
    """
    if row.reason_hash != sha256(reasons.encode()).digest():
        raise OfferRejectedError("reasons", "those whose hash is on chain", "others")
    row.reasons = reasons
    session.flush()


def latest(session: Session, trade_id: bytes, milestone: int) -> Dispute | None:
    """Return the last dispute about a milestone that the chain has taken."""
    wanted = select(Dispute).where(
        Dispute.trade_id == trade_id, Dispute.milestone == milestone, Dispute.raised_at_s.is_not(None)
    )
    return session.scalar(wanted.order_by(Dispute.raised_at_s.desc()).limit(1))


def last_amendment(session: Session, trade_id: bytes) -> bytes | None:
    """Return the hash of the terms that a trade's last amendment put in force, None if it was never amended."""
    wanted = select(EscrowEvent).where(EscrowEvent.trade_id == trade_id, EscrowEvent.name == "TradeAmended")
    found = session.scalar(wanted.order_by(EscrowEvent.block_number.desc(), EscrowEvent.log_index.desc()).limit(1))
    return None if found is None else word_of(found.args["terms_hash"], "terms_hash")
