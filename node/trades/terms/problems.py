"""From pydantic's list of errors to the one clear error this room promises: field, expected, got."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

_EXPECTED: Final[Mapping[str, str]] = {
    "missing": "a value",
    "extra_forbidden": "a key of this format",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "datetime_type": "a date and time with zone, such as 2026-08-12T09:30:00Z",
    "timezone_aware": "a date and time with zone, such as 2026-08-12T09:30:00Z",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}


def first_problem(error: ValidationError, path: str = "", whole: str = "input") -> tuple[str, str, object]:
    """Return (field, expected, got) of the first error; an unknown key is named before what it displaced."""
    errors = error.errors(include_url=False)
    first = next((found for found in errors if found["type"] == "extra_forbidden"), errors[0])
    field = ".".join(part for part in (path, *_steps(first["loc"])) if part) or whole
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and message.startswith("expected "):
        expected, _, got = message.removeprefix("expected ").partition(", got ")
        return field, expected, got or first["input"]
    if first["type"] == "missing":
        return field, _EXPECTED["missing"], "none"
    if first["type"] == "extra_forbidden":
        return field, _EXPECTED["extra_forbidden"], "an unknown key"
    return field, _EXPECTED.get(first["type"], _lowered(message)), _kind(first)


def _steps(location: tuple[int | str, ...]) -> list[str]:
    return [str(step) for step in location]


def _lowered(message: str) -> str:
    text = message.removeprefix("Input should be ").removeprefix("Input should ")
    return text[:1].lower() + text[1:]


def _kind(found: Mapping[str, Any]) -> object:
    value = found["input"]
    if found["type"].endswith("_type") or found["type"] == "int_from_float":
        return f"{value!r} ({type(value).__name__})"
    return value
