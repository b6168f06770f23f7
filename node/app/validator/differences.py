"""What two JSON documents disagree about, in words that name the field."""

import json
from collections.abc import Mapping
from typing import Any, Final

_SHOWN_CHARACTERS: Final = 80


def first_difference(mine: Any, other: Any, path: str = "") -> str | None:
    """Return the first field in which the documents differ, with both values, or None when they are equal."""
    if isinstance(mine, Mapping) and isinstance(other, Mapping):
        for name in sorted({*mine, *other}):
            inner = f"{path}.{name}" if path else str(name)
            if name not in mine or name not in other:
                return f"{inner}: expected {_shown(mine, name)}, got {_shown(other, name)}"
            if found := first_difference(mine[name], other[name], inner):
                return found
        return None
    if isinstance(mine, list) and isinstance(other, list):
        for place, (left, right) in enumerate(zip(mine, other, strict=False)):
            if found := first_difference(left, right, f"{path}[{place}]"):
                return found
        if len(mine) != len(other):
            return f"{path}: expected {len(mine)} entries, got {len(other)}"
        return None
    # true == 1 in Python, not in JSON.
    if type(mine) is type(other) and mine == other:
        return None
    left, right = _text(mine), _text(other)
    start = _first_unequal(left, right)
    return f"{path}: expected {_cut(left, start)}, got {_cut(right, start)}"


def _shown(document: Mapping[str, Any], name: str) -> str:
    return _cut(_text(document[name]), 0) if name in document else "nothing"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _first_unequal(left: str, right: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))


def _cut(text: str, start: int) -> str:
    """Return the text, or of a long one the part around its first different character."""
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    begin = max(0, start - _SHOWN_CHARACTERS // 2)
    part = text[begin : begin + _SHOWN_CHARACTERS]
    return ("..." if begin else "") + part + ("..." if begin + _SHOWN_CHARACTERS < len(text) else "")
