"""What can go wrong with notices."""

from node.errors import RejectedError, UnavailableError


class NoMailServerError(RejectedError):
    """This node sends no e-mail; nothing was changed."""

    codespace = "notices"
    code = 2
    kind = "conflict"
    next_step = "Choose the console or a webhook, or ask whoever runs the node to set LANDFALL_SMTP_HOST."

    def __init__(self) -> None:
        super().__init__("by_email: expected false, this node has no mail server, got true")
        self.field = "by_email"


class WrongCodeError(RejectedError):
    """The code is not the one that was sent, or not any more; the address is not confirmed."""

    codespace = "notices"
    code = 3
    next_step = (
        "Take the code from the latest e-mail; after five tries or an hour, save the address again for a new one."
    )

    def __init__(self) -> None:
        super().__init__("code: expected the one that was sent to the address within the hour, got another one")
        self.field = "code"


class TooManyCodesError(RejectedError):
    """As many codes were sent as one may have in an hour; none was sent."""

    codespace = "notices"
    code = 4
    kind = "too_many"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("email: expected fewer addresses within an hour, got one more")
        self.field = "email"
        self.retry_after_s = retry_after_s


class UnknownNoticeError(RejectedError):
    """The caller has no such notice."""

    codespace = "notices"
    code = 5
    kind = "not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"notice: expected one of the caller's, got {number}")


class MailServerError(UnavailableError):
    """The mail server did not take an e-mail; it is sent again later."""

    codespace = "notices"
    code = 20
