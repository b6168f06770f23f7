"""How long to wait before the next attempt: twice as long each time, up to a limit, with jitter.

The project has no retry library among its dependencies, and those there are run the call themselves: here the time of
the next attempt is a row's, so that it outlives the process.
"""

from node.messages.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S

_DOUBLINGS_MAX = 20


def delay_s(failures: int, dice: float, *, first_s: float = BACKOFF_FIRST_S, most_s: float = BACKOFF_MAX_S) -> float:
    """Return the wait after the `failures`-th failure in a row.

    Args:
        failures: From 1.
        dice: From 0 to 1, random: half of the wait is left to it, so that many who failed together come back apart.
        first_s: The longest wait after the first failure.
        most_s: The longest of all.
    """
    longest_s = min(most_s, first_s * 2.0 ** min(failures - 1, _DOUBLINGS_MAX))
    return longest_s * (0.5 + dice / 2)
