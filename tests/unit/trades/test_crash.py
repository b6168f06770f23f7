"""Desks that die before and after commits all through a trade, and go on where they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.storage.outbox import FAILED, OutboxRow
from tests.unit.storage.crashes import Crash
from tests.unit.trades import story
from tests.unit.trades.payments.paid import told
from tests.unit.trades.world import CORE, ROUNDS_MAX, CountingDatabase, TestDesk, World


class DyingDatabase(CountingDatabase):
    """Dies right before every fifth commit and right after every fifth, by a die that always falls the same."""

    is_armed = False
    deaths = 0
    _die = Random(20260817)

    @contextmanager
    def transaction(self, *, is_synced: bool = True) -> Iterator[Session]:
        fate = self._die.random() if self.is_armed else 1.0
        with super().transaction(is_synced=is_synced) as session:
            yield session
            self._perhaps(fate < 0.2)
        self._perhaps(0.2 <= fate < 0.4)

    def _perhaps(self, is_dying: bool) -> None:
        if is_dying:
            self.deaths += 1
            raise Crash


class DyingWorld(World):
    """Restarts a desk that has died: new services over the same database."""

    async def _settle_down(self) -> None:
        for _ in range(20 * ROUNDS_MAX):
            before = [desk.database.commits for desk in self.desks.values()]
            crashed = False
            for name, desk in list(self.desks.items()):
                try:
                    await desk.work()
                except* Crash:
                    crashed = True
                    self.desks[name] = self._restart(desk)
            if not crashed and [desk.database.commits for desk in self.desks.values()] == before:
                return
        raise AssertionError("the desks do not come to rest")

    def settle_down(self) -> None:
        self._arm(True)
        self.run(self._settle_down())
        self._arm(False)

    def _restart(self, desk: TestDesk) -> TestDesk:
        self.open_database = lambda _: desk.database
        while True:
            try:
                return TestDesk(self, desk.id)
            except Crash:  # it died while it started
                continue

    def _arm(self, is_armed: bool) -> None:
        for desk in self.desks.values():
            assert isinstance(desk.database, DyingDatabase)
            desk.database.is_armed = is_armed


def test_a_trade_ends_the_same_when_desks_die_all_through_it() -> None:
    started = story.start()
    images = {name: started[name].database.image() for name in CORE}
    world = DyingWorld(open_database=lambda name: DyingDatabase.of_image(images[name]), ledger=started.ledger.copy())
    steps = (story.draft, story.counter, story.sign, story.quote, story.fund, story.load, story.wait_a_day)
    for step in (*steps, story.deliver, story.wait_a_day):
        step(world)
    for bank in ("bank-nl", "bank-ke"):
        closed = story.view(world[bank])
        assert (closed.state, closed.closed_cause) == ("closed", "settled")
        assert [item.state for milestone in closed.milestones for item in milestone.attestations] == ["counted"] * 4
        assert story.refused(world[bank]) == []
    assert told(world["bank-ke"]) == [
        ("received", "bank-nl", "PACS008", None),
        ("sent", "bank-nl", "PACS002", "ACSP"),
        ("issued", "kra", "CRDT-1-1", None),
        ("issued", "naivasha", "CRDT-1-3", None),
        ("sent", "bank-nl", "CONF-1", None),
        ("issued", "kra", "CRDT-2-1", None),
        ("issued", "naivasha", "CRDT-2-3", None),
        ("sent", "bank-nl", "CONF-2", None),
        ("sent", "bank-nl", "PACS002", "ACSC"),
    ]
    assert [row for row in told(world["bank-nl"]) if row[0] == "received"] == [
        ("received", "bank-ke", "PACS002", "ACSP"),
        ("received", "bank-ke", "CONF-1", None),
        ("received", "bank-ke", "CONF-2", None),
        ("received", "bank-ke", "PACS002", "ACSC"),
    ]
    naivasha = world.account("bank-ke", "naivasha")
    assert world.balance("KES", naivasha) == 146_985_000
    deaths = 0
    for desk in world.desks.values():
        with desk.database.read() as session:
            assert session.scalars(select(OutboxRow.reference).where(OutboxRow.state == FAILED)).all() == []
        assert isinstance(desk.database, DyingDatabase)
        deaths += desk.database.deaths
    assert deaths > 100
