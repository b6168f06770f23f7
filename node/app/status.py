"""What the process is doing: how far it follows the chain, and whether anything waits to be done."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import func, literal, select

from node.messages import store as messages
from node.storage.cursor import CursorRow
from node.storage.database import Database
from node.storage.outbox import QUEUED, SIGNED, OutboxRow
from node.web.auth import Staff, needs
from node.web.permissions import Permission

_POLL_S: Final = 0.01
_WAIT_MAX_S: Final = 30
_LOOK = select(
    func.coalesce(select(CursorRow.number).scalar_subquery(), literal(-1)),
    select(func.count()).where(OutboxRow.state.in_((QUEUED, SIGNED))).scalar_subquery(),
    select(func.count()).where(messages.SentMessage.state == messages.QUEUED).scalar_subquery()
    + select(func.count()).where(messages.ReceivedMessage.state == messages.RECEIVED).scalar_subquery(),
)


class Status(BaseModel):
    """One look at the whole process; every institution counts."""

    block_number: int = Field(description="Every institution has followed the chain up to here; -1 = not at all")
    transactions: int = Field(description="Queued or submitted, not yet seen in a block")
    messages: int = Field(description="Queued or received, not yet handled")


def _is_waiting(database: Database, block_number: int) -> bool:
    """Tell whether this database is behind `block_number` or has something waiting."""
    with database.read() as session:
        row = session.execute(_LOOK).one()
    return bool(row[0] < block_number or row[1] or row[2])


def look(databases: Iterable[Database]) -> Status:
    """Return the state of a process with these databases; read without a pause, so nothing moves meanwhile."""
    rows = []
    for database in databases:
        with database.read() as session:
            rows.append(session.execute(_LOOK).one())
    return Status(
        block_number=min((row[0] for row in rows), default=-1),
        transactions=sum(row[1] for row in rows),
        messages=sum(row[2] for row in rows),
    )


def build_router(databases: Iterable[Database]) -> APIRouter:
    """Return the route that shows it to staff."""
    router = APIRouter(tags=["status"])
    known = tuple(databases)

    @router.get("/status", dependencies=[needs(Permission.STATUS_READ)])
    async def get_status(
        _staff: Staff,
        idle_at: Annotated[
            int | None, Query(ge=0, description="Answer once block number `idle_at` is followed and nothing waits")
        ] = None,
        wait_s: Annotated[int, Query(ge=0, le=_WAIT_MAX_S, description="At the latest after so many seconds")] = 10,
    ) -> Status:
        """Say how far the process follows the chain and how much waits to be done."""
        if idle_at is not None:
            await _wait_until_idle(known, idle_at, asyncio.get_running_loop().time() + wait_s)
        return look(known)

    return router


async def _wait_until_idle(databases: Sequence[Database], block_number: int, end: float) -> None:
    """Return when every database was idle in one look; a busy one is asked alone until it is done."""
    while asyncio.get_running_loop().time() < end:
        busy = next((one for one in databases if _is_waiting(one, block_number)), None)
        if busy is None:
            return
        # What is waited for happens in a database, which rings nobody.
        while _is_waiting(busy, block_number) and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
