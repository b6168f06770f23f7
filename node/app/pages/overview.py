"""The first page: what needs the viewer now, their trades, their money and when more is expected."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.notices.languages import told
from node.trades.pages.trade_pages import names_of, own_names, trades_under_way
from node.trades.rest.motion_routes import RequestId
from node.web.approvals.pages import may_decide
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

MENU: Final = (Entry("/", "Overview", Permission.OWN),)
# Each takes a look of its own: so many beside the overview, so many on their own page.
_LOOKED_AT_BESIDE_MAX: Final = 12
_LOOKED_AT_MAX: Final = 200
_NOTICES_SHOWN: Final = 3


router = APIRouter()


@router.get("/")
async def show_overview(page: Looking) -> Response:
    """Show what needs the viewer now."""
    return await _overview(page)


@router.post("/requests/{request_id}/sign")
async def sign_request(request_id: RequestId, page: Looking, form: Filled) -> Response:
    """Sign what the viewer is asked about somebody else's trade."""

    async def again(refusal: RefusalError) -> Response:
        return await _overview(page, refusal)

    return await page.act(f"/requests/{request_id}/sign", None, form, to="/", done="signed", again=again)


@router.post("/requests/{request_id}/decline")
async def decline_request(request_id: RequestId, page: Looking, form: Filled) -> Response:
    """Decline what the viewer is asked about somebody else's trade; who asks reads why."""

    async def again(refusal: RefusalError) -> Response:
        return await _overview(page, refusal, form)

    if not form.text("reason"):
        return await again(RefusalError.of_field("reason", "reason: expected why you decline, got nothing; say it"))
    order = {"reason": form.text("reason")}
    return await page.act(f"/requests/{request_id}/decline", order, form, to="/", done="declined", again=again)


@router.get("/expected")
async def show_expected(page: Looking) -> Response:
    """Show which money is expected or due, by date: a page, or the part of one that is loaded after it."""
    is_part = "hx-request" in page.request.headers
    lines = [one for one in await trades_under_way(page) if one["state"] != "negotiating"]
    shown = lines[: _LOOKED_AT_BESIDE_MAX if is_part else _LOOKED_AT_MAX]
    return page.show(
        "app/expected_part.html" if is_part else "app/expected.html",
        expected=await expected_money(page, shown),
        left_out=len(lines) - len(shown),
        is_part=is_part,
    )


async def _overview(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    viewer = page.viewer
    open_trades = await trades_under_way(page)
    waiting = [
        {"trade": trade, "step": step} for trade in open_trades for step in trade["next"] if _is_mine(page, step)
    ]
    proposals = await page.find("/approvals", state="open") or []
    return page.show(
        "app/overview.html",
        200 if refusal is None else refusal.status,
        refusal=refusal,
        form=form or Form({}, {}),
        waiting=sorted(waiting, key=_urgency),
        open_trades=open_trades,
        names=names_of(page),
        requests=[one for one in await page.find("/requests") or [] if one["state"] == "asked"],
        to_decide=[one for one in proposals if may_decide(page.principal, one)],
        own_proposals=[one for one in proposals if one["maker"] == page.principal.name],
        appointments=[one for one in await _of_attesters(page) if not one["attested"]],
        cases=[one for one in await _of_arbiters(page) if one["share_bps"] is None],
        issuance=[one for one in await page.find("/issuance-requests") or [] if one["state"] == "open"]
        if "central_bank" in viewer.roles
        else [],
        broken=await page.find("/repairs") or [] if viewer.is_staff else [],
        applications=await _to_decide(page),
        unread=await page.find("/notices", unread=True, limit=_NOTICES_SHOWN) or [],
        notice_in=lambda one: told(one, page.speech),
        balances=_own(page, await page.find("/balances") or []),
    )


async def expected_money(page: Page, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what these trades of the viewer's will pay to it or take from it, the earliest first."""
    found: list[dict[str, Any]] = []
    for line in lines:
        path = f"/trades/{line['reference']}"
        trade, versions = await asyncio.gather(page.get(path), page.get(f"{path}/versions"))
        found += _of_trade(trade, own_names(page, versions), versions[-1]["document"])
    return sorted(found, key=lambda one: str(one["at"]))


def _of_trade(trade: dict[str, Any], own: frozenset[str], document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is expected of one trade: each milestone that is not settled, once it can no longer be disputed."""
    rows = []
    for milestone in trade["milestones"]:
        if milestone["state"] == "settled":
            continue
        at = milestone["final_after"]
        if at is None:
            at = _second(milestone["deadline"]) + int(document["windows"]["dispute_s"])
        rows.append(
            {
                "reference": trade["reference"],
                "kind": milestone["kind"],
                "amount": milestone["amount"],
                "at": _second(at),
                "is_in": trade["exporter"] in own,
                "is_out": trade["importer"] in own,
                "is_certain": milestone["state"] in ("due", "final"),
            }
        )
    return rows


def _second(moment: Any) -> int:
    return moment if isinstance(moment, int) else int(datetime.fromisoformat(str(moment)).astimezone(UTC).timestamp())


def _is_mine(page: Page, step: dict[str, Any]) -> bool:
    """Tell whether a step waits for whom the viewer acts for; of steps that only may be taken, not."""
    return step["weight"] != "option" and step["who"] in page.viewer.names


def _urgency(item: dict[str, Any]) -> tuple[bool, str]:
    by = item["step"]["by"]
    return by is None, str(by)


def _own(page: Page, balances: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in balances if one["owner"] == page.principal.owner]


async def _to_decide(page: Page) -> list[dict[str, Any]]:
    """Return the applications that wait for the viewer: somebody who may decide, and has not written at them."""
    if not page.viewer.is_staff or not page.viewer.may(Permission.CUSTOMERS_APPROVE):
        return []
    submitted = await page.find("/applications", state="submitted") or []
    return [one for one in submitted if page.principal.name not in one["writers"]]


async def _of_attesters(page: Page) -> list[dict[str, Any]]:
    return await page.find("/appointments") or [] if "attester" in page.viewer.roles else []


async def _of_arbiters(page: Page) -> list[dict[str, Any]]:
    return await page.find("/disputes") or [] if "arbiter" in page.viewer.roles else []
