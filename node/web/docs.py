"""Pages about the API, served by the node itself: the documentation, and what each problem means."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files
from inspect import cleandoc
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from node.errors import INVARIANT, next_step, problem_type, row_of
from node.web.errors import NoSuchRouteError

router = APIRouter(include_in_schema=False)
_ASSETS: Final = files("node.web") / "assets" / "swagger-ui"
_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
# Everything comes from this node; swagger-ui writes styles into its elements.
_POLICY: Final = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-cache",
}
_START: Final = "SwaggerUIBundle({url: '/openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null});"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}"
)


@router.get("/docs")
async def show_documentation() -> Response:
    """Show every route with its parameters, answers and errors."""
    head = '<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png">'
    scripts = '<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script>'
    return _page("Landfall API", f'<div id="api"></div>{scripts}', head)


@router.get("/docs/start.js")
async def start_documentation() -> Response:
    """Show the document of this node."""
    return Response(_START, media_type="text/javascript", headers=_POLICY)


@router.get("/docs/{name}")
async def get_asset(name: str) -> Response:
    """Return a file of swagger-ui."""
    if name not in _TYPES:
        raise NoSuchRouteError(f"path: expected one of {', '.join(_TYPES)}, got {name[:80]}")
    return Response((_ASSETS / name).read_bytes(), media_type=_TYPES[name], headers=_POLICY)


@router.get("/problems")
async def list_problems() -> Response:
    """Name every problem that an answer may have as its type."""
    lines = (
        f'<li><a href="{problem_type(codespace, code)}">{codespace}/{code}</a> {row_of(kind).title}</li>'
        for (codespace, code), kind in sorted(known_errors().items())
    )
    return _page("Problems", f"<h1>Problems</h1><ul>{''.join(lines)}</ul>", f"<style>{_STYLE}</style>")


@router.get("/problems/{codespace}/{code}")
async def show_problem(codespace: str, code: str) -> Response:
    """Say what a problem means and what to do about it."""
    kind = known_errors().get((codespace, int(code) if code.isdecimal() and len(code) < 6 else -1))
    if kind is None:
        raise NoSuchRouteError(f"problem: expected one that /problems names, got {codespace[:40]}/{code[:10]}")
    row = row_of(kind)
    meaning = "Something in the node is not as it must be." if row is INVARIANT else cleandoc(kind.__doc__ or row.title)
    told = {
        "Title": row.title,
        "Status": str(row.http_status),
        "What it means": meaning,
        "What you can do": next_step(kind),
    }
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in told.items())
    name = f"{codespace}/{code}"
    return _page(f"Problem {name}", f"<h1>{escape(name)}</h1><dl>{items}</dl>", f"<style>{_STYLE}</style>")


def known_errors() -> dict[tuple[str, int], type[BaseException]]:
    """Return the classes of errors that this process may answer with, by codespace and code."""
    found: dict[tuple[str, int], type[BaseException]] = {}
    for kind in _descendants(Exception):
        own = vars(kind).get("code")
        if isinstance(own, int) and isinstance(getattr(kind, "codespace", None), str):
            # Where a class takes over its parent's code it means the same; the parent says it first.
            found.setdefault((str(kind.codespace), own), kind)  # type: ignore[attr-defined]
    return found


def _descendants(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def _page(title: str, body: str, head: Any) -> HTMLResponse:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width">{head}</head><body>{body}</body></html>'
    )
    return HTMLResponse(text, headers=_POLICY)
