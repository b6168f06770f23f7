"""Signed heads: once a day the institution signs up to where its log reached, under its post-quantum message key.

A head that somebody else keeps a copy of proves that nothing before it was rewritten, even by whoever holds the
database. Without such a copy, entries after the last head can be cut off unseen.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.audit.store import EntryRow, HeadRow
from pqc import signatures

HEAD: Final = "landfall/audit-head/1"
CONTEXT: Final = HEAD.encode()
"""A signature of a head counts for nothing else."""


class HeadKey(Protocol):
    """The institution's message key."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public_key(self) -> bytes: ...

    def sign(self, message: bytes, context: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Heads:
    """Signs one institution's log."""

    lei: str
    key: HeadKey

    def sign(self, session: Session, now_s: int) -> HeadRow | None:
        """Sign the log up to its last entry, once a day; None where nothing is new or the day has its head.

        Raises:
            UnavailableError: the keystore lacks the key that the registry holds.
        """
        day = datetime.fromtimestamp(now_s, UTC).date().isoformat()
        last = session.scalar(select(EntryRow).order_by(EntryRow.number.desc()).limit(1))
        head = session.scalar(select(HeadRow).order_by(HeadRow.number.desc()).limit(1))
        if last is None or session.get(HeadRow, day) is not None or (head is not None and head.number == last.number):
            return None
        content: bytes = rfc8785.dumps(
            {
                "type": HEAD,
                "lei": self.lei,
                "day": day,
                "number": last.number,
                "hash": last.hash.hex(),
                "signed_at_s": now_s,
            }
        )
        row = HeadRow(
            day=day,
            number=last.number,
            hash=last.hash,
            content=content.decode(),
            signature=self.key.sign(content, CONTEXT),
            key=signatures.jwk(self.key.algorithm, self.key.public_key),
        )
        session.add(row)
        session.flush()
        return row
