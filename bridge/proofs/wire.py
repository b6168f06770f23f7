"""The few protobuf encodings that CometBFT hashes and signs, written out so that a proof needs no generated code.

Proto3 rules as gogoproto applies them: a zero scalar or empty bytes field is left out, a non-nullable embedded
message is always written, fields in number order.

Source: protobuf encoding guide; CometBFT proto/tendermint/types.
"""

from typing import Final

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2


def varint(value: int) -> bytes:
    """Encode a number; a negative one as its 64-bit two's complement (10 bytes)."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def int_field(number: int, value: int) -> bytes:
    """Encode an int64, uint32 or enum field; nothing when zero."""
    return varint(number << 3 | _VARINT) + varint(value) if value else b""


def sfixed64_field(number: int, value: int) -> bytes:
    """Encode a fixed-width signed field; nothing when zero."""
    return varint(number << 3 | _FIXED64) + value.to_bytes(8, "little", signed=True) if value else b""


def bytes_field(number: int, value: bytes) -> bytes:
    """Encode a bytes or string field; nothing when empty."""
    return message_field(number, value) if value else b""


def message_field(number: int, value: bytes) -> bytes:
    """Encode an embedded message (already encoded), also an empty one."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def delimited(message: bytes) -> bytes:
    """Prefix a message with its length."""
    return varint(len(message)) + message
