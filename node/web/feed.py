"""The latest events of a database, read and written out once for everybody who follows them."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.storage.database import Database
from node.storage.signals import Subscription
from node.web.events import TOPIC, events_after, is_of_kind, show
from node.web.limits import PAGE_MAX
from node.web.store import EventRow

_KEPT_MAX: Final = 2 * PAGE_MAX


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the stream tells it."""

    id: int
    owner: str | None
    kind: str
    text: str

    def is_for(self, customer_id: str | None, kind: str | None) -> bool:
        """Tell whether a follower gets it: a customer its own, who wants `trade` what is `trade.signed`."""
        return customer_id in (None, self.owner) and (kind is None or is_of_kind(self.kind, kind))


class Feed:
    """What was published while somebody follows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers = 0
        self._bell: Subscription | None = None
        self._kept: deque[Told] = deque()
        self._complete_after = 0
        """Every event of a higher number is kept."""

    def join(self) -> None:
        """Begin to follow."""
        self._followers += 1
        if self._bell is None:
            # Before the first follower's own bell, so that it has rung when theirs do.
            self._bell = self._database.signals.subscribe(TOPIC)
            self._kept.clear()
            with self._database.read() as session:
                self._complete_after = session.scalar(select(func.max(EventRow.id))) or 0

    def leave(self) -> None:
        """Follow no more."""
        self._followers -= 1
        if self._followers == 0 and self._bell is not None:
            self._database.signals.unsubscribe(TOPIC, self._bell)
            self._bell = None

    def after(self, number: int, customer_id: str | None, kind: str | None) -> list[Told]:
        """Return what a follower has not been told yet, a page at most; nothing if that is all."""
        if self._bell is not None and self._bell.was_rung():
            self._read_news()
        if number < self._complete_after:
            with self._database.read() as session:
                return _told(session, number, customer_id, kind)
        return [one for one in self._kept if one.id > number and one.is_for(customer_id, kind)]

    @property
    def newest(self) -> int:
        """Number of the last event that is known here."""
        return self._kept[-1].id if self._kept else self._complete_after

    def _read_news(self) -> None:
        while True:
            with self._database.read() as session:
                news = _told(session, self.newest, None, None)
            self._kept.extend(news)
            while len(self._kept) > _KEPT_MAX:
                self._complete_after = self._kept.popleft().id
            if len(news) < PAGE_MAX:
                return


_FEEDS: WeakKeyDictionary[Database, Feed] = WeakKeyDictionary()


def feed_of(database: Database) -> Feed:
    """Return the feed of a database."""
    return _FEEDS.setdefault(database, Feed(database))


def _told(session: Session, after: int, customer_id: str | None, kind: str | None) -> list[Told]:
    return [_written(row) for row in events_after(session, after, customer_id, kind=kind)]


def _written(row: EventRow) -> Told:
    data = json.dumps(show(row).model_dump(mode="json", by_alias=True))
    return Told(row.id, row.owner, row.kind, f"id: {row.id}\nevent: {row.kind}\ndata: {data}\n\n")
