"""What can go wrong with statements and reports."""

from node.errors import RejectedError


class TooManyEntriesError(RejectedError):
    """The day has more entries than one statement holds."""

    codespace = "reports"
    code = 2
    kind = "too_large"
    next_step = "Page through the lines instead: GET /v1/statements/{currency}."

    def __init__(self, most: int) -> None:
        super().__init__(f"day: expected at most {most} entries for one statement, got more")
        self.field = "day"


class FormatLimitError(RejectedError):
    """The statement holds something that the format has no room for."""

    codespace = "reports"
    code = 3
    next_step = "Ask for another format; camt.053 and csv hold every amount."

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"format: expected {expected}, got {got}")
        self.field = "format"
