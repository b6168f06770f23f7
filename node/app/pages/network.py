"""How the network does: its validators, this desk's place on the chain, what waits, and who takes part."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.app.pages.health import NetworkHealth
from node.web.console.navigation import Entry
from node.web.console.page import Looking
from node.web.permissions import Permission

MENU: Final = (Entry("/network", "Network", Permission.STATUS_READ, staff_only=True),)
TEMPLATES: Final = Path(__file__).parent / "templates"
Look = Callable[[], Awaitable[NetworkHealth | None]]


def build_router(look: Look) -> APIRouter:
    """Return the page of the network.

    Args:
        look: Looks at the validators.
    """
    router = APIRouter()

    @router.get("/network")
    async def show_network(page: Looking) -> Response:
        """Show the validators, the desk's place on the chain, and differences between books and chain."""
        # Staff alone, as the API says: the validators are looked at for nobody else.
        status = await page.get("/status")
        institutions: list[dict[str, Any]] = await page.get("/institutions")
        return page.show(
            "app/network.html",
            status=status,
            reconciliation=await page.find("/reconciliation"),
            health=await look(),
            names={one["id"]: one for one in institutions},
            unwell=[one for one in institutions if one["status"] != "active"],
            total=len(institutions),
        )

    return router
