"""What can go wrong with the audit log."""

from node.errors import InvariantError, RejectedError


class TamperedError(RejectedError):
    """An entry or a signed head is not what was written; nothing after the named place can be relied on."""

    codespace = "audit"
    code = 6

    def __init__(self, place: str, expected: object, got: object) -> None:
        super().__init__(f"{place}: expected {expected}, got {got}; keep this file, and compare it with older exports")
        self.place = place


class AuditFileError(RejectedError):
    """The file is not an export of an audit log, or is over a limit; nothing was concluded."""

    codespace = "audit"
    code = 7
    kind = "malformed"


class BrokenLogError(InvariantError):
    """The log in the database does not continue where it ended; nothing more may be done until someone has looked."""

    codespace = "audit"
    code = 8
