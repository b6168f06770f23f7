"""What a message is, and the port through which it reaches another institution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One message between two institutions."""

    message_id: str
    """Made by the sender, unique among its messages: the key of exactly-once handling."""
    sender: str
    recipient: str
    kind: str
    """What handler it is for: `trades.invite`, `quotes.request`."""
    body: Mapping[str, Any]
    """JSON object; no float, amounts are strings of digits."""


class Transport(Protocol):
    """Carries messages; the in-process one now, sealed and signed ISO 20022 over HTTP in the same place."""

    async def deliver(self, message: Message) -> None:
        """Return once the recipient has stored the message durably.

        Raises:
            UnavailableError: it is unknown whether the recipient has it; deliver it again.
            RejectedError: the recipient will never take it.
        """
        ...
