"""What happened, for programs: stored with the change that it tells about."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import Field
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from node.storage.database import signal
from node.web.limits import PAGE_MAX
from node.web.schemas import Answer, Time, rfc3339
from node.web.store import EventRow

TOPIC: Final = "events"
"""Rings when something was published."""


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
    wanted = visible(customer_id, kind).where(EventRow.id > after)
    return session.scalars(wanted.order_by(EventRow.id).limit(limit)).all()


def is_of_kind(kind: str, wanted: str) -> bool:
    """Tell whether `trade.signed` is wanted by somebody who wants `trade`, or `trade.signed`."""
    return kind == wanted or kind.startswith(wanted + ".")


def show(row: EventRow) -> Event:
    """Return an event as the API shows it: times of its body are written as all others."""
    body = {name.removesuffix("_s") if _is_time(name, value) else name: value for name, value in row.body.items()}
    body |= {name.removesuffix("_s"): rfc3339(value) for name, value in row.body.items() if _is_time(name, value)}
    return Event(id=row.id, kind=row.kind, time_s=row.time_s, body=body)


def _is_time(name: str, value: Any) -> bool:
    return name.endswith("_s") and isinstance(value, int)


def visible(customer_id: str | None, kind: str | None = None) -> Select[EventRow]:
    """Return the query of the events that a customer may see, or the staff; of one kind or resource or all."""
    wanted = select(EventRow)
    if customer_id is not None:
        wanted = wanted.where(EventRow.owner == customer_id)
    if kind is not None:
        wanted = wanted.where((EventRow.kind == kind) | EventRow.kind.startswith(kind + ".", autoescape=True))
    return wanted
