"""Postal addresses of customers, in parts: what ISO 20022 messages carry since November 2026."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from node.participants.errors import InvalidIdentifierError
from node.participants.identifiers import validate_country

# Lengths of ISO 20022, PostalAddress24.
_STREET_CHARS_MAX: Final = 70
_TOWN_CHARS_MAX: Final = 35
_SHORT_CHARS_MAX: Final = 16


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("expected printable characters with no space at either end")
    return text


def _country(text: str) -> str:
    try:
        validate_country(text)
    except InvalidIdentifierError as error:
        raise ValueError("expected a country of ISO 3166, two capital letters") from error
    return text


_Text = Annotated[str, AfterValidator(_printable)]
_Short = Annotated[_Text, Field(min_length=1, max_length=_SHORT_CHARS_MAX)]


class PostalAddress(BaseModel):
    """Where somebody is: town and country always, the rest where it is known."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    street: Annotated[_Text, Field(min_length=1, max_length=_STREET_CHARS_MAX)] | None = None
    building: _Short | None = None
    post_code: _Short | None = None
    town: Annotated[_Text, Field(min_length=1, max_length=_TOWN_CHARS_MAX)]
    country: Annotated[str, AfterValidator(_country)]
    """ISO 3166, two letters."""
