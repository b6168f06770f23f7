"""What was decided about the parties of each trade. No list is looked at in this version, and the page says so."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.web.auth import Staff, needs
from node.web.console.navigation import Entry
from node.web.console.page import Looking
from node.web.permissions import Permission

MENU: Final = (
    Entry("/screening", "Screening", Permission.APPLICATIONS_READ, staff_only=True, of_roles=frozenset({"bank"})),
)
_ROWS: Final = 25
"""Of a page: the decision of each is in the trade itself, which is asked for one by one."""

router = APIRouter()


@router.get("/screening", dependencies=[needs(Permission.APPLICATIONS_READ)])
async def show_decisions(page: Looking, _staff: Staff) -> Response:
    """Show the decision that is recorded of each trade, beside the parties it is about."""
    lines = await page.rows("/trades", limit=_ROWS)
    trades: list[dict[str, Any]] = await asyncio.gather(*(page.get(f"/trades/{one['reference']}") for one in lines))
    return page.show("app/screening.html", trades=trades)
