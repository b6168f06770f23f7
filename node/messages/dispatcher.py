"""Keeps messages of one institution on their way: several at once, one after the other in a lane, peers apart.

What one look at the outbox finds is started as far as there is room; what has ended meanwhile is written down in one
transaction. A peer that does not answer is tried by one message at a time, later and later.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from node.errors import family_of
from node.messages import outbox
from node.messages.backoff import delay_s
from node.messages.limits import FLIGHTS_MAX, PEER_FLIGHTS_MAX
from node.messages.outbox import Due, Landing
from node.messages.ports import Message, Transport
from node.storage.database import Database

_LOG: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Away:
    """A peer that did not answer the last time."""

    failures: int
    until_s: float
    reason: str


class Dispatcher:
    """The way out of one institution."""

    def __init__(
        self,
        database: Database,
        institution_id: str,
        transport: Transport,
        clock: Callable[[], float],
        dice: Callable[[], float],
    ) -> None:
        self._database = database
        self._institution_id = institution_id
        self._transport = transport
        self._clock = clock
        self._dice = dice
        self._flights: dict[asyncio.Task[Landing], Due] = {}
        self._ready: deque[Due] = deque()
        self._away: dict[str, _Away] = {}

    @property
    def flights(self) -> frozenset["asyncio.Task[Landing]"]:
        """Deliveries under way."""
        return frozenset(self._flights)

    def launch(self, tasks: asyncio.TaskGroup, now_s: float) -> None:
        """Start what is due, as far as there is room."""
        if len(self._flights) >= FLIGHTS_MAX:
            return
        if not self._ready:
            self._look(now_s)
        chosen = self._choose(now_s)
        if not chosen:
            return
        with self._database.read() as session:
            messages = outbox.load(session, [due.row for due in chosen], self._institution_id)
        for due in chosen:
            self._flights[tasks.create_task(self._fly(due, messages[due.row]))] = due

    def land(self) -> None:
        """Write down what has ended."""
        ended = [task for task in self._flights if task.done()]
        if not ended:
            return
        now_s = self._clock()
        landings = [task.result() for task in ended]
        delays_s = {}
        for landing in landings:
            if landing.is_unavailable:
                self._mark_away(landing, now_s)
                delays_s[landing.row] = self._away[landing.recipient].until_s - now_s
            else:
                self._away.pop(landing.recipient, None)
        with self._database.transaction() as session:
            outbox.record(session, landings, now_s, delays_s)
            for recipient in {landing.recipient for landing in landings if landing.is_unavailable}:
                outbox.give_up(session, recipient, now_s, self._away[recipient].reason)
        for task in ended:
            del self._flights[task]
        # Lanes have moved on and peers may have gone: what was found before is looked for again.
        self._ready.clear()

    def wait_s(self, idle_s: float) -> float:
        """Return how long nothing is due unless something is queued, at most `idle_s`."""
        now_s = self._clock()
        times = [one.until_s for one in self._away.values()]
        with self._database.read() as session:
            put_off = outbox.next_attempt_at_s(session, now_s, self._away_now(now_s))
        if put_off is not None:
            times.append(put_off)
        return max(0.0, min([idle_s, *(at_s - now_s for at_s in times if at_s > now_s)]))

    def _look(self, now_s: float) -> None:
        flying = [due.row for due in self._flights.values()]
        with self._database.read() as session:
            self._ready.extend(outbox.look(session, now_s, away=self._away_now(now_s), flying=flying))

    def _choose(self, now_s: float) -> list[Due]:
        """Take from what is ready as much as there is room for, of all and of each peer."""
        busy = Counter(due.recipient for due in self._flights.values())
        chosen: list[Due] = []
        passed: deque[Due] = deque()
        while self._ready and len(self._flights) + len(chosen) < FLIGHTS_MAX:
            due = self._ready.popleft()
            away = self._away.get(due.recipient)
            if away is not None and away.until_s > now_s:
                continue
            if busy[due.recipient] >= (PEER_FLIGHTS_MAX if away is None else 1):
                passed.append(due)
                continue
            busy[due.recipient] += 1
            chosen.append(due)
        self._ready.extendleft(reversed(passed))
        return chosen

    def _away_now(self, now_s: float) -> list[str]:
        return [recipient for recipient, one in self._away.items() if one.until_s > now_s]

    def _mark_away(self, landing: Landing, now_s: float) -> None:
        before = self._away.get(landing.recipient)
        # Those that were under way together failed together: once.
        if before is not None and before.until_s > now_s:
            return
        failures = 1 if before is None else before.failures + 1
        until_s = now_s + delay_s(failures, self._dice())
        self._away[landing.recipient] = _Away(failures, until_s, str(landing.result))
        if failures == 1:
            _LOG.info("peer_away", peer=landing.recipient, reason=str(landing.result))

    async def _fly(self, due: Due, message: Message) -> Landing:
        try:
            return Landing(due.row, due.recipient, await self._transport.deliver(message))
        except Exception as error:
            if family_of(error) == "InvariantError":
                raise
            if family_of(error) == "RejectedError":
                _LOG.warning("message_dead", message_id=message.message_id, to=due.recipient, reason=str(error))
            return Landing(due.row, due.recipient, error)
