"""The FastAPI application of a desk process: every route under /v1, denied unless a bearer token says who asks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, params
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from node.errors import RejectedError
from node.web import notices
from node.web.auth import TokenAuthority, get_principal
from node.web.desk import Desk
from node.web.errors import MethodError, NoSuchRouteError, RequestFormatError
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
    authority: TokenAuthority,
    routers: Iterable[APIRouter],
    before: Sequence[params.Depends] = (),
    title: str = "Landfall",
    version: str = "0.1.0",
) -> FastAPI:
    """Build the application that serves every institution of the process.

    Args:
        desks: By institution id; a caller reaches its own only.
        routers: Of the slices, mounted under /v1 behind authentication.
        before: What every request goes through, once it is known who asks.
    """
    app = FastAPI(
        title=title,
        version=version,
        description="Cross-border settlement node. Amounts are strings of digits in minor units, times ledger seconds.",
    )
    app.state.desks = dict(desks)
    app.state.authority = authority
    # The last one added is the outermost: problems wrap limits, so that a limit is answered as a problem.
    app.add_middleware(LimitMiddleware)
    app.add_middleware(ProblemMiddleware)
    app.add_exception_handler(HTTPException, _raise_http)
    app.add_exception_handler(RequestValidationError, _raise_validation)
    guarded = APIRouter(prefix=PREFIX, dependencies=[Depends(get_principal), *before], responses=_PROBLEMS)
    for router in (notices.router, *routers):
        guarded.include_router(router)
    app.include_router(guarded)
    app.add_api_route("/health", _health, methods=["GET"], tags=["health"])
    return app


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
