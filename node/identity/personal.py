"""What this slice holds about a customer: the people and programs that act for it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.store import EntryRow
from node.identity.oauth.clients import ACTIVE as ACTIVE_CLIENT
from node.identity.oauth.clients import Clients
from node.identity.oauth.store import ClientRow
from node.identity.people import ACTIVE, ERASED, INVITED, People
from node.identity.store import PasskeyRow, PersonRow, SessionRow


class PeopleKeeper:
    """Accounts of a customer's people, and its programs."""

    name = "people"

    def __init__(self, people: People, clients: Clients) -> None:
        self._people = people
        self._clients = clients

    def obstacles(self, session: Session, customer_id: str) -> list[str]:
        return []

    def export(self, session: Session, customer_id: str) -> Any:
        return {
            "people": [export_person(session, row) for row in self._of(session, customer_id)],
            "programs": [row.shown() for row in self._programs(session, customer_id)],
        }

    def close(self, session: Session, customer_id: str, now_s: int) -> None:
        for person in self._of(session, customer_id):
            if person.state in (ACTIVE, INVITED):
                self._people.disable(session, person.id, now_s)
        for program in self._programs(session, customer_id):
            if program.state == ACTIVE_CLIENT:
                self._clients.disable(session, program.id, now_s)

    def erase(self, session: Session, customer_id: str, now_s: int) -> None:
        for person in self._of(session, customer_id):
            if person.state != ERASED:
                self._people.erase(session, person.id, now_s)
        for program in self._programs(session, customer_id):
            program.name, program.jwks = "", []

    def _of(self, session: Session, customer_id: str) -> Sequence[PersonRow]:
        return session.scalars(select(PersonRow).where(PersonRow.customer == customer_id)).all()

    def _programs(self, session: Session, customer_id: str) -> Sequence[ClientRow]:
        return session.scalars(select(ClientRow).where(ClientRow.customer == customer_id)).all()


def export_person(session: Session, person: PersonRow) -> dict[str, Any]:
    """Return what is held about one person: the account, how they sign in, and what the log says they did."""
    passkeys = session.scalars(select(PasskeyRow).where(PasskeyRow.person == person.id))
    runs = session.scalars(select(SessionRow).where(SessionRow.person == person.id))
    acts = session.scalars(select(EntryRow).where(EntryRow.actor.endswith(f"/{person.id}")).order_by(EntryRow.number))
    return {
        "account": person.shown(),
        "passkeys": [row.shown() for row in passkeys],
        "sessions": [row.shown() for row in runs],
        "actions": [{"time_s": row.time_s, "action": row.action, "subject": row.subject} for row in acts],
    }
