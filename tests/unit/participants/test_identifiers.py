"""LEIs and BICs."""

import pytest

from node.participants.errors import InvalidIdentifierError
from node.participants.identifiers import validate_bic, validate_lei


@pytest.mark.parametrize("value", ["213800KUD8LAJWSQ9D15", "9999DEV03RIFTBANK006"])
def test_lei_is_taken_when_its_check_digits_fit(value: str) -> None:
    validate_lei(value)


@pytest.mark.parametrize(
    "value",
    [
        "213800KUD8LXJWSQ9D15",  # a character mistyped
        "213800KUD8LAJWSQ9D51",  # digits swapped
        "213800kud8lajwsq9d15",
        "2138 00KUD8LAJWSQ9D15",
        "98",  # its two digits fit
        "",
    ],
)
def test_lei_is_refused_when_shape_or_check_digits_are_wrong(value: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="expected an LEI"):
        validate_lei(value)


@pytest.mark.parametrize("value", ["RIFTKEN0", "RIFTKEN0XXX", "R1F7KEN0", ""])
def test_bic_is_taken_when_it_has_a_country(value: str) -> None:
    validate_bic(value)


@pytest.mark.parametrize("value", ["RIFTXXN0", "riftken0", "RIFTKEN", "RIFT KEN0", "RIFTKEN0XXXX", "RIFTKEN0\n"])
def test_bic_is_refused_when_it_is_none(value: str) -> None:
    with pytest.raises(InvalidIdentifierError, match="expected a BIC"):
        validate_bic(value)
