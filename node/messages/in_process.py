"""The transport among the institutions of one process: a call. It keeps nothing; both ends have their databases."""

from collections.abc import Callable

from node.messages.errors import UnknownRecipientError
from node.messages.ports import Message


class InProcessTransport:
    """Hands a message straight to the recipient's inbox."""

    def __init__(self) -> None:
        self._inboxes: dict[str, Callable[[Message], None]] = {}

    def connect(self, institution_id: str, receive: Callable[[Message], None]) -> None:
        """Let `institution_id` be reached; `receive` returns once the message is stored."""
        self._inboxes[institution_id] = receive

    async def deliver(self, message: Message) -> None:
        inbox = self._inboxes.get(message.recipient)
        if inbox is None:
            raise UnknownRecipientError(message.recipient)
        inbox(message)
