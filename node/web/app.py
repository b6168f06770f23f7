"""The FastAPI application of a desk process: every route under /v1, denied unless who asks may do it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from node.errors import REJECTED, UNAVAILABLE, Mapped, RejectedError
from node.web import audit_routes, docs, event_routes
from node.web.approvals import routes as approval_routes
from node.web.auth import Authenticator, Caller, permission_of
from node.web.clock import Clock, wall_clock
from node.web.desk import Desk
from node.web.errors import MethodError, NoSuchRouteError, RequestFormatError, UndeclaredRouteError
from node.web.middleware import LimitMiddleware, ProblemMiddleware, RequestIdMiddleware, answer_headers
from node.web.openapi import build_document, operation_id
from node.web.route_table import RouteTable
from node.web.throttle import Policy, Throttle

PREFIX: Final = "/v1"
_DESCRIPTION: Final = """\
Cross-border settlement node.

- **Amounts** are strings of digits in minor units, beside their currency; what is written for people says both at once.
- **Times** are RFC 3339 in UTC, of the ledger's clock unless a field says otherwise.
- **Lists** come in pages: `limit`, `cursor`, `sort`; the header `Link` names the next page.
- **Changes** carry an `Idempotency-Key`: the same key with the same request gives the same answer, after a
  restart too. What others may change has an `ETag`; sent as `If-Match`, it lets a change pass
  only while it is what you saw.
- **Errors** are problems (RFC 9457): `type` is a page of this node, `field` what is at fault, `next_step` what to do.
- **`X-Request-Id`** names a request in the node's logs and the chain's.
"""


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="Path of a page that says what it means; the same for the same code, for good")
    title: str
    status: int
    detail: str = Field(description="What was expected, what was got, and the way out")
    instance: str
    code: str = Field(description="<codespace>/<code>, never reused for another meaning")
    next_step: str = Field(description="What a person can do about it")
    field: str | None = Field(None, description="The input at fault, where there is one")


def _documented(row: Mapped) -> dict[str, Any]:
    return {"model": Problem, "description": row.title}


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    row.http_status: _documented(row)
    for row in (
        *(REJECTED[kind] for kind in ("malformed", "unauthenticated", "forbidden", "not_found", "conflict", "changed")),
        *(REJECTED[kind] for kind in ("too_large", "media_type", "invalid", "unseen", "too_many")),
        UNAVAILABLE,
    )
}


class _Application(FastAPI):
    """FastAPI with our OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = build_document(self)
        return self.openapi_schema


def build_app(
    *,
    desks: Mapping[str, Desk],
    authority: Authenticator,
    routers: Iterable[APIRouter],
    authenticators: Iterable[Authenticator] = (),
    open_routers: Iterable[APIRouter] = (),
    clock: Clock = wall_clock,
    before: Sequence[params.Depends] = (),
    title: str = "Landfall",
    version: str = "0.1.0",
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> FastAPI:
    """Build the application that serves every institution of the process.

    Args:
        desks: By institution id; a caller reaches its own only.
        authority: Knows the tokens of a devnet.
        routers: Of the slices, mounted under /v1 behind authentication.
        authenticators: What else knows callers: sessions, OAuth tokens.
        open_routers: Where callers are not known yet: signing in.
        clock: Of sessions and proposals.
        before: What every request goes through, once it is known who asks.
        policy: How many requests a caller may make.

    Raises:
        UndeclaredRouteError: a route does not say which permission it takes.
    """
    app = _Application(
        title=title,
        version=version,
        summary="Goods make landfall, money moves.",
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.router.routes.insert(0, RouteTable(app))
    app.state.desks = dict(desks)
    app.state.authenticators = (authority, *authenticators)
    app.state.clock = clock
    app.state.throttle = Throttle(policy)
    app.state.query_names = {}
    # The last one added is the outermost: problems wrap limits, so that a limit is answered as a problem.
    app.add_middleware(LimitMiddleware)
    app.add_middleware(ProblemMiddleware)
    app.add_middleware(RequestIdMiddleware)
    app.add_exception_handler(HTTPException, _raise_http)
    app.add_exception_handler(RequestValidationError, _raise_validation)
    held = [Depends(_admit), *before]
    guarded = APIRouter(prefix=PREFIX, dependencies=held, responses=_PROBLEMS)
    for router in (event_routes.router, approval_routes.router, audit_routes.router, *routers):
        guarded.include_router(router)
    _check_declared(guarded)
    app.include_router(guarded)
    for router in open_routers:
        app.include_router(router, responses=_PROBLEMS)
    app.include_router(docs.router)
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


async def _admit(request: Request, principal: Caller) -> None:
    """Count the request as its caller's, and refuse what its route does not know."""
    throttle: Throttle = request.app.state.throttle
    headers = answer_headers(request)
    headers["RateLimit-Policy"] = throttle.policy.header
    headers["RateLimit"] = throttle.take(principal.name, time.monotonic())
    if request.query_params:
        _refuse_unknown(request)


def _refuse_unknown(request: Request) -> None:
    """Refuse a query parameter that the route does not know: a filter that is misspelt must not let everything pass."""
    route: APIRoute = request.scope["route"]
    names: dict[Any, frozenset[str]] = request.app.state.query_names
    known = names.get(route.endpoint)
    if known is None:
        found = get_flat_params(route.dependant)
        known = names[route.endpoint] = frozenset(
            one.alias for one in found if isinstance(one.field_info, params.Query)
        )
    for name in request.query_params:
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}" if known else "no parameter"
            raise RequestFormatError(f"query.{name[:64]}", expected, name)


async def _raise_http(request: Request, error: Exception) -> Any:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        raise NoSuchRouteError(f"path: expected one of the API's, got {request.url.path[:200]}; see /docs") from error
    if error.status_code == 405:
        raise MethodError(request.method, (error.headers or {}).get("Allow", "another one")) from error
    raise RejectedError(f"request: expected a request as documented, got one refused: {error.detail}") from error


async def _raise_validation(_request: Request, error: Exception) -> Any:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    raise RequestFormatError(field, str(first["msg"]), first.get("input")) from error
