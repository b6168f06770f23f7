"""Pages of exchange: the market as the oracle has it, a provider's quotes and positions, and what each may owe."""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi import Path as PathValue
from fastapi.responses import Response

from node.errors import RejectedError
from node.web.console.charts import line
from node.web.console.errors import RefusalError
from node.web.console.forms import Filled, Form, plain_major
from node.web.console.navigation import Entry
from node.web.console.page import Looking, Page
from node.web.permissions import Permission

TEMPLATES: Final = Path(__file__).parent / "templates"
MENU: Final = (
    Entry("/fx", "Exchange", Permission.QUOTES_READ, staff_only=True, of_roles=frozenset({"bank", "fx_provider"})),
)
_ROUNDS_SHOWN: Final = 200
_SCALE: Final = 10**18
CurrencyCode = Annotated[str, PathValue(pattern=r"^[A-Z]{3}$")]
ProviderId = Annotated[str, PathValue(pattern=r"^[a-z0-9-]{1,64}$")]

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


@router.get("/fx/exposures")
async def show_exposures(page: Looking) -> Response:
    """Show what each provider owes on quotes that were taken, and how much it may."""
    institutions = await page.get("/institutions")
    return page.show(
        "quotes/exposures.html",
        exposures=await page.get("/exposures"),
        providers=[one for one in institutions if "fx_provider" in one["role_names"]],
        currencies=page.renderer.currencies,
    )


@router.get("/fx/exposures/one")
async def choose_exposure(
    page: Looking,
    provider: Annotated[str, Query(pattern=r"^[a-z0-9-]{1,64}$")],
    currency: Annotated[str, Query(pattern=r"^[A-Z]{3}$")],
) -> Response:
    """Go to one provider's limit in one currency."""
    return page.go(f"/fx/exposures/{provider}/{currency}")


@router.get("/fx/exposures/{provider}/{currency}")
async def show_exposure(provider: ProviderId, currency: CurrencyCode, page: Looking) -> Response:
    """Show one provider's limit in one currency."""
    return await _exposure_page(page, provider, currency)


@router.post("/fx/exposures/{provider}/{currency}")
async def limit_exposure(provider: ProviderId, currency: CurrencyCode, page: Looking, form: Filled) -> Response:
    """Let a provider owe at most so much, or as much as there may be; a second person approves."""

    async def again(refusal: RefusalError) -> Response:
        return await _exposure_page(page, provider, currency, refusal, form)

    try:
        order = {"limit": form.minor("limit", currency) if form.text("limit") else None}
    except RejectedError as error:
        return await again(RefusalError.of(error))
    path = f"/exposures/{provider}/{currency}"
    return await page.act(path, order, form, to="/fx/exposures", done="changed", again=again, method="PUT")


async def _exposure_page(
    page: Page, provider: str, currency: str, refusal: RefusalError | None = None, form: Form | None = None
) -> Response:
    one = await page.see(f"/exposures/{provider}/{currency}")
    written = "" if one["limit"] is None else plain_major(one["limit"], currency)
    return page.show(
        "quotes/exposure.html",
        200 if refusal is None else refusal.status,
        one=one,
        limit=written if form is None else form.text("limit"),
        refusal=refusal,
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
