"""Attestations at a bank: received with their documents, checked, and handed in to the contract."""

import base64
import binascii
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.participants.directory import Institution
from node.quotes.keys import ATTESTATION_CONTEXT, verify_signature_json
from node.quotes.wire import from_json, signature_of, text_of
from node.storage.cursor import booked_until_s, load_cursor
from node.trades import store
from node.trades.acting.duties import ATTEST, Duties
from node.trades.context import ESCROW, Desk, require_followed
from node.trades.errors import OfferRejectedError, UnknownTradeError
from node.trades.limits import JSON_BYTES_MAX
from node.trades.logistics.attesting import ATTESTATION_TYPE, ATTESTED, EPCIS, STATEMENT, attested_body, is_fulfilled
from node.trades.store import Attestation, Document, EscrowEvent, MilestoneRow, Step, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

# Asked at every block, so made once: attestations that are not handed in, with trade and milestone.
WAITING: Final = (
    select(Attestation, Trade, MilestoneRow)
    .join(Trade, Trade.trade_id == Attestation.trade_id)
    .join(MilestoneRow, (MilestoneRow.trade_id == Attestation.trade_id) & (MilestoneRow.index == Attestation.milestone))
    .where(Attestation.state == store.RECORDED, Trade.state == store.FUNDED, MilestoneRow.state == store.PENDING)
)


class HandingIn:
    """Takes attestations from attesters and submits those that this bank's side wants counted, then the others."""

    def __init__(self, desk: Desk, duties: Duties) -> None:
        self._desk = desk
        self._duties = duties

    def on_attested(self, session: Session, message: Message) -> None:
        """Keep an attestation with its document and hand it in.

        The attester sends it to the trade's banks, the exporter's bank passes it on to assignees'.

        Raises:
            OfferRejectedError: it is not this trade's, not this attester's, or not what was signed.
            UnavailableError: it was passed on, and the block it rests on is not followed here yet.
        """
        body = message.body
        if "block" in body:
            require_followed(session, body["block"])
        signed = from_json(ATTESTATION_TYPE, body.get("attestation"), "attestation")
        trade = self._desk.by_trade_id(session, signed["trade_id"])
        if trade is None:
            raise UnknownTradeError("0x" + signed["trade_id"].hex())
        digest = typed_data.digest(self._desk.deployment.domain(ESCROW), ATTESTATION_TYPE, signed)
        if session.get(Attestation, digest) is not None:
            return
        attester, state = self._attester(trade, message), self._progress(session, digest, signed)
        self._check(session, trade, message, signed, digest, attester, is_counted=state != store.RECORDED)
        content = _content(body.get("document"))
        if sha256(content).digest() != signed["evidence_hash"]:
            raise OfferRejectedError("document", "the document of evidence_hash", "another one")
        source = text_of(body.get("source"), "source", length_max=20)
        if source not in (EPCIS, STATEMENT):
            raise OfferRejectedError("source", f"{EPCIS} or {STATEMENT}", source)
        session.merge(Document(sha256=signed["evidence_hash"], kind=source, content=content))
        found = Attestation(
            digest=digest,
            trade_id=signed["trade_id"],
            milestone=signed["milestone"],
            attester=attester.id,
            account=attester.address,
            message=dict(body["attestation"]),
            signature=signature_of(body.get("signature"), "signature"),
            post_quantum=body.get("post_quantum"),
            source=source,
            summary=text_of(body.get("summary"), "summary", length_max=500),
            state=state,
            reason=None,
            signed_at_s=booked_until_s(session),
        )
        session.add(found)
        session.flush()
        self._pass_on(session, trade, found)
        self.hand_in(session, booked_until_s(session))

    def hand_in(self, session: Session, now_s: int) -> None:
        """Submit recorded attestations that this bank's side wants counted, the others after an hour."""
        for attestation, trade, milestone in session.execute(WAITING).all():
            if now_s > milestone.deadline_s or not is_current(attestation, milestone):
                continue
            side = "exporter" if is_fulfilled(attestation) else "importer"
            if self._duties.is_due(trade, side, attestation.signed_at_s, now_s):
                self._attest(session, trade, attestation, now_s)

    def share(self, session: Session, trade: Trade, attestation: Attestation, to: str, block: int) -> None:
        """Pass an attestation on to an assignee's institution, which has to have followed the chain to `block`."""
        message_id = f"attested/{attestation.digest.hex()}/{to}/{block}"
        body = attested_body(session, attestation) | {"attester": attestation.attester, "block": block}
        self._desk.messages.send(
            session, to=to, kind=ATTESTED, message_id=message_id, body=body, thread=trade.reference
        )

    def on_refused(self, session: Session, step: Step) -> None:
        """An attestation that the chain refused waits to be handed in again."""
        attestation = session.get_one(Attestation, bytes.fromhex(step.name.partition(":")[2]))
        if attestation.state == store.SUBMITTED:
            attestation.state, attestation.reason = store.RECORDED, step.reason

    def _attest(self, session: Session, trade: Trade, attestation: Attestation, now_s: int) -> None:
        signed = from_json(ATTESTATION_TYPE, attestation.message, "attestation")
        document = self._desk.document(session, trade)
        args = (
            signed["milestone"],
            doc.milestone_struct(document.milestones[signed["milestone"]]),
            attestation.account,
            signed["outcome"],
            signed["share_bps"],
            signed["evidence_hash"],
            signed["valid_until"],
            signed["action"],
            attestation.signature,
        )
        if self._duties.do(session, trade, f"{ATTEST}:{attestation.digest.hex()}", "attest", args, now_s):
            attestation.state = store.SUBMITTED

    def _progress(self, session: Session, digest: bytes, signed: dict[str, Any]) -> str:
        """Return how far an attestation has got: the chain may tell of it before its message comes."""
        told = {
            "AttestationRecorded": ("signature_digest", store.COUNTED),
            "EquivocationRecorded": ("digest", store.EQUIVOCATED),
        }
        wanted = select(EscrowEvent).where(EscrowEvent.trade_id == signed["trade_id"], EscrowEvent.name.in_(told))
        for event in session.scalars(wanted):
            field, state = told[event.name]
            if event.args[field] == "0x" + digest.hex():
                return state
        return store.RECORDED

    def _pass_on(self, session: Session, trade: Trade, attestation: Attestation) -> None:
        cursor = load_cursor(session)
        for partner in self._desk.assignees_institutions(session, trade):
            self.share(session, trade, attestation, partner, 0 if cursor is None else cursor.number)

    def _attester(self, trade: Trade, message: Message) -> Institution:
        """Return whose attestation a message brings."""
        name = message.sender
        if name == trade.exporter_bank:
            name = text_of(message.body.get("attester", name), "attester")
        return self._desk.participants.directory.institution(name)

    def _check(
        self,
        session: Session,
        trade: Trade,
        message: Message,
        signed: dict[str, Any],
        digest: bytes,
        attester: Institution,
        *,
        is_counted: bool,
    ) -> None:
        """Check who signed what; what the chain has counted may be about terms that were amended since."""
        document, index = self._desk.document(session, trade), signed["milestone"]
        if not is_counted:
            if index >= len(document.milestones) or attester.address not in _accounts(document, index):
                raise OfferRejectedError("sender", f"an attester of milestone {index}", attester.id)
            row = session.get(MilestoneRow, (trade.trade_id, index))
            bound = None if row is None else row.terms_hash
            if signed["milestone_hash"] != (bound or doc.milestone_hash(document, index)):
                raise OfferRejectedError("attestation.milestone_hash", "that of our terms", "another one")
        try:
            signer = secp256k1.recover(digest, signature_of(message.body.get("signature"), "signature"))
        except PqcRejectedError as error:
            raise OfferRejectedError("signature", f"a signature of {attester.address}", str(error)) from error
        if signer != attester.address:
            raise OfferRejectedError("signature", f"a signature of {attester.address}", signer)
        post_quantum = message.body.get("post_quantum")
        if post_quantum is not None:
            verify_signature_json(post_quantum, digest, ATTESTATION_CONTEXT, attester.key_thumbprint, "post_quantum")


def is_current(attestation: Attestation, milestone: MilestoneRow) -> bool:
    """Tell whether an attestation is about the milestone's present terms: an amendment makes the others fall."""
    bound = milestone.terms_hash
    return bound is None or attestation.message["milestone_hash"] == "0x" + bound.hex()


def _accounts(document: TermsDocument, index: int) -> list[str]:
    return [attester.account for attester in document.milestones[index].attesters]


def _content(value: Any) -> bytes:
    text = text_of(value, "document", length_max=2 * JSON_BYTES_MAX)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise OfferRejectedError("document", "base64", str(error)) from error
