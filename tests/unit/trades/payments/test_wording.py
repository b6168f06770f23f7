"""Text that every network carries."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.trades.payments.wording import (
    answer_id,
    end_to_end_id,
    in_set_x,
    message_id,
    reason_lines,
    trade_reference,
)

SET_X = re.compile(r"[0-9A-Za-z/\-?:().,'+ ]+")


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("Naivasha Roses Ltd", "Naivasha Roses Ltd"),
        ("Blüten & Söhne GmbH", "Bluten + Sohne GmbH"),
        ("ООО Цветы", "OOO Tsvety"),
        ("花蓮", "HuaLian"),
        ("Łódź_7", "Lodz.7"),
        ("\ue000", "."),
        ("  a\u00a0 b ", "a b"),
    ],
)
def test_text_is_in_latin_letters_when_it_was_in_others(text: str, carried: str) -> None:
    assert in_set_x(text, 140) == carried


@given(st.text(max_size=200), st.integers(1, 140))
def test_text_fits_whatever_it_was(text: str, chars_max: int) -> None:
    carried = in_set_x(text, chars_max)
    assert len(carried) <= chars_max
    assert SET_X.fullmatch(carried)
    assert carried == carried.strip()


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{2,34}", fullmatch=True))
def test_reference_is_found_again_when_it_was_named_in_a_message(reference: str) -> None:
    named = end_to_end_id(reference)
    assert SET_X.fullmatch(named)
    assert trade_reference(named) == reference


def test_ids_differ_when_trade_kind_or_milestone_does() -> None:
    ids = {message_id(b"\1" * 32, "CONF-1"), message_id(b"\1" * 32, "CONF-2"), message_id(b"\2" * 32, "CONF-1")}
    assert len(ids) == 3
    assert max(len(one) for one in (*ids, message_id(b"\1" * 32, "CRDT-8-9"))) <= 35


def test_answer_id_is_the_same_when_the_same_message_is_answered() -> None:
    assert answer_id("bank-nl", "m1") == answer_id("bank-nl", "m1")
    assert answer_id("bank-nl", "m1") != answer_id("bank-ug", "m1")


def test_reason_is_cut_to_two_lines_when_it_is_long() -> None:
    assert [len(line) <= 105 for line in reason_lines("word " * 100)] == [True, True]
    assert reason_lines("amount: expected 1.00 EUR") == ("amount: expected 1.00 EUR",)
