"""What the routes of trades share: who acts, on which service, and the answer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request
from sqlalchemy.orm import Session

from node.storage.cursor import booked_until_s
from node.trades.context import Actor
from node.trades.limits import REFERENCE_CHARS_MAX
from node.trades.service import TradeService
from node.trades.store import Trade
from node.trades.terms.document import milestone_amounts
from node.trades.views.schemas import TradeOut
from node.trades.views.trades import shown_money
from node.web.approvals.service import Stake
from node.web.auth import Caller, Principal
from node.web.desk import CallersDesk, Desk
from node.web.etags import IfMatch, set_tag
from node.web.idempotency import IdempotentCall, OnceOnly

Reference = Annotated[
    str,
    Path(max_length=REFERENCE_CHARS_MAX, description="The trade's, as its terms name it", examples=["NR-2026-0817"]),
]

PAPER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document, byte for byte: an invoice in XML, anything else in JSON",
        "content": {
            "application/xml": {"schema": {"type": "string"}, "example": "<Invoice>...</Invoice>"},
            "application/json": {"schema": {}, "example": "{...}"},
        },
    }
}


def trades_of(desk: Desk) -> TradeService:
    """Return the trades service of the caller's desk."""
    return desk.get(TradeService)


def actor_of(principal: Principal) -> Actor:
    """Return the caller as the trades service knows people."""
    return Actor(name=principal.name, customer=principal.customer_id)


def stake_of(
    desk: Desk, principal: Principal, reference: str, step: str, milestone: int | None = None
) -> Callable[[Session], Stake]:
    """Return what is at stake in a step of a trade: its invoice's amount, or one milestone's."""

    def stake(session: Session) -> Stake:
        trades = trades_of(desk)
        trade = trades.desk.trade_of(session, reference, actor_of(principal))
        document = trades.desk.document(session, trade)
        amounts, currency = milestone_amounts(document), document.invoice.currency
        amount = document.amount_minor
        about = f"{step} {reference}"
        if milestone is not None and milestone < len(amounts):
            amount, about = amounts[milestone], f"{step} milestone {milestone + 1} of {reference}"
        parties = f"{document.importer.name} to {document.exporter.name}"
        return Stake(f"{about}: {shown_money(amount, currency)}, {parties}", amount, currency)

    return stake


async def get_trade_call(
    reference: Reference, principal: Caller, desk: CallersDesk, once: OnceOnly, seen: IfMatch
) -> IdempotentCall:
    """Return a call about a trade: with `If-Match` it takes effect only while the trade is as its caller saw it."""

    def check(session: Session) -> None:
        trade = trades_of(desk).desk.trade_of(session, reference, actor_of(principal))
        seen.check(_decided_on(view_of(session, desk, principal, trade)))

    return once if seen.if_match is None else replace(once, check=check)


def tag_trade(request: Request, shown: TradeOut) -> None:
    """Answer with the tag of a trade that is shown."""
    set_tag(request, _decided_on(shown))


def _decided_on(shown: TradeOut) -> TradeOut:
    """Return what of a trade people decide on.

    Time alone changes what is waited for; that somebody has signed, or how this bank's transactions go, changes no
    terms.
    """
    return shown.model_copy(update={"next": [], "steps": [], "signed_by": []})


TradeCall = Annotated[IdempotentCall, Depends(get_trade_call)]


def view_of(session: Session, desk: Desk, principal: Principal, trade: Trade) -> TradeOut:
    """Return a trade as the caller reads it, now: of somebody else's trade the milestones it holds."""
    trades = trades_of(desk)
    only = trades.desk.holdings(session, trade, actor_of(principal))
    return trades.views.trade(session, trade, booked_until_s(session), only)
