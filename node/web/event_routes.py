"""Events for programs: listed, and streamed as server-sent events, resumable."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from node.storage.database import Database
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.events import TOPIC, Event, show, visible
from node.web.feed import feed_of
from node.web.limits import STREAM_KEEPALIVE_S
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.store import EventRow

EVENT_ID_MAX: Final = 2**63 - 1
_KINDS: Final = r"^[a-z_]+(\.[A-Za-z_]+)?$"

router = APIRouter(tags=["events"])

Kind = Annotated[
    str | None,
    Query(pattern=_KINDS, max_length=64, description="`trade` or `trade.top_up_wanted`; everything unless stated"),
]


@router.get("/events", dependencies=[needs(Permission.EVENTS_READ)])
async def list_events(
    principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("id"))], kind: Kind = None
) -> list[Event]:
    """Return what happened, oldest first."""
    with desk.database.read() as session:
        return [show(row) for row in page.rows(session, visible(principal.customer_id, kind), EventRow.id)]


@router.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": "id: 42\nevent: trade.TradeFunded\ndata: {}\n\n",
                }
            }
        }
    },
    dependencies=[needs(Permission.EVENTS_READ)],
)
async def stream_events(
    principal: Caller,
    desk: CallersDesk,
    after: Annotated[int, Query(ge=0, le=EVENT_ID_MAX, description="Number of the last event already seen")] = 0,
    kind: Kind = None,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=EVENT_ID_MAX, description="Sent by browsers when they reconnect")
    ] = None,
) -> StreamingResponse:
    """Stream what happens as server-sent events; `id` is the event's number, `event` its kind."""
    start = after if last_event_id is None else last_event_id
    return StreamingResponse(
        stream(desk.database, start, principal.customer_id, kind=kind),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def stream(
    database: Database,
    after: int,
    customer_id: str | None,
    keepalive_s: float = STREAM_KEEPALIVE_S,
    kind: str | None = None,
) -> AsyncIterator[str]:
    """Yield server-sent events until the reader goes away; a comment every `keepalive_s` while nothing happens."""
    feed = feed_of(database)
    feed.join()
    bell = database.signals.subscribe(TOPIC)
    try:
        while True:
            told = feed.after(after, customer_id, kind)
            for event in told:
                after = event.id
                yield event.text
            if not told and not await bell.wait(keepalive_s):
                yield ": nothing new\n\n"
    finally:
        database.signals.unsubscribe(TOPIC, bell)
        feed.leave()
