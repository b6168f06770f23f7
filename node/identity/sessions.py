"""Sessions of browsers: a random token in a cookie, its hash in the database.

A session ends after half an hour without use and after twelve hours at the latest. Every sign-in makes a new one and
ends the one that the browser brought. The token that guards forms against other sites follows from the session's own.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from node.audit.log import Origin
from node.identity.errors import SessionEndedError
from node.identity.limits import RECENT_S, SESSION_IDLE_S, SESSION_S, SESSION_TOUCH_S, SESSIONS_MAX
from node.identity.store import PersonRow, SessionRow
from node.identity.tokens import new_token, token_hash
from node.storage.database import Database

ACTIVE: Final = "active"
BY_PASSWORD: Final = "password and code"  # noqa: S105 - a word for people
BY_PASSKEY: Final = "passkey"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that runs, and whose it is."""

    row: SessionRow
    person: PersonRow

    def is_recent(self, now_s: int) -> bool:
        """Tell whether the person has signed in just now."""
        return now_s < self.row.made_at_s + RECENT_S


def open_session(
    session: Session, institution_id: str, person: PersonRow, method: str, origin: Origin, now_s: int
) -> tuple[str, SessionRow]:
    """Return the token of a new session; a person's oldest ends where there are too many."""
    runs = _of(session, person.id)
    for row in runs[: max(len(runs) - SESSIONS_MAX + 1, 0)]:
        session.delete(row)
    token, hashed = new_token(institution_id)
    row = SessionRow(
        token_hash=hashed,
        id=secrets.token_hex(8),
        person=person.id,
        method=method,
        made_at_s=now_s,
        seen_at_s=now_s,
        expires_at_s=now_s + SESSION_S,
        address=origin.address,
        agent=origin.agent,
    )
    session.add(row)
    session.flush()
    return token, row


def find_session(database: Database, token: str, now_s: int) -> OpenSession:
    """Return the session of a token, and note that it was used.

    Raises:
        SessionEndedError: it is over, or was never there.
    """
    with database.read() as session:
        row = session.get(SessionRow, token_hash(token))
        person = None if row is None else session.get(PersonRow, row.person)
    if row is None or person is None or not is_running(row, now_s) or person.state != ACTIVE:
        raise SessionEndedError
    if now_s >= row.seen_at_s + SESSION_TOUCH_S:
        with database.transaction() as session:
            touched = session.get(SessionRow, row.token_hash)
            if touched is None:
                raise SessionEndedError
            touched.seen_at_s = now_s
    return OpenSession(row, person)


def is_running(row: SessionRow, now_s: int) -> bool:
    """Tell whether a session runs: neither too old nor too long unused."""
    return now_s < row.expires_at_s and now_s < row.seen_at_s + SESSION_IDLE_S


def running_sessions(session: Session, person_id: str, now_s: int) -> Sequence[SessionRow]:
    """Return a person's sessions that run, the oldest first."""
    return [row for row in _of(session, person_id) if is_running(row, now_s)]


def end_session(session: Session, token: str) -> None:
    """End the session of a token, if there is one."""
    row = session.get(SessionRow, token_hash(token))
    if row is not None:
        session.delete(row)


def end_sessions(session: Session, person_id: str, *, but: str | None = None) -> int:
    """End every session of a person but the one of this id; return how many there were."""
    rows = [row for row in _of(session, person_id) if row.id != but]
    for row in rows:
        session.delete(row)
    return len(rows)


def sweep_sessions(session: Session, now_s: int) -> None:
    """Delete sessions that are over."""
    is_over = (SessionRow.expires_at_s <= now_s) | (SessionRow.seen_at_s <= now_s - SESSION_IDLE_S)
    session.execute(delete(SessionRow).where(is_over))


def csrf_token(token: str) -> str:
    """Return what a form of this session has to carry; another site's page cannot know it."""
    return hmac.new(token.encode(), b"landfall csrf", sha256).hexdigest()


def is_csrf_token(token: str, given: str) -> bool:
    """Tell whether a form carries what it has to."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode())


def _of(session: Session, person_id: str) -> Sequence[SessionRow]:
    return session.scalars(
        select(SessionRow).where(SessionRow.person == person_id).order_by(SessionRow.made_at_s, SessionRow.id)
    ).all()
