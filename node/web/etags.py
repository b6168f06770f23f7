"""Changes only of what the caller has seen: `ETag` on what can change, `If-Match` on what changes it (RFC 9110)."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from node.web.errors import ChangedMeanwhileError, IfMatchMissingError
from node.web.limits import IF_MATCH_CHARS_MAX
from node.web.middleware import answer_headers

_HEX_DIGITS = 32


def tag_of(shown: BaseModel) -> str:
    """Return the tag of something as it is shown: another as soon as anything of it is another."""
    body = json.dumps(shown.model_dump(mode="json", by_alias=True), sort_keys=True)
    return f'"{sha256(body.encode()).hexdigest()[:_HEX_DIGITS]}"'


@dataclass(frozen=True, slots=True)
class Seen:
    """What the caller says it has seen of the thing it changes."""

    request: Request
    if_match: str | None

    def check(self, current: BaseModel | None) -> None:
        """Raise ChangedMeanwhileError unless it is what there is now; None: there is nothing yet.

        A request without `If-Match` passes: whoever sends none decides whatever there is.
        """
        if self.if_match is None:
            return
        tags = [tag.strip() for tag in self.if_match.split(",")]
        if current is None or not ({tag_of(current), "*"} & set(tags)):
            raise ChangedMeanwhileError(self.if_match, None if current is None else tag_of(current))

    def require(self, current: BaseModel | None) -> None:
        """Do as `check` does, and raise IfMatchMissingError where there is something and no `If-Match`."""
        if self.if_match is None and current is not None:
            raise IfMatchMissingError(tag_of(current))
        self.check(current)

    def tag(self, shown: BaseModel) -> None:
        """Name in the answer what the caller sees now."""
        set_tag(self.request, shown)


def set_tag(request: Request, shown: BaseModel) -> None:
    """Answer with the tag of what is shown."""
    answer_headers(request)["ETag"] = tag_of(shown)


async def get_seen(
    request: Request,
    if_match: Annotated[
        str | None, Header(max_length=IF_MATCH_CHARS_MAX, description="`ETag` of what you decide about, as you saw it")
    ] = None,
) -> Seen:
    """Return what the caller has seen."""
    return Seen(request, if_match)


IfMatch = Annotated[Seen, Depends(get_seen)]
