"""The settlement watch: each bank does what a trade is due, as a relayer, when ledger time says so.

Whose interest it is goes first: the exporter's bank settles what is paid and hands in what is fulfilled, the
importer's bank declares silence that refunds and settles refunds. Where it stays silent for an hour, the other bank
does it: nobody's silence stops a trade. Every call is one that the contract takes from anyone, so a call too many
is refused without effect.
"""

import base64
import binascii
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.client.blocks import BlockInfo
from node.messages.ports import Message
from node.quotes.desk import signature_of
from node.quotes.keys import ATTESTATION_CONTEXT, verify_signature_json
from node.quotes.wire import from_json, text_of
from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.trades import document as doc
from node.trades import store
from node.trades.attesting import ATTESTATION_TYPE, EPCIS, STATEMENT, is_fulfilled
from node.trades.context import ESCROW, PREFIX, Desk
from node.trades.document import TermsDocument
from node.trades.errors import OfferRejectedError, UnknownTradeError
from node.trades.limits import JSON_BYTES_MAX
from node.trades.store import Attestation, Document, EscrowEvent, MilestoneRow, Step, Trade
from pqc import secp256k1
from pqc.errors import RejectedError as PqcRejectedError

BACKUP_S: Final = 3_600
"""How long the other bank waits before it does what this one owes."""
ATTEMPTS_MAX: Final = 20
RETRY_S: Final = 60
RETRY_S_MAX: Final = 86_400
SETTLE: Final = "settle"
SILENCE: Final = "silence"
ATTEST: Final = "attest"
LAPSE: Final = "lapse"


class Watch:
    """Steps that a bank owes its trades."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_attested(self, session: Session, message: Message) -> None:
        """Keep an attestation with its document and hand it in.

        Raises:
            OfferRejectedError: it is not this trade's, not this attester's, or not what was signed.
        """
        body = message.body
        signed = from_json(ATTESTATION_TYPE, body.get("attestation"), "attestation")
        trade = self._desk.by_trade_id(session, signed["trade_id"])
        if trade is None:
            raise UnknownTradeError("0x" + signed["trade_id"].hex())
        digest = typed_data.digest(self._desk.deployment.domain(ESCROW), ATTESTATION_TYPE, signed)
        if session.get(Attestation, digest) is not None:
            return
        self._check(session, trade, message, signed, digest)
        content = _content(body.get("document"))
        if sha256(content).digest() != signed["evidence_hash"]:
            raise OfferRejectedError("document", "the document of evidence_hash", "another one")
        source = text_of(body.get("source"), "source", length_max=20)
        if source not in (EPCIS, STATEMENT):
            raise OfferRejectedError("source", f"{EPCIS} or {STATEMENT}", source)
        session.merge(Document(sha256=signed["evidence_hash"], kind=source, content=content))
        session.add(
            Attestation(
                digest=digest,
                trade_id=signed["trade_id"],
                milestone=signed["milestone"],
                attester=message.sender,
                account=self._desk.participants.directory.institution(message.sender).address,
                message=dict(body["attestation"]),
                signature=signature_of(body.get("signature"), "signature"),
                post_quantum=body.get("post_quantum"),
                source=source,
                summary=text_of(body.get("summary"), "summary", length_max=500),
                state=self._progress(session, digest, signed),
                reason=None,
                signed_at_s=booked_until_s(session),
            )
        )
        session.flush()
        self._hand_in(session, booked_until_s(session))

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Queue what has become due by this block's time."""
        now_s = block.time_s
        self._hand_in(session, now_s)
        # A pending milestone's deadline is before its hold's expiry, so these are all that can be due.
        open_rows = session.execute(
            select(Trade, MilestoneRow)
            .join(MilestoneRow, MilestoneRow.trade_id == Trade.trade_id)
            .where(
                Trade.state == store.FUNDED,
                MilestoneRow.state.in_((store.DUE, store.DISPUTED, store.FINAL))
                | ((MilestoneRow.state == store.PENDING) & (MilestoneRow.deadline_s < now_s)),
            )
        ).all()
        for trade, milestone in open_rows:
            if trade.hold_expires_at_s is not None and now_s > trade.hold_expires_at_s:
                self._lapse(session, trade, now_s)
            else:
                self._advance(session, trade, milestone, now_s)

    def on_outcome(self, session: Session, row: OutboxRow, reference: str, name: str) -> None:
        """Book how a step went; a refused one is tried again, later and later."""
        step = session.get(Step, (reference, name))
        if step is None:
            return
        if row.state == outbox.CONFIRMED:
            step.state, step.reason = store.DONE, None
            return
        step.state, step.reason = store.FAILED, row.reason
        step.retry_at_s = booked_until_s(session) + min(RETRY_S << min(step.attempts, 20), RETRY_S_MAX)
        if name.startswith(ATTEST):
            attestation = session.get_one(Attestation, bytes.fromhex(name.partition(":")[2]))
            if attestation.state == store.SUBMITTED:
                attestation.state, attestation.reason = store.RECORDED, row.reason

    def _hand_in(self, session: Session, now_s: int) -> None:
        """Submit recorded attestations that this bank's side wants counted, the others after an hour."""
        waiting = session.execute(
            select(Attestation, Trade, MilestoneRow)
            .join(Trade, Trade.trade_id == Attestation.trade_id)
            .join(
                MilestoneRow,
                (MilestoneRow.trade_id == Attestation.trade_id) & (MilestoneRow.index == Attestation.milestone),
            )
            .where(
                Attestation.state == store.RECORDED,
                Trade.state == store.FUNDED,
                MilestoneRow.state == store.PENDING,
            )
        ).all()
        for attestation, trade, milestone in waiting:
            if now_s > milestone.deadline_s:
                continue
            side = "exporter" if is_fulfilled(attestation) else "importer"
            if self._is_due(trade, side, attestation.signed_at_s, now_s):
                self._attest(session, trade, attestation, now_s)

    def _advance(self, session: Session, trade: Trade, milestone: MilestoneRow, now_s: int) -> None:
        if milestone.state == store.PENDING and now_s > milestone.deadline_s:
            side = "exporter" if milestone.silence_pays else "importer"
            if self._is_due(trade, side, milestone.deadline_s, now_s):
                self._step(session, trade, f"{SILENCE}:{milestone.index}", "declare_silence", (milestone.index,), now_s)
            return
        final_at = final_after(milestone)
        if final_at is None or now_s <= final_at:
            return
        side = "exporter" if milestone.share_bps else "importer"
        if self._is_due(trade, side, final_at, now_s):
            payees = [doc.payee_struct(payee) for payee in self._desk.document(session, trade).payees]
            self._step(session, trade, f"{SETTLE}:{milestone.index}", "settle", (milestone.index, payees), now_s)

    def _lapse(self, session: Session, trade: Trade, now_s: int) -> None:
        if self._is_due(trade, "importer", trade.hold_expires_at_s or 0, now_s):
            self._step(session, trade, LAPSE, "lapse", (), now_s)

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
        if self._step(session, trade, f"{ATTEST}:{attestation.digest.hex()}", "attest", args, now_s):
            attestation.state = store.SUBMITTED

    def _is_due(self, trade: Trade, side: str, since_s: int, now_s: int) -> bool:
        """Tell whether this bank acts now: at once for its own side, after an hour for the other."""
        return side in self._desk.own_sides(trade) or now_s > since_s + BACKUP_S

    def _step(
        self, session: Session, trade: Trade, name: str, function: str, args: tuple[Any, ...], now_s: int
    ) -> bool:
        """Queue a call of the escrow about this trade, unless it is on its way or has to wait."""
        step = session.get(Step, (trade.reference, name))
        if step is None:
            step = Step(reference=trade.reference, name=name, attempts=0, retry_at_s=0, reason=None)
            session.add(step)
        elif step.state != store.FAILED or step.attempts >= ATTEMPTS_MAX or now_s < step.retry_at_s:
            return False
        step.state = store.QUEUED
        step.attempts += 1
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=function,
            args=(trade.trade_id, *args),
            reference=f"{PREFIX}{trade.reference}:{name}",
        )
        return True

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

    def _check(self, session: Session, trade: Trade, message: Message, signed: dict[str, Any], digest: bytes) -> None:
        document = self._desk.document(session, trade)
        index = signed["milestone"]
        attester = self._desk.participants.directory.institution(message.sender)
        if index >= len(document.milestones) or attester.address not in _accounts(document, index):
            raise OfferRejectedError("sender", f"an attester of milestone {index}", message.sender)
        if signed["milestone_hash"] != doc.milestone_hash(document, index):
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


def final_after(milestone: MilestoneRow) -> int | None:
    """Return the last second before a milestone is final, 0 if it is final, None while nothing is due."""
    match milestone.state:
        case store.FINAL:
            return 0
        case store.DUE:
            return (milestone.due_at_s or 0) + milestone.dispute_s
        case store.DISPUTED:
            return (milestone.disputed_at_s or 0) + milestone.award_s
    return None


def _accounts(document: TermsDocument, index: int) -> list[str]:
    return [attester.account for attester in document.milestones[index].attesters]


def _content(value: Any) -> bytes:
    text = text_of(value, "document", length_max=2 * JSON_BYTES_MAX)
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise OfferRejectedError("document", "base64", str(error)) from error
