"""Times and amounts as JSON has them, both ways."""

import json

import pytest
from pydantic import ValidationError

from node.web.schemas import Answer, Digits, HexBytes, Order, Time, TimeIn, WallTime, rfc3339


class Shown(Answer):
    at_s: Time
    since_s: WallTime | None
    amount: Digits
    digest: HexBytes


class Wanted(Order):
    deadline_s: TimeIn


def test_answer_is_seconds_in_python_and_rfc_3339_in_json_when_dumped() -> None:
    shown = Shown(at_s=1_786_988_000, since_s=1_786_988_000.25, amount=2**80, digest=b"\x1f")
    assert shown.at_s == 1_786_988_000
    assert json.loads(shown.model_dump_json(by_alias=True)) == {
        "at": "2026-08-17T17:33:20Z",
        "since": "2026-08-17T17:33:20.250Z",
        "amount": str(2**80),
        "digest": "0x1f",
    }


@pytest.mark.parametrize("time_s", [2**40, 253_402_300_800, 1e300])
def test_time_ends_with_the_year_9999_when_it_is_later(time_s: float) -> None:
    assert rfc3339(time_s) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("2026-08-17T17:33:20Z", 1_786_988_000),
        ("2026-08-17T19:33:20+02:00", 1_786_988_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_time_is_read_when_it_says_its_offset(text: str, time_s: int) -> None:
    assert Wanted.model_validate({"deadline": text}).deadline_s == time_s


@pytest.mark.parametrize(
    "text", ["2026-08-17T17:33:20", "2026-08-17", "1786988000", 1_786_988_000, "1969-12-31T23:59:59Z", "", None, "T"]
)
def test_time_is_refused_when_it_is_no_moment(text: object) -> None:
    with pytest.raises(ValidationError):
        Wanted.model_validate({"deadline": text})


def test_request_is_refused_when_it_names_the_field_as_python_does() -> None:
    with pytest.raises(ValidationError):
        Wanted.model_validate({"deadline_s": "2026-08-17T17:33:20Z"})
