"""Where a message is: what other slices and people may know of the outbox and the inbox."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from node.messages.store import ReceivedMessage, SentMessage


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """How far a message has come."""

    state: str
    """Sent: `queued`, `stored` (its recipient has signed for it), `refused`, `dead`, `dropped`; else `received`,
    `handled`, `refused`."""
    reason: str | None
    """Why it waits or has ended badly."""
    signed_with: str | None
    """Algorithm of the signature, None while it has not travelled."""
    sealed_with: str | None
    """Key encapsulation of the seal."""


def sent(session: Session, message_id: str) -> Whereabouts | None:
    """Return where a message of ours is, None if there is none of that id."""
    return _found(session.scalar(select(SentMessage).where(SentMessage.message_id == message_id)))


def received(session: Session, sender: str, message_id: str) -> Whereabouts | None:
    """Return where a message from another institution is, None if none of that id came."""
    wanted = (ReceivedMessage.sender == sender, ReceivedMessage.message_id == message_id)
    return _found(session.scalar(select(ReceivedMessage).where(*wanted)))


def _found(row: SentMessage | ReceivedMessage | None) -> Whereabouts | None:
    if row is None:
        return None
    protection: dict[str, Any] = row.protection or {}
    return Whereabouts(row.state, row.reason, protection.get("alg"), protection.get("kem"))
