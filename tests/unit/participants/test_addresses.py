"""Postal addresses of customers."""

from typing import Any

import pytest
from pydantic import ValidationError

from node.participants.addresses import PostalAddress

GOOD: dict[str, Any] = {
    "street": "Legmeerdijk",
    "building": "313",
    "post_code": "1431 GB",
    "town": "Aalsmeer",
    "country": "NL",
}


def test_address_is_taken_when_it_has_town_and_country() -> None:
    assert PostalAddress.model_validate(GOOD).model_dump() == GOOD
    assert PostalAddress(town="Алматы", country="KZ").street is None
    assert PostalAddress(town="x" * 35, street="x" * 70, post_code="x" * 16, building="x" * 16, country="XK")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("country", "ZZ"),
        ("country", "nl"),
        ("country", "NLD"),
        ("town", ""),
        ("town", " Aalsmeer"),
        ("town", "x" * 36),
        ("town", "Aals\nmeer"),
        ("street", "x" * 71),
        ("building", "x" * 17),
        ("post_code", "x" * 17),
        ("town", None),
        ("lines", ["a"]),
    ],
)
def test_address_is_refused_when_a_part_is_out_of_shape(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        PostalAddress.model_validate({**GOOD, field: value})
