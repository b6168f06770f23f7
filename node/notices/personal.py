"""What this slice holds about people: what they want to be told, where, and what they were told."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from node.identity.standing import erased_people
from node.notices.store import NoticeRow, PreferenceRow


class NoticeKeeper:
    """Preferences and notices of a customer and its people."""

    name = "notices"

    def __init__(self, institution_id: str) -> None:
        self._institution_id = institution_id

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return {
            "preferences": [row.shown() for row in self._preferences(session, customer_id)],
            "notices": [row.shown() for row in self._notices(session, customer_id)],
        }

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        """Tell nobody anything any more."""
        for row in self._preferences(session, customer_id):
            session.delete(row)

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for row in (*self._preferences(session, customer_id), *self._notices(session, customer_id)):
            session.delete(row)

    def _preferences(self, session: Session, customer_id: str) -> Sequence[PreferenceRow]:
        return session.scalars(select(PreferenceRow).where(PreferenceRow.owner == customer_id)).all()

    def _notices(self, session: Session, customer_id: str) -> Sequence[NoticeRow]:
        name = f"{self._institution_id}/{customer_id}"
        own = or_(NoticeRow.person == name, NoticeRow.person.startswith(f"{name}/", autoescape=True))
        return session.scalars(select(NoticeRow).where(own).order_by(NoticeRow.id)).all()


def sweep_notices(session: Session) -> None:
    """Forget what erased people wanted to be told, and were."""
    for person_id in erased_people(session):
        for table in (PreferenceRow, NoticeRow):
            session.execute(delete(table).where(table.person.endswith(f"/{person_id}", autoescape=True)))
