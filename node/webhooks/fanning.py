"""Events become deliveries: each once for an endpoint that wants it, in one transaction with how far was looked."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.web.events import events_after, is_of_kind
from node.web.store import EventRow
from node.webhooks.limits import FAN_MAX
from node.webhooks.store import ACTIVE, QUEUED, DeliveryRow, EndpointRow

OWN_KINDS = "webhook"
"""What is told of webhooks themselves is not brought by them: a failure would be its own next failure."""


def newest_event(session: Session) -> int:
    """Return the number of the last event there is."""
    return session.scalar(select(func.max(EventRow.id))) or 0


def fan_out(session: Session, now_s: float) -> bool:
    """Queue what has happened since the last look; tell whether there may be more."""
    is_more = False
    for endpoint in session.scalars(select(EndpointRow).where(EndpointRow.state == ACTIVE)).all():
        events = events_after(session, endpoint.position, endpoint.owner, FAN_MAX)
        for event in events:
            if wants(endpoint, event.kind):
                session.add(_delivery(endpoint, event, now_s))
        if events:
            endpoint.position = events[-1].id
            is_more |= len(events) == FAN_MAX
    return is_more


def wants(endpoint: EndpointRow, kind: str) -> bool:
    """Tell whether an endpoint wants to hear of events of a kind."""
    if is_of_kind(kind, OWN_KINDS):
        return False
    return not endpoint.kinds or any(is_of_kind(kind, wanted) for wanted in endpoint.kinds)


def _delivery(endpoint: EndpointRow, event: EventRow, now_s: float) -> DeliveryRow:
    return DeliveryRow(
        endpoint_id=endpoint.id,
        event_id=event.id,
        kind=event.kind,
        state=QUEUED,
        attempts=0,
        queued_at_s=now_s,
        next_attempt_at_s=now_s,
        ended_at_s=None,
        reason=None,
    )
