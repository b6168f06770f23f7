"""What can go wrong with papers, charts and codes."""

from node.errors import InvariantError, RejectedError, UnavailableError


class PaperTooLongError(RejectedError):
    """The paper has more rows than are printed."""

    codespace = "printing"
    code = 2
    kind = "too_large"
    next_step = "Take it as data instead: statements as camt.053, mt940 or csv, anything else as JSON."

    def __init__(self, most: int, got: int) -> None:
        super().__init__(f"rows: expected at most {most} for one paper, got {got}")


class PressUnavailableError(UnavailableError):
    """Nothing can be printed now: the press is busy, took too long, or lacks a library of the system."""

    codespace = "printing"
    code = 3


class PressError(InvariantError):
    """The press refused a paper of our own making."""

    codespace = "printing"
    code = 4
