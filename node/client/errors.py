"""What can go wrong with a call of the API."""

from typing import Any, ClassVar


class RejectedError(Exception):
    """The call was refused; nothing was changed."""

    codespace: ClassVar[str] = "client"
    code: ClassVar[int] = 2


class UnavailableError(Exception):
    """The node did not answer, or not in time; the same call may be repeated with the same key."""

    codespace: ClassVar[str] = "client"
    code: ClassVar[int] = 20


class CredentialsError(RejectedError):
    """The node did not take the program's credentials; ask its operator."""

    code: ClassVar[int] = 4


class ProblemError(RejectedError):
    """The node's own words (problem+json)."""

    code: ClassVar[int] = 3

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", problem)))
        self.status = int(problem.get("status", 0))
        self.problem_code = str(problem.get("code", ""))
        self.field = problem.get("field")
        self.next_step = str(problem.get("next_step", ""))
