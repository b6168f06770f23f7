"""What a party decides about a funded trade becomes a signed message and a call of the escrow, queued once.

The customer's key is kept here, so its bank signs; the consent is stored with who gave it. A decision that is on its
way is not taken twice; one that the chain refused may be taken again.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from contracts.client import typed_data
from contracts.trade_transitions import State
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.context import ESCROW, PREFIX, Actor, Desk
from node.trades.errors import NotPermittedError, RejectedError, WrongStateError
from node.trades.standing.milestones import Standing, milestone_rows, standing
from node.trades.store import MilestoneRow, Step, Trade
from node.trades.terms import document as doc
from node.trades.terms.document import TermsDocument

VALID_S: Final = 86_400
"""How long a signature counts: the call goes out at once, so a day is for a chain that was away."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A party's message to the escrow."""

    digest: bytes
    consent: dict[str, Any]
    """The contract's `SignedConsent`."""


class Acts:
    """What every decision needs: who may, what is signed, what is sent."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def funded(self, session: Session, reference: str, actor: Actor) -> tuple[Trade, TermsDocument]:
        """Return a funded trade that `actor` may see.

        Raises:
            WrongStateError: it is not funded, or closed.
        """
        trade = self.desk.trade_of(session, reference, actor)
        if trade.state != store.FUNDED:
            raise WrongStateError("state", "a funded trade that is not closed", trade.state)
        return trade, self.desk.document(session, trade)

    def milestone(self, session: Session, trade: Trade, index: int, now_s: int) -> Standing:
        """Return an unsettled milestone as it stands now.

        Raises:
            RejectedError: there is no such milestone.
            WrongStateError: it is settled.
        """
        rows = milestone_rows(session, trade)
        if not 0 <= index < len(rows):
            raise RejectedError("milestone", f"0 to {len(rows) - 1}", index)
        found = standing(rows[index], self.desk.document(session, trade), now_s)
        if found.state is State.SETTLED:
            raise WrongStateError(
                "milestone.state", "a milestone that is not settled; nothing can change it now", "settled"
            )
        return found

    def importer(self, trade: Trade, actor: Actor) -> str:
        """Return the importer's customer id, if `actor` may act for it."""
        self.desk.acting_side(trade, actor, "importer")
        return trade.importer

    def holder(self, session: Session, document: TermsDocument, row: MilestoneRow, actor: Actor) -> str:
        """Return the customer on the exporter's side of a milestone, if `actor` may act for it.

        Raises:
            NotPermittedError: another bank keeps its key, or `actor` is another customer.
        """
        account = row.assignee or document.exporter.account or ""
        owner = self.desk.participants.account_names(session).get(account)
        who = "the exporter" if row.assignee is None else "the assignee of the milestone"
        if owner is None:
            raise NotPermittedError("actor", f"{who}, {account}, at the bank that keeps its key", actor.name)
        if actor.customer not in (None, owner):
            raise NotPermittedError("actor", f"{who}, {owner}, or its bank", actor.name)
        return owner

    def party(
        self, session: Session, trade: Trade, document: TermsDocument, row: MilestoneRow, actor: Actor, side: str | None
    ) -> tuple[str, str]:
        """Return (side, customer) that `actor` acts for in a milestone, importer or holder.

        Raises:
            NotPermittedError: it may act for neither, or for both and names none.
        """
        found: dict[str, str] = {}
        if "importer" in self.desk.sides_of(trade, actor):
            found["importer"] = trade.importer
        try:
            found["exporter"] = self.holder(session, document, row, actor)
        except NotPermittedError:
            if not found:
                raise
        if side is None and len(found) == 1:
            return next(iter(found.items()))
        if side is None or side not in found:
            raise NotPermittedError("side", " or ".join(found), side or "none")
        return side, found[side]

    def sign_about_milestone(
        self,
        session: Session,
        trade: Trade,
        row: MilestoneRow,
        signer: str,
        primary_type: str,
        content: Mapping[str, Any],
        actor: Actor,
        now_s: int,
    ) -> Signed:
        """Sign a message that binds a milestone's terms."""
        bound = {"milestone": row.index, "milestone_hash": self.terms_hash(session, trade, row)}
        return self.sign_about_trade(session, trade, signer, primary_type, {**bound, **content}, actor, now_s)

    def sign_about_trade(
        self,
        session: Session,
        trade: Trade,
        signer: str,
        primary_type: str,
        content: Mapping[str, Any],
        actor: Actor,
        now_s: int,
    ) -> Signed:
        """Sign a message that binds the version of the terms."""
        valid_until, action = now_s + VALID_S, secrets.randbits(62)
        head = {"trade_id": trade.trade_id, "version": trade.chain_version or doc.FUNDED_VERSION}
        message = {**head, **content, "valid_until": valid_until, "action": action}
        domain = self.desk.deployment.domain(ESCROW)
        signature = self.desk.participants.sign_typed(
            session,
            signer=signer,
            domain=domain,
            primary_type=primary_type,
            message=message,
            given_by=actor.name,
            now_s=now_s,
        )
        consent = {"valid_until": valid_until, "action": action, "signature": signature}
        return Signed(typed_data.digest(domain, primary_type, message), consent)

    def terms_hash(self, session: Session, trade: Trade, row: MilestoneRow) -> bytes:
        """Return what messages about a milestone bind; rows of an older program have none stored."""
        return row.terms_hash or doc.milestone_hash(self.desk.document(session, trade), row.index)

    def is_under_way(self, session: Session, trade: Trade, name: str) -> bool:
        """Tell whether a step of that name waits for its block."""
        step = session.get(Step, (trade.reference, name))
        return step is not None and step.state == store.QUEUED

    def send(self, session: Session, trade: Trade, name: str, function: str, args: Sequence[Any]) -> None:
        """Queue a call of the escrow about this trade under a step's name, unless it is under way."""
        if self.is_under_way(session, trade, name):
            return
        step = session.get(Step, (trade.reference, name))
        if step is None:
            step = Step(reference=trade.reference, name=name, attempts=0, retry_at_s=0, reason=None)
            session.add(step)
        step.state, step.reason = store.QUEUED, None
        step.attempts += 1
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=function,
            args=(trade.trade_id, *args),
            reference=f"{PREFIX}{trade.reference}:{name}",
        )

    def payees(self, document: TermsDocument) -> list[dict[str, Any]]:
        """Return the terms' payees as the contract takes them."""
        return [doc.payee_struct(payee) for payee in document.payees]


def book_outcome(session: Session, row: OutboxRow, reference: str, name: str) -> Step | None:
    """Book how a step went; None where the reference names none. Losing a race is no failure."""
    step = session.get(Step, (reference, name))
    if step is None:
        return None
    if row.state == outbox.CONFIRMED:
        step.state, step.reason = store.DONE, None
    elif step.state != store.OVERTAKEN:
        step.state, step.reason = store.FAILED, row.reason
    return step
