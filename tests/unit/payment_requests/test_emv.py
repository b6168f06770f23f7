"""Data objects of EMV codes: the specification's own sample, and what is not one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.payment_requests import emv
from node.payment_requests.errors import NotPrintableError, PayloadError

# EMV QRCPS Merchant-Presented Mode 1.1, annex: the example of a dynamic code with a name in two languages.
SAMPLE = (
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016"
    "A0112233449988770708123456786304A13A"
)
VALUES = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), min_size=1, max_size=60)


def test_sample_of_the_specification_is_read_and_written_back() -> None:
    objects = emv.open_payload(SAMPLE)
    assert (objects["59"], objects["54"], objects["53"]) == ("BEST TRANSPORT", "23.72", "156")
    assert emv.read_objects(objects["64"])["01"] == "最佳运输"
    assert emv.close(emv.write_objects(objects.items())) == SAMPLE


@given(st.dictionaries(st.integers(1, 62).map("{:02}".format), VALUES, max_size=6))
def test_objects_come_back_when_they_are_written(objects: dict[str, str]) -> None:
    payload = emv.close(emv.write_objects([("00", "01"), *objects.items()]))
    assert emv.open_payload(payload) == {"00": "01"} | objects


@given(st.text(max_size=600))
def test_any_text_is_refused_or_read_and_nothing_else(text: str) -> None:
    try:
        objects = emv.open_payload(text)
    except PayloadError:
        return
    assert objects["00"] == "01"


@pytest.mark.parametrize("place", range(0, len(SAMPLE), 7))
def test_code_is_refused_when_one_character_is_another(place: int) -> None:
    other = "1" if SAMPLE[place] != "1" else "2"
    with pytest.raises(PayloadError):
        emv.open_payload(SAMPLE[:place] + other + SAMPLE[place + 1 :])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0002", "2 characters of object 00"),
        ("00", "two and two digits"),
        ("0x0201", "two and two digits"),
        ("٠٠0201", "two and two digits"),
        ("0000", "some characters"),
        ("000201000201", "each object once"),
    ],
)
def test_objects_are_refused_when_they_are_broken(text: str, why: str) -> None:
    with pytest.raises(PayloadError, match=why):
        emv.read_objects(text)


def test_code_is_refused_when_it_is_longer_than_one_may_be() -> None:
    longest = [("00", "01"), *((f"{10 + n}", "x" * 90) for n in range(5)), ("20", "x" * 24)]
    assert len(emv.close(emv.write_objects(longest))) == 512
    with pytest.raises(NotPrintableError, match="at most 512"):
        emv.close(emv.write_objects([*longest[:-1], ("20", "x" * 25)]))
    with pytest.raises(PayloadError, match="at most 512"):
        emv.open_payload("0" * 513)
    with pytest.raises(NotPrintableError, match="1 to 99"):
        emv.write_objects([("01", "x" * 100)])
    with pytest.raises(NotPrintableError, match="1 to 99"):
        emv.write_objects([("01", "")])


def test_code_is_refused_when_it_does_not_begin_with_its_format() -> None:
    for objects in ([("01", "12")], [("01", "12"), ("00", "01")], [("00", "02")]):
        with pytest.raises(PayloadError, match="format"):
            emv.open_payload(emv.close(emv.write_objects(objects)))
