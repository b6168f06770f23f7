"""A member's file: whole and signed, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.app.errors import CeremonyError
from node.app.validator.members import FILE_BYTES_MAX, read_member, sign_member
from tests.unit.app.validator.support import member, validator_key


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "bank-nl.member.json"
    path.write_bytes(sign_member(member("bank-nl"), validator_key("bank-nl")))
    return path


def test_member_is_read_when_the_file_is_whole(signed: Path) -> None:
    assert read_member(signed) == member("bank-nl")


def test_file_holds_no_secret(signed: Path) -> None:
    assert validator_key("bank-nl").seed.hex() not in signed.read_text()


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Another"), ("account", "0x" + "11" * 20), ("roles", ["central_bank"]), ("message_key", "22" * 32)],
)
def test_member_is_refused_when_a_field_was_changed(signed: Path, field: str, value: Any) -> None:
    document = json.loads(signed.read_text())
    document["member"][field] = value
    signed.write_text(json.dumps(document))
    with pytest.raises(CeremonyError, match="signature: expected that of bank-nl's validator key"):
        read_member(signed)


def test_member_is_refused_when_another_key_signed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(sign_member(member("bank-nl"), validator_key("bank-ke")))
    with pytest.raises(CeremonyError, match="signature"):
        read_member(path)


@pytest.mark.parametrize(
    "change",
    [
        {"member": {}},
        {"signature": ""},
        {"signature": "zz"},
        {"signature": "ab" * 9000},
        {"extra": 1},
    ],
)
def test_member_is_refused_when_the_file_is_malformed(signed: Path, change: dict[str, Any]) -> None:
    signed.write_text(json.dumps(json.loads(signed.read_text()) | change))
    with pytest.raises(CeremonyError, match="expected a member's file"):
        read_member(signed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "Bank NL"),
        ("id", "../bank"),
        ("account", "0x12"),
        ("lei", "short"),
        ("validator.node_id", "00"),
        ("validator.address", "no port"),
        ("validator.address", "a b:1"),
        ("validator.algorithm", "RSA"),
    ],
)
def test_member_is_refused_when_a_field_has_no_such_value(field: str, value: str) -> None:
    told = member("bank-nl").model_dump()
    at = told
    *parents, last = field.split(".")
    for name in parents:
        at = at[name]
    at[last] = value
    with pytest.raises(ValueError, match=last):
        type(member("bank-nl")).model_validate(told)


def test_member_is_refused_when_the_file_is_too_large(signed: Path) -> None:
    signed.write_bytes(signed.read_bytes() + b" " * FILE_BYTES_MAX)
    with pytest.raises(CeremonyError, match="at most 65536 bytes"):
        read_member(signed)


def test_member_is_refused_when_it_has_no_key_that_signs(signed: Path) -> None:
    document = json.loads(signed.read_text())
    document["member"]["validator"] = None
    signed.write_text(json.dumps(document))
    with pytest.raises(CeremonyError, match=r"member\.validator: expected a key"):
        read_member(signed)
