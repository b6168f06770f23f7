"""Who is asking: bearer tokens, kept as hashes, each for one institution and possibly one of its customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from node.web.errors import ForbiddenError, UnauthenticatedError

_BEARER = HTTPBearer(auto_error=False, description="Token of an institution's operator or customer")


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller."""

    institution_id: str
    customer_id: str | None
    """None: the institution's own staff."""
    roles: frozenset[str]
    """What it may do beyond its own business, `operator` for instance."""

    @property
    def name(self) -> str:
        """`bank-nl/bloem`, as consents and idempotency keys store it."""
        return "/".join(item for item in (self.institution_id, self.customer_id) if item is not None)

    @property
    def owner(self) -> str:
        """Whose money this caller disposes of."""
        return self.customer_id or self.institution_id


class TokenAuthority:
    """The tokens this node accepts."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        """Take tokens in the clear and keep their hashes."""
        self._by_hash = {_hash(token): principal for token, principal in principals.items()}

    def principal(self, token: str) -> Principal:
        """Return whose token it is, or raise UnauthenticatedError."""
        # Looked up by hash: the time it takes says nothing about how much of a guess was right.
        found = self._by_hash.get(_hash(token))
        if found is None:
            raise UnauthenticatedError("Authorization: expected a bearer token of this node, got another one")
        return found


async def get_principal(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Principal:
    """Return the caller, or raise UnauthenticatedError."""
    if credentials is None:
        raise UnauthenticatedError("Authorization: expected `Bearer <token>`, got none")
    authority: TokenAuthority = request.app.state.authority
    return authority.principal(credentials.credentials)


Caller = Annotated[Principal, Depends(get_principal)]


async def get_staff(principal: Caller) -> Principal:
    """Return the caller if it is the institution itself, or raise ForbiddenError."""
    if principal.customer_id is not None:
        raise ForbiddenError("caller: expected the institution's own staff, got one of its customers")
    return principal


Staff = Annotated[Principal, Depends(get_staff)]


def check_owner(principal: Principal, owner: str) -> None:
    """Raise ForbiddenError unless the caller may see and use `owner`'s money: staff any, a customer its own."""
    if principal.customer_id not in (None, owner):
        raise ForbiddenError(f"owner: expected {principal.customer_id}, got {owner[:64]!r} which is not the caller's")


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
