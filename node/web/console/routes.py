"""Pages of nobody in particular: the language, and the files that pages load."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse

from node.languages import NAMES
from node.web.console.errors import RefusalError
from node.web.console.languages import COOKIE
from node.web.console.navigation import Entry
from node.web.console.page import own_path
from node.web.console.rendering import Renderer
from node.web.console.shell import Shell

_YEAR_S = 365 * 86_400


def add_console(
    app: FastAPI,
    *,
    routers: Iterable[APIRouter],
    folders: Iterable[Path],
    entries: Sequence[Entry],
    network: str,
    currencies: Iterable[str],
) -> None:
    """Add pages to an application.

    Args:
        routers: Of the slices' pages; each takes `Looking`, which asks who looks.
        folders: Where their templates are.
        entries: The menu, in its order.
        network: Its name, as people read it.
        currencies: Codes of those that the network has.
    """
    renderer = Renderer(folders, entries, network, currencies)
    app.state.renderer = renderer
    app.include_router(renderer.assets.router())
    app.include_router(_languages())
    for router in routers:
        app.include_router(router, include_in_schema=False)
    app.add_exception_handler(RefusalError, _answer_as_the_api_did)
    app.add_middleware(Shell, renderer=renderer)


async def _answer_as_the_api_did(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusalError), "registered for these alone"
    return JSONResponse(error.document(request.url.path), error.status, media_type="application/problem+json")


def _languages() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/language/{code}")
    async def choose_language(
        code: str, back: Annotated[str, Query(alias="next", max_length=300)] = "/"
    ) -> RedirectResponse:
        """Keep which language the browser's pages are in; it holds nothing personal."""
        response = RedirectResponse(own_path(back), 303)
        if code in NAMES:
            response.set_cookie(COOKIE, code, _YEAR_S, path="/", secure=True, httponly=True, samesite="lax")
        return response

    return router
