"""Pages of what waits for a second person: the checker's queue, the maker's own, and one proposal side by side."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from node.web.approvals.schemas import State
from node.web.auth import Principal
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (Entry("/approvals", "Approvals", Permission.APPROVALS_READ),)

router = APIRouter()


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
