"""What people write into fields, and what it is taken for."""

import pytest

from node.web.console.errors import FormFieldError
from node.web.console.forms import Form, plain_decimal


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1250.50", "1250.50"),
        ("1250,50", "1250.50"),
        ("1.250,50", "1250.50"),
        ("1,250.50", "1250.50"),
        ("1 250,5", "1250.5"),
        ("1'250.50", "1250.50"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("0,125", "0.125"),
        ("7", "7"),
        ("-3.5", "-3.5"),
    ],
)
def test_number_is_read_when_there_is_one_way_to_read_it(written: str, plain: str) -> None:
    assert plain_decimal("amount", written) == plain


@pytest.mark.parametrize(
    "written", ["1.250", "1,250", "1.234.567", "a lot", "", "1e9", "NaN", "١٢", "1" * 30, "--1", "0x10"]
)
def test_number_is_refused_when_it_is_none_or_reads_in_two_ways(written: str) -> None:
    with pytest.raises(FormFieldError) as refused:
        plain_decimal("amount", written)
    assert refused.value.field == "amount"


def test_amount_becomes_minor_units_when_the_currency_has_room_for_it() -> None:
    form = Form({"amount": "1.250,50"}, {})
    assert form.minor("amount", "EUR") == "125050"
    with pytest.raises(FormFieldError):
        form.minor("amount", "UGX")


def test_form_has_a_key_of_its_own_when_it_carries_none_or_a_bad_one() -> None:
    assert Form({"once": "k-1"}, {}).once == "k-1"
    for bad in ({}, {"once": ""}, {"once": "a" * 129}, {"once": "a\nb"}):
        made = Form(bad, {})
        assert made.once != made.once


def test_form_says_what_was_seen_when_its_page_has_a_tag() -> None:
    assert Form({"seen": '"0a1b"'}, {}).seen == '"0a1b"'
    assert Form({}, {}).seen is None
    for wrong in ("*", '"a", "b"', '"é"', '"a\nb"', "x" * 200):
        assert Form({"seen": wrong}, {}).seen == '""', "what is no tag fits nothing"


@pytest.mark.parametrize("key", ["", "é", "a\nb", "k" * 200])
def test_form_has_a_key_of_its_own_when_the_one_it_brings_cannot_be_one(key: str) -> None:
    form = Form({"once": key}, {})
    assert form.once != key
    assert form.once.isascii()
    assert Form({"once": "key-1"}, {}).once == "key-1"
