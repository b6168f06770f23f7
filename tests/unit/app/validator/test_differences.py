"""Which field two documents disagree about."""

from typing import Any

import pytest

from node.app.validator.differences import first_difference


@pytest.mark.parametrize("document", [{}, [], {"a": [1, {"b": "c"}]}, "text", 0, None])
def test_documents_do_not_differ_when_equal(document: Any) -> None:
    assert first_difference(document, document) is None


@pytest.mark.parametrize(
    ("mine", "other", "told"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b: expected 1, got 2"),
        ({"a": 1}, {}, "a: expected 1, got nothing"),
        ({}, {"a": "x"}, 'a: expected nothing, got "x"'),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1]: expected 2, got 3"),
        ({"a": [1, 2]}, {"a": [1]}, "a: expected 2 entries, got 1"),
        ({"a": 1}, {"a": True}, "a: expected 1, got true"),
        ({"a": 1}, {"a": "1"}, 'a: expected 1, got "1"'),
        ({"a": []}, {"a": {}}, "a: expected [], got {}"),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, "a: expected 1, got 2"),
    ],
)
def test_first_field_is_named_when_documents_differ(mine: Any, other: Any, told: str) -> None:
    assert first_difference(mine, other) == told


def test_part_around_the_difference_is_shown_when_values_are_long() -> None:
    mine, other = "0x" + "60" * 5000, "0x" + "60" * 2500 + "61" + "60" * 2499
    told = first_difference({"code": mine}, {"code": other})
    assert told is not None
    assert len(told) < 250
    expected, got = told.removeprefix("code: expected ").split(", got ")
    assert expected != got
    assert "61" in got
