"""The screening decision bound to a trade. This version screens nobody, and says so in every record."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from node.compliance.errors import NoDecisionError
from node.compliance.store import DecisionRow

NOT_SCREENED: Final = "not screened"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a trade's parties and goods."""

    trade_id: str
    outcome: str
    """`not screened`: no list was looked at; nothing may be concluded about the parties."""
    list_version: str | None
    decided_at_s: int


class ComplianceService:
    """Records and returns decisions."""

    def record(self, session: Session, *, trade_id: str, now_s: int) -> Decision:
        """Bind a decision to a trade; one that exists stays as it is."""
        if session.get(DecisionRow, trade_id) is None:
            session.add(DecisionRow(trade_id=trade_id, outcome=NOT_SCREENED, list_version=None, decided_at_s=now_s))
            session.flush()
        return self.decision_for(session, trade_id)

    def decision_for(self, session: Session, trade_id: str) -> Decision:
        """Return the decision on a trade, or raise NoDecisionError."""
        row = session.get(DecisionRow, trade_id)
        if row is None:
            raise NoDecisionError(trade_id)
        return Decision(row.trade_id, row.outcome, row.list_version, row.decided_at_s)
