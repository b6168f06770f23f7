"""Lets time pass on an idle network, whose clock is its last block's: without traffic no block would tell what is due.

A desk looks whether time alone has made something due for one of its trades since the last block. If so it has a
block made, with a transaction that does nothing; what is due is then done as after any other block. It also does so
before somebody changes something while the last block is old, so that nobody reckons from a time long gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from contracts.client.errors import UnavailableError
from node.storage import outbox
from node.storage.cursor import TOPIC, booked_until_s
from node.storage.database import Database
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.acting.duties import BACKUP_S
from node.trades.context import Desk
from node.trades.logistics.handing_in import WAITING
from node.trades.standing.milestones import window_ends
from node.trades.store import Attestation, MilestoneRow, Step, Trade
from node.trades.terms.document import TermsDocument

LOOK_S: Final = 5.0
OLD_S: Final = 60
"""From then on a block says too little of what time it is: quotes are firm for ten minutes."""
WAIT_S: Final = 5.0
"""For a block."""
REFERENCE: Final = "time"
"""Of the outbox rows."""


class Timekeeper:
    """One institution's look at the clock.

    Args:
        account: The institution's own.
        next_block_s: Asks the node which time a block made now would have.
    """

    def __init__(
        self, desk: Desk, database: Database, account: str, next_block_s: Callable[[], Awaitable[int]]
    ) -> None:
        self._desk = desk
        self._database = database
        self._account = account
        self._next_block_s = next_block_s

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                now_s = await self._next_block_s()
            except UnavailableError:
                continue
            self.look(now_s)

    def look(self, now_s: int) -> None:
        """Queue a transaction that does nothing if a block is due and none is on its way."""
        with self._database.read() as session:
            is_due = self._is_due(session, booked_until_s(session), now_s)
        if is_due:
            self._ask()

    async def freshen(self) -> None:
        """Have a block made if the last one is old, and wait for it: what follows reckons from now.

        Where none comes in time, what follows reckons from the last one.
        """
        try:
            now_s = await self._next_block_s()
        except UnavailableError:
            return
        bell = self._database.signals.subscribe(TOPIC)
        try:
            with self._database.read() as session:
                if not _is_old(session, now_s):
                    return
            self._ask()
            while await bell.wait(WAIT_S):
                with self._database.read() as session:
                    if not _is_old(session, now_s):
                        return
        finally:
            self._database.signals.unsubscribe(TOPIC, bell)

    def _ask(self) -> None:
        currency = next(iter(self._desk.deployment.tokens))
        with self._database.transaction() as session:
            if _is_under_way(session):
                return
            # An allowance of nothing to itself.
            outbox.enqueue(session, contract=currency, function="approve", args=(self._account, 0), reference=REFERENCE)

    def _is_due(self, session: Session, head_s: int, now_s: int) -> bool:
        """Tell whether a moment lies between the last block and now."""
        retried = select(exists().where(Step.state == store.FAILED, Step.retry_at_s > head_s, Step.retry_at_s <= now_s))
        if session.scalar(retried):
            return True
        # The other bank hands in what the first one has not, an hour later.
        signed = session.scalars(WAITING.with_only_columns(Attestation.signed_at_s))
        if any(head_s <= signed_at_s + BACKUP_S < now_s for signed_at_s in signed):
            return True
        wanted = select(Trade, MilestoneRow).join(MilestoneRow, MilestoneRow.trade_id == Trade.trade_id)
        wanted = wanted.where(Trade.state == store.FUNDED, MilestoneRow.state != store.SETTLED)
        return any(
            head_s <= moment < now_s
            for trade, row in session.execute(wanted).all()
            for moment in _moments(trade, row, self._desk.document(session, trade))
        )


def _moments(trade: Trade, row: MilestoneRow, document: TermsDocument) -> Iterator[int]:
    """Yield the last seconds after which this bank, or an hour later the other one, has something to do."""
    windows = document.windows
    yield trade.hold_expires_at_s or document.hold_expires_at_s
    if row.state == store.PENDING:
        ends = [row.deadline_s]
    else:
        final_s = row.final_at_s if row.state == store.FINAL else window_ends(row)
        ends = [(final_s or 0) + wait_s for wait_s in (0, windows.choice_s, windows.grace_s)]
    for end in ends:
        yield end
        yield end + BACKUP_S


def _is_old(session: Session, now_s: int) -> bool:
    return now_s - booked_until_s(session) > OLD_S


def _is_under_way(session: Session) -> bool:
    waiting = OutboxRow.state.in_((outbox.QUEUED, outbox.SIGNED))
    return bool(session.scalar(select(exists().where(OutboxRow.reference == REFERENCE, waiting))))
