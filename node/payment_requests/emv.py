"""Data objects of EMV codes: two digits that say what it is, two that say how long it is, and the value.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1, sections 3 and 4. No kept library
writes it. Lengths count characters; the checksum is over the bytes in UTF-8.
"""

import re
from binascii import crc_hqx
from collections.abc import Iterable, Mapping
from typing import Final

from node.payment_requests.errors import NotPrintableError, PayloadError
from node.payment_requests.limits import OBJECTS_MAX, PAYLOAD_CHARS_MAX, VALUE_CHARS_MAX

FORMAT: Final = "00"
CHECKSUM: Final = "63"
_FORMAT_1: Final = "01"
_HEADER: Final = re.compile(r"([0-9]{2})([0-9]{2})", re.ASCII)
_CRC_CHARS: Final = 4
CHECKSUM_CHARS: Final = 8
"""Of the whole object."""
_CRC_START: Final = 0xFFFF


def write_objects(objects: Iterable[tuple[str, str]]) -> str:
    """Return data objects as text.

    Raises:
        NotPrintableError: a value is empty or longer than an object holds.
    """
    parts = []
    for name, value in objects:
        if not 1 <= len(value) <= VALUE_CHARS_MAX:
            raise NotPrintableError(f"object {name}", f"1 to {VALUE_CHARS_MAX} characters", len(value))
        parts.append(f"{name}{len(value):02}{value}")
    return "".join(parts)


def read_objects(text: str, where: str = "text") -> dict[str, str]:
    """Return the data objects of a text, by what they are.

    Raises:
        PayloadError: it does not consist of them, or has one twice.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        header = _HEADER.match(text, position)
        if header is None:
            raise PayloadError(where, f"an object's two and two digits at {position}", repr(text[position:][:8]))
        name, length = header[1], int(header[2])
        start, position = header.end(), header.end() + length
        if not length or position > len(text):
            raise PayloadError(where, f"{length or 'some'} characters of object {name}", len(text) - start)
        if name in found or len(found) >= OBJECTS_MAX:
            raise PayloadError(where, f"each object once, {OBJECTS_MAX} at most", f"object {name} too many")
        found[name] = text[start:position]
    return found


def close(text: str) -> str:
    """Return a payload of its objects and, last, their checksum.

    Raises:
        NotPrintableError: it is longer than a code's payload may be.
    """
    payload = text + _checksum_of(text)
    if len(payload) > PAYLOAD_CHARS_MAX:
        raise NotPrintableError("payload", f"at most {PAYLOAD_CHARS_MAX} characters", len(payload))
    return payload


def open_payload(payload: str) -> Mapping[str, str]:
    """Return the objects of a payload whose checksum is right.

    Raises:
        PayloadError: it is none.
    """
    if len(payload) > PAYLOAD_CHARS_MAX:
        raise PayloadError("length", f"at most {PAYLOAD_CHARS_MAX} characters", len(payload))
    body, checksum = payload[:-CHECKSUM_CHARS], payload[-CHECKSUM_CHARS:]
    if not payload.isprintable() or checksum.upper() != _checksum_of(body):
        raise PayloadError("checksum", "the one of its text at its end", repr(checksum))
    objects = read_objects(body)
    if next(iter(objects), None) != FORMAT or objects[FORMAT] != _FORMAT_1:
        raise PayloadError("format", f"object {FORMAT} = {_FORMAT_1} first", next(iter(objects.items()), "none"))
    return objects


def _checksum_of(text: str) -> str:
    """Return the checksum's object: CRC-16 with polynomial 0x1021 over all before its value."""
    header = f"{CHECKSUM}{_CRC_CHARS:02}"
    return f"{header}{crc_hqx((text + header).encode('utf-8', 'surrogatepass'), _CRC_START):04X}"
