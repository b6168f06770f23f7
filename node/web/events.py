"""What happened, for programs: stored with the change, listed, streamed as server-sent events, resumable."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from node.storage.database import Database, signal
from node.web.auth import Caller, needs
from node.web.desk import CallersDesk
from node.web.limits import PAGE_MAX, STREAM_KEEPALIVE_S
from node.web.paging import Page, paging
from node.web.permissions import Permission
from node.web.schemas import Answer, Time, rfc3339
from node.web.store import EventRow

TOPIC: Final = "events"
"""Rings when something was published."""
EVENT_ID_MAX: Final = 2**63 - 1
_KINDS: Final = r"^[a-z_]+(\.[A-Za-z_]+)?$"

router = APIRouter(tags=["events"])

Kind = Annotated[
    str | None,
    Query(pattern=_KINDS, max_length=64, description="`trade` or `trade.top_up_wanted`; everything unless stated"),
]


class Event(Answer):
    """Something that happened."""

    id: int = Field(description="Rises; resume after the last one seen", examples=[42])
    kind: str = Field(
        description="What happened, named after the resource it happened to", examples=["trade.TradeFunded"]
    )
    time_s: Time = Field(description="Ledger time")
    body: dict[str, Any] = Field(examples=[{"reference": "NR-2026-0817"}])


def publish(session: Session, *, kind: str, owner: str | None, body: dict[str, Any], time_s: int) -> None:
    """Store an event in the transaction of the change it tells about.

    Args:
        kind: Resource and what happened to it, `payment.settled`.
        owner: The customer concerned, None where it is the institution's own business.
    """
    session.add(EventRow(kind=kind, owner=owner, body=body, time_s=time_s))
    signal(session, TOPIC)


def events_after(
    session: Session, after: int, customer_id: str | None, limit: int = PAGE_MAX, kind: str | None = None
) -> Sequence[EventRow]:
    """Return events after number `after`: a customer's own, or all for the institution's staff."""
    wanted = _visible(customer_id, kind).where(EventRow.id > after)
    return session.scalars(wanted.order_by(EventRow.id).limit(limit)).all()


def is_of_kind(kind: str, wanted: str) -> bool:
    """Tell whether `trade.signed` is wanted by somebody who wants `trade`, or `trade.signed`."""
    return kind == wanted or kind.startswith(wanted + ".")


@router.get("/events", dependencies=[needs(Permission.EVENTS_READ)])
async def list_events(
    principal: Caller, desk: CallersDesk, page: Annotated[Page, Depends(paging("id"))], kind: Kind = None
) -> list[Event]:
    """Return what happened, oldest first."""
    with desk.database.read() as session:
        return [show(row) for row in page.rows(session, _visible(principal.customer_id, kind), EventRow.id)]


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
    bell = database.signals.subscribe(TOPIC)
    try:
        while True:
            with database.read() as session:
                events = [show(row) for row in events_after(session, after, customer_id, kind=kind)]
            for event in events:
                after = event.id
                data = json.dumps(event.model_dump(mode="json", by_alias=True))
                yield f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
            if not events and not await bell.wait(keepalive_s):
                yield ": nothing new\n\n"
    finally:
        database.signals.unsubscribe(TOPIC, bell)


def show(row: EventRow) -> Event:
    """Return an event as the API shows it: times of its body are written as all others."""
    body = {name.removesuffix("_s") if _is_time(name, value) else name: value for name, value in row.body.items()}
    body |= {name.removesuffix("_s"): rfc3339(value) for name, value in row.body.items() if _is_time(name, value)}
    return Event(id=row.id, kind=row.kind, time_s=row.time_s, body=body)


def _is_time(name: str, value: Any) -> bool:
    return name.endswith("_s") and isinstance(value, int)


def _visible(customer_id: str | None, kind: str | None) -> Select[EventRow]:
    wanted = select(EventRow)
    if customer_id is not None:
        wanted = wanted.where(EventRow.owner == customer_id)
    if kind is not None:
        wanted = wanted.where((EventRow.kind == kind) | EventRow.kind.startswith(kind + ".", autoescape=True))
    return wanted
