"""The clock on the wall, for people: sessions, lock-outs and proposals. Trades know ledger time alone."""

import time
from collections.abc import Callable

from fastapi import Request

Clock = Callable[[], int]


def wall_clock() -> int:
    """Return unix seconds."""
    return int(time.time())


def now_s_of(request: Request) -> int:
    """Return the time by the application's clock."""
    clock: Clock = request.app.state.clock
    return clock()
