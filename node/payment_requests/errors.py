"""What can go wrong with payment requests."""

from node.errors import RejectedError


class PayloadError(RejectedError):
    """The text is no payment request of this network that can be read; nothing was done."""

    codespace = "payment_requests"
    code = 2
    next_step = "Scan the code again, whole; if it is refused again, ask the payee for a new one."

    def __init__(self, where: str, expected: str, got: object) -> None:
        super().__init__(f"payload: {where}: expected {expected}, got {str(got)[:80]}")
        self.field = "payload"


class RequestSignatureError(RejectedError):
    """The request is not signed by the bank it names; do not pay it."""

    codespace = "payment_requests"
    code = 3
    next_step = "Do not pay it. Tell the payee, or its bank, that a false code is about."

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"payload: expected the signature of {expected}, got {got}")
        self.field = "payload"


class RequestExpiredError(RejectedError):
    """The request is past its time; nothing was paid."""

    codespace = "payment_requests"
    code = 4
    kind = "conflict"
    next_step = "Ask the payee for a new code."

    def __init__(self, expired_at: str, now: str) -> None:
        super().__init__(
            f"payload: expected a request that has not expired, got one of until {expired_at}, it is {now}"
        )
        self.field = "payload"


class OtherAmountError(RejectedError):
    """What the payer has agreed to is not what is asked for; nothing was paid."""

    codespace = "payment_requests"
    code = 5
    kind = "conflict"
    next_step = "Read the request again and agree to its amount, or do not pay it."

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"amount: expected {expected}, which the request asks for, got {got}")
        self.field = "amount"


class OwnRequestError(RejectedError):
    """The payer is who asks; nothing was paid."""

    codespace = "payment_requests"
    code = 6

    def __init__(self, owner: str) -> None:
        super().__init__(f"owner: expected another payer than the payee, got {owner}")
        self.field = "owner"


class NotPrintableError(RejectedError):
    """The request cannot be written as a code."""

    codespace = "payment_requests"
    code = 7

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {str(got)[:80]}")
        self.field = field


class UnknownRequestError(RejectedError):
    """There is no such payment request here."""

    codespace = "payment_requests"
    code = 8
    kind = "not_found"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"payment request: expected one of this institution, got {request_id[:80]!r}")
