"""The console: the pages of every slice in one application, and the menu in its order."""

from typing import Final

from fastapi import APIRouter, FastAPI

from node.app.cast import Cast
from node.app.pages import holdings, network, overview, playground, screening
from node.customers.pages import application_pages
from node.identity import pages as identity_pages
from node.identity.oauth import pages as program_pages
from node.ledger import pages as ledger_pages
from node.messages import pages as message_pages
from node.notices import pages as notice_pages
from node.participants import pages as participant_pages
from node.payment_requests import pages as payment_request_pages
from node.quotes import pages as quote_pages
from node.reports import pages as report_pages
from node.trades.pages import arbiter_pages, draft_pages, paper_pages, trade_pages
from node.web.approvals import pages as approval_pages
from node.web.console.navigation import Entry
from node.web.console.routes import add_console
from node.webhooks import pages as webhook_pages

# Before trade_pages: /trades/new is no reference; before ledger_pages: /money/requests is no currency.
ROUTERS: Final[tuple[APIRouter, ...]] = (
    overview.router,
    draft_pages.router,
    trade_pages.router,
    paper_pages.router,
    arbiter_pages.router,
    approval_pages.router,
    payment_request_pages.router,
    ledger_pages.router,
    message_pages.router,
    quote_pages.router,
    participant_pages.router,
    application_pages.router,
    screening.router,
    report_pages.router,
    notice_pages.router,
    webhook_pages.router,
    program_pages.router,
    identity_pages.router,
    identity_pages.open_router,
)
MENU: Final[tuple[Entry, ...]] = (
    *overview.MENU,
    *trade_pages.MENU,
    *draft_pages.MENU,
    *arbiter_pages.MENU,
    ledger_pages.MONEY,
    *approval_pages.MENU,
    *notice_pages.MENU,
    *message_pages.MENU,
    *quote_pages.MENU,
    *ledger_pages.MENU,
    *participant_pages.MENU,
    *screening.MENU,
    *holdings.MENU,
    *network.MENU,
    *webhook_pages.MENU,
    *identity_pages.MENU,
)
FOLDERS: Final = tuple(
    module.TEMPLATES
    for module in (
        network,
        trade_pages,
        identity_pages,
        approval_pages,
        ledger_pages,
        payment_request_pages,
        message_pages,
        quote_pages,
        participant_pages,
        application_pages,
        report_pages,
        notice_pages,
        webhook_pages,
    )
)


def add_pages(app: FastAPI, cast: Cast, chain: holdings.ChainReader, rpc_url: str, look: network.Look) -> None:
    """Add the console to the application of a devnet's desk process.

    Args:
        look: Looks at the network's validators.
    """
    issuers = {one.code: one.issuer for one in cast.currencies}
    app.state.playground = playground.groups(cast)
    add_console(
        app,
        routers=(
            *ROUTERS,
            holdings.build_router(chain, issuers),
            network.build_router(look),
            playground.build_router(cast, rpc_url),
        ),
        folders=FOLDERS,
        entries=(*MENU, *playground.MENU),
        network=cast.network,
        currencies=[one.code for one in cast.currencies],
    )
