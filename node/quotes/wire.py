"""Typed messages (EIP-712) as JSON between institutions: integers as digits, bytes as 0x hex, nothing else.

The types are those of `contracts.client.typed_data`; reading is strict, so what was signed is what is checked.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from contracts.client.artifacts import checksummed
from contracts.client.typed_data import TYPES
from node.quotes.errors import MessageRejectedError

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,77}")
_WORD: Final = re.compile(r"0x[0-9a-f]{64}")
_HEX: Final = re.compile(r"0x([0-9a-f]{2})*")
_ITEMS_MAX: Final = 16


def to_json(primary_type: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed message as JSON."""
    return {name: _out(kind, message[name]) for name, kind in TYPES[primary_type]}


def from_json(primary_type: str, value: Any, path: str) -> dict[str, Any]:
    """Read a typed message.

    Raises:
        MessageRejectedError: a field is missing, unknown or of another shape; names it.
    """
    if not isinstance(value, Mapping):
        raise MessageRejectedError(path, "an object", type(value).__name__)
    fields = dict(TYPES[primary_type])
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise MessageRejectedError(f"{path}.{unknown[0]}", f"a field of {primary_type}", "an unknown key")
    for name in fields:
        if name not in value:
            raise MessageRejectedError(f"{path}.{name}", "a value", "none")
    return {name: _in(kind, value[name], f"{path}.{name}") for name, kind in TYPES[primary_type]}


def hex_of(data: bytes) -> str:
    """Return bytes as 0x hex."""
    return "0x" + data.hex()


def bytes_of(value: Any, path: str, *, size_max: int = 512) -> bytes:
    """Read 0x hex of at most `size_max` bytes."""
    if not isinstance(value, str) or len(value) > 2 * size_max + 2 or not _HEX.fullmatch(value):
        raise MessageRejectedError(path, f"0x hex of at most {size_max} bytes", value)
    return bytes.fromhex(value[2:])


def signature_of(value: Any, path: str) -> bytes:
    """Read a signature of at most 65 bytes."""
    return bytes_of(value, path, size_max=65)


def word_of(value: Any, path: str) -> bytes:
    """Read 32 bytes as 0x hex."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise MessageRejectedError(path, "32 bytes as 0x hex", value)
    return bytes.fromhex(value[2:])


def integer_of(value: Any, path: str) -> int:
    """Read an unsigned integer of at most 256 bits as digits."""
    if not isinstance(value, str) or not _DIGITS.fullmatch(value) or int(value) >= 2**256:
        raise MessageRejectedError(path, "an unsigned integer as digits", value)
    return int(value)


def address_of(value: Any, path: str) -> str:
    """Read an account's address; returns it checksummed."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise MessageRejectedError(path, "an address as 0x and 40 hexadecimal digits", value)
    return checksummed(value)


def text_of(value: Any, path: str, *, length_max: int = 140) -> str:
    """Read text of 1 to `length_max` characters."""
    if not isinstance(value, str) or not 0 < len(value) <= length_max:
        raise MessageRejectedError(path, f"text of 1 to {length_max} characters", value)
    return value


def _out(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_out(kind[:-2], item) for item in value]
    if kind in TYPES:
        return to_json(kind, value)
    if kind == "bytes32":
        return hex_of(value)
    return value if kind in ("bool", "address") else str(value)


def _in(kind: str, value: Any, path: str) -> Any:
    if kind.endswith("[]"):
        if not isinstance(value, list) or len(value) > _ITEMS_MAX:
            raise MessageRejectedError(path, f"a list of at most {_ITEMS_MAX}", type(value).__name__)
        return [_in(kind[:-2], item, f"{path}.{index}") for index, item in enumerate(value)]
    if kind in TYPES:
        return from_json(kind, value, path)
    if kind == "bool":
        if not isinstance(value, bool):
            raise MessageRejectedError(path, "true or false", value)
        return value
    if kind == "bytes32":
        return word_of(value, path)
    return address_of(value, path) if kind == "address" else integer_of(value, path)
