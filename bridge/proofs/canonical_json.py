"""JSON whose bytes are its canonical form (RFC 8785) and nothing else, read within limits.

One value has one spelling, so a changed byte is either another value or no longer this form. Numbers are
integers; anything larger than 2**53 is written as text by the formats that use this.
"""

import json
import re
from typing import Any, Final, NoReturn

import rfc8785

from bridge.errors import EvidenceError

_STRUCTURE: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of plain JSON values.

    Raises:
        EvidenceError: a float, an int beyond 2**53 or text that is no Unicode.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise EvidenceError("value", "values that RFC 8785 can write", error) from None


def parse_canonical(data: bytes, bytes_max: int, depth_max: int) -> Any:
    """Return the value whose canonical form is `data`.

    Raises:
        EvidenceError: with the byte offset where the text is too long, too deep, no UTF-8, no JSON or not canonical.
    """
    if len(data) > bytes_max:
        raise EvidenceError("file", f"at most {bytes_max} bytes", f"{len(data)} bytes")
    _check_depth(data, depth_max)
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_float=_refuse_number, parse_constant=_refuse_number)
    except UnicodeDecodeError as error:
        raise EvidenceError(f"byte {error.start}", "UTF-8 text", f"0x{data[error.start]:02x}") from None
    except json.JSONDecodeError as error:
        where = f"byte {len(text[: error.pos].encode())} (line {error.lineno})"
        raise EvidenceError(where, "JSON", error.msg) from None
    except ValueError as error:
        raise EvidenceError("file", "JSON with integers of ordinary length", error) from None
    expected = canonical(value)
    if expected != data:
        pairs = enumerate(zip(expected, data, strict=False))
        offset = next((i for i, (one, other) in pairs if one != other), min(len(expected), len(data)))
        raise EvidenceError(
            f"byte {offset}", f"canonical JSON (RFC 8785), here {_shown(expected, offset)}", _shown(data, offset)
        )
    return value


def _shown(data: bytes, offset: int) -> str:
    return repr(data[offset : offset + 24].decode("utf-8", "replace"))


def _check_depth(data: bytes, depth_max: int) -> None:
    # Before parsing: where a library has raised Python's recursion limit, deep JSON overflows the stack.
    depth = 0
    for token in _STRUCTURE.finditer(data):
        character = data[token.start()]
        if character in b"[{":
            depth += 1
            if depth > depth_max:
                raise EvidenceError(f"byte {token.start()}", f"at most {depth_max} levels of nesting", "more")
        elif character in b"]}":
            depth -= 1


def _refuse_number(text: str) -> NoReturn:
    raise EvidenceError("file", "whole numbers only", text[:40])
