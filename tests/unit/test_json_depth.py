"""Nesting of JSON, told without parsing."""

import pytest

from node.json_depth import json_depth


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        (b"", 0),
        (b"1", 0),
        (b"{}", 1),
        (b'{"a":[{}]}', 3),
        (b"[[],[],[]]", 2),
        (b'["[[[[", "{{"]', 1),
        (b'["\\"[[[", "\\\\", []]', 2),
        (b'["\\"' + b",[" * 500, 1),
        (b'["\\\\"' + b",[" * 500, 501),
        (b'"[[[', 0),
        (b"]]]][[", 0),
        (b"[" * 100_000, 100_000),
    ],
)
def test_depth_counts_brackets_when_they_are_outside_of_strings(text: bytes, depth: int) -> None:
    assert json_depth(text) == depth
