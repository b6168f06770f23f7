"""Times as the API writes them: RFC 3339 in UTC."""

from datetime import UTC, datetime


def to_seconds(time: str) -> int:
    """Return the unix seconds of a time of the API."""
    return int(datetime.fromisoformat(time).timestamp())


def to_text(time_s: int) -> str:
    """Return unix seconds as the API takes them."""
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
