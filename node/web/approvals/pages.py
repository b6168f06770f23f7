"""Pages of what waits for a second person: the queue, one proposal side by side, and what one may do alone."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.errors import RejectedError
from node.web.approvals.schemas import State
from node.web.auth import Principal
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/approvals", "Approvals", Permission.APPROVALS_READ),)
OF_AMOUNTS: Final = (
    Permission.PAYMENTS_WRITE,
    Permission.TRADES_FUND,
    Permission.TRADES_WRITE,
    Permission.ISSUANCE_REQUEST,
    Permission.ISSUANCE_ANSWER,
    Permission.DISPUTES_AWARD,
)
"""What has an amount; everything else that is checked always takes two."""

router = APIRouter()


@router.get("/approvals/alone")
async def show_limits(page: Looking) -> Response:
    """Show up to which amounts one person may act alone."""
    return await _limits_page(page)


@router.post("/approvals/alone")
async def set_limit(page: Looking, form: Filled) -> Response:
    """Let one person act alone up to an amount; a second person approves."""

    async def again(refusal: RefusalError) -> Response:
        return await _limits_page(page, refusal, form)

    currency = form.text("currency")
    try:
        amount = form.minor("amount", currency)
    except RejectedError as error:
        return await again(RefusalError.of(error))
    order = {"permission": form.text("permission"), "currency": currency, "amount": amount}
    return await page.act("/alone-limits", order, form, to="/approvals/alone", done="changed", again=again)


@router.get("/approvals")
async def show_proposals(page: Looking, state: Annotated[State, Query()] = "open") -> Response:
    """Show the queue."""
    proposals = await page.rows("/approvals", state=state)
    return page.show(
        "approvals/list.html",
        proposals=proposals,
        state=state,
        decidable={one["id"] for one in proposals if may_decide(page.principal, one)},
    )


@router.get("/approvals/{proposal_id}")
async def show_proposal(proposal_id: str, page: Looking) -> Response:
    """Show one proposal: what was asked, by whom, and what it would do."""
    return await _proposal_page(page, proposal_id)


@router.post("/approvals/{proposal_id}/approve")
async def approve(proposal_id: str, page: Looking, form: Filled) -> Response:
    """Let a proposal take effect."""
    return await _decide(page, proposal_id, "approve", None, form, "approved")


@router.post("/approvals/{proposal_id}/reject")
async def reject(proposal_id: str, page: Looking, form: Filled) -> Response:
    """Say no, with a reason."""
    return await _decide(page, proposal_id, "reject", {"reason": form.text("reason")}, form, "rejected")


@router.post("/approvals/{proposal_id}/withdraw")
async def withdraw(proposal_id: str, page: Looking, form: Filled) -> Response:
    """Take back one's own proposal."""
    return await _decide(page, proposal_id, "withdraw", None, form, "taken_back")


def may_decide(principal: Principal, proposal: dict[str, Any]) -> bool:
    """Tell whether a proposal is on somebody's desk to be checked; the API decides whether they may."""
    is_own = principal.actor is not None and proposal["maker"].endswith(f"/{principal.actor}")
    has_permission = principal.customer_id is None and principal.may(Permission(proposal["checked_by"]))
    return proposal["state"] == "open" and has_permission and not is_own and principal.may(Permission.APPROVALS_DECIDE)


async def _decide(page: Page, proposal_id: str, step: str, order: Any, form: Any, done: str) -> Response:
    async def again(refusal: RefusalError) -> Response:
        return await _proposal_page(page, proposal_id, refusal)

    path = f"/approvals/{proposal_id}"
    return await page.act(f"{path}/{step}", order, form, to=path, done=done, again=again)


async def _limits_page(page: Page, refusal: RefusalError | None = None, form: Form | None = None) -> Response:
    return page.show(
        "approvals/alone.html",
        200 if refusal is None else refusal.status,
        limits=await page.get("/alone-limits"),
        permissions=OF_AMOUNTS,
        currencies=page.renderer.currencies,
        form=form or Form({}, {}),
        refusal=refusal,
    )


async def _proposal_page(page: Page, proposal_id: str, refusal: RefusalError | None = None) -> Response:
    found = await page.get(f"/approvals/{proposal_id}")
    return page.show(
        "approvals/proposal.html",
        200 if refusal is None else refusal.status,
        proposal=found,
        outcome=_outcome(found["preview"]),
        preview=json.dumps(found["preview"], indent=2, ensure_ascii=False) if found["preview"] is not None else None,
        can_decide=may_decide(page.principal, found),
        is_own=found["maker"] == page.principal.name,
        refusal=refusal,
    )


def _outcome(preview: Any) -> dict[str, str]:
    """Return the plain values of what a request would be answered with, by their names; the rest is in the whole."""
    if not isinstance(preview, dict):
        return {}
    plain = {name: value for name, value in preview.items() if isinstance(value, str | int) and value not in ("", True)}
    return {name.replace("_", " "): str(value) for name, value in plain.items() if not name.endswith("_s")}
