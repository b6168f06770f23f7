"""JSON from outside: bounded in bytes and depth, no duplicate keys, no NaN; one clear error each."""

import json
from typing import Any, Final, NoReturn

from node.trades.errors import DocumentRejectedError
from node.trades.limits import JSON_BYTES_MAX, JSON_DEPTH_MAX

_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")


def parse_bounded_json(data: bytes, *, what: str = "document") -> dict[str, Any]:
    """Return the JSON object in `data`.

    Raises:
        DocumentRejectedError: too large, too deep, not UTF-8, not JSON, not an object, a key twice, or NaN.
    """
    if len(data) > JSON_BYTES_MAX:
        raise DocumentRejectedError(what, f"at most {JSON_BYTES_MAX} bytes", f"{len(data)} bytes")
    depth = nesting_depth(data)
    if depth > JSON_DEPTH_MAX:
        raise DocumentRejectedError(what, f"at most {JSON_DEPTH_MAX} levels of nesting", f"{depth} levels")
    try:
        parsed = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise DocumentRejectedError(what, "UTF-8 text", f"byte {error.start} that is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise DocumentRejectedError(what, "JSON", f"{error.msg} in line {error.lineno}") from error
    except _RefusedValueError as error:
        raise DocumentRejectedError(what, error.expected, error.got) from error
    except ValueError as error:  # a number of thousands of digits
        raise DocumentRejectedError(what, "JSON with numbers of at most 4,300 digits", str(error)) from error
    if not isinstance(parsed, dict):
        raise DocumentRejectedError(what, "a JSON object", type(parsed).__name__)
    return parsed


def nesting_depth(data: bytes) -> int:
    """Return how deep brackets nest outside strings, without parsing (a parser may recurse)."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


class _RefusedValueError(Exception):
    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.got = got


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _RefusedValueError("every key once", f"{key[:60]!r} twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise _RefusedValueError("a number", name)
