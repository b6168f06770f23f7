"""Giving a milestone to a financier: the exporter offers it, the financier signs, its share is then the financier's.

The exporter's bank collects both signatures and sends. It tells the importer's bank who keeps the financier's key,
because that signature then stands for the exporter's in whatever lowers or delays the milestone.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.orm import Session

from node.messages.ports import Message
from node.quotes.wire import address_of, text_of
from node.storage.cursor import booked_until_s
from node.trades import store
from node.trades.context import ASSIGN as ASSIGN_TYPE
from node.trades.context import Actor, Desk
from node.trades.errors import NotPermittedError, OfferRejectedError, RejectedError, WrongStateError
from node.trades.motions.collecting import Motions, consent_of
from node.trades.standing.milestones import milestone_rows
from node.trades.store import MilestoneRow, Motion, MotionSignature, Trade
from node.trades.terms import document as doc
from node.trades.terms.context import Context
from node.trades.terms.document import TermsDocument

ASSIGN: Final = "trades.assign"


class Assigning:
    """Assignments, at the exporter's bank; the importer's keeps who the assignee's bank is."""

    def __init__(self, desk: Desk, motions: Motions) -> None:
        self._desk = desk
        self._motions = motions
        motions.register(ASSIGN_TYPE, self._call)

    def assign(
        self,
        session: Session,
        reference: str,
        index: int,
        institution: str,
        account: str | None,
        actor: Actor,
        now_s: int,
    ) -> Trade:
        """Sign the exporter's side of an assignment and ask the financier to sign.

        Args:
            institution: Whose desk keeps the financier's key, or the financier itself.
            account: The financier's; None for the institution's own.

        Raises:
            WrongStateError: the trade is not funded, the milestone settled or assigned.
            RejectedError: the financier is a party, an attester of the milestone, or unknown.
        """
        trade = self._desk.trade_of(session, reference, actor)
        if "exporter" not in self._desk.sides_of(trade, actor):
            raise NotPermittedError("actor", "the exporter, or its bank", actor.name)
        if trade.state != store.FUNDED:
            raise WrongStateError("state", "a funded trade that is not closed", trade.state)
        document = self._desk.document(session, trade)
        row = self._milestone(session, trade, index)
        if row.assignee is not None:
            raise WrongStateError("milestone", "one that is not assigned yet; once given it stays given", row.assignee)
        checking = self._desk.checking(session, now_s)
        assignee = self._assignee(document, index, institution, account, checking)
        name = f"assign:{index}"
        content = {"milestone": index, "assignee": assignee, "institution": institution}
        motion = self._motions.put(session, trade, name, ASSIGN_TYPE, content, "exporter", now_s)
        signed = self._motions.sign(session, trade, motion, trade.exporter, actor.name, now_s)
        body = {"reference": reference, "milestone": index, "assignee": assignee, "institution": institution}
        self._desk.tell(session, trade, ASSIGN, f"assign/{reference}/{index}/{signed.action}", body)
        self._motions.proceed(session, trade, motion, now_s)
        return trade

    def on_assign(self, session: Session, message: Message) -> None:
        """Keep, at the importer's bank, who is offered a milestone and whose desk keeps its key."""
        body = message.body
        trade = self._desk.trade(session, text_of(body.get("reference"), "reference"))
        if message.sender != trade.exporter_bank:
            raise OfferRejectedError("sender", trade.exporter_bank, message.sender)
        index = body.get("milestone")
        if isinstance(index, bool) or not isinstance(index, int):
            raise OfferRejectedError("milestone", "a whole number", index)
        self._milestone(session, trade, index)
        content = {
            "milestone": index,
            "assignee": address_of(body.get("assignee"), "assignee"),
            "institution": text_of(body.get("institution"), "institution"),
        }
        now_s = booked_until_s(session)
        self._motions.put(session, trade, f"assign:{index}", ASSIGN_TYPE, content, "exporter", now_s)

    def _milestone(self, session: Session, trade: Trade, index: int) -> MilestoneRow:
        rows = milestone_rows(session, trade)
        if not 0 <= index < len(rows):
            raise RejectedError("milestone", f"0 to {len(rows) - 1}", index)
        if rows[index].state == store.SETTLED:
            raise WrongStateError("milestone.state", "a milestone that is not settled", store.SETTLED)
        return rows[index]

    def _assignee(
        self, document: TermsDocument, index: int, institution: str, account: str | None, checking: Context
    ) -> str:
        own = self._desk.participants.directory.institution(institution).address
        if account is None:
            assignee = own
        else:
            try:
                assignee = doc.checked_address(account)
            except ValueError as error:
                raise RejectedError("account", str(error).removeprefix("expected "), account) from error
        deployment = self._desk.deployment
        contracts = [*deployment.contracts.values(), *(token.address for token in deployment.tokens.values())]
        if assignee in (document.importer.account, document.exporter.account, document.arbiter.account):
            raise RejectedError("account", "an account that is no party or arbiter of the trade", assignee)
        if assignee in [attester.account for attester in document.milestones[index].attesters]:
            raise RejectedError("account", "an account that does not attest the milestone", assignee)
        if assignee in contracts:
            raise RejectedError("account", "an account, which no contract of the network is", assignee)
        purpose = checking.forbidding(document.importer.account or "", assignee)
        if purpose is not None:
            expected = f"an account that the purpose {purpose} of the importer's wallet allows; its owner may allow it"
            raise RejectedError("account", expected, assignee)
        return assignee

    def _call(
        self, session: Session, trade: Trade, motion: Motion, given: Mapping[str, MotionSignature]
    ) -> tuple[str, tuple[Any, ...]]:
        index, assignee = motion.content["milestone"], motion.content["assignee"]
        document = self._desk.document(session, trade)
        exporter = given[document.exporter.account or ""]
        milestone = doc.milestone_struct(document.milestones[index])
        return "assign", (index, milestone, assignee, consent_of(exporter), consent_of(given[assignee]))
