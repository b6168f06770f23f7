"""E-mails on their way: written as events happen, sent one after the other, again later where they are not taken."""

import random
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.messages.backoff import delay_s
from node.notices.errors import MailServerError
from node.notices.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S, GIVE_UP_S, POST_MAX, REASON_CHARS_MAX
from node.notices.mailer import Mailer
from node.notices.store import FAILED, QUEUED, SENT, NoticeRow
from node.notices.writing import is_behind, write
from node.storage.database import Database
from node.web.events import TOPIC

_IDLE_S: Final = 5.0


class NoticePost:
    """Writes the notices of one institution and sends their e-mails."""

    def __init__(
        self,
        database: Database,
        institution_id: str,
        mailer: Mailer | None,
        *,
        clock: Callable[[], float] = time.time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Make the post.

        Args:
            mailer: None: this node sends no e-mail.
            clock: Wall clock, unix seconds.
            dice: Randomness from 0 to 1, for the jitter.
        """
        self._database = database
        self._institution_id = institution_id
        self._mailer = mailer
        self._clock = clock
        self._dice = dice

    async def run(self) -> None:
        """Write and send until cancelled."""
        bell = self._database.signals.subscribe(TOPIC)
        try:
            while True:
                self.write()
                if not await self.send_due():
                    await bell.wait(self._wait_s())
        finally:
            self._database.signals.unsubscribe(TOPIC, bell)

    def write(self) -> None:
        """Write the notices of everything that has happened."""
        with self._database.read() as session:
            is_more = is_behind(session)
        while is_more:
            with self._database.transaction() as session:
                is_more = write(session, self._clock())

    async def send_due(self) -> bool:
        """Send e-mails that are due now, so many at most; tell whether there were any."""
        if self._mailer is None:
            return False
        now_s = self._clock()
        wanted = select(NoticeRow).where(NoticeRow.email_state == QUEUED, NoticeRow.next_attempt_at_s <= now_s)
        with self._database.read() as session:
            due = session.scalars(wanted.order_by(NoticeRow.next_attempt_at_s, NoticeRow.id).limit(POST_MAX)).all()
        for notice in due:
            await self._send(notice, self._mailer)
        return bool(due)

    async def _send(self, notice: NoticeRow, mailer: Mailer) -> None:
        refusal = None
        try:
            name = f"notice-{self._institution_id}-{notice.id}"
            await mailer.send(notice.email_to or "", notice.title, notice.text, name)
        except MailServerError as error:
            refusal = str(error)[:REASON_CHARS_MAX]
        with self._database.transaction() as session:
            self._record(session.get_one(NoticeRow, notice.id), refusal)

    def _record(self, row: NoticeRow, refusal: str | None) -> None:
        now_s = self._clock()
        row.attempts, row.reason = row.attempts + 1, refusal
        if refusal is None:
            row.email_state = SENT
        elif now_s - row.queued_at_s > GIVE_UP_S:
            row.email_state = FAILED
        else:
            wait_s = delay_s(row.attempts, self._dice(), first_s=BACKOFF_FIRST_S, most_s=BACKOFF_MAX_S)
            row.next_attempt_at_s = now_s + wait_s

    def _wait_s(self) -> float:
        """Return how long nothing is due unless something happens."""
        if self._mailer is None:
            return _IDLE_S
        now_s = self._clock()
        with self._database.read() as session:
            following = _next(session)
        return _IDLE_S if following is None else min(_IDLE_S, max(0.0, following - now_s))


def _next(session: Session) -> float | None:
    return session.scalar(select(func.min(NoticeRow.next_attempt_at_s)).where(NoticeRow.email_state == QUEUED))
