"""Pages of exchange: the market as the oracle has it, what a provider has quoted, and its positions."""

from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from node.web.console.charts import line
from node.web.console.navigation import Entry
from node.web.console.page import Looking
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (
    Entry("/fx", "Exchange", Permission.QUOTES_READ, staff_only=True, of_roles=frozenset({"bank", "fx_provider"})),
)
_ROUNDS_SHOWN: Final = 200
_SCALE: Final = 10**18

router = APIRouter()


@router.get("/fx")
async def show_exchange(page: Looking) -> Response:
    """Show medians with their course, the desk's quotes and positions, and quotes without money behind them."""
    rounds = await page.get("/oracle/rounds", limit=_ROUNDS_SHOWN)
    pairs = [await _pair(page, name, rounds) for name in sorted({one["pair"] for one in rounds})]
    balances = await page.get("/balances")
    return page.show(
        "quotes/exchange.html",
        pairs=pairs,
        issued=await page.find("/quotes/issued") or [],
        faults=await page.find("/quotes/faults") or [],
        positions=[one for one in balances if one["owner"] == page.viewer.institution_id],
        is_provider="fx_provider" in page.viewer.roles,
    )


async def _pair(page: Any, name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    base, _, quote = name.partition("/")
    course = sorted((one["round"], one["median"]) for one in rounds if one["pair"] == name and one["median"])
    values = [int(median) / _SCALE for _, median in course]
    return {
        "name": name,
        "now": await page.find(f"/oracle/{base}/{quote}"),
        "mid": await page.find(f"/rates/{base}/{quote}"),
        "chart": line(values),
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
        "count": len(values),
        "latest": [{"round": number, "median": median} for number, median in course[-8:]],
    }
