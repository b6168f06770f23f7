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
REPAIR: Final = "repair"
_SAID: Final = {"resend": (), "correct": ("document",), "reject": ("reason",)}
"""What a person says with a decision."""
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
    decision: Annotated[str, PathValue(pattern="^(resend|correct|reject)$")], page: Looking, form: Filled
) -> Response:
    """Send a message that waits for repair again, send another in its place, or let it be."""

    async def again(refusal: RefusalError) -> Response:
        return await _messages_page(page, None, None, REPAIR, refusal)

    order = {name: form.text(name) for name in ("message_id", "direction", "peer")}
    said = {name: form.text(name) for name in _SAID[decision]}
    return await page.act(
        f"/repairs/{decision}",
        order | said,
        form,
        to=f"/messages?state={REPAIR}",
        done="dropped" if decision == "reject" else "retried",
        again=again,
    )


async def _messages_page(
    page: Page, uetr: str | None, thread: str | None, state: str | None, refusal: RefusalError | None = None
) -> Response:
    is_repair = state == REPAIR
    messages = await page.rows("/repairs") if is_repair else await page.rows("/messages", uetr=uetr, thread=thread)
    return page.show(
        "messages/list.html",
        200 if refusal is None else refusal.status,
        messages=messages,
        uetr=uetr,
        thread=thread,
        is_repair=is_repair,
        refusal=refusal,
    )
