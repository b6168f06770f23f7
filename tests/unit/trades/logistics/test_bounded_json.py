"""JSON from outside: limits and doubles."""

import pytest

from node.trades.errors import DocumentRejectedError
from node.trades.limits import JSON_BYTES_MAX, JSON_DEPTH_MAX
from node.trades.logistics.bounded_json import nesting_depth, parse_bounded_json


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


def test_json_is_read_when_it_is_at_the_limits() -> None:
    assert parse_bounded_json(nested(JSON_DEPTH_MAX))
    assert parse_bounded_json(b'{"a":"' + b"x" * (JSON_BYTES_MAX - 8) + b'"}')


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (nested(JSON_DEPTH_MAX + 1), "levels of nesting"),
        (nested(50_000)[:JSON_BYTES_MAX], "levels of nesting"),
        (b'{"a":"' + b"x" * (JSON_BYTES_MAX - 7) + b'"}', "bytes"),
        (b'{"a":1,"a":2}', "every key once"),
        (b'{"a":NaN}', "a number"),
        (b'{"a":' + b"9" * 5_000 + b"}", "digits"),
        (b'{"a":', "JSON"),
        (b"[1]", "a JSON object"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b"", "JSON"),
    ],
    ids=["deep", "very deep", "large", "double key", "NaN", "digits", "cut", "list", "no text", "empty"],
)
def test_json_is_refused_when_it_is_over_a_limit_or_malformed(data: bytes, expected: str) -> None:
    with pytest.raises(DocumentRejectedError, match=expected):
        parse_bounded_json(data)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert nesting_depth(b'{"a":"[[[[\\"[["}') == 1
