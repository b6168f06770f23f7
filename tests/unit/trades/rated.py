"""The example trade under `float` and `lock`, with rates that the test chooses, and what it looks at afterwards."""

import asyncio
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import select

from fx.rate_files import DailyRates
from node.ledger.invariants import verify_books
from node.ledger.reconciliation import Reconciler
from node.trades.standing.milestones import milestone_rows
from node.trades.store import FxLeg, Step
from node.web.store import EventRow
from tests.unit.trades import story
from tests.unit.trades.terms_help import changed
from tests.unit.trades.world import CORE, TestDesk, World

CONVERT = 'policy = "convert_now"'
LOCK = (CONVERT, 'policy = "lock"')
ONE_INSPECTOR = (
    'attesters = ["carrier", "inspector"]\nquorum = 2\nplace',
    'attesters = ["inspector"]\nquorum = 1\nplace',
)


def float_terms(share_bps: int, more: str = "") -> tuple[str, str]:
    """Return the replacement that makes the example a float at 150 KES for a euro."""
    return CONVERT, f'policy = "float"\n\n[funding.float]\nrate = "150"\nshare_bps = {share_bps}\n{more}'


def rates(later: str) -> DailyRates:
    """Return 150 KES for a euro, and `later` from the day on which the roses are loaded."""
    return DailyRates("EUR", ("KES", "UGX"), {date(2026, 7, 31): ("150", "4300"), date(2026, 8, 12): (later, "4300")})


@cache
def _funded(later: str, replacements: tuple[tuple[str, str], ...], also: tuple[str, ...]) -> World:
    world = World(with_oracle=True, rates=rates(later), only=(*CORE, *also))
    world.fund_cast()
    world.advance_to(story.DRAFTED_S)
    story.draft(world, changed(*replacements))
    story.sign(world)
    if LOCK in replacements:
        story.quote(world)
        story.fund(world)
    else:
        nl = world["bank-nl"]
        nl.run(nl.trades.funding.fund, story.REFERENCE, story.IMPORTER)
        world.settle_down()
    assert story.view(world["bank-nl"]).state == "funded", story.view(world["bank-nl"]).failure
    return world


def funded(*replacements: tuple[str, str], later: str = "150", also: tuple[str, ...] = ()) -> World:
    """Return a world where the example is funded under these terms, its first milestone not yet attested.

    Args:
        also: Institutions beside those that every trade has.
    """
    return _funded(later, replacements, also).copy()


def wait_until_final(world: World) -> None:
    """Let the dispute window of the first milestone pass."""
    found = milestone(world["bank-nl"])
    world.advance_to(found.final_after_s + 1)


def act(desk: TestDesk, part: Any, *args: Any, **named: Any) -> Any:
    """Do what a party decides about the example, and let every desk work it off."""
    with desk.database.transaction() as session:
        found = part(session, story.REFERENCE, *args, now_s=desk.world.ledger.now_s, **named)
    desk.world.settle_down()
    return found


def milestone(desk: TestDesk, index: int = 0) -> Any:
    return story.view(desk).milestones[index]


def notices(desk: TestDesk, kind: str) -> list[tuple[str | None, dict[str, Any]]]:
    with desk.database.read() as session:
        rows = session.scalars(select(EventRow).where(EventRow.kind == kind).order_by(EventRow.id))
        return [(row.owner, row.body) for row in rows]


def steps(desk: TestDesk) -> dict[str, tuple[str, str | None]]:
    with desk.database.read() as session:
        return {step.name: (step.state, step.reason) for step in session.scalars(select(Step))}


def memos(desk: TestDesk, owner: str, currency: str) -> list[tuple[str, int | None]]:
    """Return (purpose, amount) of every memo of an owner's statement."""
    with desk.database.read() as session:
        lines = desk.ledger.statement(session, owner, currency)
        return [(memo.purpose, memo.amount) for line in lines for memo in line.memos]


class _View:
    """The test's ledger as the reconciliation reads a chain."""

    def __init__(self, world: World) -> None:
        self._ledger = world.ledger

    async def call(self, contract: str, function: str, *args: Any, block: int | str = "latest") -> Any:
        return self._ledger.call(contract, function, *args)

    async def block_hash(self, number: int) -> bytes:
        found: bytes = self._ledger.blocks[number].info.hash
        return found


def check_books(world: World) -> None:
    """Compare every desk's books with the chain, and slices with what the escrow has stored."""
    for desk in world.desks.values():
        reconciler = Reconciler(
            database=desk.database, ledger=desk.ledger, owners=desk.participants, chain=_View(world)
        )
        assert asyncio.run(reconciler.reconcile()).differences == ()
        with desk.database.read() as session:
            verify_books(session)
    for bank in ("bank-nl", "bank-ke"):
        check_slices(world, world[bank])


def check_slices(world: World, desk: TestDesk) -> None:
    """Compare amounts, slices, targets and calls that a bank has followed with the contract's records."""
    with desk.database.read() as session:
        trade = desk.trades.desk.trade(session, story.REFERENCE)
        leg = session.get(FxLeg, trade.trade_id)
        for row in milestone_rows(session, trade):
            record = world.ledger.call("TradeEscrow", "get_milestone", trade.trade_id, row.index)
            assert (row.amount, row.terms_hash) == (record["amount"], record["terms_hash"])
            part = world.ledger.call("TradeEscrow", "get_slice", trade.trade_id, row.index)
            if row.state != "settled":
                assert (row.slice_minor or 0, row.target_minor or 0) == (part["amount"], part["target"])
        if leg is not None:
            fx = world.ledger.call("TradeEscrow", "get_fx", trade.trade_id)
            assert (leg.calls, leg.call_ends_at_s or 0) == (fx["calls"], fx["call_ends_at"])
