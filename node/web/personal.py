"""What the toolkit holds about a customer: events, and answers that repeat what was asked."""

from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from node.web.approvals.store import ProposalRow
from node.web.store import AnswerRow, EventRow

EMPTY: Final = "null"


def forget_answers(session: Session, *ids: str) -> None:
    """Empty every answer that names one of these ids, whoever asked; each stays under its key."""
    for one in ids:
        for answer in session.scalars(select(AnswerRow).where(AnswerRow.body.contains(f'"{one}"', autoescape=True))):
            answer.body = EMPTY


class AnswerKeeper:
    """Events, answers and proposals of a customer."""

    name = "requests"

    def __init__(self, institution_id: str) -> None:
        self._institution_id = institution_id

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return {
            "events": [row.shown() for row in self._events(session, customer_id)],
            "answers": [row.shown() for row in self._answers(session, customer_id)],
            "proposals": [row.shown() for row in self._proposals(session, customer_id)],
        }

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """What its people proposed ends with their accounts."""

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        """Delete events and proposals; answers stay under their keys, empty, so that nothing is done twice."""
        for event in self._events(session, customer_id):
            session.delete(event)
        for answer in self._answers(session, customer_id):
            answer.body = EMPTY
        forget_answers(session, customer_id)
        for proposal in self._proposals(session, customer_id):
            session.delete(proposal)

    def _events(self, session: Session, customer_id: str) -> list[EventRow]:
        return list(session.scalars(select(EventRow).where(EventRow.owner == customer_id).order_by(EventRow.id)))

    def _answers(self, session: Session, customer_id: str) -> list[AnswerRow]:
        name = f"{self._institution_id}/{customer_id}"
        own = or_(AnswerRow.caller == name, AnswerRow.caller.startswith(f"{name}/", autoescape=True))
        return list(session.scalars(select(AnswerRow).where(own)))

    def _proposals(self, session: Session, customer_id: str) -> list[ProposalRow]:
        return list(session.scalars(select(ProposalRow).where(ProposalRow.customer == customer_id)))
