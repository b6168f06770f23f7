"""How many requests a caller may make: a token bucket each, refilled as time goes by.

Header fields by draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` says what is allowed, `RateLimit` what is
left of it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from node.web.errors import TooManyRequestsError
from node.web.limits import COUNTED_CALLERS_MAX, REQUESTS_MAX, REQUESTS_WINDOW_S


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests at once, and as many again in `window_s`."""

    requests: int = REQUESTS_MAX
    window_s: int = REQUESTS_WINDOW_S

    @property
    def header(self) -> str:
        return f'"default";q={self.requests};w={self.window_s}'


@dataclass(slots=True)
class _Bucket:
    level: float
    at_s: float


class Throttle:
    """The buckets of every caller."""

    def __init__(self, policy: Policy) -> None:
        self.policy: Final = policy
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, now_s: float) -> str:
        """Count one request and return the header `RateLimit`.

        Args:
            now_s: Any clock that only goes forward.

        Raises:
            TooManyRequestsError: the bucket is empty; the request is not counted.
        """
        rate = self.policy.requests / self.policy.window_s
        bucket = self._buckets.setdefault(caller, _Bucket(self.policy.requests, now_s))
        self._buckets.move_to_end(caller)
        if len(self._buckets) > COUNTED_CALLERS_MAX:
            self._buckets.popitem(last=False)
        level = min(self.policy.requests, bucket.level + (now_s - bucket.at_s) * rate)
        if level < 1:
            raise TooManyRequestsError(self.policy.requests, self.policy.window_s, ceil((1 - level) / rate))
        bucket.level, bucket.at_s = level - 1, now_s
        return f'"default";r={int(bucket.level)};t={ceil((self.policy.requests - bucket.level) / rate)}'
