"""What can go wrong with the database."""

from node.errors import InvariantError, RejectedError, UnavailableError


class SchemaError(InvariantError):
    """The database's tables are not those of this program; it was not opened."""

    codespace = "storage"
    code = 6


class NestedTransactionError(InvariantError):
    """A transaction was opened inside another on the same thread; the inner one could never commit."""

    codespace = "storage"
    code = 7


class DatabaseBusyError(UnavailableError):
    """Another writer holds the database for too long, or the disk refuses; nothing was committed."""

    codespace = "storage"
    code = 8


class UnknownRowError(RejectedError):
    """There is no row of this number."""

    codespace = "storage"
    code = 9
    kind = "not_found"

    def __init__(self, table: str, row: object) -> None:
        super().__init__(f"{table}: expected a row that exists, got {row}")


class UnstorableError(RejectedError):
    """A value is one that the database cannot hold, text with a NUL for instance; nothing was changed."""

    codespace = "storage"
    code = 40
