"""What was released of a trade: who got what of each milestone, and what went back."""

from sqlalchemy.orm import Session

from node.trades.context import Desk
from node.trades.payments.settled import SETTLED, settled_milestone
from node.trades.store import EscrowEvent, Trade
from node.trades.views.schemas import ReleaseOut, ReleaseShareOut
from node.trades.watching.chain_view import events_of


def releases_of(session: Session, desk: Desk, trade: Trade, only: frozenset[int] | None = None) -> list[ReleaseOut]:
    """Return the milestones that were settled, in the order of the chain.

    Args:
        only: The milestones to show; None: all.
    """
    return [
        _release(session, desk, trade, event)
        for event in events_of(session, trade.trade_id or b"")
        if event.name == SETTLED and (only is None or int(event.args["milestone"]) in only)
    ]


def _release(session: Session, desk: Desk, trade: Trade, event: EscrowEvent) -> ReleaseOut:
    settled = settled_milestone(session, desk, trade, event)
    moved = settled.spent or settled.released
    return ReleaseOut(
        milestone=settled.index,
        kind=settled.kind,
        time_s=settled.time_s,
        tx_hash="0x" + event.tx_hash.hex(),
        shares=[
            ReleaseShareOut(
                account=share.account,
                name=share.name,
                purpose=share.purpose,
                amount_minor=share.amount.amount_minor,
                currency=share.amount.currency.code,
            )
            for share in settled.shares
        ],
        spent_minor=None if settled.spent is None else settled.spent.amount_minor,
        released_minor=None if settled.released is None else settled.released.amount_minor,
        currency=desk.document(session, trade).funding.currency if moved is None else moved.currency.code,
    )
