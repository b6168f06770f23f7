"""Messages for tests: carried by a call, unsealed, between institutions of one process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rfc8785

from node.errors import abci_code, family_of
from node.messages.errors import PeerUnavailableError, RefusedByPeerError, UnknownRecipientError
from node.messages.inbox import Taken
from node.messages.ports import Arrival, Message, Receipt

Receive = Callable[[Sequence[Arrival]], list[Taken]]


def message(
    message_id: str, sender: str, recipient: str, kind: str, body: Mapping[str, Any], thread: str | None = None
) -> Message:
    """Return a message with a JSON body."""
    return Message(message_id, sender, recipient, kind, rfc8785.dumps(dict(body)), thread)


def arrival(one: Message) -> Arrival:
    """Return a message as it arrives."""
    return Arrival(one, 0, None, b"token")


def accept_any(_kind: str, _document: bytes) -> str | None:
    """Judge documents as a node does that believes everybody."""
    return None


class Post:
    """Hands a message straight to the recipient's inbox; implements `ports.Transport`."""

    def __init__(self) -> None:
        self.inboxes: dict[str, Receive] = {}

    def connect(self, institution_id: str, receive: Receive) -> None:
        """Let `institution_id` be reached."""
        self.inboxes[institution_id] = receive

    async def deliver(self, message: Message) -> Receipt:
        receive = self.inboxes.get(message.recipient)
        if receive is None:
            raise UnknownRecipientError(message.recipient)
        (outcome,) = receive([arrival(message)])
        if outcome is None:
            return Receipt(0, None, b"acknowledgement")
        if family_of(outcome) == "UnavailableError":
            raise PeerUnavailableError(str(outcome))
        raise RefusedByPeerError("{}/{}".format(*abci_code(outcome)), str(outcome), b"acknowledgement")
