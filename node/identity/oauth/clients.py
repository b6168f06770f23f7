"""OAuth clients: registered by an operator, with a key of their own or a secret that is shown once."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from node.identity.limits import NAME_CHARS_MAX, ROLES_MAX
from node.identity.oauth.errors import ClientFormatError, ClientStateError, UnknownClientError
from node.identity.oauth.keys import public_key
from node.identity.oauth.limits import CLIENTS_MAX, KEYS_MAX
from node.identity.oauth.store import AccessTokenRow, ClientRow
from node.identity.tokens import token_hash
from node.participants.service import ParticipantService
from node.web.approvals.service import withdraw_of
from node.web.permissions import OF_CUSTOMERS, OF_STAFF, Permission, Role, permissions_of

ACTIVE: Final = "active"
DISABLED: Final = "disabled"
OF_PROGRAMS: Final = frozenset(Permission) - {
    Permission.ACT_ALONE,
    Permission.APPROVALS_DECIDE,
    Permission.CUSTOMERS_APPROVE,
}
"""What a program may be given: never a person's part in deciding what another one proposes."""
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be registered."""

    name: str
    roles: frozenset[Role]
    scopes: frozenset[Permission]
    jwks: tuple[dict[str, Any], ...] = ()
    customer: str | None = None


class Clients:
    """The clients of one institution."""

    def __init__(self, participants: ParticipantService) -> None:
        self._participants = participants

    def add(self, session: Session, new: NewClient, now_s: int) -> ClientRow:
        """Register a client; without keys it needs a secret before it can come in.

        Raises:
            ClientFormatError: name, roles, scopes or keys are not acceptable.
            ClientStateError: there are too many.
            UnknownCustomerError: there is no such customer.
        """
        if not new.name.strip() or len(new.name) > NAME_CHARS_MAX or not new.name.isprintable():
            raise ClientFormatError("name", f"1 to {NAME_CHARS_MAX} printable characters", new.name)
        if new.customer is not None:
            self._participants.customer(session, new.customer)
        if (session.scalar(select(func.count()).select_from(ClientRow)) or 0) >= CLIENTS_MAX:
            raise ClientStateError(f"clients: expected fewer than {CLIENTS_MAX}, got as many")
        roles = _roles(new.roles, new.customer)
        row = ClientRow(
            id=f"{self._participants.institution.id}.{secrets.token_hex(8)}",
            name=new.name.strip(),
            customer=new.customer,
            roles=sorted(roles),
            scopes=_scopes(new.scopes, roles),
            jwks=_keys(new.jwks),
            secret_hash=None,
            state=ACTIVE,
            created_at_s=now_s,
        )
        session.add(row)
        session.flush()
        return row

    def get(self, session: Session, client_id: str) -> ClientRow:
        """Return a client, or raise UnknownClientError."""
        found = session.get(ClientRow, client_id)
        if found is None:
            raise UnknownClientError(client_id)
        return found

    def new_secret(self, session: Session, client_id: str) -> str:
        """Return a new secret; the one before, and every token, ends.

        Raises:
            ClientStateError: the client is disabled, or signs with keys of its own.
        """
        row = self._active(session, client_id)
        if row.jwks:
            raise ClientStateError(f"client {row.id}: expected one without keys of its own, got one that signs")
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        row.secret_hash = token_hash(secret)
        self._end_tokens(session, row)
        return secret

    def set_keys(self, session: Session, client_id: str, jwks: Iterable[dict[str, Any]]) -> ClientRow:
        """Give a client other keys; during a change of keys the old and the new one."""
        row = self._active(session, client_id)
        row.jwks = _keys(tuple(jwks))
        if not row.jwks:
            raise ClientFormatError("jwks", "at least one key", "none")
        row.secret_hash = None
        return row

    def disable(self, session: Session, client_id: str, now_s: int) -> ClientRow:
        """End a client, its tokens and its proposals, for good."""
        row = self._active(session, client_id)
        row.state = DISABLED
        self._end_tokens(session, row)
        withdraw_of(session, row.id, "disabled", now_s)
        return row

    def _active(self, session: Session, client_id: str) -> ClientRow:
        row = self.get(session, client_id)
        if row.state != ACTIVE:
            raise ClientStateError(f"client {row.id}: expected an {ACTIVE} one, got one that is {row.state}")
        return row

    def _end_tokens(self, session: Session, row: ClientRow) -> None:
        session.execute(delete(AccessTokenRow).where(AccessTokenRow.client == row.id))


def _roles(roles: frozenset[Role], customer: str | None) -> frozenset[Role]:
    allowed = OF_STAFF if customer is None else OF_CUSTOMERS
    if not roles or len(roles) > ROLES_MAX or not roles <= allowed:
        raise ClientFormatError("roles", f"some of {', '.join(sorted(allowed))}", ", ".join(sorted(roles)))
    return roles


def _scopes(scopes: frozenset[Permission], roles: frozenset[Role]) -> list[str]:
    allowed = permissions_of(roles) & OF_PROGRAMS
    if not scopes or not scopes <= allowed:
        beyond = ", ".join(sorted(scopes - allowed)) or "none"
        raise ClientFormatError("scopes", f"some of what its roles allow: {', '.join(sorted(allowed))}", beyond)
    return sorted(scopes)


def _keys(jwks: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    if len(jwks) > KEYS_MAX:
        raise ClientFormatError("jwks", f"at most {KEYS_MAX} keys", len(jwks))
    for place, members in enumerate(jwks):
        try:
            public_key(members)
        except ValueError as error:
            raise ClientFormatError(f"jwks.{place}", str(error), members.get("kty")) from error
    return list(jwks)
