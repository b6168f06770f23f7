"""Types that the schemas of every slice share.

In Python a time is `deadline_s`, unix seconds; in JSON it is `deadline`, RFC 3339 in UTC. A length of time keeps its
name and its seconds.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AliasGenerator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)

_TIME_EXAMPLE: Final = "2026-08-17T09:30:00Z"
_TIME_SCHEMA: Final = {"type": "string", "format": "date-time", "examples": [_TIME_EXAMPLE]}
_TIME: Final = TypeAdapter(AwareDatetime)
# Times on chain are 40 bits; RFC 3339 ends with the year 9999.
_TIME_S_MAX: Final = 2**40


def rfc3339(time_s: float) -> str:
    """Write unix seconds as RFC 3339 in UTC, milliseconds where there are any; the year is 9999 at most."""
    at = datetime.fromtimestamp(min(time_s, _LAST_S), UTC)
    text = at.isoformat(timespec="milliseconds" if at.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def _read_time(value: Any) -> int:
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError(f"expected RFC 3339 with an offset, {_TIME_EXAMPLE} for instance")
    at_s = int(_TIME.validate_python(value, strict=False).timestamp())
    if not 0 <= at_s < _TIME_S_MAX:
        raise ValueError("expected a time after 1970")
    return at_s


_LAST_S: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
Time = Annotated[int, PlainSerializer(rfc3339, return_type=str, when_used="json"), WithJsonSchema(_TIME_SCHEMA)]
"""Unix seconds, in the JSON of an answer RFC 3339."""
WallTime = Annotated[float, PlainSerializer(rfc3339, return_type=str, when_used="json"), WithJsonSchema(_TIME_SCHEMA)]
"""The same of the wall clock, with its fraction."""
TimeIn = Annotated[int, BeforeValidator(_read_time), WithJsonSchema(_TIME_SCHEMA)]
"""RFC 3339 in a request, unix seconds in Python."""

DigitsIn = Annotated[
    str,
    Field(
        pattern=r"^(0|[1-9][0-9]{0,21})$",
        description="Minor units as a string of digits",
        json_schema_extra={"examples": ["1012121"]},
    ),
]
"""An amount in a request: below 10^22, which covers the contracts' 2^72."""
Digits = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^-?[0-9]+$",
            "description": "Minor units as a string of digits",
            "examples": ["1012121"],
        }
    ),
]
"""An amount in an answer."""
HexBytes = Annotated[
    bytes,
    PlainSerializer(lambda value: "0x" + value.hex(), return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": "^0x[0-9a-f]*$", "description": "0x and hex digits", "examples": ["0x1f"]}
    ),
]


def _named(field: str) -> str:
    return field.removesuffix("_s")


class Answer(BaseModel):
    """Base of answers: built from the attributes of a row or view."""

    model_config = ConfigDict(from_attributes=True, alias_generator=AliasGenerator(serialization_alias=_named))


class Order(BaseModel):
    """Base of requests: an unknown key is refused, never ignored."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=AliasGenerator(alias=_named), validate_by_name=False
    )
