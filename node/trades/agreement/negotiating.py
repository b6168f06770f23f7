"""From a draft to terms that both sides have signed; the two banks keep one history of versions.

A bank drafts or counters for its customer and offers the version to the other bank, which fills in the accounts it
answers for and sends them back. A signature binds one version; a new version needs both signatures again.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.quotes.wire import bytes_of, hex_of, integer_of, text_of, word_of
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.agreement.versions import (
    VERSIONS_MAX,
    check_invoice,
    document_of,
    fill_in,
    invoice_of,
    is_completed,
    known_accounts,
    new_trade,
    require_open,
    require_same_parties,
    version_of,
)
from node.trades.context import ESCROW, SIDES, Actor, Desk
from node.trades.errors import NotPermittedError, OfferRejectedError, WrongStateError
from node.trades.store import Consent, TermsVersion, Trade
from node.trades.terms import document as doc
from node.trades.terms.checks import check_document, check_purpose
from node.trades.terms.document import TermsDocument
from node.trades.terms.written import check_terms, parse_terms
from node.web.events import publish
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

OFFER: Final = "trades.offer"
COMPLETED: Final = "trades.completed"
CONSENT: Final = "trades.consent"
WITHDRAW: Final = "trades.withdraw"
CONSENT_TYPE: Final = "Consent"


@dataclass(frozen=True, slots=True)
class Papers:
    """What a party brings to a draft or counter-offer."""

    terms: bytes
    """TOML."""
    invoice: bytes | None = None
    """UBL 2.1 XML; a counter-offer keeps the last one if it still agrees."""


class Agreement:
    """Versions and signatures."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def draft(self, session: Session, papers: Papers, actor: Actor, side: str | None, now_s: int) -> Trade:
        """Open a trade with version 1 and offer it to the other bank.

        Raises:
            TermsRejectedError, InvoiceRejectedError: what must change, by field.
            WrongStateError: the reference is in use.
            NotPermittedError: the actor is no party to these terms.
        """
        document = self._checked(session, papers, None, now_s)
        if session.get(Trade, document.reference) is not None:
            raise WrongStateError("reference", "a new reference; counter to change a trade", document.reference)
        trade = new_trade(document, now_s)
        proposer = self._desk.acting_side(trade, actor, side)
        session.add(trade)
        self._propose(session, trade, 1, proposer, document, papers.invoice, now_s)
        return trade

    def counter(
        self, session: Session, reference: str, papers: Papers, actor: Actor, side: str | None, now_s: int
    ) -> Trade:
        """Answer with another version of the terms.

        Raises:
            WrongStateError: the terms are agreed, or as many versions as allowed were exchanged.
        """
        trade = self._desk.trade_of(session, reference, actor)
        proposer = self._desk.acting_side(trade, actor, side)
        require_open(trade, "a trade that is being negotiated")
        if trade.version >= VERSIONS_MAX:
            raise WrongStateError("version", f"at most {VERSIONS_MAX} versions", trade.version)
        before = self._desk.version(session, trade)
        known = doc.parse_document(before.document)
        invoice = before.invoice if papers.invoice is None else papers.invoice
        document = self._checked(session, Papers(papers.terms, invoice), known, now_s)
        require_same_parties(known, document)
        if not doc.changes(known, document):
            raise WrongStateError("terms", "terms that differ from the version on the table", "the same")
        self._propose(session, trade, trade.version + 1, proposer, document, invoice, now_s)
        return trade

    def sign(self, session: Session, reference: str, actor: Actor, side: str | None, now_s: int) -> Trade:
        """Sign the latest version for a customer whose key this bank keeps; signing twice changes nothing.

        Raises:
            TermsRejectedError: an account is still open, or the terms' time is over.
            WrongStateError: the trade is past agreement.
        """
        trade = self._desk.trade_of(session, reference, actor)
        signer = self._desk.acting_side(trade, actor, side)
        key = (reference, trade.version, signer, CONSENT_TYPE)
        if session.get(Consent, key) is not None:
            return trade
        require_open(trade, "a trade that is being negotiated")
        document = self._desk.document(session, trade)
        check_document(document, self._desk.checking(session, now_s))
        valid_until, action = document.fund_by_s, secrets.randbits(62)
        struct = doc.build_struct(document, self._desk.deployment)
        signature = self._desk.participants.sign_typed(
            session,
            signer=self._desk.customer_of(trade, signer),
            domain=self._desk.deployment.domain(ESCROW),
            primary_type=CONSENT_TYPE,
            message={"terms": struct, "valid_until": valid_until, "action": action},
            given_by=actor.name,
            now_s=now_s,
        )
        consent = Consent(
            reference=reference,
            version=trade.version,
            side=signer,
            kind=CONSENT_TYPE,
            valid_until_s=valid_until,
            action=action,
            signature=signature,
            given_by=actor.name,
            signed_at_s=now_s,
        )
        self._keep_consent(session, trade, consent)
        self._desk.tell(
            session,
            trade,
            CONSENT,
            f"consent/{reference}/{trade.version}/{signer}",
            {
                "reference": reference,
                "version": trade.version,
                "side": signer,
                "trade_id": hex_of(trade.trade_id or b""),
                "valid_until": str(valid_until),
                "action": str(action),
                "signature": hex_of(signature),
            },
        )
        return trade

    def withdraw(self, session: Session, reference: str, actor: Actor) -> Trade:
        """End the negotiation; nothing was funded, so nothing is owed."""
        trade = self._desk.trade_of(session, reference, actor)
        if not self._desk.sides_of(trade, actor):
            raise NotPermittedError("actor", "a party of the trade", actor.name)
        if trade.state not in (store.NEGOTIATING, store.AGREED):
            raise WrongStateError("state", "a trade that is not funded; cancel needs both parties", trade.state)
        trade.state = store.WITHDRAWN
        self._announce(session, trade, "withdrawn", {"by": actor.name})
        self._desk.tell(session, trade, WITHDRAW, f"withdraw/{reference}", {"reference": reference})
        return trade

    def on_offer(self, session: Session, message: Message) -> None:
        """Take a version from the other bank, fill in our customers' accounts and send them back."""
        body = message.body
        document = document_of(body)
        side = text_of(body.get("side"), "side", length_max=8)
        self._require_sender(message, document, side)
        version = version_of(body)
        now_s = self._now(session)
        trade = session.get(Trade, document.reference)
        if trade is None:
            if version != 1:
                raise OfferRejectedError("version", "1 for a trade that is new here", version)
            trade = new_trade(document, now_s)
            session.add(trade)
        elif not self._is_next(session, trade, document, version, side):
            return
        check_document(document, self._desk.checking(session, now_s))
        invoice = invoice_of(body)
        check_invoice(document, invoice)
        filled = self._filled(session, document, None, now_s)
        self._store(session, trade, version, side, filled, invoice, now_s)
        if filled != document:
            self._desk.tell(
                session,
                trade,
                COMPLETED,
                f"completed/{trade.reference}/{version}/{doc.document_hash(filled).hex()}",
                {
                    "reference": trade.reference,
                    "version": version,
                    "document": doc.canonical(filled).decode(),
                },
            )

    def on_completed(self, session: Session, message: Message) -> None:
        """Take the accounts that the other bank filled in; it may change nothing else."""
        document = document_of(message.body)
        trade = self._desk.trade(session, document.reference)
        if message.sender != self._desk.other_bank(trade) or version_of(message.body) != trade.version:
            # An answer to a version that has been replaced meanwhile.
            return
        ours = self._desk.document(session, trade)
        if not is_completed(ours, document, message.sender):
            raise OfferRejectedError("document", "our version with the other bank's accounts", "other changes")
        if trade.state != store.NEGOTIATING or not ours.open_accounts():
            return
        row = self._desk.version(session, trade)
        row.document = doc.canonical(document)
        self._identify(trade, row, document)

    def on_consent(self, session: Session, message: Message) -> None:
        """Take the other side's signature under a version; only the one on the table makes an agreement."""
        body = message.body
        trade = self._desk.trade(session, text_of(body.get("reference"), "reference"))
        side = text_of(body.get("side"), "side", length_max=8)
        row = session.get(TermsVersion, (trade.reference, version_of(body)))
        if row is None or word_of(body.get("trade_id"), "trade_id") != row.trade_id:
            raise OfferRejectedError("version", "a version of the terms that is known here", body.get("version"))
        document = doc.parse_document(row.document)
        self._require_sender(message, document, side)
        if session.get(Consent, (trade.reference, row.version, side, CONSENT_TYPE)) is not None:
            return
        consent = Consent(
            reference=trade.reference,
            version=row.version,
            side=side,
            kind=CONSENT_TYPE,
            valid_until_s=integer_of(body.get("valid_until"), "valid_until"),
            action=integer_of(body.get("action"), "action"),
            signature=bytes_of(body.get("signature"), "signature"),
            given_by=message.sender,
            signed_at_s=self._now(session),
        )
        struct = doc.build_struct(document, self._desk.deployment)
        signed = {"terms": struct, "valid_until": consent.valid_until_s, "action": consent.action}
        require_signature(self._desk, CONSENT_TYPE, signed, consent.signature, document.side(side).account or "")
        if consent.valid_until_s < document.fund_by_s:
            raise OfferRejectedError("valid_until", f"at least fund_by {document.fund_by_s}", consent.valid_until_s)
        self._keep_consent(session, trade, consent)

    def on_withdraw(self, session: Session, message: Message) -> None:
        """The other side ends the negotiation."""
        trade = self._desk.trade(session, text_of(message.body.get("reference"), "reference"))
        if message.sender != self._desk.other_bank(trade):
            raise OfferRejectedError("sender", "the other side's bank", message.sender)
        if trade.state in (store.NEGOTIATING, store.AGREED):
            trade.state = store.WITHDRAWN
            self._announce(session, trade, "withdrawn", {"by": message.sender})

    def _checked(self, session: Session, papers: Papers, known: TermsDocument | None, now_s: int) -> TermsDocument:
        """Return the document of these papers, with every account that is known here."""
        invoice_hash = None if papers.invoice is None else sha256(papers.invoice).digest()
        context = self._desk.checking(session, now_s)
        document = check_terms(parse_terms(papers.terms), secrets.token_bytes(32), context, invoice_hash, known)
        check_invoice(document, papers.invoice)
        filled = self._filled(session, document, known, now_s)
        check_purpose(filled, context)
        return filled

    def _filled(
        self, session: Session, document: TermsDocument, known: TermsDocument | None, now_s: int
    ) -> TermsDocument:
        """Fill in accounts and addresses of our customers, and accounts that an earlier version names."""
        own = self._desk.checking(session, now_s)
        accounts = {} if known is None else known_accounts(known)
        return fill_in(
            document,
            lambda bank, customer: (
                own.own_account(customer) if bank == self._desk.id else accounts.get((bank, customer))
            ),
            lambda bank, customer: own.own_address(customer) if bank == self._desk.id else None,
        )

    def _propose(
        self,
        session: Session,
        trade: Trade,
        version: int,
        side: str,
        document: TermsDocument,
        invoice: bytes | None,
        now_s: int,
    ) -> None:
        self._store(session, trade, version, side, document, invoice, now_s)
        self._desk.tell(
            session,
            trade,
            OFFER,
            f"offer/{trade.reference}/{version}/{side}",
            {
                "version": version,
                "side": side,
                "document": doc.canonical(document).decode(),
                "invoice": None if invoice is None else base64.b64encode(invoice).decode(),
            },
        )

    def _store(
        self,
        session: Session,
        trade: Trade,
        version: int,
        side: str,
        document: TermsDocument,
        invoice: bytes | None,
        now_s: int,
    ) -> None:
        session.flush()
        session.execute(delete(Consent).where(Consent.reference == trade.reference, Consent.version == version))
        row = session.merge(
            TermsVersion(
                reference=trade.reference,
                version=version,
                proposed_by=side,
                trade_id=None,
                document=doc.canonical(document),
                invoice=invoice,
                proposed_at_s=now_s,
            )
        )
        trade.version, trade.state, trade.quote_request = version, store.NEGOTIATING, None
        self._identify(trade, row, document)
        session.flush()
        self._announce(session, trade, "offered", {"version": version, "side": side})

    def _identify(self, trade: Trade, row: TermsVersion, document: TermsDocument) -> None:
        complete = not document.open_accounts()
        row.trade_id = trade.trade_id = doc.trade_id(document, self._desk.deployment) if complete else None
        trade.hold_expires_at_s = document.hold_expires_at_s

    def _is_next(self, session: Session, trade: Trade, document: TermsDocument, version: int, side: str) -> bool:
        """Tell whether an offer goes on from what is stored; False for one that changes nothing."""
        require_open(trade, "a trade that is being negotiated")
        require_same_parties(self._desk.document(session, trade), document)
        if version == trade.version + 1:
            return True
        if version == trade.version and self._desk.version(session, trade).proposed_by != side:
            # Both sides wrote the same version at once: the importer's stands, on both sides.
            return side == "importer"
        if version <= trade.version:
            return False
        raise OfferRejectedError("version", f"version {trade.version + 1}", version)

    def _require_sender(self, message: Message, document: TermsDocument, side: str) -> None:
        if side not in SIDES or document.side(side).bank != message.sender:
            raise OfferRejectedError("side", f"the side whose bank is {message.sender}", side)

    def _keep_consent(self, session: Session, trade: Trade, consent: Consent) -> None:
        session.add(consent)
        session.flush()
        self._announce(session, trade, "signed", {"version": consent.version, "side": consent.side})
        both = [session.get(Consent, (trade.reference, trade.version, side, CONSENT_TYPE)) for side in SIDES]
        if any(found is None for found in both):
            return
        self._desk.compliance.record(session, trade_id=trade.reference, now_s=consent.signed_at_s)
        if trade.state == store.NEGOTIATING:
            trade.state = store.AGREED
            self._announce(session, trade, "agreed", {"version": trade.version})

    def _announce(self, session: Session, trade: Trade, what: str, told: dict[str, Any]) -> None:
        """Tell the parties whose bank this is."""
        body, now_s = {"reference": trade.reference, **told}, self._now(session)
        for owner in self._desk.own_people(session, trade):
            publish(session, kind=f"trade.{what}", owner=owner, body=body, time_s=now_s)

    def _now(self, session: Session) -> int:
        return booked_until_s(session)


def require_signature(
    desk: Desk, primary_type: str, message: Mapping[str, Any], signature: bytes, account: str
) -> None:
    """Check a party's signature under a message to TradeEscrow.

    Raises:
        OfferRejectedError: it is somebody else's, or none.
    """
    digest = typed_data.digest(desk.deployment.domain(ESCROW), primary_type, message)
    try:
        signer = secp256k1.recover(digest, signature)
    except PqcRejectedError as error:
        raise OfferRejectedError("signature", f"a signature of {account}", str(error)) from error
    if signer != account:
        raise OfferRejectedError("signature", f"a signature of {account}", signer)
