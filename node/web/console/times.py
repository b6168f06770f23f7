"""Times of the API's answers by their names alone: `deadline`, whether it comes as RFC 3339 or as `deadline_s`."""

from typing import Any, Final

# Lengths of time keep their unit.
_LENGTHS: Final = frozenset({"overlap_s", "window_s", "period_s", "heartbeat_s", "wait_s"})
# Documents of their own format, shown as they are.
_AS_THEY_ARE: Final = frozenset({"document", "terms", "args", "body", "preview", "answer"})


def by_name(answer: Any) -> Any:
    """Return an answer whose moments are named without their unit."""
    if isinstance(answer, list):
        return [by_name(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    return {_name(key): value if key in _AS_THEY_ARE else by_name(value) for key, value in answer.items()}


def _name(key: str) -> str:
    return key if key in _LENGTHS else key.removesuffix("_s")
