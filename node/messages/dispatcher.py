"""Keeps messages of one institution on their way: several at once, one after the other in a lane, peers apart.

What one look at the outbox finds is started as far as there is room; what has ended meanwhile is written down in one
transaction. A peer that does not answer is tried by one message at a time, later and later.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from node.errors import family_of
from node.messages import outbox
from node.messages.backoff import delay_s
from node.messages.limits import FLIGHTS_MAX, GATHER_S_MAX, LOOK_MAX, PEER_FLIGHTS_MAX
from node.messages.outbox import Due, Landing
from node.messages.ports import Message, Transport
from node.storage.database import Database

_LOG: Final = structlog.get_logger(__name__)
_IDLE_S: Final = 5.0
# While messages to busy peers are ready: how soon others are looked for again.
_LOOK_AGAIN_S: Final = 0.1


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
        self._gather_s = 0.0
        self._looked_at_s = 0.0

    async def run(self) -> None:
        """Deliver until cancelled."""
        bell = self._database.signals.subscribe(outbox.TOPIC)
        try:
            async with asyncio.TaskGroup() as tasks:
                ringing = tasks.create_task(bell.wait(_IDLE_S))
                while True:
                    self._launch(tasks, self._clock())
                    await asyncio.wait(
                        {ringing, *self._flights}, timeout=self._wait_s(), return_when=asyncio.FIRST_COMPLETED
                    )
                    # As in the reception: on a slow disk more land together.
                    await asyncio.sleep(self._gather_s if self._flights else 0)
                    began_s = time.perf_counter()
                    self._land()
                    self._gather_s = min(time.perf_counter() - began_s, GATHER_S_MAX)
                    if ringing.done():
                        ringing = tasks.create_task(bell.wait(_IDLE_S))
        finally:
            self._database.signals.unsubscribe(outbox.TOPIC, bell)

    async def drain(self) -> None:
        """Deliver until nothing that is due now is left or under way."""
        now_s = self._clock()
        async with asyncio.TaskGroup() as tasks:
            self._launch(tasks, now_s)
            while self._flights:
                await asyncio.wait(self._flights, return_when=asyncio.FIRST_COMPLETED)
                self._land()
                self._launch(tasks, now_s)

    def _launch(self, tasks: asyncio.TaskGroup, now_s: float) -> None:
        """Start what is due, as far as there is room."""
        chosen = self._choose(now_s, ())
        is_all_found = bool(self._ready) and not self._is_look_due()
        # A look may find nothing but messages to a peer that is busy: others have room all the same.
        while not is_all_found and len(self._flights) + len(chosen) < FLIGHTS_MAX:
            is_all_found = self._look(now_s, chosen) < LOOK_MAX
            chosen += self._choose(now_s, chosen)
        if not chosen:
            return
        with self._database.read() as session:
            messages = outbox.load(session, [due.row for due in chosen], self._institution_id)
        for due in chosen:
            if due.row in messages:
                self._flights[tasks.create_task(self._fly(due, messages[due.row]))] = due

    def _land(self) -> None:
        """Write down what has ended."""
        landings = [task.result() for task in self._flights if task.done()]
        if not landings:
            return
        now_s = self._clock()
        failed = [landing for landing in landings if landing.is_unavailable]
        for landing in landings:
            if not landing.is_unavailable:
                self._away.pop(landing.due.recipient, None)
        for landing in failed:
            self._mark_away(landing, now_s)
        away = {landing.due.recipient: self._away[landing.due.recipient] for landing in failed}
        with self._database.transaction() as session:
            delays_s = {recipient: one.until_s - now_s for recipient, one in away.items()}
            outbox.record(session, landings, now_s, delays_s)
            for recipient, one in away.items():
                outbox.give_up(session, recipient, now_s, one.reason)
        self._flights = {task: due for task, due in self._flights.items() if not task.done()}

    def _wait_s(self) -> float:
        """Return how long nothing is due unless something is queued or lands."""
        now_s = self._clock()
        times = [one.until_s for one in self._away.values()]
        # What lands next is looked after anyway; only when all is quiet is the database asked.
        if not self._flights:
            with self._database.read() as session:
                put_off = outbox.next_attempt_at_s(session, now_s, self._away_now(now_s))
            times += [] if put_off is None else [put_off]
        return max(0.0, min([_IDLE_S, *(at_s - now_s for at_s in times if at_s > now_s)]))

    def _is_look_due(self) -> bool:
        return time.perf_counter() >= self._looked_at_s + _LOOK_AGAIN_S

    def _look(self, now_s: float, started: Sequence[Due]) -> int:
        """Find more that is due, to peers of whom nothing is ready; return how much, LOOK_MAX at most."""
        self._looked_at_s = time.perf_counter()
        flying = [due.row for due in (*self._flights.values(), *started)]
        passed_over = {*self._away_now(now_s), *(due.recipient for due in self._ready)}
        with self._database.read() as session:
            found = outbox.look(session, now_s, away=passed_over, flying=flying)
        self._ready.extend(found)
        return len(found)

    def _choose(self, now_s: float, started: Sequence[Due]) -> list[Due]:
        """Take from what is ready as much as there is room for beside what flies and is started, of all and of each."""
        under_way = [*self._flights.values(), *started]
        busy = Counter(due.recipient for due in under_way)
        chosen: list[Due] = []
        passed: deque[Due] = deque()
        while self._ready and len(under_way) + len(chosen) < FLIGHTS_MAX:
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
        before = self._away.get(landing.due.recipient)
        # Those that were under way together failed together: once.
        if before is not None and before.until_s > now_s:
            return
        failures = 1 if before is None else before.failures + 1
        until_s = now_s + delay_s(failures, self._dice())
        self._away[landing.due.recipient] = _Away(failures, until_s, str(landing.result))
        if failures == 1:
            _LOG.info("peer_away", peer=landing.due.recipient, reason=str(landing.result))

    async def _fly(self, due: Due, message: Message) -> Landing:
        try:
            return Landing(due, await self._transport.deliver(message))
        except Exception as error:
            if family_of(error) == "InvariantError":
                raise
            if family_of(error) == "RejectedError":
                _LOG.warning("message_dead", message_id=message.message_id, to=due.recipient, reason=str(error))
            return Landing(due, error)
