"""The notices of one institution: a fake mailer, a clock and a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from node.notices.errors import MailServerError
from node.notices.post import NoticePost
from node.notices.service import NoticeService, Wish
from node.notices.store import NoticeRow, PreferenceRow
from node.storage.database import Database
from node.storage.migrate import prepare
from node.web.events import publish
from tests.postgres import NewDatabase, new_database, postgresql
from tests.unit.messages.bank import Clock

__all__ = ["new_database", "postgresql"]

ADDRESS = "ann@bank.example"


@dataclass
class FakeMailer:
    """Keeps what is sent; refuses while it is told to."""

    is_away: bool = False
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, to: str, title: str, text: str, message_id: str) -> None:
        if self.is_away:
            raise MailServerError("mail: expected to be taken, got 451")
        self.sent.append((to, title, text))


@dataclass
class Desk:
    """Service and post over one database."""

    database: Database
    mailer: FakeMailer = field(default_factory=FakeMailer)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        prepare(self.database)
        self.service = NoticeService(sends_email=True, clock=self.clock)
        self.post = NoticePost(self.database, "bank-nl", self.mailer, clock=self.clock, dice=lambda: 1.0)

    def prefer(self, person: str = "bank-nl", owner: str | None = None, **wish: Any) -> PreferenceRow:
        told = {"kinds": [], "in_console": True, "by_webhook": False, "by_email": False, "email": None} | wish
        with self.database.transaction() as session:
            return self.service.prefer(session, person, owner, Wish(**told))

    def confirm(self, code: str, person: str = "bank-nl") -> bool:
        with self.database.transaction() as session:
            return self.service.confirm(session, person, code)

    def tell(self, kind: str = "trade.offered", owner: str | None = None, **body: Any) -> None:
        told = {"reference": "NR-1", "side": "importer", "version": 2} | body
        with self.database.transaction() as session:
            publish(session, kind=kind, owner=owner, body=told, time_s=1_786_988_000)

    async def work(self) -> None:
        self.post.write()
        while await self.post.send_due():
            pass

    async def with_address(self, person: str = "bank-nl", **wish: Any) -> None:
        """Let somebody want e-mail and confirm the address."""
        self.prefer(person, by_email=True, email=ADDRESS, **wish)
        await self.work()
        assert self.confirm(self.code(), person)
        self.mailer.sent.clear()

    def code(self) -> str:
        return self.mailer.sent[-1][2].split()[1].strip(",")

    def titles(self, *people: str) -> list[str]:
        with self.database.read() as session:
            rows = session.scalars(self.service.notices(list(people)).order_by(NoticeRow.id))
            return [row.title for row in rows]

    def rows(self) -> list[NoticeRow]:
        with self.database.read() as session:
            return list(session.scalars(select(NoticeRow).order_by(NoticeRow.id)))


@pytest.fixture
def desk(new_database: NewDatabase) -> Iterator[Desk]:
    desk = Desk(Database(new_database()))
    yield desk
    desk.database.close()
