"""Time on an idle network: who has a block made, when, and how often."""

import asyncio
from functools import cache

import pytest
from sqlalchemy import select

from contracts.client.errors import ChainUnavailableError
from node.storage import outbox
from node.storage.outbox import OutboxRow
from node.trades import store
from node.trades.acting.duties import BACKUP_S
from node.trades.store import Attestation, MilestoneRow, Step, Trade
from node.trades.watching import timekeeping
from node.trades.watching.timekeeping import REFERENCE, Timekeeper
from tests.unit.trades import story
from tests.unit.trades.world import TestDesk, World


class Clock:
    """The node: it does not answer at first, then says one time after the other, and at the end it is over."""

    def __init__(self, *times_s: int) -> None:
        self.answers: list[int | Exception] = [ChainUnavailableError("away"), *times_s]

    async def next_block_s(self) -> int:
        if not self.answers:
            raise asyncio.CancelledError
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def loaded() -> World:
    """Return a world where the first milestone is due, and can be disputed for a day."""
    return _loaded().copy()


@cache
def _loaded() -> World:
    world = story.funded()
    story.load(world)
    return world


def keeper(desk: TestDesk, clock: Clock | None = None) -> Timekeeper:
    account = desk.participants.institution.address
    return Timekeeper(desk.trades.desk, desk.database, account, (clock or Clock()).next_block_s)


def asked(desk: TestDesk, now_s: int) -> bool:
    """Look at the clock; tell whether a block is on its way."""
    keeper(desk).look(now_s)
    return outbox.QUEUED in states(desk)


def states(desk: TestDesk) -> list[str]:
    with desk.database.read() as session:
        return list(session.scalars(select(OutboxRow.state).where(OutboxRow.reference == REFERENCE)))


def milestone(desk: TestDesk, index: int) -> MilestoneRow:
    with desk.database.read() as session:
        trade_id = session.get_one(Trade, story.REFERENCE).trade_id
        return session.get_one(MilestoneRow, (trade_id, index))


def window_end(desk: TestDesk) -> int:
    row = milestone(desk, 0)
    assert row.due_at_s is not None
    return row.due_at_s + row.dispute_s


def test_block_is_made_once_when_a_dispute_window_has_ended_and_the_milestone_is_paid_in_it() -> None:
    world = loaded()
    desk = world["bank-ke"]
    end_s = window_end(desk)
    world.advance_to(end_s)
    assert not asked(desk, end_s)
    assert asked(desk, end_s + 1)
    assert asked(desk, end_s + 2)
    assert states(desk) == [outbox.QUEUED]
    assert milestone(desk, 0).state == store.DUE
    # Every block of this ledger is a second later than the one before.
    world.settle_down()
    assert states(desk) == [outbox.CONFIRMED]
    assert milestone(desk, 0).state == store.SETTLED
    assert not asked(desk, end_s + 60)


def test_block_is_made_when_a_deadline_has_passed() -> None:
    world = story.funded()
    deadline_s = milestone(world["bank-nl"], 0).deadline_s
    assert not asked(world["bank-nl"], deadline_s)
    assert asked(world["bank-nl"], deadline_s + 1)


def test_block_is_made_when_the_other_bank_has_not_handed_in_an_attestation_for_an_hour() -> None:
    desk = story.funded()["bank-nl"]
    row, signed_at_s = milestone(desk, 0), story.DRAFTED_S + 3_600
    with desk.database.transaction() as session:
        session.add(
            Attestation(
                digest=bytes(32),
                trade_id=row.trade_id,
                milestone=0,
                attester="inspector",
                account="0x" + "11" * 20,
                message={},
                signature=bytes(65),
                source="statement",
                summary="loaded",
                state=store.RECORDED,
                signed_at_s=signed_at_s,
            )
        )
    assert not asked(desk, signed_at_s + BACKUP_S)
    assert asked(desk, signed_at_s + BACKUP_S + 1)


def test_block_is_made_when_a_refused_step_can_be_tried_again() -> None:
    desk = story.funded()["bank-nl"]
    retry_at_s = story.DRAFTED_S + 3_600
    with desk.database.transaction() as session:
        step = Step(reference=story.REFERENCE, name="settle:0", state=store.FAILED, attempts=1, retry_at_s=retry_at_s)
        session.add(step)
    assert not asked(desk, retry_at_s - 1)
    assert asked(desk, retry_at_s)


def test_no_block_is_made_when_there_is_no_trade() -> None:
    assert not asked(story.start()["bank-nl"], story.DRAFTED_S + 400 * story.DAY_S)


def test_clock_is_asked_again_when_the_node_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeping, "LOOK_S", 0.0)
    desk = loaded()["bank-ke"]
    end_s = window_end(desk)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(keeper(desk, Clock(end_s, end_s + 1)).run())
    assert states(desk) == [outbox.QUEUED]


def test_request_waits_for_a_block_when_the_last_one_is_old() -> None:
    world = loaded()
    desk = world["bank-ke"]
    now_s = world.ledger.now_s

    async def act(clock_s: int) -> None:
        clock = Clock(clock_s)
        clock.answers.pop(0)
        acting = asyncio.create_task(keeper(desk, clock).freshen())
        while not acting.done():
            await asyncio.sleep(0)
            if outbox.QUEUED in states(desk):
                world.ledger.advance_to(clock_s)
                await desk.work()
        await acting

    asyncio.run(act(now_s + timekeeping.OLD_S))
    assert states(desk) == []
    asyncio.run(act(now_s + timekeeping.OLD_S + 1))
    assert states(desk) == [outbox.CONFIRMED]


def test_request_goes_on_when_no_block_comes_or_the_node_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeping, "WAIT_S", 0.0)
    desk = loaded()["bank-ke"]
    clock = Clock(desk.world.ledger.now_s + timekeeping.OLD_S + 1)
    asyncio.run(keeper(desk, clock).freshen())
    assert states(desk) == []
    asyncio.run(keeper(desk, clock).freshen())
    assert states(desk) == [outbox.QUEUED]
