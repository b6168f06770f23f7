"""Endpoints of one institution and of its customers: where events go, with which keys, and what became of them."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from node.storage.cursor import booked_until_s
from node.storage.database import signal
from node.web.events import TOPIC
from node.webhooks.courier import live_keys
from node.webhooks.errors import StillQueuedError, TooManyError, UnknownDeliveryError, UnknownEndpointError
from node.webhooks.fanning import newest_event
from node.webhooks.guard import Guard
from node.webhooks.limits import ENDPOINTS_MAX, KEYS_MAX, REPLAY_MAX
from node.webhooks.signing import new_secret
from node.webhooks.store import ACTIVE, FAILED, QUEUED, AttemptRow, DeliveryRow, EndpointRow, KeyRow


@dataclass(frozen=True, slots=True)
class Change:
    """What an endpoint is to be; what is None stays as it is."""

    url: str | None = None
    text: str | None = None
    kinds: list[str] | None = None
    state: str | None = None


class WebhookService:
    """Registers endpoints and answers for their deliveries.

    `owner` is a customer, or None for the staff, who see all of them.
    """

    def __init__(self, guard: Guard, clock: Callable[[], float] = time.time) -> None:
        self._guard = guard
        self._clock = clock

    def endpoints(self, owner: str | None) -> Select[EndpointRow]:
        """Return the query of the endpoints that `owner` sees."""
        wanted = select(EndpointRow)
        return wanted if owner is None else wanted.where(EndpointRow.owner == owner)

    def endpoint(self, session: Session, owner: str | None, endpoint_id: str) -> EndpointRow:
        """Return an endpoint, or raise UnknownEndpointError."""
        found = session.scalar(self.endpoints(owner).where(EndpointRow.id == endpoint_id))
        if found is None:
            raise UnknownEndpointError(endpoint_id)
        return found

    def register(
        self, session: Session, owner: str | None, *, url: str, text: str, kinds: list[str], scheme: str
    ) -> tuple[EndpointRow, KeyRow]:
        """Add an endpoint, which hears of what happens from now on.

        Raises:
            AddressRefusedError: it is not an address that this node sends to.
            TooManyError: the owner has as many as it may have.
        """
        self._guard.check_url(url)
        count = session.scalar(
            select(func.count()).select_from(EndpointRow).where(EndpointRow.owner.is_not_distinct_from(owner))
        )
        if (count or 0) >= ENDPOINTS_MAX:
            raise TooManyError("webhooks", ENDPOINTS_MAX)
        row = EndpointRow(
            id=f"wh_{secrets.token_hex(12)}",
            owner=owner,
            url=url,
            text=text,
            kinds=kinds,
            state=ACTIVE,
            reason=None,
            created_at_s=booked_until_s(session),
            position=newest_event(session),
        )
        session.add(row)
        session.flush()
        return row, self._add_key(session, row, scheme)

    def change(self, session: Session, row: EndpointRow, change: Change) -> EndpointRow:
        """Change an endpoint; one that is active again hears of what happened while it was not, too.

        Raises:
            AddressRefusedError: the new address is not one that this node sends to.
        """
        if change.url is not None:
            self._guard.check_url(change.url)
            row.url = change.url
        row.text = row.text if change.text is None else change.text
        row.kinds = row.kinds if change.kinds is None else change.kinds
        if change.state is not None:
            row.state, row.reason = change.state, None
            signal(session, TOPIC)
        session.flush()
        return row

    def remove(self, session: Session, row: EndpointRow) -> None:
        """Delete an endpoint with its keys, deliveries and their log."""
        deliveries = select(DeliveryRow.id).where(DeliveryRow.endpoint_id == row.id)
        session.execute(delete(AttemptRow).where(AttemptRow.delivery_id.in_(deliveries)))
        for table in (DeliveryRow, KeyRow):
            session.execute(delete(table).where(table.endpoint_id == row.id))
        session.delete(row)
        session.flush()

    def keys(self, session: Session, row: EndpointRow) -> Sequence[KeyRow]:
        """Return the keys that count now, the newest first."""
        return live_keys(session, row.id, self._clock())

    def rotate(self, session: Session, row: EndpointRow, scheme: str, overlap_s: int) -> KeyRow:
        """Add a key; the others count for `overlap_s` seconds more, in which messages are signed with all of them.

        Raises:
            TooManyError: as many overlap already as may.
        """
        now_s = self._clock()
        live = self.keys(session, row)
        if len(live) >= KEYS_MAX:
            raise TooManyError("keys", KEYS_MAX)
        for key in live:
            key.until_s = min(key.until_s or now_s + overlap_s, now_s + overlap_s)
        return self._add_key(session, row, scheme)

    def deliveries(self, row: EndpointRow, state: str | None = None) -> Select[DeliveryRow]:
        """Return the query of an endpoint's deliveries."""
        wanted = select(DeliveryRow).where(DeliveryRow.endpoint_id == row.id)
        return wanted if state is None else wanted.where(DeliveryRow.state == state)

    def delivery(self, session: Session, row: EndpointRow, number: int) -> tuple[DeliveryRow, Sequence[AttemptRow]]:
        """Return a delivery with the log of its attempts, or raise UnknownDeliveryError."""
        found = session.get(DeliveryRow, number)
        if found is None or found.endpoint_id != row.id:
            raise UnknownDeliveryError(number)
        log = session.scalars(select(AttemptRow).where(AttemptRow.delivery_id == number).order_by(AttemptRow.id)).all()
        return found, log

    def replay(self, session: Session, delivery: DeliveryRow) -> None:
        """Send a delivery again that has ended, or raise StillQueuedError."""
        if delivery.state == QUEUED:
            raise StillQueuedError(delivery.id)
        self._queue(session, [delivery])

    def replay_after(self, session: Session, row: EndpointRow, event: int, *, only_failed: bool) -> int:
        """Send again what has ended and tells of events after number `event`; return how many."""
        wanted = self.deliveries(row).where(DeliveryRow.event_id > event, DeliveryRow.state != QUEUED)
        if only_failed:
            wanted = wanted.where(DeliveryRow.state == FAILED)
        found = session.scalars(wanted.order_by(DeliveryRow.id).limit(REPLAY_MAX)).all()
        self._queue(session, found)
        return len(found)

    def _queue(self, session: Session, deliveries: Sequence[DeliveryRow]) -> None:
        now_s = self._clock()
        for one in deliveries:
            one.state, one.attempts, one.queued_at_s, one.next_attempt_at_s, one.ended_at_s = (
                QUEUED,
                0,
                now_s,
                now_s,
                None,
            )
        signal(session, TOPIC)
        session.flush()

    def _add_key(self, session: Session, row: EndpointRow, scheme: str) -> KeyRow:
        key = KeyRow(endpoint_id=row.id, scheme=scheme, secret=new_secret(), until_s=None)
        session.add(key)
        session.flush()
        return key
