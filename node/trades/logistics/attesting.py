"""The attester's side: what the field sends becomes a signed, recorded attestation that the banks hand in.

An attestation leaves in two steps: the institution records its digest by its own transaction; once that is on chain,
both banks get the attestation with its document, and one of them submits it.
"""

import base64
import secrets
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.messages.ports import Message
from node.participants.directory import Role
from node.quotes.keys import ATTESTATION_CONTEXT, signature_json
from node.quotes.wire import from_json, hex_of, integer_of, text_of, to_json, word_of
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.context import ESCROW, PREFIX, Desk
from node.trades.errors import (
    AttesterRejectedError,
    EvidenceMismatchError,
    EvidenceReplayedError,
    OfferRejectedError,
    UnknownTradeError,
)
from node.trades.logistics.epcis import parse_epcis
from node.trades.logistics.rules import FULFILLED, STEPS, Claim, Expected, claim_from_epcis
from node.trades.logistics.statement import (
    SCHEMA,
    claim_from_statement,
    parse_statement,
    sign_statement,
    verify_statement,
)
from node.trades.store import Appointment, Attestation, Document, Trade, UsedEvidence
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

APPOINT: Final = "trades.appoint"
ATTESTED: Final = "trades.attested"
ATTESTATION_TYPE: Final = "Attestation"
EPCIS: Final = "epcis"
STATEMENT: Final = "statement"


class Attesting:
    """Appointments and attestations, at an institution with role ATTESTER."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def appoint(
        self,
        session: Session,
        trade: Trade,
        document: TermsDocument,
        changed: Sequence[int] | None = None,
        version: int = doc.FUNDED_VERSION,
    ) -> None:
        """Tell each attester of a funded trade what to look for: no names, no prices but the slice it attests.

        Args:
            changed: After an amendment, the milestones that start again.
            version: Of the terms on chain that brought them.
        """
        amounts = doc.milestone_amounts(document)
        milestones = [item for item in enumerate(document.milestones) if changed is None or item[0] in changed]
        for attester in sorted({named.institution for _, milestone in milestones for named in milestone.attesters}):
            entries = [
                {
                    "index": index,
                    "milestone": to_json("Milestone", doc.milestone_struct(milestone)),
                    "amount": str(amounts[index]),
                    "place": milestone.place,
                    "version": version,
                }
                for index, milestone in milestones
                if attester in [named.institution for named in milestone.attesters]
            ]
            self._desk.messages.send(
                session,
                to=attester,
                kind=APPOINT,
                message_id=f"appoint/{trade.reference}/{attester}/{version}",
                thread=trade.reference,
                body={
                    "reference": trade.reference,
                    "trade_id": hex_of(trade.trade_id or b""),
                    "banks": sorted({trade.importer_bank, trade.exporter_bank}),
                    "goods": document.goods,
                    "shipment": list(document.shipment.references),
                    "milestones": entries,
                },
            )

    def on_appointment(self, session: Session, message: Message) -> None:
        """Keep what this institution was named for."""
        body = message.body
        trade_id = word_of(body.get("trade_id"), "trade_id")
        banks = [text_of(bank, "banks") for bank in _list(body.get("banks"), "banks", 2)]
        if message.sender not in banks:
            raise OfferRejectedError("banks", f"{message.sender}, who sends this", ", ".join(banks))
        for bank in banks:
            if Role.BANK not in self._desk.participants.directory.institution(bank).roles:
                raise OfferRejectedError("banks", "banks", bank)
        shipment = [text_of(item, "shipment", length_max=300) for item in _list(body.get("shipment"), "shipment", 50)]
        for entry in _list(body.get("milestones"), "milestones", 8):
            appointment = _appointment(entry, trade_id, self._desk.participants.institution.address)
            appointment.reference = text_of(body.get("reference"), "reference")
            appointment.banks, appointment.shipment = banks, shipment
            appointment.goods = text_of(body.get("goods"), "goods", length_max=2_000)
            known = session.get(Appointment, (trade_id, appointment.index))
            if known is None:
                session.add(appointment)
            elif message.sender in known.banks and known.milestone_hash != appointment.milestone_hash:
                # Amended: what was attested under the old terms has fallen.
                session.merge(appointment)

    def attest_epcis(self, session: Session, reference: str, data: bytes, now_s: int) -> Attestation:
        """Attest what an EPCIS document shows.

        Raises:
            DocumentRejectedError: it is malformed, too large or too deep.
            EvidenceMismatchError: it proves no milestone that waits for this institution.
            EvidenceReplayedError: its event was attested before.
            AttesterRejectedError: this institution is no registered attester.
        """
        self._require_attester()
        parsed = parse_epcis(data)
        appointments = self._appointments(session, reference)
        waiting = [_expected(item) for item in appointments if item.attested is None]
        try:
            claim = claim_from_epcis(parsed, data, shipment=appointments[0].shipment, milestones=waiting, now_s=now_s)
        except EvidenceMismatchError:
            self._refuse_replays(session, [f"epcis:{event.eventID}" for event in parsed.events if event.eventID])
            raise
        return self._attest(session, appointments, claim, data, EPCIS, now_s)

    def attest_statement(self, session: Session, reference: str, data: bytes, now_s: int) -> Attestation:
        """Attest what this institution's own statement says; an unsigned one is signed with its key first.

        Raises: as `attest_epcis`.
        """
        self._require_attester()
        statement, raw = parse_statement(data)
        institution = self._desk.participants.institution
        if statement.inspector != institution.id:
            raise AttesterRejectedError("inspector", institution.id, statement.inspector)
        key = self._desk.message_key
        if statement.signature is not None:
            verify_statement(statement, raw, institution.key_thumbprint)
        elif key is not None:
            data = sign_statement(raw, key.algorithm, key.public_key, key.sign)
        else:
            raise AttesterRejectedError("signature", f"a signed statement ({SCHEMA}), as this desk has no key", "none")
        appointments = self._appointments(session, reference)
        waiting = [_expected(item) for item in appointments if item.attested is None]
        try:
            claim = claim_from_statement(
                statement, data, shipment=appointments[0].shipment, milestones=waiting, now_s=now_s
            )
        except EvidenceMismatchError:
            self._refuse_replays(session, [f"statement:{statement.inspector}:{statement.statement_id}"])
            raise
        return self._attest(session, appointments, claim, data, STATEMENT, now_s)

    def appointments(self, session: Session) -> Sequence[Appointment]:
        """Return every appointment, the earliest deadline first."""
        return session.scalars(select(Appointment).order_by(Appointment.deadline_s, Appointment.index)).all()

    def on_outcome(self, session: Session, row: OutboxRow, digest: bytes) -> None:
        """Send a recorded attestation to both banks, or say why it was not recorded."""
        attestation = session.get_one(Attestation, digest)
        if attestation.state != store.SIGNED:
            return
        if row.state == outbox.FAILED:
            # Never recorded, so never said: the same evidence may be brought again.
            attestation.state, attestation.reason = store.FAILED, row.reason
            session.get_one(Appointment, (attestation.trade_id, attestation.milestone)).attested = None
            session.execute(delete(UsedEvidence).where(UsedEvidence.digest == digest))
            return
        attestation.state = store.RECORDED
        appointment = session.get_one(Appointment, (attestation.trade_id, attestation.milestone))
        body = attested_body(session, attestation)
        for bank in appointment.banks:
            self._desk.messages.send(
                session,
                to=bank,
                kind=ATTESTED,
                message_id=f"attested/{digest.hex()}/{bank}",
                thread=appointment.reference,
                body=body,
            )

    def _attest(
        self,
        session: Session,
        appointments: Sequence[Appointment],
        claim: Claim,
        data: bytes,
        source: str,
        now_s: int,
    ) -> Attestation:
        self._refuse_replays(session, [claim.replay_key])
        appointment = next(item for item in appointments if item.index == claim.milestone)
        if now_s > appointment.deadline_s:
            expected = f"ledger time up to the milestone's deadline {doc.shown_time(appointment.deadline_s)}"
            raise EvidenceMismatchError("milestone.deadline", expected, doc.shown_time(now_s))
        institution = self._desk.participants.institution
        message: typed_data.Message = {
            "trade_id": appointment.trade_id,
            "milestone": claim.milestone,
            "milestone_hash": appointment.milestone_hash,
            "outcome": claim.outcome,
            "share_bps": claim.share_bps,
            "evidence_hash": claim.evidence_hash,
            "valid_until": appointment.deadline_s,
            "action": secrets.randbits(62),
        }
        domain = self._desk.deployment.domain(ESCROW)
        digest = typed_data.digest(domain, ATTESTATION_TYPE, message)
        signature = self._desk.participants.sign_typed(
            session,
            signer=institution.id,
            domain=domain,
            primary_type=ATTESTATION_TYPE,
            message=message,
            given_by="attester",
            now_s=now_s,
        )
        key = self._desk.message_key
        attestation = Attestation(
            digest=digest,
            trade_id=appointment.trade_id,
            milestone=claim.milestone,
            attester=institution.id,
            account=institution.address,
            message=to_json(ATTESTATION_TYPE, message),
            signature=signature,
            post_quantum=None if key is None else signature_json(key, digest, ATTESTATION_CONTEXT),
            source=source,
            summary=claim.summary,
            state=store.SIGNED,
            reason=None,
            signed_at_s=now_s,
        )
        session.add(attestation)
        session.merge(Document(sha256=claim.evidence_hash, kind=source, content=data))
        session.add(UsedEvidence(key=claim.replay_key, digest=digest))
        appointment.attested = digest
        outbox.enqueue(
            session,
            contract="ParticipantRegistry",
            function="record",
            args=(digest,),
            reference=f"{PREFIX}@{digest.hex()}:record",
        )
        return attestation

    def _require_attester(self) -> None:
        institution = self._desk.participants.institution
        if Role.ATTESTER not in institution.roles:
            raise AttesterRejectedError("attester", "an institution registered as ATTESTER", institution.id)

    def _appointments(self, session: Session, reference: str) -> Sequence[Appointment]:
        found = session.scalars(
            select(Appointment).where(Appointment.reference == reference).order_by(Appointment.index)
        ).all()
        if not found:
            raise UnknownTradeError(reference)
        return found

    def _refuse_replays(self, session: Session, keys: Sequence[str]) -> None:
        for key in keys:
            if session.get(UsedEvidence, key) is not None:
                raise EvidenceReplayedError("eventID", "an event that was not attested before", key)


def is_fulfilled(attestation: Attestation) -> bool:
    """Tell whether an attestation speaks for the exporter."""
    return int(attestation.message["outcome"]) == FULFILLED


def attested_body(session: Session, attestation: Attestation) -> dict[str, Any]:
    """Return an attestation with its document, as it travels."""
    content = session.get_one(Document, _word(attestation.message["evidence_hash"])).content
    return {
        "attestation": attestation.message,
        "signature": hex_of(attestation.signature),
        "post_quantum": attestation.post_quantum,
        "source": attestation.source,
        "summary": attestation.summary[:500],
        "document": base64.b64encode(content).decode(),
    }


def _appointment(entry: Any, trade_id: bytes, own_account: str) -> Appointment:
    if not isinstance(entry, dict) or isinstance(entry.get("index"), bool) or not isinstance(entry.get("index"), int):
        raise OfferRejectedError("milestones.index", "a whole number", "something else")
    struct = from_json("Milestone", entry.get("milestone"), "milestone")
    if own_account not in struct["attesters"]:
        raise OfferRejectedError("milestone.attesters", f"{own_account} among them", "others only")
    kind = struct["kind"].rstrip(b"\0").decode("ascii", "replace")
    if kind not in STEPS:
        raise OfferRejectedError("milestone.kind", f"one of {', '.join(STEPS)}", kind)
    amount = integer_of(entry.get("amount"), "amount")
    place, version = entry.get("place"), entry.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < doc.FUNDED_VERSION:
        raise OfferRejectedError("milestones.version", "a whole number from 1", version)
    return Appointment(
        trade_id=trade_id,
        index=entry["index"],
        kind=kind,
        deadline_s=struct["deadline"],
        place=None if place is None else text_of(place, "place", length_max=300),
        milestone_hash=doc.bound_milestone(struct, entry["index"], amount, version),
        attested=None,
        settled_at_s=None,
    )


def _expected(item: Appointment) -> Expected:
    return Expected(index=item.index, kind=item.kind, deadline_s=item.deadline_s, place=item.place)


def _list(value: Any, path: str, length_max: int) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= length_max:
        raise OfferRejectedError(path, f"a list of 1 to {length_max}", type(value).__name__)
    return value


def _word(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
