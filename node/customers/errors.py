"""What can go wrong between a stranger and a customer, and back."""

from node.errors import RejectedError


class UnknownApplicationError(RejectedError):
    """There is no such application here, or no such document of it."""

    codespace = "customers"
    code = 6
    kind = "not_found"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what}: expected one of this institution, got {name[:80]!r}")


class ApplicationStateError(RejectedError):
    """The application is in another state; nothing was changed."""

    codespace = "customers"
    code = 7
    kind = "conflict"

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"application: expected one that is {expected}, got one that is {got}")


class SamePersonError(RejectedError):
    """Whoever wrote or submitted an application never decides about it; another person has to."""

    codespace = "customers"
    code = 8
    kind = "forbidden"

    def __init__(self) -> None:
        super().__init__("application: expected another person than those who wrote it to decide, got one of them")


class IncompleteError(RejectedError):
    """The application lacks something; nothing was changed."""

    codespace = "customers"
    code = 9

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"application: expected {', '.join(missing)} before it is submitted, got none")
        self.field = missing[0]


class DocumentFormatError(RejectedError):
    """The document is not what it says it is, or is of no kind that is taken; nothing was stored."""

    codespace = "customers"
    code = 10

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"document: expected {expected}, got {got[:120]}")
        self.field = "document"


class TooManyError(RejectedError):
    """There are too many of them; nothing was stored."""

    codespace = "customers"
    code = 11
    kind = "too_many"


class ObstacleError(RejectedError):
    """Something stands in the way of ending or forgetting a customer; nothing was changed."""

    codespace = "customers"
    code = 12
    kind = "conflict"

    def __init__(self, customer_id: str, obstacles: list[str]) -> None:
        super().__init__(f"customer {customer_id}: expected nothing in the way, got {'; '.join(obstacles)}")
        self.obstacles = obstacles


class ExportTooLargeError(RejectedError):
    """What is known about the customer does not fit into one file; ask the operator for a copy in parts."""

    codespace = "customers"
    code = 13
    kind = "too_large"
