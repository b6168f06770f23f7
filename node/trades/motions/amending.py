"""Changing the terms of a funded trade: one side proposes a whole document, the other agrees, the chain takes it.

Settled milestones stay as they are; one whose terms change is pending again and what was attested of it falls. Under a
lock its provider is asked where more is needed of it, or for longer. The importer's bank collects and sends.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.quotes.wire import bytes_of, text_of
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.agreement.negotiating import Papers
from node.trades.agreement.versions import VERSIONS_MAX, check_invoice, document_of, invoice_of, require_same_parties
from node.trades.context import SIDES, Actor, Desk
from node.trades.errors import OfferRejectedError, WrongStateError
from node.trades.motions.amendment import Plan, amend_document, check_amendment, plan_of
from node.trades.motions.asking import Answer, increase_of
from node.trades.motions.collecting import AMEND as AMEND_TYPE
from node.trades.motions.collecting import Increase, Motions, consent_of, signature_body
from node.trades.standing.milestones import milestone_rows
from node.trades.store import FxLeg, Motion, MotionSignature, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

AMEND: Final = "trades.amend"
AGREED: Final = "trades.amend_agreed"
NAME: Final = "amend"
_NOTHING: Final = {"valid_until": 0, "signature": b""}
"""In the place of an increase that is not needed, before one that is."""


class Amending:
    """Amendments, at both banks."""

    def __init__(self, desk: Desk, motions: Motions) -> None:
        self._desk = desk
        self._motions = motions
        motions.register(AMEND_TYPE, self._call, self._provider_increase)

    def propose(
        self,
        session: Session,
        reference: str,
        papers: Papers,
        actor: Actor,
        side: str | None,
        now_s: int,
        *,
        ask_provider: bool = False,
    ) -> Trade:
        """Propose other terms for a funded trade, and sign them for one side.

        Args:
            ask_provider: Of a lock: ask its provider, although the change could do without it for the cancel fee.

        Raises:
            TermsRejectedError, InvoiceRejectedError: what must change, by field.
            WrongStateError: the trade is not funded, or an amendment is on its way.
        """
        trade = self._desk.trade_of(session, reference, actor)
        signer = self._desk.acting_side(trade, actor, side)
        before = self._funded(session, trade)
        known = self._desk.version(session, trade)
        invoice = known.invoice if papers.invoice is None else papers.invoice
        rows, context = milestone_rows(session, trade), self._desk.checking(session, now_s)
        document = amend_document(papers.terms, invoice, before, context)
        if not doc.changes(before, document):
            raise WrongStateError("terms", "terms that differ from those in force", "the same")
        check_amendment(before, document, rows, context)
        check_invoice(document, invoice)
        if document.open_accounts():
            path = document.open_accounts()[0]
            raise WrongStateError(path, "an account: name it for a payee that was not in the terms", "none")
        motion = self._store(session, trade, document, invoice, signer, ask_provider, now_s)
        row = self._sign(session, trade, motion, before, document, signer, actor, now_s)
        body: dict[str, object] = {
            "reference": reference,
            "side": signer,
            "document": doc.canonical(document).decode(),
            "invoice": None if invoice is None else base64.b64encode(invoice).decode(),
            "ask_provider": motion.ask_provider,
            "signed": signature_body(row),
        }
        self._desk.tell(session, trade, AMEND, f"amend/{reference}/{signer}/{row.action}", body)
        self._motions.proceed(session, trade, motion, now_s)
        return trade

    def agree(self, session: Session, reference: str, actor: Actor, side: str | None, now_s: int) -> Trade:
        """Sign the amendment on the table for one side; agreeing twice changes nothing.

        Raises:
            WrongStateError: no amendment is on the table.
        """
        trade = self._desk.trade_of(session, reference, actor)
        signer = self._desk.acting_side(trade, actor, side)
        before = self._funded(session, trade)
        motion = self._motions.find(session, trade, NAME)
        if motion is None:
            raise WrongStateError("amendment", "one that the other side has proposed", "none")
        if motion.state == store.QUEUED:
            return trade
        document = self._proposed(session, motion)
        check_amendment(before, document, milestone_rows(session, trade), self._desk.checking(session, now_s))
        row = self._sign(session, trade, motion, before, document, signer, actor, now_s)
        body: dict[str, object] = {
            "reference": reference,
            "side": signer,
            "document_hash": motion.content["document_hash"],
            "signed": signature_body(row),
        }
        self._desk.tell(session, trade, AGREED, f"amend-agreed/{reference}/{signer}/{row.action}", body)
        self._motions.proceed(session, trade, motion, now_s)
        return trade

    def on_amend(self, session: Session, message: Message) -> None:
        """Take a proposal from the other side's bank; two at once: the importer's stands, on both sides."""
        body, now_s = message.body, booked_until_s(session)
        document = document_of(body)
        trade = self._desk.trade(session, document.reference)
        before = self._funded(session, trade)
        side = self._require_side(message, before)
        found = self._motions.find(session, trade, NAME)
        if found is not None and found.proposed_by != side and side == "exporter":
            # Ours crossed theirs: the importer's stands until it is agreed or replaced by its side.
            return
        require_same_parties(before, document)
        check_amendment(before, document, milestone_rows(session, trade), self._desk.checking(session, now_s))
        invoice = invoice_of(body)
        check_invoice(document, invoice)
        asks = body.get("ask_provider") is True
        motion = self._store(session, trade, document, invoice, side, asks, now_s)
        self._motions.take(session, trade, motion, Answer.parse(body.get("signed")), message.sender, now_s)

    def on_agreed(self, session: Session, message: Message) -> None:
        """Take the other side's signature under the amendment on the table."""
        body, now_s = message.body, booked_until_s(session)
        trade = self._desk.trade(session, text_of(body.get("reference"), "reference"))
        self._require_side(message, self._funded(session, trade))
        motion = self._motions.find(session, trade, NAME)
        if motion is None or motion.content["document_hash"] != body.get("document_hash"):
            # It agreed to a proposal that has been replaced meanwhile.
            return
        self._motions.take(session, trade, motion, Answer.parse(body.get("signed")), message.sender, now_s)
        self._motions.proceed(session, trade, motion, now_s)

    def proposed(self, session: Session, trade: Trade) -> list[tuple[str, Any, Any]]:
        """Return what the amendment on the table changes, nothing if there is none."""
        motion = self._motions.find(session, trade, NAME)
        if motion is None:
            return []
        return doc.changes(self._desk.document(session, trade), self._proposed(session, motion))

    def _funded(self, session: Session, trade: Trade) -> TermsDocument:
        if trade.state != store.FUNDED:
            raise WrongStateError("state", "a funded trade; counter one that is not funded yet", trade.state)
        return self._desk.document(session, trade)

    def _proposed(self, session: Session, motion: Motion) -> TermsDocument:
        row = session.get_one(TermsVersion, (motion.reference, motion.terms_version))
        return doc.parse_document(row.document)

    def _store(
        self,
        session: Session,
        trade: Trade,
        document: TermsDocument,
        invoice: bytes | None,
        side: str,
        ask_provider: bool,
        now_s: int,
    ) -> Motion:
        """Keep a proposal as the next version and open the motion about it."""
        content = {"document_hash": doc.document_hash(document).hex()}
        found = self._motions.find(session, trade, NAME)
        if found is not None and found.content == content:
            return found
        newest = session.scalar(select(func.max(TermsVersion.version)).where(TermsVersion.reference == trade.reference))
        number = (newest or trade.version) + 1
        if number > VERSIONS_MAX:
            raise WrongStateError("version", f"at most {VERSIONS_MAX} versions of one trade", number)
        plan = self._plan(session, trade, self._desk.document(session, trade), document)
        motion = self._motions.put(
            session,
            trade,
            NAME,
            AMEND_TYPE,
            content,
            side,
            now_s,
            ask_provider=plan.has_provider and (ask_provider or plan.needs_provider),
            terms_version=number,
        )
        session.add(
            TermsVersion(
                reference=trade.reference,
                version=number,
                proposed_by=side,
                trade_id=None,
                document=doc.canonical(document),
                invoice=invoice,
                proposed_at_s=now_s,
            )
        )
        session.flush()
        return motion

    def _sign(
        self,
        session: Session,
        trade: Trade,
        motion: Motion,
        before: TermsDocument,
        document: TermsDocument,
        side: str,
        actor: Actor,
        now_s: int,
    ) -> MotionSignature:
        """Sign for a side; the importer's signature brings what its hold has to grow by."""
        increase = None
        if side == "importer":
            grown = self._plan(session, trade, before, document).importer_increase
            if grown is not None:
                increase = increase_of(
                    self._desk,
                    session,
                    trade.importer,
                    trade.trade_id or b"",
                    grown.currency,
                    grown.added,
                    grown.expires_at_s,
                    actor,
                    now_s,
                )
        owner = self._desk.customer_of(trade, side)
        return self._motions.sign(session, trade, motion, owner, actor.name, now_s, increase)

    def _plan(self, session: Session, trade: Trade, before: TermsDocument, after: TermsDocument) -> Plan:
        return plan_of(before, after, milestone_rows(session, trade), session.get(FxLeg, trade.trade_id))

    def _provider_increase(self, session: Session, trade: Trade, motion: Motion) -> Increase | None:
        before = self._desk.document(session, trade)
        return self._plan(session, trade, before, self._proposed(session, motion)).provider_increase

    def _require_side(self, message: Message, document: TermsDocument) -> str:
        side = text_of(message.body.get("side"), "side", length_max=8)
        if side not in SIDES or document.side(side).bank != message.sender:
            raise OfferRejectedError("side", f"the side whose bank is {message.sender}", side)
        return side

    def _call(
        self, session: Session, trade: Trade, motion: Motion, given: Mapping[str, MotionSignature]
    ) -> tuple[str, tuple[Any, ...]]:
        consents: dict[str, list[dict[str, Any]]] = {"importer": [], "holder": [], "provider": []}
        increases: dict[str, dict[str, Any]] = {}
        for signer in self._motions.signers(session, trade, motion):
            row = given[signer.account]
            consents[signer.role].append(consent_of(row))
            if row.increase is not None:
                increases[signer.role] = {
                    "valid_until": int(row.increase["valid_until"]),
                    "signature": bytes_of(row.increase["signature"], "signature"),
                }
        grown = [increases.get("importer", _NOTHING), increases.get("provider", _NOTHING)]
        terms = self._motions.message(session, trade, motion)["terms"]
        return "amend", (
            terms,
            consents["importer"][0],
            consents["holder"],
            consents["provider"],
            grown if increases else [],
        )
