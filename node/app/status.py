"""What the process is doing: how far it follows the chain, and whether anything waits to be done."""

import asyncio
from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import func, literal, select

from node.messages import store as messages
from node.storage.cursor import CursorRow
from node.storage.database import Database
from node.storage.outbox import QUEUED, SIGNED, OutboxRow
from node.web.auth import Staff

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

    @router.get("/status")
    async def get_status(
        _staff: Staff,
        idle_at: Annotated[
            int | None, Query(ge=0, description="Answer once block number `idle_at` is followed and nothing waits")
        ] = None,
        wait_s: Annotated[int, Query(ge=0, le=_WAIT_MAX_S, description="At the latest after so many seconds")] = 10,
    ) -> Status:
        """Say how far the process follows the chain and how much waits to be done."""
        status = look(known)
        end = asyncio.get_running_loop().time() + wait_s
        while idle_at is not None and not _is_idle(status, idle_at) and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_POLL_S)
            status = look(known)
        return status

    return router


def _is_idle(status: Status, block_number: int) -> bool:
    return status.block_number >= block_number and not status.transactions and not status.messages
