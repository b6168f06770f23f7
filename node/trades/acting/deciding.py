"""What the parties decide about one milestone: the importer accepts, the exporter's side waives, either disputes."""

from hashlib import sha256
from typing import Final

from sqlalchemy.orm import Session

from contracts.trade_transitions import State
from node.trades.acting.acts import Acts
from node.trades.context import Actor
from node.trades.errors import RejectedError, WrongStateError
from node.trades.limits import TEXT_LENGTH_MAX
from node.trades.store import Dispute, Trade
from node.trades.terms import document as doc

ACCEPT: Final = "accept"
WAIVE: Final = "waive"
DISPUTE: Final = "dispute"
WHOLE_BPS: Final = 10_000


class Deciding:
    """Decisions, at the bank that keeps the decider's key."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def accept(self, session: Session, reference: str, index: int, actor: Actor, now_s: int) -> Trade:
        """Sign and send the importer's word that a milestone is to be paid in full, final at once.

        Raises:
            NotPermittedError: `actor` does not act for the importer.
            WrongStateError: the milestone is settled, or final in full already.
        """
        trade, _ = self._acts.funded(session, reference, actor)
        signer = self._acts.importer(trade, actor)
        name = f"{ACCEPT}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        found = self._acts.milestone(session, trade, index, now_s)
        if found.state is State.FINAL and found.share_bps == WHOLE_BPS:
            raise WrongStateError("milestone.state", "one that is not final in full; it will be paid", "final")
        signed = self._acts.sign_about_milestone(session, trade, found.row, signer, "Accept", {}, actor, now_s)
        self._acts.send(session, trade, name, "accept", (index, signed.consent))
        return trade

    def waive(self, session: Session, reference: str, index: int, amount: int, actor: Actor, now_s: int) -> Trade:
        """Sign and send that the exporter's side gives up `amount` of a milestone, minor units; all of it ends it.

        Raises:
            NotPermittedError: `actor` does not act for the exporter's side of the milestone.
            RejectedError: more than is left of it, or nothing.
        """
        trade, document = self._acts.funded(session, reference, actor)
        name = f"{WAIVE}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        found = self._acts.milestone(session, trade, index, now_s)
        signer = self._acts.holder(session, document, found.row, actor)
        if not 0 < amount <= found.row.amount:
            raise RejectedError("amount", f"1 to {found.row.amount} minor units, what is left of the milestone", amount)
        signed = self._acts.sign_about_milestone(
            session, trade, found.row, signer, "Waive", {"amount": amount}, actor, now_s
        )
        self._acts.send(session, trade, name, "waive", (index, amount, signed.consent))
        return trade

    def dispute(
        self, session: Session, reference: str, index: int, reasons: str, actor: Actor, side: str | None, now_s: int
    ) -> Trade:
        """Sign and send a dispute; the reasons are kept here, their hash goes on chain.

        Raises:
            NotPermittedError: `actor` is neither importer nor the exporter's side.
            RejectedError: no reasons, or too many.
            WrongStateError: nothing is due, or its dispute window is over.
        """
        trade, document = self._acts.funded(session, reference, actor)
        text = reasons.strip()
        if not 0 < len(text) <= TEXT_LENGTH_MAX:
            raise RejectedError("reasons", f"text of 1 to {TEXT_LENGTH_MAX} characters", f"{len(text)} characters")
        found = self._acts.milestone(session, trade, index, now_s)
        _, signer = self._acts.party(session, trade, document, found.row, actor, side)
        name = f"{DISPUTE}:{index}"
        if self._acts.is_under_way(session, trade, name):
            return trade
        if found.state is not State.DUE:
            raise WrongStateError("milestone.state", _when(found.state, found.row.deadline_s), found.state.name.lower())
        reason_hash = sha256(text.encode()).digest()
        party = self._acts.desk.participants.address_of(session, signer)
        signed = self._acts.sign_about_milestone(
            session, trade, found.row, signer, "Dispute", {"reason_hash": reason_hash}, actor, now_s
        )
        session.add(
            Dispute(
                digest=signed.digest,
                trade_id=trade.trade_id,
                milestone=index,
                party=party,
                reason_hash=reason_hash,
                reasons=text,
            )
        )
        self._acts.send(session, trade, name, "dispute", (index, party, reason_hash, signed.consent))
        return trade


def _when(state: State, deadline_s: int) -> str:
    """Return what a dispute needs, and the way out."""
    if state is State.PENDING:
        return f"due: disputes open once attesters agree, or after {doc.shown_time(deadline_s)}"
    if state is State.DISPUTED:
        return "due and not disputed; the arbiter has it"
    return "due: its dispute window is over; amend or cancel with the other side"
