"""What a message is, and the ports through which it leaves, arrives and is judged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pqc.envelope import Protection


@dataclass(frozen=True, slots=True)
class Message:
    """One message between two institutions."""

    message_id: str
    """Made by the sender, unique among its messages: the key of exactly-once handling."""
    sender: str
    """Institution's id, as the recipient's."""
    recipient: str
    kind: str
    """What handler it is for: `trades.invite`, `quotes.request`, `pacs.008.001.08`."""
    payload: bytes
    """Canonical JSON (RFC 8785), for an ISO 20022 kind XML."""
    thread: str | None = None
    """Messages of one thread are handled in the order they were sent; without one, in any order."""
    uetr: str | None = None
    """Unique end-to-end transaction reference of the payment it is about."""

    @property
    def body(self) -> Mapping[str, Any]:
        """The JSON object that it carries; no float, amounts are strings of digits."""
        found: Mapping[str, Any] = json.loads(self.payload)
        return found

    @property
    def lane(self) -> str:
        """What it keeps its order in."""
        return self.message_id if self.thread is None else self.thread


@dataclass(frozen=True, slots=True)
class Receipt:
    """Its recipient has stored a message and signed for it."""

    created_at_s: int
    """Ledger time that the envelope says."""
    protection: Protection | None
    acknowledgement: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that was opened and verified, with what proves it."""

    message: Message
    created_at_s: int
    """Ledger time that the sender signed."""
    protection: Protection | None
    token: bytes
    """The sender's detached signature."""


class Transport(Protocol):
    """Carries messages to other institutions."""

    async def deliver(self, message: Message) -> Receipt:
        """Return once the recipient has stored the message durably.

        Raises:
            UnavailableError: it is not known to have it: deliver it again later.
            RejectedError: it cannot be sent, or the recipient has signed that it will not take it.
        """
        ...


class DocumentCheck(Protocol):
    """Judges an ISO 20022 message, before it is sent and when it arrives."""

    def __call__(self, kind: str, document: bytes) -> str | None:
        """Return the UETR of the one payment it is about, None where it names none or several.

        Raises:
            RejectedError: it is no valid message of this kind; the error says what is wrong.
        """
        ...
