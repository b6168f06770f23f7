"""The FastAPI application of a desk process: every route under /v1, denied unless who asks may do it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from node.errors import RejectedError
from node.web import audit_routes, notices
from node.web.approvals import routes as approval_routes
from node.web.auth import Authenticator, get_principal, permission_of
from node.web.clock import Clock, wall_clock
from node.web.desk import Desk
from node.web.errors import MethodError, NoSuchRouteError, RequestFormatError, UndeclaredRouteError
from node.web.middleware import LimitMiddleware, ProblemMiddleware

PREFIX: Final = "/v1"


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="urn:landfall:error:<codespace>:<code>")
    title: str
    status: int
    detail: str = Field(description="What was expected, what was got, and the way out")
    instance: str
    code: str = Field(description="<codespace>/<code>, never reused for another meaning")
    field: str | None = Field(None, description="The input at fault, where there is one")


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": Problem, "description": text}
    for status, text in (
        (401, "No valid bearer token"),
        (403, "Not allowed for this caller"),
        (404, "There is no such thing"),
        (409, "The present state does not allow it"),
        (413, "The request is over a limit"),
        (422, "The request is not acceptable"),
        (503, "Not available now, try again"),
    )
}


def build_app(
    *,
    desks: Mapping[str, Desk],
    authority: Authenticator,
    routers: Iterable[APIRouter],
    authenticators: Iterable[Authenticator] = (),
    open_routers: Iterable[APIRouter] = (),
    clock: Clock = wall_clock,
    title: str = "Landfall",
    version: str = "0.1.0",
) -> FastAPI:
    """Build the application that serves every institution of the process.

    Args:
        desks: By institution id; a caller reaches its own only.
        authority: Knows the tokens of a devnet.
        routers: Of the slices, mounted under /v1 behind authentication.
        authenticators: What else knows callers: sessions, OAuth tokens.
        open_routers: Where callers are not known yet: signing in.
        clock: Of sessions and proposals.

    Raises:
        UndeclaredRouteError: a route does not say which permission it takes.
    """
    app = FastAPI(
        title=title,
        version=version,
        description="Cross-border settlement node. Amounts are strings of digits in minor units, times ledger seconds.",
    )
    app.state.desks = dict(desks)
    app.state.authenticators = (authority, *authenticators)
    app.state.clock = clock
    # The last one added is the outermost: problems wrap limits, so that a limit is answered as a problem.
    app.add_middleware(LimitMiddleware)
    app.add_middleware(ProblemMiddleware)
    app.add_exception_handler(HTTPException, _raise_http)
    app.add_exception_handler(RequestValidationError, _raise_validation)
    guarded = APIRouter(prefix=PREFIX, dependencies=[Depends(get_principal)], responses=_PROBLEMS)
    for router in (notices.router, approval_routes.router, audit_routes.router, *routers):
        guarded.include_router(router)
    _check_declared(guarded)
    app.include_router(guarded)
    for router in open_routers:
        app.include_router(router, responses=_PROBLEMS)
    app.add_api_route("/health", _health, methods=["GET"], tags=["health"])
    return app


def _check_declared(router: APIRouter) -> None:
    # Not by `iter_route_contexts`: that builds every route anew, half a second of each start.
    for route in router.routes:
        included: APIRouter | None = getattr(route, "original_router", None)
        if included is not None:
            _check_declared(included)
        elif not isinstance(route, APIRoute) or permission_of(route.dependencies) is None:
            path = getattr(route, "path", "a route")
            raise UndeclaredRouteError(f"{path}: expected dependencies=[needs(Permission...)], got none")


async def _health() -> dict[str, str]:
    """Say that the process answers; anyone may ask."""
    return {"status": "ok"}


async def _raise_http(request: Request, error: Exception) -> Any:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        raise NoSuchRouteError(f"path: expected one of the API's, got {request.url.path[:200]}; see /docs") from error
    if error.status_code == 405:
        raise MethodError(f"method: expected one the path has, got {request.method}; see /docs") from error
    raise RejectedError(f"request: expected a request as documented, got one refused: {error.detail}") from error


async def _raise_validation(_request: Request, error: Exception) -> Any:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    raise RequestFormatError(field, str(first["msg"]), first.get("input")) from error
