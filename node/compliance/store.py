"""Table of screening decisions."""

from sqlalchemy.orm import Mapped, mapped_column

from node.storage.database import Base


class DecisionRow(Base):
    """The decision on one trade."""

    __tablename__ = "compliance_decision"

    trade_id: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    list_version: Mapped[str | None]
    """Version of the sanction lists that were used, None when none was."""
    decided_at_s: Mapped[int]
    """Ledger time."""
