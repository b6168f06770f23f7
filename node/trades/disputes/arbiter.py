"""The arbiter's desk: the disputes put before it with their papers, and its awards.

What a bank says is believed as far as hashes on chain bear it out: the terms by the trade's id or its last amendment,
the reasons by the dispute's hash; time, milestone and party are the chain's own. An arbiter sees the cases whose terms
name it, nothing else.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.participants.directory import Role
from node.quotes.wire import hex_of, text_of, word_of
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.trades.acting.acts import VALID_S
from node.trades.context import ESCROW, PREFIX, Desk, require_followed
from node.trades.disputes.arbitration import AWARD, INVOICE, keep_reasons, last_amendment
from node.trades.errors import (
    OfferRejectedError,
    RejectedError,
    UnknownDisputeError,
    WrongStateError,
)
from node.trades.limits import JSON_BYTES_MAX, TERMS_BYTES_MAX, TEXT_LENGTH_MAX
from node.trades.logistics.attesting import EPCIS, STATEMENT
from node.trades.store import Case, Dispute, Document, Exhibit
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument
from node.web.events import publish

SUBJECT: Final = "#"
"""What marks an award's outbox reference, as it belongs to a dispute and not to a trade of this desk."""
WHOLE_BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case with what the chain says of its dispute."""

    case: Case
    dispute: Dispute
    document: TermsDocument
    exhibits: Sequence[Exhibit]

    @property
    def is_importers(self) -> bool:
        """Whether the importer raised it, else the exporter's side."""
        return self.dispute.party == self.document.importer.account


class Arbiter:
    """Cases, at an institution with role ARBITER."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_case(self, session: Session, message: Message) -> None:
        """Take a case from one of the trade's banks; others' copies add nothing but what is missing.

        Of an assignee's dispute its bank puts it before the arbiter too, and gets the award: only who raised it knows
        what hashes to what the chain names.

        Raises:
            UnavailableError: this desk has not followed the chain as far as the dispute yet.
            OfferRejectedError: no such dispute, terms that are not this trade's or name another arbiter, reasons that
                are not those of the dispute, or a sender that is no bank of the trade and brings none.
        """
        body = message.body
        digest, dispute = self._dispute(session, message)
        document = _document(body.get("document"))
        self._require_in_force(session, dispute, document, body.get("funded_document"))
        if document.arbiter.institution != self._desk.id:
            raise OfferRejectedError("document.arbiter", self._desk.id, document.arbiter.institution)
        banks = {document.importer.bank, document.exporter.bank}
        reasons = body.get("reasons")
        if message.sender not in banks and not (reasons is not None and self._may_hold_the_key(message, dispute)):
            expected = f"{' or '.join(sorted(banks))}, or the bank of who raised it, with its reasons"
            raise OfferRejectedError("sender", expected, message.sender)
        version = _whole("milestone_version", body.get("milestone_version"))
        case = session.get(Case, digest)
        if case is None:
            case = Case(
                digest=digest,
                reference=document.reference,
                trade_id=dispute.trade_id,
                milestone=dispute.milestone,
                milestone_hash=doc.milestone_hash(document, dispute.milestone, version),
                banks=sorted(banks),
                document=doc.canonical(document),
                award_by_s=(dispute.raised_at_s or 0) + document.windows.award_s,
            )
            session.add(case)
            self._tell(session, case)
        if message.sender not in case.banks:
            case.banks = sorted({*case.banks, message.sender})
        if reasons is not None:
            keep_reasons(session, dispute, text_of(reasons, "reasons", length_max=TEXT_LENGTH_MAX))

    def on_exhibit(self, session: Session, message: Message) -> None:
        """Keep a document of a case."""
        body = message.body
        digest, _ = self._dispute(session, message)
        case = session.get(Case, digest)
        if case is None or message.sender not in case.banks:
            raise OfferRejectedError("dispute", "a case of the sender", message.sender)
        kind = text_of(body.get("kind"), "kind", length_max=20)
        if kind not in (INVOICE, EPCIS, STATEMENT):
            raise OfferRejectedError("kind", f"{INVOICE}, {EPCIS} or {STATEMENT}", kind)
        content = _content(body.get("content"))
        sha = sha256(content).digest()
        if session.get(Exhibit, (digest, sha)) is not None:
            return
        session.merge(Document(sha256=sha, kind=kind, content=content))
        summary = text_of(body.get("summary"), "summary", length_max=500)
        session.add(Exhibit(digest=digest, sha256=sha, kind=kind, summary=summary, sent_by=message.sender))

    def cases(self, session: Session) -> list[OpenCase]:
        """Return the cases that the chain confirms, the earliest to be awarded first."""
        wanted = select(Case, Dispute).join(Dispute, Dispute.digest == Case.digest)
        rows = session.execute(wanted.where(Dispute.raised_at_s.is_not(None)).order_by(Case.award_by_s)).all()
        return [self._open(session, case, dispute) for case, dispute in rows]

    def case(self, session: Session, digest: bytes) -> OpenCase:
        """Return one case, or raise UnknownDisputeError."""
        case, dispute = session.get(Case, digest), session.get(Dispute, digest)
        if case is None or dispute is None or dispute.raised_at_s is None:
            raise UnknownDisputeError(hex_of(digest))
        return self._open(session, case, dispute)

    def exhibit(self, session: Session, digest: bytes, sha: bytes) -> bytes:
        """Return a document of a case."""
        if session.get(Exhibit, (digest, sha)) is None:
            raise UnknownDisputeError(f"{hex_of(digest)}, document {sha.hex()}")
        return session.get_one(Document, sha).content

    def award(self, session: Session, digest: bytes, share_bps: int, reasons: str, now_s: int) -> OpenCase:
        """Decide: send the share of the whole milestone that the exporter's side gets, with the hash of the reasons.

        The institution's own transaction carries it, so the chain needs no signature beside. Asking again for the
        same award while it is on its way changes nothing.

        Raises:
            UnknownDisputeError: no case of this arbiter.
            RejectedError: a share out of range, or no reasons.
            WrongStateError: awarded already, or the time for it is over.
        """
        found = self.case(session, digest)
        text = reasons.strip()
        if not 0 <= share_bps <= WHOLE_BPS:
            raise RejectedError("share_bps", f"0 to {WHOLE_BPS} basis points", share_bps)
        if not 0 < len(text) <= TEXT_LENGTH_MAX:
            raise RejectedError("reasons", f"text of 1 to {TEXT_LENGTH_MAX} characters", f"{len(text)} characters")
        dispute = found.dispute
        reason_hash = sha256(text.encode()).digest()
        if dispute.share_bps is not None:
            if dispute.awarded_at_s is None and (dispute.share_bps, dispute.award_hash) == (share_bps, reason_hash):
                return found
            raise WrongStateError("dispute", "one without an award; an award is final", f"{dispute.share_bps} bps")
        if now_s > found.case.award_by_s:
            expected = f"ledger time up to {doc.shown_time(found.case.award_by_s)}; what was due stands now"
            raise WrongStateError("dispute", expected, doc.shown_time(now_s))
        dispute.share_bps, dispute.award_hash, dispute.award_reasons = share_bps, reason_hash, text
        consent = {"valid_until": now_s + VALID_S, "action": secrets.randbits(62), "signature": b""}
        outbox.enqueue(
            session,
            contract=ESCROW,
            function="award",
            args=(found.case.trade_id, found.case.milestone, share_bps, reason_hash, consent),
            reference=f"{PREFIX}{SUBJECT}{digest.hex()}:award",
        )
        return found

    def on_outcome(self, session: Session, row: OutboxRow, digest: bytes) -> None:
        """Send the reasons of an award to both banks; a refused award may be made again."""
        dispute, case = session.get_one(Dispute, digest), session.get_one(Case, digest)
        if row.state == outbox.CONFIRMED:
            for bank in case.banks:
                self._desk.messages.send(
                    session,
                    to=bank,
                    kind=AWARD,
                    message_id=f"award/{digest.hex()}/{bank}",
                    thread=case.reference,
                    body={"dispute": hex_of(digest), "reasons": dispute.award_reasons},
                )
            return
        if dispute.awarded_at_s is None:
            dispute.share_bps = dispute.award_hash = dispute.award_reasons = None
        body = {"reference": case.reference, "dispute": hex_of(digest), "reason": row.reason}
        publish(session, kind="dispute.award_refused", owner=None, body=body, time_s=booked_until_s(session))

    def _open(self, session: Session, case: Case, dispute: Dispute) -> OpenCase:
        wanted = select(Exhibit).where(Exhibit.digest == case.digest).order_by(Exhibit.kind, Exhibit.sha256)
        return OpenCase(case, dispute, doc.parse_document(case.document), session.scalars(wanted).all())

    def _dispute(self, session: Session, message: Message) -> tuple[bytes, Dispute]:
        """Return the dispute that a message is about, as the chain has told of it."""
        require_followed(session, message.body.get("block"))
        digest = word_of(message.body.get("dispute"), "dispute")
        dispute = session.get(Dispute, digest)
        if dispute is None or dispute.raised_at_s is None:
            raise OfferRejectedError("dispute", "a dispute that the chain has taken", hex_of(digest))
        return digest, dispute

    def _may_hold_the_key(self, message: Message, dispute: Dispute) -> bool:
        """Tell whether the sender can keep the key that raised a dispute: its own account's, or as a bank anyone's."""
        sender = self._desk.participants.directory.institution(message.sender)
        return sender.address == dispute.party or Role.BANK in sender.roles

    def _require_in_force(self, session: Session, dispute: Dispute, document: TermsDocument, funded: Any) -> None:
        """Compare terms with what the chain says of them: the last amendment, or else the trade's id."""
        struct = doc.build_struct(document, self._desk.deployment)
        amended = last_amendment(session, dispute.trade_id)
        if amended is not None:
            if typed_data.hash_struct("Terms", struct) != amended:
                raise OfferRejectedError("document", "the terms of the trade's last amendment", "others")
            document = _document(funded)
        if doc.trade_id(document, self._desk.deployment) != dispute.trade_id:
            raise OfferRejectedError("document", "the terms of that trade id", "others")

    def _tell(self, session: Session, case: Case) -> None:
        body: dict[str, Any] = {
            "reference": case.reference,
            "dispute": hex_of(case.digest),
            "milestone": case.milestone,
            "by_s": case.award_by_s,
        }
        publish(session, kind="dispute.award_wanted", owner=None, body=body, time_s=booked_until_s(session))


def _document(value: Any) -> TermsDocument:
    return doc.parse_document(text_of(value, "document", length_max=TERMS_BYTES_MAX).encode())


def _whole(field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise OfferRejectedError(field, "a whole number", value)
    return value


def _content(value: Any) -> bytes:
    try:
        return base64.b64decode(text_of(value, "content", length_max=2 * JSON_BYTES_MAX), validate=True)
    except binascii.Error as error:
        raise OfferRejectedError("content", "base64", str(error)) from error
