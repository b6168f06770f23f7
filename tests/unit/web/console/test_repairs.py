"""Messages that wait for repair are shown with their forms, and the forms do what the API does."""

from html import escape

import httpx
import pytest
from fastapi import FastAPI, Request

from node.messages import pages as message_pages
from node.web.auth import Caller
from node.web.console.languages import speech
from node.web.console.page import Page, Viewer, get_page
from node.web.console.routes import add_console
from node.web.desk import CallersDesk
from tests.unit.web.conftest import bearer
from tests.unit.web.test_message_routes import Pair, app, client, listed, pair, send

__all__ = ["app", "client", "pair"]
STAFF = bearer("staff-nl")


async def page_without_people(request: Request, principal: Caller, desk: CallersDesk) -> Page:
    page = Page(request, desk, speech("en"), principal, request.app.state.renderer)
    page.viewer = Viewer(principal, "Lotte", "bank-nl", "Polder Bank", frozenset({"bank"}), None, "")
    return page


@pytest.fixture
def console(app: FastAPI) -> None:
    pages, folders = (message_pages.router,), (message_pages.TEMPLATES,)
    add_console(app, routers=pages, folders=folders, entries=(), network="Test", currencies=())
    app.dependency_overrides[get_page] = page_without_people


@pytest.mark.usefixtures("console")
async def test_message_is_sent_again_and_let_be_when_somebody_says_so_in_the_page(
    client: httpx.AsyncClient, pair: Pair
) -> None:
    del pair.post.inboxes["bank-ke"]
    message_id = (await send(client)).json()["message_id"]
    await pair.services["bank-nl"].deliver_queued()
    there = "http://desk/messages"
    shown = await client.get(f"{there}?state=repair", headers=STAFF)
    assert 'action="/messages/resend"' in shown.text
    one = await client.get(f"{there}/one", params={"id": message_id}, headers=STAFF)
    assert 'action="/messages/correct"' in one.text
    assert escape("<Document", quote=False) in one.text
    form = {"message_id": message_id, "direction": "sent", "peer": "bank-ke"}
    resent = await client.post(f"{there}/resend", data=form, headers=STAFF)
    assert (resent.status_code, resent.headers["location"]) == (303, "/messages?state=repair&done=retried")
    assert await listed(client, "/repairs") == []
    await pair.services["bank-nl"].deliver_queued()
    without = await client.post(f"{there}/reject", data=form | {"reason": ""}, headers=STAFF)
    assert without.status_code >= 400
    assert "This was not done." in without.text
    rejected = await client.post(f"{there}/reject", data=form | {"reason": "closed"}, headers=STAFF)
    assert rejected.headers["location"] == "/messages?state=repair&done=dropped"
    assert (await client.post(f"{there}/drop", data=form, headers=STAFF)).status_code >= 400
