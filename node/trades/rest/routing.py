"""What the routes of trades share: who acts, on which service, and the answer."""

from sqlalchemy.orm import Session

from node.storage.cursor import booked_until_s
from node.trades.context import Actor
from node.trades.service import TradeService
from node.trades.store import Trade
from node.trades.views.schemas import TradeOut
from node.web.auth import Principal
from node.web.desk import Desk


def trades_of(desk: Desk) -> TradeService:
    """Return the trades service of the caller's desk."""
    return desk.get(TradeService)


def actor_of(principal: Principal) -> Actor:
    """Return the caller as the trades service knows people."""
    return Actor(name=principal.name, customer=principal.customer_id)


def view_of(session: Session, desk: Desk, principal: Principal, trade: Trade) -> TradeOut:
    """Return a trade as the caller reads it, now: of somebody else's trade the milestones it holds."""
    trades = trades_of(desk)
    only = trades.desk.holdings(session, trade, actor_of(principal))
    return trades.views.trade(session, trade, booked_until_s(session), only)
