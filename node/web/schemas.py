"""Types that the schemas of every slice share."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

DigitsIn = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,21})$", description="Minor units as a string of digits")]
"""An amount in a request: below 10^22, which covers the contracts' 2^72."""
Digits = Annotated[int, PlainSerializer(str, return_type=str), Field(description="Minor units as a string of digits")]
"""An amount in an answer."""
HexBytes = Annotated[
    bytes, PlainSerializer(lambda value: "0x" + value.hex(), return_type=str), Field(description="0x and hex digits")
]


class Answer(BaseModel):
    """Base of answers: built from the attributes of a row or view."""

    model_config = ConfigDict(from_attributes=True)


class Order(BaseModel):
    """Base of requests: an unknown key is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
