"""Who is asking, and whether they may.

Something that authenticates (a devnet's tokens here; sessions and OAuth tokens in `node.identity`) makes a principal of
a request. A route names the permission it takes by `needs`; the table is in `permissions.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Request, Security, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from node.web.errors import ForbiddenError, NotPermittedError, UnauthenticatedError, UndeclaredRouteError
from node.web.permissions import Permission, Role, permissions_of

_BEARER = HTTPBearer(
    auto_error=False,
    description="A token of /v1/oauth/token, or of a devnet. People send a session's cookie instead.",
)
_PRINCIPAL: Final = "landfall_principal"


@dataclass(frozen=True)
class Principal:
    """The authenticated caller."""

    institution_id: str
    customer_id: str | None
    """None: the institution's own staff or system."""
    roles: frozenset[Role]
    actor: str | None = None
    """Id of the person or client; None: the token of a devnet's institution or customer."""
    scopes: frozenset[Permission] | None = None
    """What its roles allow is narrowed to these, where a token names some."""

    @property
    def name(self) -> str:
        """`bank-nl/bloem`, with the actor if there is one; as consents, idempotency keys and the audit log store it."""
        return "/".join(item for item in (self.institution_id, self.customer_id, self.actor) if item is not None)

    @property
    def owner(self) -> str:
        """Whose money this caller disposes of."""
        return self.customer_id or self.institution_id

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """Everything this caller may do."""
        allowed = permissions_of(self.roles)
        return allowed if self.scopes is None else allowed & self.scopes

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller has a permission."""
        return permission in self.permissions


class Authenticator(Protocol):
    """Something that knows callers."""

    async def authenticate(self, request: Request) -> Principal | None:
        """Return who sends the request; None if it carries nothing of this kind.

        Raises:
            RejectedError: it carries something of this kind that does not hold.
        """
        ...


class TokenAuthority:
    """The tokens of a devnet: kept as hashes, each for one institution and possibly one of its customers."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        """Take tokens in the clear and keep their hashes."""
        self._by_hash = {_hash(token): principal for token, principal in principals.items()}

    async def authenticate(self, request: Request) -> Principal | None:
        """Return whose token it is, None if it is none of these."""
        scheme, token = authorization(request)
        # Looked up by hash: the time it takes says nothing about how much of a guess was right.
        return self._by_hash.get(_hash(token)) if scheme == "bearer" else None


def authorization(request: Request) -> tuple[str, str]:
    """Return the scheme of the Authorization header in small letters, and what follows it; both may be empty."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower(), credentials.strip()


async def get_principal(request: Request) -> Principal:
    """Return the caller, or raise UnauthenticatedError."""
    known: Principal | None = request.scope.get(_PRINCIPAL)
    if known is not None:
        return known
    authenticators: Iterable[Authenticator] = request.app.state.authenticators
    for authenticator in authenticators:
        found = await authenticator.authenticate(request)
        if found is not None:
            return speak_as(request.scope, found)
    scheme, _ = authorization(request)
    if scheme:
        raise UnauthenticatedError("Authorization: expected a token of this node that still holds, got another one")
    raise UnauthenticatedError("Authorization: expected `Bearer <token>`, or the cookie of a session, got neither")


Caller = Annotated[Principal, Depends(get_principal)]


def speak_as(scope: Any, principal: Principal) -> Principal:
    """Let a request of this process speak as `principal`; nothing that comes over the network can."""
    scope[_PRINCIPAL] = principal
    return principal


async def authorize(
    principal: Caller, taken: SecurityScopes, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> None:
    """Raise NotPermittedError unless the caller may do what the route names."""
    for permission in map(Permission, taken.scopes):
        if not principal.may(permission):
            raise NotPermittedError(permission, principal.roles)


def needs(permission: Permission) -> params.Security:
    """Return the dependency that names what a route takes: `dependencies=[needs(Permission.TRADES_READ)]`."""
    dependency: params.Security = Security(authorize, scopes=[str(permission)])
    return dependency


def declared_permission(request: Request) -> Permission:
    """Return what the request's route takes; `build_app` has seen that every route says so."""
    found = permission_of(request.scope["route"].dependencies)
    if found is None:
        raise UndeclaredRouteError(f"{request.url.path}: expected a permission, got none")
    return found


def permission_of(dependencies: Iterable[params.Depends]) -> Permission | None:
    """Return what a route with these dependencies takes, None if it names nothing."""
    for one in dependencies:
        if isinstance(one, params.Security) and one.dependency is authorize:
            (scope,) = one.scopes or ()
            return Permission(scope)
    return None


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
