"""Lists in pages: a stable order, a cursor that callers do not read, `Link: <...>; rel="next"` (RFC 8288).

Every list takes `limit`, `cursor` and `sort`, and names its next page in the header `Link` while there is one. A cursor
says after which row the page starts, so rows that come or go meanwhile shift nothing.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query, Request
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from node.web.errors import CursorError
from node.web.limits import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from node.web.middleware import answer_headers

Item = TypeVar("Item")
Position = tuple[str | int | float, ...]
_HEX: Final = "0x"
# SQL integers have 64 bits.
_INTEGER_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a request asks for."""

    request: Request
    limit: int
    sort: str
    """Name of the order, with a `-` in front the last first."""
    position: Position | None
    """Where the page before ended."""

    @property
    def order(self) -> str:
        """The order's name alone."""
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def after(self) -> int:
        """Number of the last row already seen, 0 on the first page; for lists that count their rows."""
        if self.position is None:
            return 0
        return int(self._checked((0,))[0])

    def place(self, *example: str | int | float) -> Any:
        """Return where the page before ended, None on the first; for lists that look for their place themselves.

        Args:
            example: Any place, which says what places consist of.
        """
        return None if self.position is None else self._checked(example)

    def rows(self, session: Session, wanted: Select[Item], *columns: InstrumentedAttribute[Any]) -> list[Item]:
        """Return the page's rows of a query without an order of its own.

        Args:
            columns: What orders the rows, together unique; none of them null.
        """
        if self.position is not None:
            values = [_from_json(value, column.type.python_type) for value, column in self._paired(columns)]
            bound = tuple_(*columns) < tuple_(*values) if self.is_descending else tuple_(*columns) > tuple_(*values)
            wanted = wanted.where(bound)
        order = [column.desc() if self.is_descending else column for column in columns]
        found = session.scalars(wanted.order_by(*order).limit(self.limit + 1)).all()
        names = [column.key for column in columns]
        return self._cut(found, lambda row: tuple(_to_json(getattr(row, name)) for name in names))

    def items(self, items: Iterable[Item], key: Callable[[Item], Position]) -> list[Item]:
        """Return the page of a list that is short enough to be made whole; `key` orders it, and is unique."""
        ordered = sorted(items, key=key, reverse=self.is_descending)
        if self.position is not None and ordered:
            position = self._checked(key(ordered[0]))
            ordered = [one for one in ordered if (key(one) < position if self.is_descending else key(one) > position)]
        return self._cut(ordered, key)

    def _cut(self, found: Sequence[Item], key: Callable[[Item], Position]) -> list[Item]:
        page = list(found[: self.limit])
        if len(found) > self.limit:
            cursor = _encode(self.sort, key(page[-1]))
            url = self.request.url.include_query_params(cursor=cursor)
            answer_headers(self.request)["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return page

    def _paired(
        self, columns: Sequence[InstrumentedAttribute[Any]]
    ) -> list[tuple[str | int | float, InstrumentedAttribute[Any]]]:
        if self.position is None or len(self.position) != len(columns):
            raise CursorError
        return list(zip(self.position, columns, strict=True))

    def _checked(self, example: Position) -> Position:
        position = self.position or ()
        if [type(one) for one in position] != [type(one) for one in example]:
            raise CursorError
        if any(isinstance(one, int) and abs(one) > _INTEGER_MAX for one in position):
            raise CursorError
        return position


def paging(*orders: str) -> Callable[..., Awaitable[Page]]:
    """Return the dependency of a list that can be sorted by these; the first is what it is sorted by unless asked.

    Args:
        orders: With a `-` in front where the last come first unless asked otherwise.
    """
    names = [order.removeprefix("-") for order in orders]
    choices = [sign + name for name in names for sign in ("", "-")]
    sort_query = Query(
        description="What the list is sorted by; `-` in front: the last first",
        pattern="^(" + "|".join(choices) + ")$",
        json_schema_extra={"enum": choices},
    )

    async def page(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows of a page")] = PAGE_DEFAULT,
        cursor: Annotated[
            str | None, Query(max_length=CURSOR_CHARS_MAX, description="From the `Link` of the page before")
        ] = None,
        sort: Annotated[str, sort_query] = orders[0],
    ) -> Page:
        return Page(request, limit, sort, None if cursor is None else _decode(sort, cursor))

    return page


def _encode(sort: str, position: Position) -> str:
    return urlsafe_b64encode(json.dumps([sort, *position], separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(sort: str, cursor: str) -> Position:
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise CursorError from error
    if not isinstance(found, list) or len(found) < 2 or found[0] != sort:
        raise CursorError
    if not all(type(one) in (str, int, float) for one in found[1:]):
        raise CursorError
    return tuple(found[1:])


def _to_json(value: Any) -> str | int | float:
    if isinstance(value, bytes):
        return _HEX + value.hex()
    return value if isinstance(value, int | float) else str(value)


def _from_json(value: str | int | float, kind: type[Any]) -> Any:
    if kind is bytes and isinstance(value, str) and value.startswith(_HEX):
        try:
            return bytes.fromhex(value.removeprefix(_HEX))
        except ValueError as error:
            raise CursorError from error
    if type(value) is not kind or (isinstance(value, int) and abs(value) > _INTEGER_MAX):
        raise CursorError
    return value
