"""Signing in: with password and code, with a passkey, or by following an invitation."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.log import Entry, Origin, append
from node.identity import codes, passwords, sessions, tries
from node.identity.errors import CodeError, PersonFormatError, SignInRefusedError
from node.identity.limits import NAME_CHARS_MAX
from node.identity.passkeys import Asked, Passkeys
from node.identity.people import ACTIVE, People
from node.identity.sessions import BY_PASSKEY, BY_PASSWORD
from node.identity.store import PersonRow, SessionRow
from node.identity.tokens import token_hash
from node.identity.vault import Vault
from node.storage.database import Database
from node.web.auth import Principal
from node.web.permissions import Role

JOIN_PATH: Final = "/join"
"""The console's page that follows a one-time link."""


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody who has come in: the token goes into the browser's cookie."""

    token: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Visit:
    """One try to come in."""

    origin: Origin
    now_s: int
    old_token: str | None
    """Of the session that the browser brought; it ends."""


class Identity:
    """How the people of one institution sign in."""

    def __init__(
        self, *, institution_id: str, database: Database, people: People, passkeys: Passkeys, vault: Vault
    ) -> None:
        self.institution_id = institution_id
        self.people = people
        self.passkeys = passkeys
        self.database = database
        self._vault = vault

    def link(self, token: str) -> str:
        """Return the one-time link of an invitation; the token is in its fragment, which browsers send to nobody."""
        return f"{self.passkeys.site.origin}{JOIN_PATH}#{token}"

    async def sign_in(self, visit: Visit, *, email: str, password: str, code: str) -> Entered:
        """Let somebody in by password and code.

        Raises:
            LockedOutError: too many tries from there, or at this account.
            SignInRefusedError: one of the three is wrong; which, is not told.
        """
        account = email.strip().lower()
        tries.count_try(self.database, visit.origin.address, account, visit.now_s)
        with self.database.read() as session:
            person = session.scalar(select(PersonRow).where(PersonRow.email == account, PersonRow.state == ACTIVE))
        is_password = await passwords.is_password(password, None if person is None else person.password_hash)
        with self.database.transaction() as session:
            if person is not None and is_password and self._is_code(session, person.id, code, visit.now_s):
                tries.forget_tries(session, account)
                return self._enter(session, person, BY_PASSWORD, visit)
            self._refused(session, None if person is None else person.id, BY_PASSWORD, visit)
        raise SignInRefusedError

    def ask_passkey(self, visit: Visit) -> Asked:
        """Ask a browser for a passkey."""
        tries.count_try(self.database, visit.origin.address, None, visit.now_s)
        with self.database.transaction() as session:
            return self.passkeys.ask_sign_in(session, visit.now_s)

    def sign_in_by_passkey(self, visit: Visit, challenge: str, credential: dict[str, Any]) -> Entered:
        """Let somebody in by a passkey; raises what `Passkeys.sign_in` does."""
        tries.count_try(self.database, visit.origin.address, None, visit.now_s)
        with self.database.transaction() as session:
            person = self.passkeys.sign_in(session, challenge, credential, visit.now_s)
            return self._enter(session, person, BY_PASSKEY, visit)

    async def accept_by_password(self, visit: Visit, *, token: str, password: str, code: str) -> Entered:
        """Let somebody in who was invited, and keep the password and the app that they sign in with from now on.

        Raises:
            InvitationError: the link is used or too old.
            PasswordError: the password is too easy to guess.
            CodeError: the app shows another code.
        """
        tries.count_try(self.database, visit.origin.address, None, visit.now_s)
        with self.database.read() as session:
            _, person = self.people.invitation(session, token, visit.now_s)
        passwords.validate_password(password, person.email or "")
        hashed = await passwords.hash_password(password)
        with self.database.transaction() as session:
            invitation, person = self.people.invitation(session, token, visit.now_s)
            step = codes.used_step(self.people.totp_secret(invitation), code, visit.now_s, 0)
            if step is None:
                raise CodeError
            person.password_hash, person.totp, person.totp_step = hashed, invitation.totp, step
            session.delete(invitation)
            return self._begin(session, person, BY_PASSWORD, visit)

    def ask_first_passkey(self, visit: Visit, token: str) -> Asked:
        """Ask somebody's browser who was invited to make a passkey."""
        tries.count_try(self.database, visit.origin.address, None, visit.now_s)
        with self.database.transaction() as session:
            _, person = self.people.invitation(session, token, visit.now_s)
            return self.passkeys.ask_registration(session, person, visit.now_s)

    def accept_by_passkey(
        self, visit: Visit, *, token: str, challenge: str, credential: dict[str, Any], name: str
    ) -> Entered:
        """Let somebody in who was invited, by the passkey that they have made; raises what its parts do."""
        tries.count_try(self.database, visit.origin.address, None, visit.now_s)
        with self.database.transaction() as session:
            invitation, person = self.people.invitation(session, token, visit.now_s)
            self.passkeys.register(session, person, challenge, credential, checked_name(name), visit.now_s)
            session.delete(invitation)
            return self._begin(session, person, BY_PASSKEY, visit)

    async def change_password(self, visit: Visit, person_id: str, *, old: str, new: str, code: str) -> None:
        """Give somebody another password; their other sessions end.

        Raises:
            SignInRefusedError: the old password or the code is wrong.
            PasswordError: the new one is too easy to guess.
        """
        with self.database.read() as session:
            person = self.people.get(session, person_id)
        tries.count_try(self.database, visit.origin.address, person.email, visit.now_s)
        passwords.validate_password(new, person.email or "")
        is_old = await passwords.is_password(old, person.password_hash)
        hashed = await passwords.hash_password(new)
        with self.database.transaction() as session:
            if not is_old or not self._is_code(session, person_id, code, visit.now_s):
                raise SignInRefusedError("the password until now and the app's code")
            person = self.people.get(session, person_id)
            person.password_hash = hashed
            tries.forget_tries(session, person.email or "")
            sessions.end_sessions(session, person_id, but=self._session_id(session, visit.old_token))
            self._log(session, person, "password.changed", visit)

    def leave(self, visit: Visit, principal: Principal) -> None:
        """End the session that the browser brought."""
        with self.database.transaction() as session:
            if visit.old_token is not None:
                sessions.end_session(session, visit.old_token)
            append(session, _entry(principal.name, "session.ended", str(principal.actor), visit))

    def _begin(self, session: Session, person: PersonRow, method: str, visit: Visit) -> Entered:
        person.state = ACTIVE
        self._log(session, person, "invitation.accepted", visit)
        return self._enter(session, person, method, visit)

    def _enter(self, session: Session, person: PersonRow, method: str, visit: Visit) -> Entered:
        if visit.old_token is not None:
            sessions.end_session(session, visit.old_token)
        token, _ = sessions.open_session(session, self.institution_id, person, method, visit.origin, visit.now_s)
        self._log(session, person, f"session.opened by {method}", visit)
        return Entered(token, self._principal(person))

    def _is_code(self, session: Session, person_id: str, code: str, now_s: int) -> bool:
        person = self.people.get(session, person_id)
        if person.totp is None:
            return False
        step = codes.used_step(self._vault.open(person.totp, person.id), code, now_s, person.totp_step)
        if step is not None:
            person.totp_step = step
        return step is not None

    def _session_id(self, session: Session, token: str | None) -> str | None:
        row = None if token is None else session.get(SessionRow, token_hash(token))
        return None if row is None else row.id

    def _principal(self, person: PersonRow) -> Principal:
        roles = frozenset(Role(role) for role in person.roles)
        return Principal(self.institution_id, person.customer, roles, person.id)

    def _refused(self, session: Session, person_id: str | None, method: str, visit: Visit) -> None:
        append(session, _entry("somebody", f"session.refused by {method}", person_id or "nobody known", visit))

    def _log(self, session: Session, person: PersonRow, action: str, visit: Visit) -> None:
        append(session, _entry(self._principal(person).name, action, person.id, visit))


def checked_name(name: str) -> str:
    """Return what a person calls a passkey, or raise PersonFormatError."""
    if not name.strip() or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise PersonFormatError("name", f"1 to {NAME_CHARS_MAX} printable characters", name)
    return name.strip()


def _entry(actor: str, action: str, subject: str, visit: Visit) -> Entry:
    return Entry(actor=actor, action=action, subject=subject, origin=visit.origin, time_s=visit.now_s)
