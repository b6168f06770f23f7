"""What can go wrong with the books."""

from node.errors import InvariantError, RejectedError


class UnbalancedEntryError(InvariantError):
    """Debits and credits of an entry differ; it was not booked."""

    codespace = "ledger"
    code = 6


class NegativeBalanceError(InvariantError):
    """Money was booked away that the books do not have: books and chain disagree. Reconcile before going on."""

    codespace = "ledger"
    code = 7


class BrokenBooksError(InvariantError):
    """The stored books contradict themselves."""

    codespace = "ledger"
    code = 8


class UnknownOwnerError(RejectedError):
    """No books are kept for this owner."""

    codespace = "ledger"
    code = 9
    kind = "not_found"

    def __init__(self, owner: str) -> None:
        super().__init__(f"owner: expected this institution or one of its customers, got {owner[:64]!r}")
        self.field = "owner"


class UnknownCurrencyError(RejectedError):
    """The network has no token of this currency."""

    codespace = "ledger"
    code = 10
    kind = "not_found"

    def __init__(self, currency: str, known: tuple[str, ...]) -> None:
        super().__init__(f"currency: expected one of {', '.join(known)}, got {currency[:16]!r}")
        self.field = "currency"


class UnknownEntryError(RejectedError):
    """There is no such entry, or it was corrected already."""

    codespace = "ledger"
    code = 11
    kind = "not_found"


class PageError(RejectedError):
    """The page asked for is larger than allowed."""

    codespace = "ledger"
    code = 12

    def __init__(self, limit: int, limit_max: int) -> None:
        super().__init__(f"limit: expected 1 to {limit_max}, got {limit}")
        self.field = "limit"


class NotBookedError(RejectedError):
    """No entry of this transaction pays this account this amount; no memo was added."""

    codespace = "ledger"
    code = 13
    kind = "not_found"


class NotIssuerError(RejectedError):
    """Only a currency's own issuer answers requests for it; nothing was ordered."""

    codespace = "ledger"
    code = 14
    kind = "forbidden"

    def __init__(self, institution: str, currency: str) -> None:
        super().__init__(f"currency: expected one that {institution} issues, got {currency[:16]!r}")
        self.field = "currency"


class NotEligibleError(RejectedError):
    """The institution has no role that may order this; nothing was ordered."""

    codespace = "ledger"
    code = 16
    kind = "forbidden"

    def __init__(self, institution: str, roles: tuple[str, ...], expected: str = "bank or fx_provider") -> None:
        super().__init__(f"{institution}: expected the role {expected}, got {', '.join(roles)}")


class IssuanceStateError(RejectedError):
    """The request is not open, so it cannot be answered; nothing was ordered."""

    codespace = "ledger"
    code = 17
    kind = "conflict"

    def __init__(self, request: str, state: str) -> None:
        super().__init__(f"issuance request {request[:16]}: expected it to be open, got {state}")


class FreezeStateError(RejectedError):
    """The order is not in force, so it cannot be lifted; nothing was ordered."""

    codespace = "ledger"
    code = 18
    kind = "conflict"

    def __init__(self, currency: str, number: int, state: str) -> None:
        super().__init__(f"freeze order {currency}/{number}: expected it to be in force, got {state}")


class PurposeNameError(RejectedError):
    """A purpose cannot be called that; nothing was ordered."""

    codespace = "ledger"
    code = 19

    def __init__(self, name: str) -> None:
        super().__init__(f"purpose: expected 1 to 32 of a-z, 0-9 and -, got {name[:80]!r}")
        self.field = "purpose"


class UnknownPurposeError(RejectedError):
    """The network has no purpose of this name; its owner has to define it first. Nothing was ordered."""

    codespace = "ledger"
    code = 20
    kind = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"purpose: expected one that a bank or central bank has defined, got {name[:80]!r}")
        self.field = "purpose"


class PurposeOwnerError(RejectedError):
    """The purpose is another institution's; only its owner keeps its list, and its name is taken."""

    codespace = "ledger"
    code = 21
    kind = "forbidden"

    def __init__(self, name: str, owner: str, got: str) -> None:
        super().__init__(f"purpose {name}: expected its owner {owner} to ask, or another name, got {got}")
        self.field = "purpose"


class PayeeError(RejectedError):
    """The payee is nobody this institution knows; nothing was ordered."""

    codespace = "ledger"
    code = 15

    def __init__(self, payee: str) -> None:
        super().__init__(
            f"payee: expected an address (0x and 40 hex digits), an institution or an own customer, got {payee[:64]!r}"
        )
        self.field = "payee"


class CutOffError(RejectedError):
    """There is no such time of day, or no such time zone; nothing was changed."""

    codespace = "ledger"
    code = 40

    def __init__(self, at: str, zone: str) -> None:
        super().__init__(
            f"zone: expected a time and an IANA zone, `16:00` and `Africa/Nairobi`, got {at!r} {zone[:64]!r}"
        )
        self.field = "zone"


class DayError(RejectedError):
    """There is no statement or report of this day."""

    codespace = "ledger"
    code = 41
    next_step = "Ask for a business day that is over; of the running day there are balances and the list of lines."

    def __init__(self, day: str, expected: str) -> None:
        super().__init__(f"day: expected {expected}, got {day}")
        self.field = "day"


class OrderedAlreadyError(RejectedError):
    """What has this id was paid here already, or is being paid; nothing more was ordered."""

    codespace = "ledger"
    code = 42
    kind = "conflict"
    next_step = "Look at the payment of this id; only one that has failed can be ordered again."

    def __init__(self, order_id: str, state: str) -> None:
        super().__init__(f"payment {order_id}: expected one that was not ordered yet, got one that is {state}")
