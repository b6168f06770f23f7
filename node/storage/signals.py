"""Wake-up calls between a committed transaction and the workers of the same process.

A signal carries nothing: who wakes up reads the database. A lost signal therefore costs time, never work.
"""

import asyncio
from collections import defaultdict
from threading import Lock


class Subscription:
    """One worker's bell; rings stay until heard."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Ring, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    def was_rung(self) -> bool:
        """Tell whether it has rung since this was asked, without waiting."""
        rung = self._event.is_set()
        self._event.clear()
        return rung

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a ring; False when none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Signals:
    """Bells by topic."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._subscriptions: defaultdict[str, list[Subscription]] = defaultdict(list)

    def subscribe(self, topic: str) -> Subscription:
        """Return a bell that rings at every commit that touched `topic`; call inside the event loop."""
        subscription = Subscription()
        with self._lock:
            self._subscriptions[topic].append(subscription)
        return subscription

    def unsubscribe(self, topic: str, subscription: Subscription) -> None:
        """Take the bell down."""
        with self._lock:
            self._subscriptions[topic].remove(subscription)

    def ring(self, topic: str) -> None:
        """Ring every bell of `topic`, from any thread."""
        with self._lock:
            bells = tuple(self._subscriptions[topic])
        for bell in bells:
            bell.ring()
