"""Typed messages as JSON: one spelling, strictly read."""

from typing import Any

import pytest

from node.quotes.errors import MessageRejectedError
from node.quotes.wire import bytes_of, from_json, to_json

MILESTONE: dict[str, Any] = {
    "kind": b"loaded".ljust(32, b"\0"),
    "weight_bps": 3_000,
    "deadline": 2**70,
    "quorum": 2,
    "silence_pays": False,
    "attesters": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
}


def test_a_message_is_the_same_when_it_is_written_and_read() -> None:
    written = to_json("Milestone", MILESTONE)
    assert written["deadline"] == str(2**70)
    assert from_json("Milestone", written, "milestone") == MILESTONE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight_bps", 3_000),
        ("weight_bps", "-1"),
        ("weight_bps", "03000"),
        ("weight_bps", "3e3"),
        ("weight_bps", str(2**256)),
        ("kind", "0x00"),
        ("kind", "loaded"),
        ("kind", "0x" + "AB" * 32),
        ("silence_pays", "false"),
        ("attesters", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("attesters", ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA"]),
        ("attesters", ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"] * 17),
    ],
)
def test_a_message_is_refused_with_the_field_when_a_value_has_another_shape(field: str, value: object) -> None:
    with pytest.raises(MessageRejectedError) as caught:
        from_json("Milestone", {**to_json("Milestone", MILESTONE), field: value}, "milestone")
    assert caught.value.field.startswith(f"milestone.{field}")


def test_a_message_is_refused_when_a_key_is_missing_or_unknown() -> None:
    written = to_json("Milestone", MILESTONE)
    with pytest.raises(MessageRejectedError, match=r"milestone\.colour"):
        from_json("Milestone", {**written, "colour": "red"}, "milestone")
    del written["quorum"]
    with pytest.raises(MessageRejectedError, match=r"milestone\.quorum"):
        from_json("Milestone", written, "milestone")
    with pytest.raises(MessageRejectedError, match="an object"):
        from_json("Milestone", [], "milestone")


def test_bytes_are_refused_when_they_are_longer_than_allowed() -> None:
    assert bytes_of("0x" + "ab" * 65, "signature", size_max=65) == b"\xab" * 65
    with pytest.raises(MessageRejectedError):
        bytes_of("0x" + "ab" * 66, "signature", size_max=65)
