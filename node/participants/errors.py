"""What can go wrong with institutions and customers."""

from node.errors import RejectedError


class UnknownInstitutionError(RejectedError):
    """The network has no institution of this id."""

    codespace = "participants"
    code = 6
    kind = "not_found"

    def __init__(self, institution_id: str) -> None:
        super().__init__(f"institution: expected one of the network's, got {institution_id[:64]!r}")
        self.field = "institution"


class UnknownCustomerError(RejectedError):
    """This institution has no customer of this id."""

    codespace = "participants"
    code = 7
    kind = "not_found"

    def __init__(self, customer_id: str) -> None:
        super().__init__(f"customer: expected one of this institution's, got {customer_id[:64]!r}")
        self.field = "customer"


class CustomerExistsError(RejectedError):
    """A customer of this id exists with other details; it was left as it was."""

    codespace = "participants"
    code = 8
    kind = "conflict"


class InvalidCustomerError(RejectedError):
    """An id or name is not acceptable; no customer and no key was made."""

    codespace = "participants"
    code = 9


class WrongSignerError(RejectedError):
    """The message speaks for another account than the signer's; nothing was signed."""

    codespace = "participants"
    code = 10


class MessageFormatError(RejectedError):
    """The message lacks a field of its EIP-712 type or has one of the wrong shape; nothing was signed."""

    codespace = "participants"
    code = 11
