"""Whether somebody whose name another slice has kept may still come in."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.identity.oauth.clients import DISABLED as DISABLED_CLIENT
from node.identity.oauth.store import ClientRow
from node.identity.people import DISABLED, ERASED
from node.identity.store import PersonRow


def is_shut_out(session: Session, name: str) -> bool:
    """Tell whether a person or program was locked out.

    Args:
        name: As `Principal.name` says it; one without an actor is never shut out.
    """
    actor = name.rpartition("/")[2]
    person = session.get(PersonRow, actor)
    if person is not None:
        return person.state in (DISABLED, ERASED)
    client = session.get(ClientRow, actor)
    return client is not None and client.state == DISABLED_CLIENT


def erased_people(session: Session) -> Sequence[str]:
    """Return the ids of people that were erased."""
    return session.scalars(select(PersonRow.id).where(PersonRow.state == ERASED)).all()
