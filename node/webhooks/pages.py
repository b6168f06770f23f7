"""Pages of webhooks: where events are brought, with which keys, and what became of each delivery."""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.kinds import chosen_kinds, kind_choices
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission
from node.webhooks.routes import Number
from node.webhooks.schemas import DeliveryState

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/webhooks", "Webhooks", Permission.WEBHOOKS_READ),)
_OVERLAP_S: Final = 86_400
"""How long the keys before a new one still count: a day to bring it to the receiver."""
WebhookId = Annotated[str, PathValue(pattern=r"^wh_[0-9a-f]{24}$")]

router = APIRouter()


@router.get("/webhooks")
async def show_webhooks(page: Looking) -> Response:
    """Show the addresses that events are brought to."""
    return await _list_page(page)


@router.post("/webhooks")
async def register(page: Looking, form: Filled) -> Response:
    """Have events brought to an address from now on, and show its secret, this once."""
    order = {
        "url": form.text("url"),
        "kinds": chosen_kinds(form),
        "text": form.text("text"),
        "scheme": form.text("scheme"),
    }
    try:
        answer = await page.post("/webhooks", order, form.once)
    except RefusalError as refusal:
        return await _list_page(page, refusal, form)
    return await _webhook_page(page, answer.body["id"], told=_told(answer.body, answer.body["keys"][0]))


@router.get("/webhooks/{webhook_id}")
async def show_webhook(
    webhook_id: WebhookId, page: Looking, state: Annotated[DeliveryState | None, Query()] = None
) -> Response:
    """Show an address with its keys and what was brought there."""
    return await _webhook_page(page, webhook_id, state=state)


@router.post("/webhooks/{webhook_id}")
async def change(webhook_id: WebhookId, page: Looking, form: Filled) -> Response:
    """Change an address."""
    order = {"url": form.text("url"), "kinds": chosen_kinds(form), "text": form.text("text")}
    return await _act(page, webhook_id, "", order, form, "saved", method="PATCH")


@router.post("/webhooks/{webhook_id}/state")
async def switch(webhook_id: WebhookId, page: Looking, form: Filled) -> Response:
    """Stop bringing events there, or go on: then what happened meanwhile is brought as well."""
    return await _act(page, webhook_id, "", {"state": form.text("state")}, form, "changed", method="PATCH")


@router.post("/webhooks/{webhook_id}/remove")
async def remove(webhook_id: WebhookId, page: Looking, form: Filled) -> Response:
    """Bring events there no more, and forget the address."""

    async def again(refusal: RefusalError) -> Response:
        return await _webhook_page(page, webhook_id, refusal)

    path = f"/webhooks/{webhook_id}"
    return await page.act(path, None, form, to="/webhooks", done="removed", again=again, method="DELETE")


@router.post("/webhooks/{webhook_id}/keys")
async def rotate(webhook_id: WebhookId, page: Looking, form: Filled) -> Response:
    """Sign with a new key, and show its secret, this once."""
    order = {"scheme": form.text("scheme"), "overlap_s": _OVERLAP_S}
    try:
        answer = await page.post(f"/webhooks/{webhook_id}/keys", order, form.once)
    except RefusalError as refusal:
        return await _webhook_page(page, webhook_id, refusal)
    return await _webhook_page(page, webhook_id, told=_told(answer.body, answer.body))


@router.post("/webhooks/{webhook_id}/replay")
async def replay(webhook_id: WebhookId, page: Looking, form: Filled) -> Response:
    """Bring again what has failed."""
    return await _act(page, webhook_id, "/replay", {"after": 0, "only_failed": True}, form, "replayed")


@router.get("/webhooks/{webhook_id}/deliveries/{number}")
async def show_delivery(webhook_id: WebhookId, number: Number, page: Looking) -> Response:
    """Show a delivery with how each attempt went."""
    return await _delivery_page(page, webhook_id, number)


@router.post("/webhooks/{webhook_id}/deliveries/{number}/replay")
async def replay_one(webhook_id: WebhookId, number: Number, page: Looking, form: Filled) -> Response:
    """Bring one delivery again that has ended."""

    async def again(refusal: RefusalError) -> Response:
        return await _delivery_page(page, webhook_id, number, refusal)

    path = f"/webhooks/{webhook_id}/deliveries/{number}"
    return await page.act(f"{path}/replay", None, form, to=path, done="replayed", again=again)


async def _act(
    page: Page, webhook_id: str, step: str, order: Any, form: Form, done: str, *, method: str = "POST"
) -> Response:
    async def again(refusal: RefusalError) -> Response:
        return await _webhook_page(page, webhook_id, refusal, form)

    to = f"/webhooks/{webhook_id}"
    return await page.act(to + step, order, form, to=to, done=done, again=again, method=method)


def _told(answer: dict[str, Any], key: dict[str, Any]) -> dict[str, str | None]:
    """Return what is shown once of a key: a secret, or the public half of a pair."""
    return {"secret": answer["secret"], "public": key["public"]}


async def _list_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "webhooks/list.html",
        200 if refusal is None else refusal.status,
        webhooks=await page.rows("/webhooks"),
        kinds=kind_choices([] if form is None else chosen_kinds(form)),
        form=form or Form({}, {}),
        refusal=refusal,
    )


async def _webhook_page(
    page: Page,
    webhook_id: str,
    refusal: RefusalError | None = None,
    form: Form | None = None,
    *,
    state: DeliveryState | None = None,
    told: dict[str, str | None] | None = None,
) -> Response:
    one = await page.see(f"/webhooks/{webhook_id}")
    # Where somebody else has changed it, what there is now is read first.
    is_written = form is not None and "url" in form.fields and not (refusal is not None and refusal.is_change)
    return page.show(
        "webhooks/one.html",
        200 if refusal is None else refusal.status,
        one=one,
        url=form.text("url") if form is not None and is_written else one["url"],
        text=form.text("text") if form is not None and is_written else one["text"],
        kinds=kind_choices(chosen_kinds(form) if form is not None and is_written else one["kinds"]),
        deliveries=await page.rows(f"/webhooks/{webhook_id}/deliveries", state=state, limit=50),
        chosen=state,
        told=told,
        refusal=refusal,
    )


async def _delivery_page(page: Page, webhook_id: str, number: int, refusal: RefusalError | None = None) -> Response:
    return page.show(
        "webhooks/delivery.html",
        200 if refusal is None else refusal.status,
        webhook=await page.get(f"/webhooks/{webhook_id}"),
        one=await page.get(f"/webhooks/{webhook_id}/deliveries/{number}"),
        refusal=refusal,
    )
