"""Reading JSON values that nobody has checked yet: each reader names the path when the value is not what it must be."""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.errors import EvidenceError
from pqc.secp256k1 import checksummed


def get_object(value: object, path: str, keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return an object that has all of `keys`, maybe some of `optional`, and no other."""
    if not isinstance(value, dict):
        raise EvidenceError(path, "an object", _kind(value))
    for key in keys:
        if key not in value:
            raise EvidenceError(f"{path}.{key}", "a value", "nothing")
    unknown = sorted(key for key in value if key not in keys and key not in optional)
    if unknown:
        raise EvidenceError(f"{path}.{unknown[0][:64]}", "no such key", "one")
    return value


def get_mapping(value: object, path: str) -> Mapping[str, Any]:
    """Return an object of any keys."""
    if not isinstance(value, dict):
        raise EvidenceError(path, "an object", _kind(value))
    return value


def get_items(value: object, path: str, length_max: int, length_min: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield (path, item) of a list."""
    if not isinstance(value, list) or not length_min <= len(value) <= length_max:
        got = f"{len(value)} items" if isinstance(value, list) else _kind(value)
        raise EvidenceError(path, f"a list of {length_min} to {length_max} items", got)
    return ((f"{path}[{index}]", item) for index, item in enumerate(value))


def get_text(value: object, path: str, length_max: int = 200) -> str:
    """Return text of bounded length."""
    if not isinstance(value, str) or len(value) > length_max:
        raise EvidenceError(path, f"text of at most {length_max} characters", _kind(value))
    return value


def get_bytes(value: object, path: str, length_max: int, length_min: int = 0) -> bytes:
    """Return bytes written as 0x and lower-case hex digits."""
    wanted = f"0x and lower-case hex of {length_min} to {length_max} bytes"
    if not isinstance(value, str) or len(value) > 2 + 2 * length_max:
        raise EvidenceError(path, wanted, _kind(value))
    try:
        raw = bytes.fromhex(value[2:])
    except ValueError:
        raise EvidenceError(path, wanted, repr(value[:70])) from None
    if len(raw) < length_min or value != "0x" + raw.hex():
        raise EvidenceError(path, wanted, repr(value[:70]))
    return raw


def get_hash(value: object, path: str) -> bytes:
    """Return 32 bytes."""
    return get_bytes(value, path, 32, 32)


def get_address(value: object, path: str) -> str:
    """Return an address in its checksummed form, the only one accepted."""
    raw = get_bytes(value.lower() if isinstance(value, str) else value, path, 20, 20)
    if value != checksummed(raw):
        raise EvidenceError(path, checksummed(raw), value)
    return checksummed(raw)


def get_digits(value: object, path: str, bits: int = 256) -> int:
    """Return a number written as text: digits without leading zeros, below 2**bits."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 78:
        raise EvidenceError(path, f"a number below 2^{bits} as text of digits", _kind(value))
    number = int(value)
    if str(number) != value or number >= 1 << bits:
        raise EvidenceError(path, f"a number below 2^{bits} as text of digits", value)
    return number


def get_int(value: object, path: str, below: int) -> int:
    """Return a JSON integer, 0 <= n < below."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise EvidenceError(path, f"a whole number, 0 <= n < {below}", str(value)[:40])
    return value


def get_bool(value: object, path: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise EvidenceError(path, "true or false", _kind(value))
    return value


def expect(path: str, expected: object, got: object) -> None:
    """Raise unless both are equal."""
    if expected != got:
        raise EvidenceError(path, _shown(expected), _shown(got))


def _shown(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _kind(value: object) -> str:
    return repr(value)[:70] if isinstance(value, str | int | bool) or value is None else type(value).__name__
