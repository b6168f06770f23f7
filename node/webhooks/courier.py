"""Deliveries on their way: several at once, few to one endpoint, later and later where nobody takes them."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from node.messages.backoff import delay_s
from node.storage.cursor import booked_until_s
from node.storage.database import Database
from node.web import events
from node.web.schemas import rfc3339
from node.web.store import EventRow
from node.webhooks.fanning import fan_out
from node.webhooks.limits import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    ENDPOINT_FLIGHTS_MAX,
    FLIGHTS_MAX,
    GIVE_UP_S,
)
from node.webhooks.posting import Outcome, Poster
from node.webhooks.signing import headers_of
from node.webhooks.store import (
    ACTIVE,
    DELIVERED,
    DISABLED,
    FAILED,
    QUEUED,
    AttemptRow,
    DeliveryRow,
    EndpointRow,
    KeyRow,
    message_id,
)

_IDLE_S: Final = 5.0
_GONE: Final = 410
_LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A message that is under way."""

    delivery_id: int
    endpoint_id: str
    url: str
    body: bytes
    headers: dict[str, str]


class Courier:
    """Brings the events of one institution to its endpoints."""

    def __init__(
        self,
        database: Database,
        institution_id: str,
        poster: Poster,
        *,
        clock: Callable[[], float] = time.time,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Make the courier.

        Args:
            clock: Wall clock, unix seconds: receivers compare with theirs.
            dice: Randomness from 0 to 1, for the jitter.
        """
        self._database = database
        self._institution_id = institution_id
        self._poster = poster
        self._clock = clock
        self._dice = dice
        self._flights: dict[asyncio.Task[Outcome], _Flight] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        bell = self._database.signals.subscribe(events.TOPIC)
        try:
            async with asyncio.TaskGroup() as tasks:
                ringing = tasks.create_task(bell.wait(_IDLE_S))
                while True:
                    is_wanted = self._launch(tasks)
                    waits = {ringing, *self._flights}
                    wait_s = self._wait_s() if is_wanted else _IDLE_S
                    await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                    self._land()
                    if ringing.done():
                        ringing = tasks.create_task(bell.wait(_IDLE_S))
        finally:
            self._database.signals.unsubscribe(events.TOPIC, bell)

    async def drain(self) -> None:
        """Deliver until nothing that is due now is left or under way."""
        async with asyncio.TaskGroup() as tasks:
            self._launch(tasks)
            while self._flights:
                await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)
                self._land()
                self._launch(tasks)

    def _launch(self, tasks: asyncio.TaskGroup) -> bool:
        """Send off what is due; tell whether there is an endpoint that wants anything."""
        now_s = self._clock()
        with self._database.read() as session:
            newest = select(func.max(EventRow.id)).scalar_subquery()
            active = select(func.min(EndpointRow.position), newest).where(EndpointRow.state == ACTIVE)
            reached, last = session.execute(active).one()
        if reached is None:
            return False
        if reached < (last or 0):
            is_more = True
            while is_more:
                with self._database.transaction() as session:
                    is_more = fan_out(session, now_s)
        # What one look finds may all be for one endpoint: others have room all the same.
        while flights := self._choose(now_s):
            for flight in flights:
                task = tasks.create_task(self._poster.post(flight.url, flight.body, flight.headers))
                self._flights[task] = flight
        return True

    def _choose(self, now_s: float) -> list[_Flight]:
        flying = {flight.delivery_id for flight in self._flights.values()}
        busy = Counter(flight.endpoint_id for flight in self._flights.values())
        full = [endpoint_id for endpoint_id, count in busy.items() if count >= ENDPOINT_FLIGHTS_MAX]
        due = (
            select(DeliveryRow, EndpointRow, EventRow)
            .join(EndpointRow, EndpointRow.id == DeliveryRow.endpoint_id)
            .join(EventRow, EventRow.id == DeliveryRow.event_id)
            .where(DeliveryRow.state == QUEUED, DeliveryRow.next_attempt_at_s <= now_s, EndpointRow.state == ACTIVE)
            .where(DeliveryRow.id.not_in(flying), EndpointRow.id.not_in(full))
            .order_by(DeliveryRow.next_attempt_at_s, DeliveryRow.id)
        )
        chosen: list[_Flight] = []
        with self._database.read() as session:
            for delivery, endpoint, event in session.execute(due.limit(FLIGHTS_MAX)):
                if len(self._flights) + len(chosen) < FLIGHTS_MAX and busy[endpoint.id] < ENDPOINT_FLIGHTS_MAX:
                    busy[endpoint.id] += 1
                    chosen.append(self._flight(session, delivery, endpoint, event, now_s))
        return chosen

    def _flight(
        self, session: Session, delivery: DeliveryRow, endpoint: EndpointRow, event: EventRow, now_s: float
    ) -> _Flight:
        data = events.show(event).body
        said = {"type": event.kind, "timestamp": rfc3339(event.time_s), "event": event.id, "data": data}
        body = json.dumps(said, separators=(",", ":")).encode()
        name = message_id(self._institution_id, event.id)
        headers = headers_of(name, body, live_keys(session, endpoint.id, now_s), int(now_s))
        return _Flight(delivery.id, endpoint.id, endpoint.url, body, headers)

    def _land(self) -> None:
        """Write down what has ended."""
        landed = {task: flight for task, flight in self._flights.items() if task.done()}
        if not landed:
            return
        now_s = self._clock()
        with self._database.transaction() as session:
            for task, flight in landed.items():
                self._record(session, flight, task.result(), now_s)
        self._flights = {task: flight for task, flight in self._flights.items() if task not in landed}

    def _record(self, session: Session, flight: _Flight, outcome: Outcome, now_s: float) -> None:
        delivery = session.get(DeliveryRow, flight.delivery_id)
        # Deleted with its endpoint meanwhile.
        if delivery is None:
            return
        delivery.attempts += 1
        delivery.reason = outcome.reason
        session.add(
            AttemptRow(
                delivery_id=delivery.id,
                at_s=now_s,
                status=outcome.status,
                took_ms=outcome.took_ms,
                reason=outcome.reason,
            )
        )
        if outcome.reason is None:
            delivery.state, delivery.ended_at_s = DELIVERED, now_s
            return
        endpoint = session.get_one(EndpointRow, delivery.endpoint_id)
        wait_s = delay_s(delivery.attempts, self._dice(), first_s=BACKOFF_FIRST_S, most_s=BACKOFF_MAX_S)
        delivery.next_attempt_at_s = now_s + max(wait_s, outcome.retry_after_s)
        if outcome.status == _GONE:
            endpoint.state, endpoint.reason = DISABLED, "the receiver has answered 410 Gone"
            self._tell(session, endpoint, "webhook.disabled", delivery)
        elif now_s - delivery.queued_at_s > GIVE_UP_S:
            delivery.state, delivery.ended_at_s = FAILED, now_s
            self._tell(session, endpoint, "webhook.failed", delivery)

    def _tell(self, session: Session, endpoint: EndpointRow, kind: str, delivery: DeliveryRow) -> None:
        _LOG.warning("webhook_given_up", endpoint=endpoint.id, delivery=delivery.id, reason=delivery.reason)
        body = {"webhook": endpoint.id, "delivery": delivery.id, "event": delivery.event_id, "reason": delivery.reason}
        events.publish(session, kind=kind, owner=endpoint.owner, body=body, time_s=booked_until_s(session))

    def _wait_s(self) -> float:
        """Return how long nothing is due unless something happens or lands."""
        now_s = self._clock()
        with self._database.read() as session:
            following = session.scalar(
                select(func.min(DeliveryRow.next_attempt_at_s))
                .join(EndpointRow, EndpointRow.id == DeliveryRow.endpoint_id)
                .where(DeliveryRow.state == QUEUED, DeliveryRow.next_attempt_at_s > now_s, EndpointRow.state == ACTIVE)
            )
        return _IDLE_S if following is None else min(_IDLE_S, following - now_s)


def live_keys(session: Session, endpoint_id: str, now_s: float) -> list[KeyRow]:
    """Return the keys that count now, the newest first."""
    wanted = select(KeyRow).where(
        KeyRow.endpoint_id == endpoint_id, (KeyRow.until_s.is_(None)) | (KeyRow.until_s > now_s)
    )
    return list(session.scalars(wanted.order_by(KeyRow.id.desc())))
