"""What callers are told as it happens: stored with the change, streamed as server-sent events, resumable."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.storage.database import Database, signal
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.limits import PAGE_MAX, STREAM_KEEPALIVE_S
from node.web.permissions import Permission
from node.web.store import NoticeRow

_TOPIC: Final = "notices"

router = APIRouter(tags=["notices"])


class Notice(BaseModel):
    """One notice."""

    id: int = Field(description="Rises; resume after the last one seen")
    kind: str = Field(description="What happened, `trade.funded` for instance")
    time_s: int = Field(description="Ledger time, unix seconds")
    body: dict[str, Any]


def publish(session: Session, *, kind: str, owner: str | None, body: dict[str, Any], time_s: int) -> None:
    """Store a notice in the transaction of the change it tells about.

    Args:
        owner: The customer concerned, None where it is the institution's own business.
    """
    session.add(NoticeRow(kind=kind, owner=owner, body=body, time_s=time_s))
    signal(session, _TOPIC)


def notices_after(session: Session, after: int, customer_id: str | None, limit: int = PAGE_MAX) -> Sequence[NoticeRow]:
    """Return notices after number `after`: a customer's own, or all for the institution's staff."""
    wanted = select(NoticeRow).where(NoticeRow.id > after)
    if customer_id is not None:
        wanted = wanted.where(NoticeRow.owner == customer_id)
    return session.scalars(wanted.order_by(NoticeRow.id).limit(limit)).all()


@router.get("/notices", dependencies=[needs(Permission.NOTICES_READ)])
async def list_notices(
    principal: Caller,
    desk: CallersDesk,
    after: Annotated[int, Query(ge=0, description="Number of the last notice already seen")] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
) -> list[Notice]:
    """Return what happened since, oldest first."""
    with desk.database.read() as session:
        return [_notice(row) for row in notices_after(session, after, principal.customer_id, limit)]


@router.get("/notices/stream", response_class=StreamingResponse, dependencies=[needs(Permission.NOTICES_READ)])
async def stream_notices(
    principal: Caller,
    desk: CallersDesk,
    after: Annotated[int, Query(ge=0, description="Number of the last notice already seen")] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, description="Sent by browsers when they reconnect")] = None,
) -> StreamingResponse:
    """Stream what happens as server-sent events; `id` is the notice's number, `event` its kind."""
    start = after if last_event_id is None else last_event_id
    return StreamingResponse(
        stream(desk.database, start, principal.customer_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


async def stream(
    database: Database, after: int, customer_id: str | None, keepalive_s: float = STREAM_KEEPALIVE_S
) -> AsyncIterator[str]:
    """Yield server-sent events until the reader goes away; a comment every `keepalive_s` while nothing happens."""
    bell = database.signals.subscribe(_TOPIC)
    try:
        while True:
            with database.read() as session:
                notices = [_notice(row) for row in notices_after(session, after, customer_id)]
            for notice in notices:
                after = notice.id
                yield f"id: {notice.id}\nevent: {notice.kind}\ndata: {json.dumps(notice.model_dump())}\n\n"
            if not notices and not await bell.wait(keepalive_s):
                yield ": nothing new\n\n"
    finally:
        database.signals.unsubscribe(_TOPIC, bell)


def _notice(row: NoticeRow) -> Notice:
    return Notice(id=row.id, kind=row.kind, time_s=row.time_s, body=row.body)
