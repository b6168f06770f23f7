"""What can go wrong before a request reaches a slice."""

from node.errors import RejectedError


class UnauthenticatedError(RejectedError):
    """The request carries no bearer token, or one this node did not issue; nothing was done."""

    codespace = "web"
    code = 6
    kind = "unauthenticated"


class ForbiddenError(RejectedError):
    """The caller is known and may not do this; nothing was done."""

    codespace = "web"
    code = 7
    kind = "forbidden"


class IdempotencyKeyMissingError(RejectedError):
    """A request that changes something needs an Idempotency-Key, so that it can be repeated safely."""

    codespace = "web"
    code = 8
    kind = "malformed"

    def __init__(self, got: str) -> None:
        super().__init__(
            f"Idempotency-Key: expected 1 to 128 printable characters of your own choice in this header, got {got}"
        )
        self.field = "Idempotency-Key"


class IdempotencyKeyReusedError(RejectedError):
    """The key was used for another request; that one took effect, this one did nothing."""

    codespace = "web"
    code = 9

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key: expected a new key for a new request, got {key!r} used for another one")
        self.field = "Idempotency-Key"


class BodyTooLargeError(RejectedError):
    """The body is over the limit; it was not read."""

    codespace = "web"
    code = 10
    kind = "too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"body: expected at most {limit_bytes} bytes, got more; send documents by their hash")


class BodyTooDeepError(RejectedError):
    """The JSON is nested too deeply; it was not parsed."""

    codespace = "web"
    code = 11

    def __init__(self, depth_max: int) -> None:
        super().__init__(f"body: expected JSON of at most {depth_max} levels, got more")


class RequestFormatError(RejectedError):
    """The request does not have the form that the API documents; nothing was done."""

    codespace = "web"
    code = 12

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {got!r:.80}")
        self.field = field


class NoSuchRouteError(RejectedError):
    """There is nothing at this address."""

    codespace = "web"
    code = 13
    kind = "not_found"


class MethodError(RejectedError):
    """The address exists, the method does not."""

    codespace = "web"
    code = 14
    kind = "malformed"
