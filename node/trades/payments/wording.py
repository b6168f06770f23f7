"""Text as every network can carry it: SWIFT's character set x, within an element's length; and ids of messages."""

from hashlib import sha256
from string import ascii_letters, digits
from textwrap import wrap
from typing import Final

from anyascii import anyascii

_SET_X: Final = frozenset(f"{ascii_letters}{digits}/-?:().,'+ ")
# Terms' references have no plus sign, so each is found again.
_REFERENCE_FROM, _REFERENCE_TO = "_", "+"
_ID_CHARS: Final = 24
_LINE_CHARS: Final = 105
_LINES_MAX: Final = 2


def in_set_x(text: str, chars_max: int) -> str:
    """Return text in Latin letters of set x, cut to `chars_max`; a full stop stands for what has no such letter."""
    latin = "".join(_carried(character) for character in text)
    return " ".join(latin.split())[:chars_max].strip() or "."


def end_to_end_id(reference: str) -> str:
    """Return a trade's reference as messages name it."""
    return reference.replace(_REFERENCE_FROM, _REFERENCE_TO)


def trade_reference(named: str) -> str:
    """Return the trade's reference that a message names; undoes `end_to_end_id`."""
    return named.replace(_REFERENCE_TO, _REFERENCE_FROM)


def message_id(trade_id: bytes, name: str) -> str:
    """Return the id of a trade's message: the same for the same trade, kind and milestone.

    Args:
        name: At most 10 characters.
    """
    return f"{trade_id.hex()[:_ID_CHARS]}-{name}"


def answer_id(sender: str, answered: str) -> str:
    """Return the id of the answer to a message."""
    return message_id(sha256(f"{sender}/{answered}".encode()).digest(), "PACS002")


def reason_lines(text: str) -> tuple[str, ...]:
    """Return a reason as the lines that a status has for it."""
    return tuple(wrap(in_set_x(text, _LINE_CHARS * _LINES_MAX), _LINE_CHARS)[:_LINES_MAX])


def _carried(character: str) -> str:
    if character in _SET_X:
        return character
    if character == "&":
        return "+"
    return "".join(part if part in _SET_X else "." for part in anyascii(character)) or "."
