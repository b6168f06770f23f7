"""What the process is doing: how far it follows the chain, and whether anything waits to be done."""

from collections.abc import Iterable

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from node.messages import store as messages
from node.storage import outbox
from node.storage.cursor import load_cursor
from node.storage.database import Database
from node.web.auth import Staff


class Status(BaseModel):
    """One look at the whole process; every institution counts."""

    block_number: int = Field(description="Every institution has followed the chain up to here; -1 = not at all")
    transactions: int = Field(description="Queued or submitted, not yet seen in a block")
    messages: int = Field(description="Queued or received, not yet handled")


def look(databases: Iterable[Database]) -> Status:
    """Return the state of a process with these databases; read without a pause, so nothing moves meanwhile."""
    blocks, transactions, waiting = [], 0, 0
    for database in databases:
        with database.read() as session:
            cursor = load_cursor(session)
            blocks.append(-1 if cursor is None else cursor.number)
            transactions += _count(session, outbox.OutboxRow.state, outbox.QUEUED, outbox.SIGNED)
            waiting += _count(session, messages.SentMessage.state, messages.QUEUED)
            waiting += _count(session, messages.ReceivedMessage.state, messages.RECEIVED)
    return Status(block_number=min(blocks, default=-1), transactions=transactions, messages=waiting)


def _count(session: Session, column: InstrumentedAttribute[str], *states: str) -> int:
    return session.scalar(select(func.count()).where(column.in_(states))) or 0


def build_router(databases: Iterable[Database]) -> APIRouter:
    """Return the route that shows it to staff."""
    router = APIRouter(tags=["status"])
    known = tuple(databases)

    @router.get("/status")
    async def get_status(_staff: Staff) -> Status:
        """Say how far the process follows the chain and how much waits to be done."""
        return look(known)

    return router
