"""What can go wrong with webhooks."""

from node.errors import RejectedError


class UnknownEndpointError(RejectedError):
    """The caller has no such endpoint."""

    codespace = "webhooks"
    code = 2
    kind = "not_found"

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(f"webhook: expected one of the caller's, got {endpoint_id[:64]!r}")


class UnknownDeliveryError(RejectedError):
    """The endpoint has no such delivery."""

    codespace = "webhooks"
    code = 3
    kind = "not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"delivery: expected one of the webhook's, got {number}")


class AddressRefusedError(RejectedError):
    """The address is not one that this node sends webhooks to; nothing was sent."""

    codespace = "webhooks"
    code = 4
    next_step = "Give an https address on the public internet, or ask whoever runs the node to allow its network."

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"url: expected {expected}, got {got[:200]}")
        self.field = "url"


class TooManyError(RejectedError):
    """There are as many endpoints or keys as there may be; none was added."""

    codespace = "webhooks"
    code = 5
    kind = "conflict"

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"{what}: expected at most {most}, got one more; delete one that is not used any more")


class StillQueuedError(RejectedError):
    """The delivery is on its way; it was left as it is."""

    codespace = "webhooks"
    code = 6
    kind = "conflict"

    def __init__(self, number: int) -> None:
        super().__init__(f"delivery: expected one that has ended, got {number}, which is still tried")
