"""Pages of messages: where a payment is, by its UETR, and what waits for somebody's decision."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.web.console.errors import RefusalError
from node.web.console.forms import Filled
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/messages", "Messages", Permission.MESSAGES_READ, staff_only=True),)
Text = Annotated[str | None, Query(max_length=140)]

router = APIRouter()


@router.get("/messages")
async def show_messages(page: Looking, uetr: Text = None, thread: Text = None, state: Text = None) -> Response:
    """Show where messages are: of a payment, of a trade, or those that nobody has decided about."""
    return await _messages_page(page, uetr or None, thread or None, state or None)


@router.get("/messages/one")
async def show_message(page: Looking, name: Annotated[str, Query(alias="id", max_length=300)]) -> Response:
    """Show a message with what was said and how it was protected."""
    return page.show("messages/message.html", found=await page.get(f"/messages/{name}"), name=name)


@router.post("/messages/{decision}")
async def decide(
    decision: Annotated[str, PathValue(pattern="^(retry|drop)$")], page: Looking, form: Filled
) -> Response:
    """Send a dead letter again, or let it be."""

    async def again(refusal: RefusalError) -> Response:
        return await _messages_page(page, None, None, "dead", refusal)

    return await page.act(
        f"/dead-letters/{decision}",
        {"message_id": form.text("message_id")},
        form,
        to="/messages?state=dead",
        done="retried" if decision == "retry" else "dropped",
        again=again,
    )


async def _messages_page(
    page: Page, uetr: str | None, thread: str | None, state: str | None, refusal: RefusalError | None = None
) -> Response:
    is_dead = state == "dead"
    messages = await page.get("/dead-letters") if is_dead else await page.get("/messages", uetr=uetr, thread=thread)
    return page.show(
        "messages/list.html",
        200 if refusal is None else refusal.status,
        messages=messages,
        uetr=uetr,
        thread=thread,
        is_dead=is_dead,
        refusal=refusal,
    )
