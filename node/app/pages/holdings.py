"""Who holds a central bank's money, in sums: tier one by institution, tier two as all customers' wallets together.

Read from the chain by the institutions' own accounts, which are public; no customer's account is looked at.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from fastapi import APIRouter
from fastapi.responses import Response

from node.web.console.charts import bar
from node.web.console.navigation import Entry
from node.web.console.page import Looking
from node.web.permissions import Permission

MENU: Final = (
    Entry("/holdings", "Holdings", Permission.WALLETS_READ, staff_only=True, of_roles=frozenset({"central_bank"})),
)


class ChainReader(Protocol):
    """Reads of tokens; `ChainClient` has them."""

    async def call(self, contract: str, function: str, *args: Any) -> Any:
        """Return the result of a view function of a currency's token."""
        ...


def build_router(chain: ChainReader, issuers: dict[str, str]) -> APIRouter:
    """Return the page of holdings.

    Args:
        issuers: Currency to the id of its central bank.
    """
    router = APIRouter()

    @router.get("/holdings")
    async def show_holdings(page: Looking) -> Response:
        """Show who holds the currencies that the viewer's institution issues."""
        institutions = await page.get("/institutions")
        own = sorted(code for code, issuer in issuers.items() if issuer == page.viewer.institution_id)
        return page.show(
            "app/holdings.html",
            currencies=[await _holdings(chain, code, institutions) for code in own],
            limits=await page.find("/tier-limits") or [],
        )

    return router


async def _holdings(chain: ChainReader, currency: str, institutions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    asked = [chain.call(currency, "balanceOf", one["address"]) for one in institutions]
    supply, *amounts = (int(one) for one in await asyncio.gather(chain.call(currency, "totalSupply"), *asked))
    named = zip(institutions, amounts, strict=True)
    holders = sorted(((one["name"], amount) for one, amount in named if amount), key=lambda item: -item[1])
    tier_one = sum(amount for _, amount in holders)
    return {
        "code": currency,
        "supply": supply,
        "tier_one": tier_one,
        "tier_two": supply - tier_one,
        "holders": holders,
        "bar": bar([("available", tier_one), ("held", supply - tier_one)]),
    }
