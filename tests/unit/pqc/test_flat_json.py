import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqc.errors import MalformedError
from pqc.flat_json import check_members, dump, number, parse, text, text_or_none


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{["), max_size=8),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{["), max_size=20)
        | st.integers(-(2**53) + 1, 2**53 - 1),
    )
)
def test_parse_returns_what_dump_wrote_when_it_is_flat(members: dict):
    assert parse("header", dump(members), 100_000) == members


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1",
        b"[]",
        b'{"a":{}}',
        b'{"a":[1]}',
        b"{" * 100_000,
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1.5}',
        b'{"a":1e2}',
        b'{"a":true}',
        b'{"a":null}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0061"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_parse_refuses_when_the_text_is_in_another_form(data: bytes):
    assert parse("header", b'{"a":1}', 7) == {"a": 1}
    with pytest.raises(MalformedError, match="header"):
        parse("header", data, 200_000)


def test_parse_refuses_when_the_text_is_over_its_limit():
    with pytest.raises(MalformedError, match="expected at most 6 bytes, got 7"):
        parse("header", b'{"a":1}', 6)


def test_check_members_refuses_when_one_is_missing_or_unknown():
    required, optional = frozenset({"a"}), frozenset({"b"})
    check_members("header", {"a": 1}, required, optional)
    check_members("header", {"a": 1, "b": 1}, required, optional)
    with pytest.raises(MalformedError, match="expected a member a, got none"):
        check_members("header", {"b": 1}, required, optional)
    with pytest.raises(MalformedError, match="expected known members only, got 'c'"):
        check_members("header", {"a": 1, "c": 1}, required, optional)


def test_members_are_returned_only_when_of_their_type():
    members = {"text": "a", "number": 1}
    assert (text(members, "text"), number(members, "number")) == ("a", 1)
    assert (text_or_none(members, "text"), text_or_none(members, "other")) == ("a", None)
    for call in (lambda: text(members, "number"), lambda: number(members, "text"), lambda: text(members, "other")):
        with pytest.raises(MalformedError):
            call()
