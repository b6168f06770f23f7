"""How the network does: whether this desk follows the chain, what waits, and who takes part."""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.web.console.navigation import Entry
from node.web.console.page import Looking
from node.web.permissions import Permission

MENU: Final = (Entry("/network", "Network", Permission.STATUS_READ, staff_only=True),)
TEMPLATES: Final = Path(__file__).parent / "templates"

router = APIRouter()


@router.get("/network")
async def show_network(page: Looking) -> Response:
    """Show the desk's place on the chain, validators, and differences between books and chain."""
    institutions: list[dict[str, Any]] = await page.get("/institutions")
    return page.show(
        "app/network.html",
        status=await page.get("/status"),
        reconciliation=await page.find("/reconciliation"),
        validators=[one for one in institutions if "validator" in one["role_names"]],
        unwell=[one for one in institutions if one["status"] != "active"],
        total=len(institutions),
    )
