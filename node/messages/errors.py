"""What can go wrong with a message."""

from node.errors import InvariantError, RejectedError, UnavailableError


class UnknownRecipientError(RejectedError):
    """No institution of this id can be reached by this transport; the message is a dead letter."""

    codespace = "messages"
    code = 6
    kind = "not_found"

    def __init__(self, recipient: str) -> None:
        super().__init__(f"to: expected a reachable institution, got {recipient[:64]!r}")
        self.field = "to"


class MessageConflictError(RejectedError):
    """A message of this id with another content was received before; the first one counts."""

    codespace = "messages"
    code = 7
    kind = "conflict"


class MessageTooLargeError(RejectedError):
    """The message is over the limit; it was neither stored nor sent."""

    codespace = "messages"
    code = 8
    kind = "too_large"


class UnknownKindError(RejectedError):
    """Nobody here handles this kind of message."""

    codespace = "messages"
    code = 9


class PeerUnavailableError(UnavailableError):
    """The other institution does not answer; the message is sent again later."""

    codespace = "messages"
    code = 10


class MessageIdReusedError(InvariantError):
    """This institution gave one id to two different messages; the second was not queued."""

    codespace = "messages"
    code = 11


class MalformedBodyError(RejectedError):
    """The body cannot be written as canonical JSON; it was neither stored nor sent."""

    codespace = "messages"
    code = 12
