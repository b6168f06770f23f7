"""Adding to the log, and the one form of an entry.

An entry's hash covers the hash before it, so that none can be changed, left out or put in between afterwards without
every later hash being another. It is written in the transaction of what it tells about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, Final

import rfc8785
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from node.audit.errors import BrokenLogError
from node.audit.store import EntryRow
from node.storage.cursor import booked_until_s

ENTRY: Final = "landfall/audit-entry/1"
# Asked at every change, so made once.
_LATEST: Final = select(EntryRow.number, EntryRow.hash, EntryRow.content).order_by(EntryRow.number.desc()).limit(2)
Latest = Row[int, bytes, str]
START: Final = bytes(32)
"""What stands in place of a hash before the first entry."""


@dataclass(frozen=True, slots=True)
class Origin:
    """From where somebody acts."""

    address: str
    """Of the network's peer, or `cli`."""
    agent: str = ""
    """What the program that asked calls itself."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did."""

    actor: str
    """As the desk authenticated them: `bank-nl/p-5f0c`, `bank-nl/bloem/p-77a1`; `somebody` before they are known."""
    action: str
    """A permission that was used, or what happened to a session: `payments:write`, `session.opened`."""
    subject: str
    """The path of the request, or what it is about."""
    origin: Origin
    time_s: int
    approved_by: str | None = None
    """The second person, where one was needed."""
    changes: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def append(session: Session, entry: Entry) -> EntryRow:
    """Write an entry in the transaction of `session`, after everything else in it."""
    session.flush()
    # The last one, and the one that its hash covers.
    latest = session.execute(_LATEST).all()
    number, before = (latest[0].number + 1, latest[0].hash) if latest else (1, START)
    if latest:
        _verify_last(*latest)
    content = text_of(number, entry, booked_until_s(session))
    row = EntryRow(
        number=number,
        time_s=entry.time_s,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        content=content,
        hash=entry_hash(before, content),
    )
    session.add(row)
    return row


def text_of(number: int, entry: Entry, ledger_s: int) -> str:
    """Return an entry as canonical JSON (RFC 8785)."""
    fields = {name: value for name, value in asdict(entry).items() if value is not None}
    content: bytes = rfc8785.dumps({"type": ENTRY, "number": number, "ledger_s": ledger_s, **fields})
    return content.decode()


def entry_hash(before: bytes, content: str) -> bytes:
    """Return the hash of an entry that follows the one whose hash is `before`."""
    return sha256(before + content.encode()).digest()


def _verify_last(last: Latest, before: Latest | None = None) -> None:
    if last.number > 1 and (before is None or before.number != last.number - 1):
        raise BrokenLogError(f"audit_entry: expected entry {last.number - 1}, got none")
    if last.hash != entry_hash(START if before is None else before.hash, last.content):
        raise BrokenLogError(f"audit_entry: expected entry {last.number} as it was written, got another content")
