"""Changes of a funded trade that need several signatures: put forward by one side, signed by all, sent once.

The importer's bank collects what amends or cancels a trade, the exporter's bank what assigns a milestone. It asks
whoever else has to sign, and sends the call as soon as nothing is missing. Every bank checks a signature itself.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.client import typed_data
from node.quotes.wire import hex_of, to_json
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.agreement.negotiating import require_signature
from node.trades.context import ASSIGN, ESCROW, PREFIX, Desk
from node.trades.errors import OfferRejectedError, WrongStateError
from node.trades.motions.asking import Answer, Asking
from node.trades.standing.milestones import milestone_rows
from node.trades.store import FxLeg, MilestoneRow, Motion, MotionSignature, Trade
from node.trades.terms import document as doc

AMEND: Final = "Amend"
CANCEL: Final = "Cancel"
STEP: Final = "motion-"
"""What a motion's name follows in the reference of its transaction."""
VALID_S: Final = 7 * 86_400
"""How long a signature under a motion counts."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody whose signature a motion needs."""

    role: str
    """`importer`, `exporter`, `holder`, `provider` or `assignee`."""
    account: str
    institution: str | None
    """Whose desk keeps its key; None if nobody has said."""


@dataclass(frozen=True, slots=True)
class Increase:
    """By what a hold has to grow, and until when it has to live."""

    currency: str
    added: int
    """Minor units."""
    expires_at_s: int

    @property
    def body(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"currency": self.currency, "added": str(self.added), "expires_at": str(self.expires_at_s)}


Call = Callable[[Session, Trade, Motion, Mapping[str, MotionSignature]], tuple[str, tuple[Any, ...]]]
"""Returns function and arguments, the trade id left out, from the signatures by account."""


class Motions:
    """Motions at the banks of a trade."""

    def __init__(self, desk: Desk, asking: Asking) -> None:
        self._desk = desk
        self._asking = asking
        self._calls: dict[str, Call] = {}
        self._increases: dict[str, Callable[[Session, Trade, Motion], Increase | None]] = {}
        asking.answered = self.take_answer

    def register(
        self,
        kind: str,
        call: Call,
        provider_increase: Callable[[Session, Trade, Motion], Increase | None] | None = None,
    ) -> None:
        """Say what is sent for motions of a kind, and what a lock's provider has to add for one."""
        self._calls[kind] = call
        if provider_increase is not None:
            self._increases[kind] = provider_increase

    def find(self, session: Session, trade: Trade, name: str) -> Motion | None:
        """Return the motion of that name that still counts: about the present version, and not carried out."""
        found = session.get(Motion, (trade.reference, name))
        if found is None or trade.state != store.FUNDED or found.chain_version != trade.chain_version:
            return None
        return None if found.state == store.DONE else found

    def open_ones(self, session: Session, trade: Trade) -> list[Motion]:
        """Return every motion that still counts, by name; of assignments the exporter's bank alone knows how far."""
        names = session.scalars(select(Motion.name).where(Motion.reference == trade.reference).order_by(Motion.name))
        found = [self.find(session, trade, name) for name in names.all()]
        is_exporters = trade.exporter_bank == self._desk.id
        return [motion for motion in found if motion is not None and (motion.kind != ASSIGN or is_exporters)]

    def amendment(self, session: Session, trade: Trade) -> int | None:
        """Return the version of the terms that an amendment on the table proposes, None if there is none."""
        return next((one.terms_version for one in self.open_ones(session, trade) if one.kind == AMEND), None)

    def put(
        self,
        session: Session,
        trade: Trade,
        name: str,
        kind: str,
        content: dict[str, Any],
        proposed_by: str,
        now_s: int,
        *,
        ask_provider: bool = False,
        terms_version: int | None = None,
    ) -> Motion:
        """Open a motion; one that says the same goes on with the signatures it has, another replaces it.

        Raises:
            WrongStateError: one of that name waits for its block.
        """
        found = self.find(session, trade, name)
        if found is not None and found.state == store.QUEUED:
            raise WrongStateError("motion", f"{name} to be in a block or refused first", "one on its way")
        if found is not None and found.content == content:
            return found
        session.execute(
            delete(MotionSignature).where(MotionSignature.reference == trade.reference, MotionSignature.name == name)
        )
        motion = session.merge(
            Motion(
                reference=trade.reference,
                name=name,
                kind=kind,
                chain_version=trade.chain_version or doc.FUNDED_VERSION,
                content=content,
                terms_version=terms_version,
                ask_provider=ask_provider,
                proposed_by=proposed_by,
                state=store.OPEN,
                reason=None,
                opened_at_s=now_s,
            )
        )
        session.flush()
        return motion

    def sign(
        self,
        session: Session,
        trade: Trade,
        motion: Motion,
        owner: str,
        given_by: str,
        now_s: int,
        increase: dict[str, Any] | None = None,
    ) -> MotionSignature:
        """Sign for a customer of this bank; a new signature replaces an old one."""
        message = self.message(session, trade, motion) | {
            "valid_until": now_s + VALID_S,
            "action": secrets.randbits(62),
        }
        signature = self._desk.participants.sign_typed(
            session,
            signer=owner,
            domain=self._desk.deployment.domain(ESCROW),
            primary_type=motion.kind,
            message=message,
            given_by=given_by,
            now_s=now_s,
        )
        account = self._desk.participants.address_of(session, owner)
        answer = Answer(account, message["valid_until"], message["action"], signature, increase)
        return self._keep(session, motion, answer, given_by, now_s)

    def take(
        self, session: Session, trade: Trade, motion: Motion, answer: Answer, sender: str, now_s: int
    ) -> MotionSignature:
        """Keep a signature that came from elsewhere.

        Raises:
            OfferRejectedError: nobody needs it, or it is another's.
        """
        signers = {signer.account: signer for signer in self.signers(session, trade, motion)}
        if answer.account not in signers:
            raise OfferRejectedError("account", f"a signer of {motion.name}", answer.account)
        expected = signers[answer.account].institution
        if expected not in (None, sender):
            raise OfferRejectedError("sender", str(expected), sender)
        message = self.message(session, trade, motion) | {"valid_until": answer.valid_until, "action": answer.action}
        require_signature(self._desk, motion.kind, message, answer.signature, answer.account)
        return self._keep(session, motion, answer, sender, now_s)

    def take_answer(
        self, session: Session, reference: str, name: str, answer: Answer | str, sender: str, now_s: int
    ) -> None:
        """Take what somebody who was asked has answered: a signature, or why not."""
        trade = self._desk.trade(session, reference)
        motion = self.find(session, trade, name)
        if motion is None:
            return
        if isinstance(answer, str):
            motion.reason = f"{sender} declined: {answer}"[:300]
            return
        self.take(session, trade, motion, answer, sender, now_s)
        self.proceed(session, trade, motion, now_s)

    def signers(self, session: Session, trade: Trade, motion: Motion) -> list[Signer]:
        """Return who has to sign, in the order the contract wants them."""
        document = self._desk.document(session, trade)
        exporter = document.exporter.account or ""
        if motion.kind == ASSIGN:
            content = motion.content
            return [
                Signer("exporter", exporter, trade.exporter_bank),
                Signer("assignee", content["assignee"], content["institution"]),
            ]
        found = [Signer("importer", document.importer.account or "", trade.importer_bank)]
        for row in milestone_rows(session, trade):
            account = row.assignee or exporter
            if row.state != store.SETTLED and account not in [signer.account for signer in found]:
                found.append(self._holder(session, trade, row, exporter))
        leg = session.get(FxLeg, trade.trade_id)
        if motion.ask_provider and leg is not None and leg.provider is not None:
            provider = self._desk.participants.directory.at_address(leg.provider)
            found.append(Signer("provider", leg.provider, None if provider is None else provider.id))
        return found

    def missing(self, session: Session, trade: Trade, motion: Motion, now_s: int) -> list[Signer]:
        """Return who has not signed, or whose signature is over."""
        given = {row.account for row in self.signatures(session, motion).values() if row.valid_until_s >= now_s}
        return [signer for signer in self.signers(session, trade, motion) if signer.account not in given]

    def signatures(self, session: Session, motion: Motion) -> dict[str, MotionSignature]:
        """Return the signatures by account."""
        wanted = select(MotionSignature).where(
            MotionSignature.reference == motion.reference, MotionSignature.name == motion.name
        )
        return {row.account: row for row in session.scalars(wanted)}

    def proceed(self, session: Session, trade: Trade, motion: Motion, now_s: int) -> None:
        """At the collecting bank: once its own side has signed, ask who is missing elsewhere; send when all is in."""
        collector = trade.exporter_bank if motion.kind == ASSIGN else trade.importer_bank
        if collector != self._desk.id or motion.state == store.QUEUED:
            return
        missing = self.missing(session, trade, motion, now_s)
        if not missing:
            self._send(session, trade, motion)
            return
        parties = {"importer", "exporter"}
        own = self.signers(session, trade, motion)[0]
        if own in missing:
            return
        exporter = self._desk.document(session, trade).exporter.account
        for signer in missing:
            if signer.role in parties or signer.account == exporter:
                continue
            self._ask(session, trade, motion, signer)

    def message(self, session: Session, trade: Trade, motion: Motion) -> dict[str, Any]:
        """Return the typed message without validity and action number."""
        head: dict[str, Any] = {"trade_id": trade.trade_id, "version": motion.chain_version}
        if motion.kind == AMEND:
            return head | {"terms": self._terms(session, motion)}
        if motion.kind == ASSIGN:
            row = session.get_one(MilestoneRow, (trade.trade_id, motion.content["milestone"]))
            hashed = row.terms_hash or doc.milestone_hash(self._desk.document(session, trade), row.index)
            content = {"milestone": row.index, "milestone_hash": hashed, "assignee": motion.content["assignee"]}
            return head | content
        return head

    def on_outcome(self, session: Session, row: OutboxRow, reference: str, name: str) -> None:
        """Book how the call of a motion went; a refused one may be signed and sent again."""
        motion = session.get(Motion, (reference, name))
        if motion is None or motion.state != store.QUEUED:
            return
        motion.state, motion.reason = (
            (store.DONE, None) if row.state == outbox.CONFIRMED else (store.FAILED, row.reason)
        )

    def _terms(self, session: Session, motion: Motion) -> dict[str, Any]:
        row = session.get_one(store.TermsVersion, (motion.reference, motion.terms_version))
        return doc.build_struct(doc.parse_document(row.document), self._desk.deployment)

    def _holder(self, session: Session, trade: Trade, row: MilestoneRow, exporter: str) -> Signer:
        if row.assignee is None:
            return Signer("holder", exporter, trade.exporter_bank)
        assigned = session.get(Motion, (trade.reference, f"assign:{row.index}"))
        institution = None if assigned is None else assigned.content["institution"]
        return Signer("holder", row.assignee, institution)

    def _keep(self, session: Session, motion: Motion, answer: Answer, given_by: str, now_s: int) -> MotionSignature:
        row = session.merge(
            MotionSignature(
                reference=motion.reference,
                name=motion.name,
                account=answer.account,
                valid_until_s=answer.valid_until,
                action=answer.action,
                signature=answer.signature,
                increase=answer.increase,
                given_by=given_by,
                signed_at_s=now_s,
            )
        )
        if motion.state == store.FAILED:
            motion.state = store.OPEN
        motion.reason = None
        session.flush()
        return row

    def _ask(self, session: Session, trade: Trade, motion: Motion, signer: Signer) -> None:
        if signer.institution is None:
            motion.reason = f"the institution of {signer.account} is not known here; its bank has to say"
            return
        increase = None
        if signer.role == "provider" and motion.kind in self._increases:
            increase = self._increases[motion.kind](session, trade, motion)
        message = self.message(session, trade, motion)
        content = typed_data.hash_struct(motion.kind, message | {"valid_until": 0, "action": 0})
        body = {
            "request_id": content.hex()[:24] + signer.account[2:10].lower(),
            "reference": trade.reference,
            "name": motion.name,
            "kind": motion.kind,
            "account": signer.account,
            "message": to_json(motion.kind, message | {"valid_until": 0, "action": 0}),
            "increase": None if increase is None else increase.body,
        }
        self._asking.ask(session, signer.institution, body)

    def _send(self, session: Session, trade: Trade, motion: Motion) -> None:
        function, args = self._calls[motion.kind](session, trade, motion, self.signatures(session, motion))
        motion.state, motion.reason = store.QUEUED, None
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=function,
            args=(trade.trade_id, *args),
            reference=f"{PREFIX}{trade.reference}:{STEP}{motion.name}",
        )


def consent_of(row: MotionSignature) -> dict[str, Any]:
    """Return a signature as the contract's `SignedConsent`."""
    return {"valid_until": row.valid_until_s, "action": row.action, "signature": row.signature}


def signature_body(row: MotionSignature) -> dict[str, Any]:
    """Return a signature as it travels."""
    return {
        "account": row.account,
        "valid_until": str(row.valid_until_s),
        "action": str(row.action),
        "signature": hex_of(row.signature),
        "increase": row.increase,
    }
