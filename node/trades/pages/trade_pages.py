"""Pages of trades: the list, one trade on its way, its quotes, and what people do about it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.errors import RejectedError
from node.participants.service import ParticipantService
from node.trades.limits import MILESTONES_MAX
from node.trades.pages.acting import ACTS, FORM_OF_CALL, OF_MILESTONE
from node.trades.pages.timeline import timeline
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.errors import NoSuchRouteError
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/trades", "Trades", Permission.TRADES_READ),)
Index = Annotated[int, PathValue(ge=0, lt=MILESTONES_MAX)]
UNDER_WAY: Final = ("negotiating", "agreed", "funding", "funded")

router = APIRouter()


@router.get("/trades")
async def show_trades(page: Looking, state: Annotated[str, Query(max_length=20)] = "open") -> Response:
    """Show the viewer's trades: those under way, those that are over, or all."""
    if state in ("all", "over"):
        lines = await page.rows("/trades", sort="-created")
        shown = [one for one in lines if state == "all" or one["state"] not in UNDER_WAY]
    else:
        shown = await trades_under_way(page)
    return page.show("trades/list.html", trades=shown, state=state)


@router.get("/trades/{reference}")
async def show_trade(reference: str, page: Looking) -> Response:
    """Show one trade: its way, its money, what is waited for and what the viewer may do."""
    return await trade_page(page, reference)


@router.get("/trades/{reference}/changed")
async def tell_change(
    reference: str, page: Looking, since: Annotated[str, Query(max_length=64)], follow: bool = False
) -> Response:
    """Tell an open page whether its trade has changed since; one that waits for it is loaded again."""
    if mark_of(await page.get(f"/trades/{reference}")) == since:
        return Response(status_code=204)
    if follow:
        return Response(headers={"HX-Refresh": "true"})
    return page.show("trades/changed.html", reference=reference)


@router.get("/trades/{reference}/quotes")
async def show_quotes(reference: str, page: Looking) -> Response:
    """Show the quotes for funding a trade, with their total cost."""
    return await _quotes_page(page, reference)


@router.get("/trades/{reference}/quotes/arrived")
async def tell_quotes(reference: str, page: Looking) -> Response:
    """Tell an open page whether quotes have come in; it is then loaded again."""
    answer = await page.find(f"/trades/{reference}/quotes")
    if not answer or not answer["quotes"]:
        return Response(status_code=204)
    return Response(headers={"HX-Refresh": "true"})


@router.get("/trades/{reference}/milestones/{index}/settle")
async def show_settlement(reference: str, index: Index, page: Looking) -> Response:
    """Show the quotes that settle a milestone of a float, with what each pays."""
    return await _settlement_page(page, reference, index)


@router.post("/trades/{reference}/do/{name}")
async def act(reference: str, name: str, page: Looking, form: Filled) -> Response:
    """Do something about a trade."""
    if name not in ACTS:
        raise NoSuchRouteError(f"path: expected one of {', '.join(sorted(ACTS))}, got {name[:40]!r}")
    wanted = ACTS[name]
    to = f"/trades/{reference}/quotes" if name in ("quotes", "accept-quote") else f"/trades/{reference}"

    async def again(refusal: RefusalError) -> Response:
        if name in ("quotes", "accept-quote", "fund"):
            return await _quotes_page(page, reference, refusal)
        return await trade_page(page, reference, refusal)

    order = wanted.fill(form, "")
    return await page.act(f"/trades/{reference}/{wanted.path}", order, form, to=to, done=wanted.done, again=again)


@router.post("/trades/{reference}/milestones/{index}/do/{name}")
async def act_on_milestone(reference: str, index: Index, name: str, page: Looking, form: Filled) -> Response:
    """Do something about a milestone."""
    if name not in OF_MILESTONE:
        raise NoSuchRouteError(f"path: expected one of {', '.join(sorted(OF_MILESTONE))}, got {name[:40]!r}")
    wanted = OF_MILESTONE[name]

    async def again(refusal: RefusalError) -> Response:
        if name == "settlement-quotes" or form.optional("quote"):
            return await _settlement_page(page, reference, index, refusal)
        return await trade_page(page, reference, refusal)

    trade = await page.get(f"/trades/{reference}")
    try:
        order = wanted.fill(form, trade["amount"].rpartition(" ")[2])
    except RejectedError as error:
        return await again(RefusalError.of(error))
    path = wanted.path.format(index=index)
    to = f"/trades/{reference}"
    if name == "settlement-quotes":
        to += f"/milestones/{index}/settle"
    return await page.act(f"/trades/{reference}/{path}", order, form, to=to, done=wanted.done, again=again)


async def trade_page(page: Page, reference: str, refusal: RefusalError | None = None) -> Response:
    """Return the page of a trade, with a refusal where something was not done."""
    trade = await page.see(f"/trades/{reference}")
    steps = await page.get(f"/trades/{reference}/next")
    versions = await page.get(f"/trades/{reference}/versions")
    history = await page.get(f"/trades/{reference}/history")
    own = own_names(page, versions)
    is_signing = trade["state"] in ("negotiating", "agreed")
    is_waiting = trade["state"] == "funding" or any(one["state"] == "queued" for one in trade["steps"])
    return page.show(
        "trades/trade.html",
        200 if refusal is None else refusal.status,
        trade=trade,
        stops=timeline(trade, history, steps),
        mine=[one for one in steps if one["who"] in own],
        others_owed=[one for one in steps if one["who"] not in own and one["weight"] == "owed" and one["from"] is None],
        names=names_of(page),
        own=own,
        forms=FORM_OF_CALL,
        versions=versions,
        document=versions[-1]["document"] if versions else None,
        need=await page.find(f"/trades/{reference}/needs") if is_signing else None,
        motions=await page.find(f"/trades/{reference}/motions") if trade["state"] == "funded" else [],
        disputes=await page.find(f"/trades/{reference}/disputes") or [],
        messages=await page.find(f"/trades/{reference}/messages") or [],
        papers=await page.find(f"/trades/{reference}/documents") or [],
        rates=None if trade["policy"] == "none" else await page.find(f"/trades/{reference}/rates"),
        mark=mark_of(trade),
        follow=is_waiting or bool(page.request.query_params.get("done")),
        refusal=refusal,
    )


def names_of(page: Page) -> dict[str, str]:
    """Return what institutions are called, by id; the API's list of them brings all their keys along."""
    return {one.id: one.name for one in page.desk.get(ParticipantService).directory}


async def trades_under_way(page: Page) -> list[dict[str, Any]]:
    """Return the viewer's trades that are not over, by reference."""
    found = [one for state in UNDER_WAY for one in await page.find("/trades", state=state) or []]
    return sorted(found, key=lambda one: str(one["reference"]))


def own_names(page: Page, versions: list[dict[str, Any]]) -> frozenset[str]:
    """Return what the parties are called for whom the viewer may act: its customer, or its bank's own."""
    viewer = page.viewer
    if viewer.customer is not None or not versions:
        return viewer.names
    document = versions[-1]["document"]
    parties = [document[side] for side in ("importer", "exporter")]
    return viewer.names | {party["name"] for party in parties if party["bank"] == viewer.institution_id}


def mark_of(trade: dict[str, Any]) -> str:
    """Return what tells one state of a trade from another."""
    return sha256(json.dumps(trade, sort_keys=True).encode()).hexdigest()[:32]


async def _quotes_page(page: Page, reference: str, refusal: RefusalError | None = None) -> Response:
    trade = await page.see(f"/trades/{reference}")
    return page.show(
        "trades/quotes.html",
        200 if refusal is None else refusal.status,
        trade=trade,
        answer=await page.find(f"/trades/{reference}/quotes"),
        need=await page.find(f"/trades/{reference}/needs"),
        refusal=refusal,
    )


async def _settlement_page(page: Page, reference: str, index: int, refusal: RefusalError | None = None) -> Response:
    trade = await page.see(f"/trades/{reference}")
    return page.show(
        "trades/settle.html",
        200 if refusal is None else refusal.status,
        trade=trade,
        milestone=next((one for one in trade["milestones"] if one["index"] == index), None),
        answer=await page.find(f"/trades/{reference}/milestones/{index}/quotes"),
        refusal=refusal,
    )
