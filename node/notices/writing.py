"""Events become notices of those who want to be told: each once, in one transaction with how far was looked."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.identity.standing import is_shut_out
from node.notices.limits import WRITE_MAX
from node.notices.store import NONE, QUEUED, NoticeRow, PreferenceRow
from node.notices.wording import ACTING, words
from node.web.events import events_after, is_of_kind, publish, show
from node.web.store import EventRow

OWN_KINDS = "notice"
"""What is told of notices themselves is told to nobody: it would be its own next event."""


def newest_event(session: Session) -> int:
    """Return the number of the last event there is."""
    return session.scalar(select(func.max(EventRow.id))) or 0


def is_behind(session: Session) -> bool:
    """Tell whether somebody has not been told of the newest event."""
    newest = select(func.max(EventRow.id)).scalar_subquery()
    return session.scalar(select(PreferenceRow.person).where(PreferenceRow.position < newest).limit(1)) is not None


def write(session: Session, now_s: float) -> bool:
    """Write the notices of what has happened since the last look; tell whether there may be more.

    Args:
        now_s: Wall clock.
    """
    is_more = False
    for wish in session.scalars(select(PreferenceRow)).all():
        events = events_after(session, wish.position, wish.owner, WRITE_MAX)
        if not events:
            continue
        wish.position = events[-1].id
        is_more |= len(events) == WRITE_MAX
        is_out = is_shut_out(session, wish.person)
        for event in events:
            if wants(wish, event.kind) and not is_out:
                _write(session, wish, event, now_s)
    return is_more


def wants(wish: PreferenceRow, kind: str) -> bool:
    """Tell whether somebody wants to be told of events of a kind."""
    if is_of_kind(kind, OWN_KINDS):
        return False
    if not wish.kinds:
        return kind in ACTING
    return any(is_of_kind(kind, wanted) for wanted in wish.kinds)


def _write(session: Session, wish: PreferenceRow, event: EventRow, now_s: float) -> None:
    title, text = words(event.kind, show(event).body)
    by_email = wish.by_email and wish.is_confirmed
    if wish.in_console or by_email:
        session.add(
            NoticeRow(
                person=wish.person,
                event_id=event.id,
                kind=event.kind,
                title=title,
                text=text,
                time_s=event.time_s,
                in_console=wish.in_console,
                read_at_s=None,
                email_to=wish.email if by_email else None,
                email_state=QUEUED if by_email else NONE,
                attempts=0,
                queued_at_s=now_s,
                next_attempt_at_s=now_s,
                reason=None,
            )
        )
    if wish.by_webhook:
        body = {"person": wish.person, "event": event.id, "kind": event.kind, "title": title, "text": text}
        publish(session, kind="notice.created", owner=wish.owner, body=body, time_s=event.time_s)
