"""What can go wrong with quotes: the caller, the outside, ourselves."""

from typing import ClassVar

from node import errors


class RejectedError(errors.RejectedError):
    """The caller is at fault; nothing was changed. `field` is the path of the value that must change."""

    codespace: ClassVar[str] = "quotes"
    code: ClassVar[int] = 3

    def __init__(self, field: str, expected: str, got: object) -> None:
        text = got if isinstance(got, str) else repr(got)
        super().__init__(f"{field}: expected {expected}, got {text if len(text) <= 120 else text[:117] + '...'}")
        self.field = field
        self.expected = expected
        self.got = got


class UnavailableError(errors.UnavailableError):
    """Something outside does not answer; the same call may succeed later."""

    codespace: ClassVar[str] = "quotes"
    code: ClassVar[int] = 4


class InvariantError(errors.InvariantError):
    """This code contradicts itself or the chain: stop, keep the evidence, do not retry."""

    codespace: ClassVar[str] = "quotes"
    code: ClassVar[int] = 5


class MessageRejectedError(RejectedError):
    """A request, quote or report from another institution is malformed or not what it says; it has no effect."""

    code = 6


class UnknownRequestError(RejectedError):
    """This institution asked for no quotes under this id."""

    code = 7
    kind = "not_found"

    def __init__(self, request_id: str) -> None:
        super().__init__("request", "a request for quotes of this institution", request_id)


class RequestConflictError(RejectedError):
    """The id belongs to a request for something else; that one stays as it is."""

    code = 8
    kind = "conflict"


class NoQuoteError(RejectedError):
    """No firm quote covers the amount now: none came, or all have expired. Ask again."""

    code = 9
    kind = "conflict"


class QuoteExpiredError(RejectedError):
    """The quote's time is over by ledger time. Ask for a new one."""

    code = 10
    kind = "conflict"


class QuoteRefusedError(RejectedError):
    """The quote is live, but this bank does not take it: nothing stands behind it, or it is too far below the median.

    Another quote of the same request may do; else ask again.
    """

    code = 11
    kind = "conflict"


class UnknownQuoteError(RejectedError):
    """No firm quote of this digest came to this institution."""

    code = 12
    kind = "not_found"

    def __init__(self, digest: bytes) -> None:
        super().__init__("quote", "the digest of a quote that came here", "0x" + digest.hex())


class UnknownCurrencyError(RejectedError):
    """The network has no such currency, so nobody quotes it."""

    code = 40
    kind = "not_found"

    def __init__(self, currency: str, known: tuple[str, ...]) -> None:
        super().__init__("currency", f"one of {', '.join(known)}", currency)
