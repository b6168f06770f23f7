"""People: invited by an operator, and themselves from then on.

A person belongs to the institution or to one of its customers, and has roles of that side only. An invitation is a
one-time link; who follows it sets a password and shows a code of the app, or makes a passkey. A reset takes all of that
away and needs a new link.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from node.identity import codes
from node.identity.errors import (
    InvitationError,
    PersonExistsError,
    PersonFormatError,
    PersonStateError,
    UnknownPersonError,
)
from node.identity.limits import EMAIL_CHARS_MAX, INVITATION_S, NAME_CHARS_MAX, ROLES_MAX
from node.identity.sessions import end_sessions
from node.identity.store import InvitationRow, PasskeyRow, PersonRow
from node.identity.tokens import new_token, token_hash
from node.identity.vault import Vault
from node.participants.service import ParticipantService
from node.web.approvals.service import withdraw_of
from node.web.approvals.store import ProposalRow
from node.web.permissions import OF_CUSTOMERS, OF_STAFF, Role
from node.web.personal import forget_answers

INVITED: Final = "invited"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"
ERASED: Final = "erased"
# One @, a dot in the domain, nothing that a header or a page could trip over; the mail itself proves the rest.
_EMAIL: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to be invited."""

    email: str
    name: str
    roles: frozenset[Role]
    customer: str | None = None


class People:
    """The people of one institution."""

    def __init__(self, *, participants: ParticipantService, vault: Vault) -> None:
        self._participants = participants
        self._institution_id = participants.institution.id
        self._vault = vault

    def add(self, session: Session, newcomer: Newcomer, now_s: int) -> PersonRow:
        """Make an account that waits for its invitation.

        Raises:
            PersonFormatError: e-mail, name or roles are not acceptable.
            PersonExistsError: somebody has the e-mail address.
            UnknownCustomerError: there is no such customer.
        """
        email = newcomer.email.strip().lower()
        if len(email) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(email):
            raise PersonFormatError("email", "an e-mail address", newcomer.email)
        name = newcomer.name.strip()
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise PersonFormatError("name", f"1 to {NAME_CHARS_MAX} printable characters", newcomer.name)
        if newcomer.customer is not None:
            self._participants.customer(session, newcomer.customer)
        if session.scalar(select(PersonRow.id).where(PersonRow.email == email)) is not None:
            raise PersonExistsError
        row = PersonRow(
            id=f"p-{secrets.token_hex(8)}",
            email=email,
            name=name,
            customer=newcomer.customer,
            roles=_roles(newcomer.roles, newcomer.customer),
            state=INVITED,
            totp_step=0,
            created_at_s=now_s,
        )
        session.add(row)
        session.flush()
        return row

    def get(self, session: Session, person_id: str) -> PersonRow:
        """Return somebody, or raise UnknownPersonError."""
        found = session.get(PersonRow, person_id)
        if found is None:
            raise UnknownPersonError(person_id)
        return found

    def everybody(self, customer: str | None) -> Select[PersonRow]:
        """Return the query of all people; of one customer if named."""
        wanted = select(PersonRow)
        return wanted if customer is None else wanted.where(PersonRow.customer == customer)

    def invite(self, session: Session, person_id: str, made_by: str, now_s: int) -> str:
        """Return the token of a one-time link; earlier links of the person end.

        Raises:
            PersonStateError: the person has come in already; a reset comes first.
        """
        row = self.get(session, person_id)
        _expect(row, INVITED)
        session.execute(delete(InvitationRow).where(InvitationRow.person == row.id))
        token, hashed = new_token(self._institution_id)
        session.add(
            InvitationRow(
                token_hash=hashed,
                person=row.id,
                made_by=made_by,
                made_at_s=now_s,
                expires_at_s=now_s + INVITATION_S,
                totp=self._vault.seal(codes.new_secret(), row.id),
            )
        )
        session.flush()
        return token

    def invitation(self, session: Session, token: str, now_s: int) -> tuple[InvitationRow, PersonRow]:
        """Return a link that may be followed, and whose it is; InvitationError otherwise."""
        row = session.get(InvitationRow, token_hash(token))
        if row is None or now_s >= row.expires_at_s:
            raise InvitationError
        person = self.get(session, row.person)
        if person.state != INVITED:
            raise InvitationError
        return row, person

    def totp_secret(self, invitation: InvitationRow) -> str:
        """Return the secret that an invitation gives to the person's app."""
        return self._vault.open(invitation.totp, invitation.person)

    def set_roles(self, session: Session, person_id: str, roles: Iterable[Role], now_s: int) -> PersonRow:
        """Give somebody other roles; what they have proposed ends, as it may need a role they no longer have."""
        row = self.get(session, person_id)
        if row.state == ERASED:
            raise PersonStateError("not erased", row.state)
        row.roles = _roles(roles, row.customer)
        withdraw_of(session, row.id, "roles changed", now_s)
        return row

    def disable(self, session: Session, person_id: str, now_s: int) -> PersonRow:
        """Lock somebody out: their sessions, links and proposals end."""
        row = self.get(session, person_id)
        if row.state not in (INVITED, ACTIVE):
            raise PersonStateError(f"{INVITED} or {ACTIVE}", row.state)
        self._shut_out(session, row, "disabled", now_s)
        row.state = DISABLED
        return row

    def reset(self, session: Session, person_id: str, now_s: int) -> PersonRow:
        """Take away how somebody signs in, so that a new link lets them begin again; lets in who was disabled, too."""
        row = self.get(session, person_id)
        if row.state == ERASED:
            raise PersonStateError("not erased", row.state)
        self._shut_out(session, row, "reset", now_s)
        self._forget_keys(session, row)
        row.state = INVITED
        return row

    def erase(self, session: Session, person_id: str, now_s: int) -> PersonRow:
        """Delete what is personal; the id stays, where consents and the audit log name it."""
        row = self.get(session, person_id)
        self._shut_out(session, row, "erased", now_s)
        self._forget_keys(session, row)
        self._forget_mentions(session, row)
        row.email = row.name = None
        row.roles, row.state = [], ERASED
        return row

    def _shut_out(self, session: Session, row: PersonRow, why: str, now_s: int) -> None:
        end_sessions(session, row.id)
        session.execute(delete(InvitationRow).where(InvitationRow.person == row.id))
        withdraw_of(session, row.id, why, now_s)

    def _forget_mentions(self, session: Session, row: PersonRow) -> None:
        """Empty what repeats the person's name: answers to requests, and what was proposed about them."""
        forget_answers(session, row.id)
        if row.email is not None:
            mentions = ProposalRow.summary.contains(row.email, autoescape=True)
            for proposal in session.scalars(select(ProposalRow).where(mentions)):
                proposal.summary, proposal.body, proposal.preview = "(erased)", None, None

    def _forget_keys(self, session: Session, row: PersonRow) -> None:
        row.password_hash, row.totp, row.totp_step = None, None, 0
        session.execute(delete(PasskeyRow).where(PasskeyRow.person == row.id))


def _roles(roles: Iterable[Role], customer: str | None) -> list[str]:
    given, allowed = frozenset(roles), OF_STAFF if customer is None else OF_CUSTOMERS
    if not given or len(given) > ROLES_MAX or not given <= allowed:
        raise PersonFormatError("roles", f"some of {', '.join(sorted(allowed))}", ", ".join(sorted(given)))
    return sorted(given)


def _expect(row: PersonRow, state: str) -> None:
    if row.state != state:
        raise PersonStateError(state, row.state)
