"""Recursive length prefix, strictly: one encoding per value, nothing after it.

Sixty lines of our own because the verifier must start in a fraction of a second, and the `rlp` package brings
half a second of imports.

Source: Ethereum yellow paper, appendix B.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from bridge.limits import RLP_ITEMS_MAX

Item: TypeAlias = "bytes | list[Item]"

_DEPTH_MAX: Final = 8
"""A receipt nests four levels, a trie node embeds at most a few small ones."""


class RlpError(ValueError):
    """The bytes are not the one encoding of a value."""


def encode(item: bytes | Sequence[object]) -> bytes:
    """Return the encoding of bytes or of a sequence of items."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _prefix(len(item), 0x80) + item
    body = b"".join(encode(part) for part in item)  # type: ignore[arg-type]
    return _prefix(len(body), 0xC0) + body


def encode_int(value: int) -> bytes:
    """Return a number as RLP wants it: big-endian without leading zeros, nothing for zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """Return the value.

    Raises:
        RlpError: cut short, longer than the value, not the shortest form, too deep or too many items.
    """
    item, end = _decode_at(data, 0, len(data), 0)
    if end != len(data):
        raise RlpError(f"{len(data) - end} bytes after the value")
    return item


def decode_int(item: Item, bytes_max: int = 32) -> int:
    """Return the number an item stands for; RlpError when it is a list, too long or has leading zeros."""
    if not isinstance(item, bytes) or len(item) > bytes_max or item[:1] == b"\x00":
        raise RlpError("no number in shortest form")
    return int.from_bytes(item, "big")


def _prefix(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = encode_int(length)
    return bytes([offset + 55 + len(size)]) + size


def _decode_at(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    if depth > _DEPTH_MAX:
        raise RlpError(f"more than {_DEPTH_MAX} levels")
    if start >= limit:
        raise RlpError("cut short")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    if first < 0xC0:
        begin, end = _span(data, start, limit, first - 0x80)
        if end - begin == 1 and data[begin] < 0x80:
            raise RlpError("a byte below 0x80 with a prefix")
        return data[begin:end], end
    begin, end = _span(data, start, limit, first - 0xC0)
    items: list[Item] = []
    while begin < end:
        item, begin = _decode_at(data, begin, end, depth + 1)
        items.append(item)
        if len(items) > RLP_ITEMS_MAX:
            raise RlpError(f"more than {RLP_ITEMS_MAX} items")
    return items, end


def _span(data: bytes, start: int, limit: int, code: int) -> tuple[int, int]:
    begin = start + 1
    length = code
    if code > 55:
        size = code - 55
        raw = data[begin : begin + size]
        begin += size
        length = int.from_bytes(raw, "big")
        if len(raw) != size or raw[:1] == b"\x00" or length < 56:
            raise RlpError("a length not in shortest form")
    if begin + length > limit:
        raise RlpError("cut short")
    return begin, begin + length
