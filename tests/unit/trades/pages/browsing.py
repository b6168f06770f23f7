"""The pages of trades over real desks, as people of the cast see them; nobody signs in."""

import asyncio
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, Request

from node.trades.pages import draft_pages, paper_pages, trade_pages
from node.web.auth import Caller, needs
from node.web.console.languages import speech
from node.web.console.page import Page, Viewer, get_page
from node.web.console.routes import add_console
from node.web.desk import CallersDesk
from node.web.permissions import Permission
from tests.unit.trades.rest.test_routes import Api
from tests.unit.trades.world import World

CUSTOMERS = {"naivasha": "Naivasha Roses Ltd", "bloem": "Bloemenhuis BV"}
institutions = APIRouter()
_HIDDEN = re.compile(r'<input type="hidden" name="(once|seen)" value="([^"]*)">')


@institutions.get("/institutions", dependencies=[needs(Permission.PARTICIPANTS_READ)])
async def list_institutions(_caller: Caller) -> list[dict[str, object]]:
    """Stands in for the directory's route, which needs a registry."""
    return [{"id": "carrier", "name": "Great Lakes Air", "role_names": ["attester"]}]


async def page_of_cast(request: Request, principal: Caller, desk: CallersDesk) -> Page:
    page = Page(request, desk, speech("en"), principal, request.app.state.renderer)
    customer = None if principal.customer_id is None else CUSTOMERS.get(principal.customer_id, principal.customer_id)
    bank = principal.institution_id
    page.viewer = Viewer(principal, bank, bank, bank, frozenset({"bank"}), customer, "")
    return page


class Browsing(Api):
    """Pages by name; a form is sent with what was hidden in the page that showed it."""

    def __init__(self, world: World, *routers: APIRouter, folders: tuple[Path, ...] = ()) -> None:
        super().__init__(world, institutions)
        pages = (draft_pages.router, trade_pages.router, paper_pages.router, *routers)
        folders = (trade_pages.TEMPLATES, *folders)
        add_console(self._app, routers=pages, folders=folders, entries=(), network="Test", currencies=("EUR", "KES"))
        self._app.dependency_overrides[get_page] = page_of_cast

    def show(self, who: str, path: str, status: int = 200, headers: Mapping[str, str] | None = None) -> str:
        """Return a page."""
        return self._browse("GET", who, path, None, status, headers=headers).text

    def hand_out(self, who: str, path: str) -> httpx.Response:
        """Return a file of a page."""
        return self._browse("GET", who, path, None, 200)

    def send(
        self, who: str, path: str, form: Mapping[str, str], status: int = 303, files: Mapping[str, Any] | None = None
    ) -> str:
        """Send a form; return the page that refuses it, or where it leads."""
        answer = self._browse("POST", who, path, form, status, files)
        return answer.headers["location"] if status == 303 else answer.text

    def _browse(
        self,
        method: str,
        who: str,
        path: str,
        form: Mapping[str, str] | None,
        status: int,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                sent = {"Authorization": f"Bearer {who}", "Accept": "text/html", **(headers or {})}
                return await client.request(method, path, headers=sent, data=form, files=files)

        answer = asyncio.run(ask())
        assert answer.status_code == status, answer.text
        self.world.settle_down()
        return answer


def hidden(page: str) -> dict[str, str]:
    """Return what the forms of a page carry: a key, and what was seen."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(page)}
