"""What a browser brings: the cookie of its session, and signs of which page sends a request."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from node.identity import sessions
from node.identity.errors import SessionEndedError
from node.identity.limits import SESSION_S
from node.identity.sessions import OpenSession
from node.identity.tokens import institution_of
from node.web.auth import Principal, authorization
from node.web.clock import now_s_of
from node.web.desk import Desk
from node.web.errors import CsrfError
from node.web.middleware import body_of
from node.web.permissions import Role

COOKIE: Final = "__Host-landfall"
"""The prefix makes browsers refuse it from any other host, and without TLS (localhost counts as safe)."""
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf_token"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE: Final = frozenset({"same-origin", "none"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_SESSION: Final = "landfall_session"


class SessionAuthenticator:
    """Knows people by the cookie of their session."""

    async def authenticate(self, request: Request) -> Principal | None:
        """Return whose session the request rides on; None without a cookie, or where it brings credentials of its own.

        Raises:
            SessionEndedError: the session is over.
            CsrfError: it changes something, and is not known to come from the person's own page.
        """
        token = request.cookies.get(COOKIE)
        if token is None or authorization(request)[0]:
            return None
        found = session_of(request, token)
        if request.method not in _SAFE_METHODS:
            check_same_origin(request)
            if not sessions.is_csrf_token(token, await _given_csrf_token(request)):
                raise CsrfError(f"{CSRF_HEADER}: expected the token of this session (GET /v1/me), got none or another")
        return principal_of(institution_of(token), found)


def session_of(request: Request, token: str) -> OpenSession:
    """Return the session of a token, or raise SessionEndedError."""
    known: OpenSession | None = request.scope.get(_SESSION)
    if known is not None:
        return known
    desks: dict[str, Desk] = request.app.state.desks
    desk = desks.get(institution_of(token))
    if desk is None:
        raise SessionEndedError
    found = sessions.find_session(desk.database, token, now_s_of(request))
    request.scope[_SESSION] = found
    return found


def principal_of(institution_id: str, found: OpenSession) -> Principal:
    """Return the principal of a session: the person with the roles they have now."""
    roles = frozenset(Role(role) for role in found.person.roles)
    return Principal(institution_id, found.person.customer, roles, found.person.id)


def set_cookie(response: Response, token: str) -> None:
    """Give a browser its session."""
    response.set_cookie(COOKIE, token, max_age=SESSION_S, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["Cache-Control"] = "no-store"


def clear_cookie(response: Response) -> None:
    """Take a browser's session away."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def check_same_origin(request: Request) -> None:
    """Raise CsrfError where a browser says that another site's page sends the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITE:
        raise CsrfError(f"Sec-Fetch-Site: expected same-origin, got {site[:40]}")
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    if origin is not None and urlsplit(origin).netloc != host:
        raise CsrfError(f"Origin: expected {host[:100]}, got {origin[:100]}")


async def _given_csrf_token(request: Request) -> str:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("Content-Type", "").startswith(_FORMS):
        form = await Request(dict(request.scope), _giving(body_of(request))).form()
        field = form.get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    return given or ""


def _giving(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
