"""Identifiers of institutions, checked in shape and check digits before anything is done with them."""

import re
from typing import Final

from stdnum import bic, lei

from node.participants.errors import InvalidIdentifierError

_LEI_CHARS: Final = 20
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_COUNTRY_CHARS: Final = 2


def validate_lei(value: str, field: str = "lei") -> None:
    """Return when `value` is an ISO 17442 Legal Entity Identifier, or raise InvalidIdentifierError."""
    # The library checks the digits, not the length, and takes spaces and lower case.
    if len(value) != _LEI_CHARS or not lei.is_valid(value) or lei.compact(value) != value:
        raise InvalidIdentifierError(field, "an LEI: 20 characters A-Z 0-9 whose last two are its check digits", value)


def validate_country(value: str, field: str = "country") -> None:
    """Return when `value` is a country of ISO 3166 by the table that BICs are checked with, or XK, or raise."""
    if len(value) != _COUNTRY_CHARS or not value.isupper() or not bic.is_valid(f"AAAA{value}2A"):
        raise InvalidIdentifierError(field, "a country of ISO 3166, two capital letters", value)


def validate_bic(value: str, field: str = "bic") -> None:
    """Return when `value` is an ISO 9362 code of 8 or 11 characters, or empty, or raise InvalidIdentifierError."""
    # The library wants letters in front, ISO 9362 takes digits there since 2014.
    if value and not (_BIC.fullmatch(value) and bic.is_valid(f"AAAA{value[4:6]}2A")):
        raise InvalidIdentifierError(field, "a BIC: 8 or 11 characters with a country's code, or none", value)
