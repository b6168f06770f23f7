"""What a transaction changes, row by row and column by column, as the session writes it.

Nothing in a slice has to report anything: a change that reaches the database through the session is seen. Documents are
shown by their hash, what is personal or secret not at all.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import ClauseElement, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session

from node.audit.limits import BYTES_SHOWN_MAX, CHANGES_MAX, JSON_CHARS_MAX, TEXT_CHARS_MAX

_HIDDEN: Final = "audit"
# Numbers of JSON are exact below this (RFC 8785, RFC 7493).
_WHOLE_MAX: Final = 2**53
_SKIPPED: Final = frozenset({"audit_entry", "audit_head", "web_answer", "web_event"})
"""This log; and what repeats an action's effect in other words."""


@dataclass(slots=True)
class Change:
    """One row: what it was and what it became; None where it was made or deleted."""

    table: str
    key: list[Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    def shown(self) -> dict[str, Any]:
        """Return it as the log writes it."""
        return {"table": self.table, "key": self.key, "before": self.before, "after": self.after}


@dataclass(slots=True)
class Changes:
    """The changes of one transaction so far."""

    _rows: dict[int, tuple[Any, Change]] = field(default_factory=dict)
    _statements: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> list[dict[str, Any]]:
        """Return what changed, in the order of its first write; past 500 rows, their number and hash."""
        for row, change in self._rows.values():
            if change.after is not None:
                change.key = _key(row)
        everything = [change.shown() for _, change in self._rows.values() if change.before != change.after]
        everything += self._statements
        if len(everything) <= CHANGES_MAX:
            return everything
        rest = json.dumps(everything[CHANGES_MAX:], sort_keys=True).encode()
        more = {"more": len(everything) - CHANGES_MAX, "sha256": sha256(rest).hexdigest()}
        return [*everything[:CHANGES_MAX], more]

    def on_flush(self, session: Session, *_: object) -> None:
        """Take what the session is about to write."""
        for row in session.deleted:
            self._deleted(row)
        for row in session.dirty:
            if session.is_modified(row):
                self._changed(row)

    def on_flushed(self, session: Session, *_: object) -> None:
        """Take what the session has made, with the keys that the database gave."""
        for row in session.new:
            if row.__tablename__ not in _SKIPPED:
                columns = inspect(row).mapper.column_attrs
                after = {column.key: _shown(column, getattr(row, column.key)) for column in columns}
                self._rows[id(row)] = (row, Change(row.__tablename__, _key(row), None, after))

    def on_statement(self, state: ORMExecuteState) -> None:
        """Take a statement that changes rows without loading them."""
        if state.is_update or state.is_delete:
            compiled = cast(ClauseElement, state.statement).compile()
            table = str(getattr(state.bind_mapper, "local_table", ""))
            if table not in _SKIPPED:
                given = {name: _plain(value) for name, value in compiled.params.items()}
                self._statements.append({"table": table, "statement": str(compiled)[:JSON_CHARS_MAX], "given": given})

    def _changed(self, row: Any) -> None:
        if row.__tablename__ in _SKIPPED:
            return
        state, before, after = inspect(row), {}, {}
        for column in state.mapper.column_attrs:
            history = state.attrs[column.key].load_history()
            if history.has_changes():
                before[column.key] = _shown(column, history.deleted[0] if history.deleted else None)
                after[column.key] = _shown(column, history.added[0] if history.added else None)
        known = self._rows.get(id(row))
        if known is None:
            self._rows[id(row)] = (row, Change(row.__tablename__, _key(row), before, after))
            return
        change = known[1]
        if change.before is not None:
            change.before = before | change.before
        change.after = (change.after or {}) | after

    def _deleted(self, row: Any) -> None:
        if row.__tablename__ in _SKIPPED:
            return
        state = inspect(row)
        whole = {}
        for column in state.mapper.column_attrs:
            history = state.attrs[column.key].load_history()
            values = history.deleted or history.unchanged or history.added
            whole[column.key] = _shown(column, values[0] if values else None)
        known = self._rows.get(id(row))
        before = whole if known is None else known[1].before
        if before is not None:
            before = whole | before
        self._rows[id(row)] = (row, Change(row.__tablename__, _key(row), before, None))


@contextmanager
def collect_changes(session: Session) -> Iterator[Changes]:
    """Take every change that `session` writes while the context lasts."""
    changes = Changes()
    listeners = (
        ("before_flush", changes.on_flush),
        ("after_flush", changes.on_flushed),
        ("do_orm_execute", changes.on_statement),
    )
    for name, listener in listeners:
        event.listen(session, name, listener)
    try:
        yield changes
        session.flush()
    finally:
        for name, listener in listeners:
            event.remove(session, name, listener)


def _key(row: Any) -> list[Any]:
    return [_plain(value) for value in inspect(row).mapper.primary_key_from_instance(row)]


def _shown(column: Any, value: Any) -> Any:
    hidden = column.columns[0].info.get(_HIDDEN)
    return f"({hidden})" if hidden is not None and value is not None else _plain(value)


def _plain(value: Any) -> Any:
    """Return a value as canonical JSON can hold it: whole numbers beyond 2^53 as digits, documents by their hash."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) < _WHOLE_MAX else str(value)
        case str():
            return value if len(value) <= TEXT_CHARS_MAX else _by_hash(value.encode())
        case bytes():
            return "0x" + value.hex() if len(value) <= BYTES_SHOWN_MAX else _by_hash(value)
        case list() | dict():
            text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
            return (
                json.loads(text, parse_float=str, parse_int=_small)
                if len(text) <= JSON_CHARS_MAX
                else _by_hash(text.encode())
            )
        case _:
            return str(value)[:TEXT_CHARS_MAX]


def _by_hash(data: bytes) -> dict[str, Any]:
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def _small(digits: str) -> int | str:
    return int(digits) if abs(int(digits)) < _WHOLE_MAX else digits
