"""Pages without people: whoever calls looks as the caller that the API knows."""

from collections.abc import Iterable
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request

from node.web.auth import Caller
from node.web.console.languages import speech
from node.web.console.page import Page, Viewer, get_page
from node.web.console.routes import add_console
from node.web.desk import CallersDesk


async def page_without_people(request: Request, principal: Caller, desk: CallersDesk) -> Page:
    page = Page(request, desk, speech("en"), principal, request.app.state.renderer)
    bank = principal.institution_id
    page.viewer = Viewer(principal, "Lotte", bank, bank, frozenset({"bank"}), principal.customer_id, "")
    return page


def add_pages(app: FastAPI, router: APIRouter, folders: Iterable[Path], currencies: Iterable[str] = ()) -> None:
    """Add pages to an application of a test."""
    add_console(app, routers=(router,), folders=folders, entries=(), network="Test", currencies=currencies)
    app.dependency_overrides[get_page] = page_without_people
