"""How a bank does what its trades are due: when it is its turn, whether it may, and what follows a refusal.

Whose interest it is goes first; where that bank stays silent for an hour, the other does it. Several may race: every
call is one that the contract takes from anyone, so whoever comes late is refused without effect.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.storage import outbox
from node.storage.cursor import booked_until_s
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.acting.acts import book_outcome
from node.trades.acting.notifying import Notifying
from node.trades.context import ESCROW, PREFIX, Desk
from node.trades.errors import RejectedError
from node.trades.store import MilestoneRow, Step, Trade, WatchSetting

BACKUP_S: Final = 3_600
"""How long the other bank waits before it does what this one owes."""
ATTEMPTS_MAX: Final = 20
RETRY_S: Final = 60
RETRY_S_MAX: Final = 86_400

ATTEST: Final = "attest"
SILENCE: Final = "silence"
SETTLE: Final = "settle"
LAST_RESORT: Final = "last_resort"
REPRICE: Final = "reprice"
LAPSE: Final = "lapse"
SETTABLE: Final = (SILENCE, SETTLE, LAST_RESORT, REPRICE, LAPSE)
"""Steps that a bank may tell its watch only to propose."""
# Asked of every trade that something is due for, at every block, so made once.
_SETTINGS: Final = select(WatchSetting.step, WatchSetting.performs)


class Duties:
    """Queues what is due, at most one of a name at a time."""

    def __init__(self, desk: Desk, notifying: Notifying) -> None:
        self._desk = desk
        self._notifying = notifying

    def is_due(self, trade: Trade, side: str, since_s: int, now_s: int) -> bool:
        """Tell whether this bank acts now: at once for its own side, after an hour for the other."""
        return side in self._desk.own_sides(trade) or now_s > since_s + BACKUP_S

    def may_do(self, session: Session, trade: Trade, name: str, now_s: int) -> bool:
        """Tell whether a step may be queued now: not under way, not to wait, not only to be proposed."""
        step = session.get(Step, (trade.reference, name))
        has_to_wait = step is not None and (step.attempts >= ATTEMPTS_MAX or now_s < step.retry_at_s)
        if has_to_wait or (step is not None and step.state != store.FAILED):
            return False
        kind = name.partition(":")[0]
        if kind in SETTABLE and not self.performs(session)[kind]:
            self._notifying.proposed(session, trade, name, 0 if step is None else step.attempts, now_s)
            return False
        return True

    def do(self, session: Session, trade: Trade, name: str, function: str, args: Sequence[Any], now_s: int) -> bool:
        """Queue a call of the escrow about this trade if it may be done; tell whether it was."""
        if not self.may_do(session, trade, name, now_s):
            return False
        step = session.get(Step, (trade.reference, name))
        if step is None:
            step = Step(reference=trade.reference, name=name, attempts=0, retry_at_s=0, reason=None)
            session.add(step)
        step.state = store.QUEUED
        step.attempts += 1
        outbox.enqueue(
            session,
            contract=ESCROW,
            function=function,
            args=(trade.trade_id, *args),
            reference=f"{PREFIX}{trade.reference}:{name}",
        )
        return True

    def on_outcome(self, session: Session, row: OutboxRow, reference: str, name: str) -> Step | None:
        """Book how a step went; a refused one is tried again later and later, not at the same moment everywhere.

        A step about a milestone that is settled by now, or a trade that is closed, lost a race: nothing is wrong.
        """
        step = book_outcome(session, row, reference, name)
        if step is None or step.state != store.FAILED:
            return step
        if self._is_over(session, reference, name):
            step.state, step.reason = store.OVERTAKEN, None
            return step
        pause_s = min(RETRY_S << min(step.attempts, 20), RETRY_S_MAX)
        step.retry_at_s = booked_until_s(session) + pause_s - secrets.randbelow(pause_s // 4)
        return step

    def performs(self, session: Session) -> dict[str, bool]:
        """Return which steps the watch does by itself; the others it only proposes."""
        found = dict(iter(session.execute(_SETTINGS)))
        return {step: found.get(step, True) for step in SETTABLE}

    def set_performs(self, session: Session, step: str, performs: bool) -> None:
        """Let the watch do a step by itself, or only propose it.

        Raises:
            RejectedError: there is no such step.
        """
        if step not in SETTABLE:
            raise RejectedError("step", f"one of {', '.join(SETTABLE)}", step)
        session.merge(WatchSetting(step=step, performs=performs))

    def _is_over(self, session: Session, reference: str, name: str) -> bool:
        trade = session.get_one(Trade, reference)
        if trade.state == store.CLOSED:
            return True
        kind, _, place = name.partition(":")
        if kind in (ATTEST, REPRICE, LAPSE) or not place.isdigit():
            return False
        row = session.get(MilestoneRow, (trade.trade_id, int(place)))
        return row is not None and row.state == store.SETTLED
