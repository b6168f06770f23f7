"""Business days of a currency: from one cut-off to the next, Monday to Friday; what comes on a weekend is Monday's.

Money moves at any hour; a cut-off only says to which day's statement, report and value date it belongs.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from contracts.client.blocks import BlockInfo
from node.ledger.errors import CutOffError, DayError
from node.storage.cursor import booked_until_s
from node.storage.database import Base
from node.web.events import publish

_DAY: Final = timedelta(days=1)
_FRIDAY: Final = 4
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2999


class CutOffRow(Base):
    """When a currency's business day ends here."""

    __tablename__ = "ledger_cut_off"

    currency: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[str]
    """Local time, `16:00`."""
    zone: Mapped[str]
    """IANA name, `Africa/Nairobi`."""


# Asked at every block and payment, so made once.
_ALL: Final = select(CutOffRow.currency, CutOffRow.at, CutOffRow.zone)


@dataclass(frozen=True, slots=True)
class CutOff:
    """The end of a business day: a local time of the day itself."""

    at: time
    zone: ZoneInfo

    @property
    def at_text(self) -> str:
        return f"{self.at:%H:%M}"

    def end_s(self, day: date) -> int:
        """Return the first second that is not of that day any more, if it is a business day."""
        # Midnight is the end of the day, not its start.
        ends = day + _DAY if self.at == time(0) else day
        return int(datetime.combine(ends, self.at, self.zone).timestamp())


DEFAULT: Final = CutOff(time(0), ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Day:
    """A business day, as a stretch of ledger time."""

    on: date
    from_s: int
    until_s: int
    """The first second that is not of it."""


def read_cut_off(at: str, zone: str) -> CutOff:
    """Return a cut-off.

    Raises:
        CutOffError: there is no such time or no such zone.
    """
    try:
        return CutOff(datetime.strptime(at, "%H:%M").time(), ZoneInfo(zone))  # noqa: DTZ007 - a time of day
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise CutOffError(at, zone) from error


def day_of(cut_off: CutOff, time_s: int) -> Day:
    """Return the business day that a time belongs to."""
    on = datetime.fromtimestamp(time_s, UTC).astimezone(cut_off.zone).date()
    # The zone and a cut-off after local midnight move it by a day either way.
    on -= 2 * _DAY
    while not _is_business(on) or cut_off.end_s(on) <= time_s:
        on += _DAY
    return _stretch(cut_off, on)


def last_over(cut_off: CutOff, now_s: int) -> Day:
    """Return the last business day that is over."""
    return day_of(cut_off, day_of(cut_off, now_s).from_s - 1)


def business_day(cut_off: CutOff, on: date) -> Day:
    """Return a business day by its date, or raise DayError for a day of the weekend."""
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR or not _is_business(on):
        raise DayError(on.isoformat(), f"a day from Monday to Friday, {_FIRST_YEAR} to {_LAST_YEAR}")
    return _stretch(cut_off, on)


class CutOffs:
    """The cut-offs of one institution."""

    def __init__(self, currencies: tuple[str, ...]) -> None:
        self._currencies = currencies
        self._none_ends_before_s = 0

    def get(self, session: Session, currency: str) -> CutOff:
        """Return a currency's cut-off; midnight UTC where none was set."""
        return self.all(session).get(currency, DEFAULT)

    def all(self, session: Session) -> dict[str, CutOff]:
        """Return every currency's cut-off, by its code."""
        found = {currency: read_cut_off(at, zone) for currency, at, zone in session.execute(_ALL)}
        return dict.fromkeys(self._currencies, DEFAULT) | found

    def set(self, session: Session, currency: str, cut_off: CutOff) -> None:
        """Let a currency's days end then, from now on; days that are over already are told by it, too."""
        session.merge(CutOffRow(currency=currency, at=cut_off.at_text, zone=cut_off.zone.key))
        session.flush()
        self._none_ends_before_s = 0

    def on_block(self, session: Session, block: BlockInfo) -> None:
        """Tell the staff of each currency whose business day has ended since the block before."""
        before_s = booked_until_s(session)
        if before_s == 0 or block.time_s < self._none_ends_before_s:
            return
        for currency, cut_off in self.all(session).items():
            if block.time_s >= day_of(cut_off, before_s).until_s:
                last = last_over(cut_off, block.time_s)
                body = {"currency": currency, "day": last.on.isoformat()}
                publish(session, kind="day.closed", owner=None, body=body, time_s=block.time_s)
        cut_offs = self.all(session).values()
        self._none_ends_before_s = min((day_of(one, block.time_s).until_s for one in cut_offs), default=0)


def _stretch(cut_off: CutOff, on: date) -> Day:
    before = on - _DAY
    while not _is_business(before):
        before -= _DAY
    return Day(on, cut_off.end_s(before), cut_off.end_s(on))


def _is_business(on: date) -> bool:
    return on.weekday() <= _FRIDAY
