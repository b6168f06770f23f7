"""What can go wrong with a message."""

from node.errors import InvariantError, RejectedError, UnavailableError


class UnknownRecipientError(RejectedError):
    """The network has no institution of this id; nothing was sent."""

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
    """The other institution does not answer, or asks to wait; the message is sent again later."""

    codespace = "messages"
    code = 10

    def __init__(self, text: str, *, is_unanswered: bool = False) -> None:
        """`is_unanswered`: the message was sent, and nobody knows whether it arrived."""
        super().__init__(text)
        self.is_unanswered = is_unanswered


class MessageIdReusedError(InvariantError):
    """This institution gave one id to two different messages; the second was not queued."""

    codespace = "messages"
    code = 11


class MalformedBodyError(RejectedError):
    """The body cannot be written or read as canonical JSON; it was neither stored nor sent."""

    codespace = "messages"
    code = 12


class RefusedByPeerError(RejectedError):
    """The recipient has signed that it will not take the message; a person decides what to do."""

    codespace = "messages"
    code = 13

    def __init__(self, reason: str, text: str, acknowledgement: bytes) -> None:
        super().__init__(f"recipient: expected it to store the message, got a refusal, {reason}: {text or 'no words'}")
        self.reason = reason
        self.acknowledgement = acknowledgement


class UetrUsedError(RejectedError):
    """The sender has sent a message of this kind for this UETR before: a second one would pay twice."""

    codespace = "messages"
    code = 14
    kind = "conflict"

    def __init__(self, kind: str, uetr: str, message_id: str) -> None:
        super().__init__(f"uetr: expected one {kind} for {uetr}, got another after message {message_id}")
        self.field = "uetr"


class InboxFullError(UnavailableError):
    """Too many messages wait here to be handled; the sender has to wait."""

    codespace = "messages"
    code = 15


class OutboxFullError(UnavailableError):
    """Too many messages wait for this recipient; nothing was queued."""

    codespace = "messages"
    code = 16

    def __init__(self, recipient: str, waiting_max: int) -> None:
        super().__init__(
            f"to: expected fewer than {waiting_max} messages waiting for {recipient}, got as many; "
            "look why it does not take them, or try again later"
        )
        self.field = "to"


class PeerNotReadyError(UnavailableError):
    """This institution does not know the other one's keys now; the message waits for its papers."""

    codespace = "messages"
    code = 17

    def __init__(self, institution_id: str, status: str) -> None:
        super().__init__(f"{institution_id}: expected an active institution with keys, got {status}; import its papers")


class PeerSuspendedError(RejectedError):
    """The sender may not take part: the governor has suspended it, or its key is revoked."""

    codespace = "messages"
    code = 18
    kind = "forbidden"

    def __init__(self, institution_id: str, status: str) -> None:
        super().__init__(f"sender: expected an active institution, got {institution_id}, which is {status}")


class WrongCertificateError(RejectedError):
    """Who speaks does not show a certificate of the sender's document; nothing was read."""

    codespace = "messages"
    code = 19
    kind = "forbidden"

    def __init__(self, lei: str) -> None:
        super().__init__(f"certificate: expected one of the participant document of {lei[:64]!r}, got another")


class NotHostedError(RejectedError):
    """The envelope is for an institution that is not here; nothing was read."""

    codespace = "messages"
    code = 20
    kind = "not_found"

    def __init__(self, lei: str) -> None:
        super().__init__(f"recipient: expected an institution of this node, got {lei[:64]!r}")


class EnvelopeRequestError(RejectedError):
    """The request is not one that delivers an envelope; nothing was read."""

    codespace = "messages"
    code = 21
    kind = "malformed"


class UnknownMessageError(RejectedError):
    """This institution has neither sent nor received such a message."""

    codespace = "messages"
    code = 22
    kind = "not_found"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"message: expected one that was sent or received here, got {message_id[:64]!r}")


class NotDeadError(RejectedError):
    """The message is no dead letter: it was left as it is."""

    codespace = "messages"
    code = 23
    kind = "conflict"

    def __init__(self, message_id: str, state: str) -> None:
        super().__init__(f"message: expected a dead or refused one, got {message_id[:64]!r}, which is {state}")


class NotCorrectableError(RejectedError):
    """The message is not one whose words this institution may change; nothing was done."""

    codespace = "messages"
    code = 40
    kind = "conflict"
    next_step = "Send it again as it is, or reject it with a reason; whoever wrote it can send another one."


class CertificateFileError(RejectedError):
    """The TLS certificate or its key cannot be used; the node did not start. Correct or remove the file."""

    codespace = "messages"
    code = 24


class WrongDocumentError(RejectedError):
    """The ISO 20022 document is not what its message says: of another kind, or about another payment."""

    codespace = "messages"
    code = 25

    def __init__(self, field: str, expected: str | None, got: str | None) -> None:
        super().__init__(f"{field}: expected {expected}, as the message says, got {got} in the document")
        self.field = field
