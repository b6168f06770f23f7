"""Notices to those who have to act: what is wanted of them, how much, and until when.

What happened is told by the events themselves (`trade.<Event>`); here is what somebody should do about it.
"""

from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from contracts.client.artifacts import ChainEvent
from fx.currencies import get_currency
from fx.money import Money
from node.trades.context import Desk
from node.trades.store import MilestoneRow, Told, Trade
from node.web.events import publish

# Asked of every trade that something is due for, at every block, so made once.
_TOLD: Final = select(Told.name).where(Told.reference == bindparam("reference"), Told.name == bindparam("name"))


class Notifying:
    """Publishes notices to this bank's customers of a trade, and to its staff."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def called(self, session: Session, trade: Trade, event: ChainEvent) -> None:
        """Tell the importer what a call asks for."""
        currency = self._desk.document(session, trade).funding.currency
        missing = event.args["missing"]
        body = {
            "amount_minor": str(missing),
            "amount": str(Money(missing, get_currency(currency))),
            "by_s": event.args["ends_at"],
        }
        self._publish(session, trade, "trade.top_up_wanted", ("importer",), body, event.block_time_s)

    def once(
        self,
        session: Session,
        trade: Trade,
        kind: str,
        sides: tuple[str, ...],
        now_s: int,
        *,
        milestone: MilestoneRow | None = None,
        **body: Any,
    ) -> None:
        """Tell these sides' customers something that time has brought, once per milestone and version of its terms."""
        name = kind
        if milestone is not None:
            name = f"{kind}:{milestone.index}:{milestone.terms_version}"
            body = {"milestone": milestone.index, "milestone_kind": milestone.kind, **body}
        if session.scalar(_TOLD, {"reference": trade.reference, "name": name}) is not None:
            return
        session.add(Told(reference=trade.reference, name=name))
        self._publish(session, trade, kind, sides, body, now_s, None if milestone is None else milestone.index)

    def proposed(self, session: Session, trade: Trade, step: str, attempt: int, now_s: int) -> None:
        """Tell this bank's staff, once, that a step is due which the watch is set not to do by itself."""
        name = f"trade.step_proposed:{step}:{attempt}"
        if session.scalar(_TOLD, {"reference": trade.reference, "name": name}) is not None:
            return
        session.add(Told(reference=trade.reference, name=name))
        body = {"reference": trade.reference, "step": step}
        publish(session, kind="trade.step_proposed", owner=None, body=body, time_s=now_s)

    def _publish(
        self,
        session: Session,
        trade: Trade,
        kind: str,
        sides: tuple[str, ...],
        body: dict[str, Any],
        now_s: int,
        milestone: int | None = None,
    ) -> None:
        own = [side for side in self._desk.own_sides(trade) if side in sides]
        owners = [self._desk.customer_of(trade, side) for side in own]
        if "exporter" in sides:
            owners += self._desk.assignees(session, trade, milestone)
        for owner in dict.fromkeys(owners):
            publish(session, kind=kind, owner=owner, body={"reference": trade.reference, **body}, time_s=now_s)
