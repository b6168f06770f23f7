"""What people want to be told, and what they have read."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from math import ceil

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from node.notices.errors import NoMailServerError, TooManyCodesError, UnknownNoticeError, WrongCodeError
from node.notices.limits import CODE_DIGITS, CODE_S_MAX, CODE_TRIES_MAX, CODES_MAX
from node.notices.store import QUEUED, NoticeRow, PreferenceRow
from node.notices.writing import newest_event
from node.storage.cursor import booked_until_s
from node.storage.database import signal
from node.web.events import TOPIC

CODE = "notice.code"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told, and how."""

    kinds: list[str]
    in_console: bool
    by_webhook: bool
    by_email: bool
    email: str | None


class NoticeService:
    """Preferences and notices of one institution's people."""

    def __init__(self, *, sends_email: bool, clock: Callable[[], float] = time.time) -> None:
        """Make the service.

        Args:
            sends_email: Whether this node has a mail server.
            clock: Wall clock, unix seconds.
        """
        self._sends_email = sends_email
        self._clock = clock

    def preference(self, session: Session, person: str) -> PreferenceRow | None:
        """Return what somebody wants, None who has never said."""
        return session.get(PreferenceRow, person)

    def prefer(self, session: Session, person: str, owner: str | None, wish: Wish) -> PreferenceRow:
        """Keep what somebody wants from now on; a new e-mail address is sent a code first.

        Args:
            owner: Customer whose events these are; None: all of the institution.

        Raises:
            NoMailServerError: e-mail is wanted and this node sends none.
            TooManyCodesError: the person has had as many codes as it may within an hour.
        """
        if wish.by_email and not self._sends_email:
            raise NoMailServerError
        row = session.get(PreferenceRow, person)
        if row is None:
            row = _new(person, owner, newest_event(session), self._clock())
            session.add(row)
        if row.email != wish.email:
            row.email, row.is_confirmed, row.code_hash = wish.email, False, None
        row.kinds, row.in_console = wish.kinds, wish.in_console
        row.by_webhook, row.by_email = wish.by_webhook, wish.by_email
        if row.by_email and row.email is not None and not row.is_confirmed:
            self._send_code(session, row)
        session.flush()
        return row

    def confirm(self, session: Session, person: str, code: str) -> bool:
        """Take the code that was sent to an address; tell whether it was right. A wrong one counts, so commit it."""
        row = session.get(PreferenceRow, person)
        if row is None or row.code_hash is None or row.code_tries >= CODE_TRIES_MAX:
            return False
        row.code_tries += 1
        if self._clock() - row.codes_from_s > CODE_S_MAX or not hmac.compare_digest(row.code_hash, _hash(row, code)):
            return False
        row.is_confirmed, row.code_hash = True, None
        return True

    def notices(self, people: list[str], *, unread: bool | None = None) -> Select[NoticeRow]:
        """Return the query of what these are told in the console."""
        wanted = select(NoticeRow).where(NoticeRow.person.in_(people), NoticeRow.in_console.is_(True))
        if unread is None:
            return wanted
        return wanted.where(NoticeRow.read_at_s.is_(None) if unread else NoticeRow.read_at_s.is_not(None))

    def read(self, session: Session, people: list[str], number: int) -> NoticeRow:
        """Mark a notice as read, or raise UnknownNoticeError."""
        row = session.scalar(self.notices(people).where(NoticeRow.id == number))
        if row is None:
            raise UnknownNoticeError(number)
        row.read_at_s = row.read_at_s or booked_until_s(session)
        session.flush()
        return row

    def read_until(self, session: Session, people: list[str], number: int) -> int:
        """Mark every notice up to a number as read; return how many were not."""
        unread = [row.id for row in session.scalars(self.notices(people, unread=True).where(NoticeRow.id <= number))]
        now_s = booked_until_s(session)
        session.execute(update(NoticeRow).where(NoticeRow.id.in_(unread)).values(read_at_s=now_s))
        return len(unread)

    def _send_code(self, session: Session, row: PreferenceRow) -> None:
        now_s = self._clock()
        if now_s - row.codes_from_s > CODE_S_MAX:
            row.codes_from_s, row.codes_sent = now_s, 0
        if row.codes_sent >= CODES_MAX:
            raise TooManyCodesError(ceil(row.codes_from_s + CODE_S_MAX - now_s) + 1)
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
        row.code_hash, row.code_tries, row.codes_sent = _hash(row, code), 0, row.codes_sent + 1
        session.add(
            NoticeRow(
                person=row.person,
                event_id=None,
                kind=CODE,
                title="Confirm your e-mail address",
                text=f"Code {code}, good for an hour. If you did not ask for it, somebody has mistyped an address.",
                time_s=booked_until_s(session),
                in_console=False,
                read_at_s=None,
                email_to=row.email,
                email_state=QUEUED,
                attempts=0,
                queued_at_s=now_s,
                next_attempt_at_s=now_s,
                reason=None,
            )
        )
        signal(session, TOPIC)


def check_code(is_right: bool) -> None:
    """Raise WrongCodeError unless it is; after the try was counted."""
    if not is_right:
        raise WrongCodeError


def _new(person: str, owner: str | None, position: int, now_s: float) -> PreferenceRow:
    return PreferenceRow(
        person=person,
        owner=owner,
        kinds=[],
        in_console=True,
        by_webhook=False,
        by_email=False,
        email=None,
        is_confirmed=False,
        code_hash=None,
        code_tries=0,
        codes_sent=0,
        codes_from_s=now_s,
        position=position,
    )


def _hash(row: PreferenceRow, code: str) -> bytes:
    return sha256(f"{row.person}\n{row.email}\n{code}".encode()).digest()
