"""Flat canonical JSON: one object of strings and whole numbers, in the only spelling RFC 8785 allows.

Headers of messages are written so. One meaning has one text: whoever changes a byte changes the meaning or is
refused, and duplicate members, nesting, floats and white space cannot occur. Reading is bounded before parsing.

Source: RFC 8785.
"""

import json
from collections.abc import Mapping
from typing import TypeAlias

import rfc8785

from pqc.errors import MalformedError

FlatObject: TypeAlias = dict[str, str | int]


def dump(members: Mapping[str, str | int]) -> bytes:
    """Return the text of `members`."""
    return rfc8785.dumps(dict(members))


def parse(field: str, data: bytes, bytes_max: int) -> FlatObject:
    """Return the members of `data`.

    Raises:
        MalformedError: too long, no flat JSON object, or another spelling of one.
    """
    if len(data) > bytes_max:
        raise MalformedError(field, f"at most {bytes_max} bytes", f"{len(data)}")
    # Deep nesting overflows the parser's stack; a flat object has one bracket, and no string of ours holds any.
    if data.count(b"{") != 1 or b"[" in data:
        raise MalformedError(field, "a flat JSON object", "none or a nested one")
    try:
        document = json.loads(data)
        is_canonical = isinstance(document, dict) and rfc8785.dumps(document) == data
    except ValueError:
        raise MalformedError(field, "a JSON object", "something else") from None
    if not is_canonical:
        raise MalformedError(field, "JSON in the spelling of RFC 8785", "another spelling")
    members: FlatObject = {}
    for name, value in document.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise MalformedError(f"{field}.{name[:40]}", "a string or a whole number", "something else")
        members[name] = value
    return members


def check_members(field: str, members: FlatObject, required: frozenset[str], optional: frozenset[str]) -> None:
    """Check which members are there.

    Raises:
        MalformedError: one is missing or unknown.
    """
    if missing := required - members.keys():
        raise MalformedError(field, f"a member {min(missing)}", "none")
    if unknown := members.keys() - required - optional:
        raise MalformedError(field, "known members only", repr(min(unknown))[:80])


def text(members: FlatObject, name: str) -> str:
    """Return a member that must be a string.

    Raises:
        MalformedError: it is missing or a number.
    """
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedError(name, "a string", repr(value)[:80])
    return value


def text_or_none(members: FlatObject, name: str) -> str | None:
    """Return a member that must be a string if it is there."""
    return text(members, name) if name in members else None


def number(members: FlatObject, name: str) -> int:
    """Return a member that must be a whole number.

    Raises:
        MalformedError: it is missing or a string.
    """
    value = members.get(name)
    if not isinstance(value, int):
        raise MalformedError(name, "a whole number", repr(value)[:80])
    return value
