"""What can go wrong between a person's form and the API."""

from typing import Any

from node.errors import REJECTED, RejectedError, problem_json

_CHANGED = REJECTED["changed"].http_status


class RefusalError(RejectedError):
    """The API has not done what a page asked for.

    It keeps the API's document, so that the page says the same beside the same field, and answers as the API did.
    """

    codespace = "web"
    code = 79

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.problem = problem
        self.field: str | None = problem.get("field")
        self.next_step = str(problem.get("next_step", REJECTED[self.kind].next_step))
        """What a person can do."""

    @classmethod
    def of(cls, error: RejectedError) -> "RefusalError":
        """Return the refusal that the API would have answered with."""
        return error if isinstance(error, RefusalError) else cls(problem_json(error, ""))

    @classmethod
    def of_field(cls, field: str, detail: str) -> "RefusalError":
        """Return the refusal of a form's field."""
        return cls({"status": 422, "detail": detail, "field": field})

    @property
    def detail(self) -> str:
        """What was expected, what was got, and the way out."""
        return str(self)

    @property
    def status(self) -> int:
        """HTTP status of the API's answer."""
        return int(self.problem.get("status", 422))

    @property
    def name(self) -> str:
        """The error's codespace and code, `trades/12`; empty where the page itself refuses."""
        return str(self.problem.get("code", ""))

    @property
    def is_change(self) -> bool:
        """Tell whether what was decided about is no longer what the person saw."""
        return self.status == _CHANGED

    def document(self, instance: str) -> dict[str, Any]:
        """Return the problem as a document about the page that met it."""
        return problem_json(self, instance) | self.problem | {"instance": instance}


class ApiAwayError(RejectedError):
    """The API could not answer a page now; the same may succeed later."""

    codespace = "web"
    code = 80
    kind = "conflict"


class UploadRefusedError(RejectedError):
    """A file is not what its field takes; it was not looked at further."""

    codespace = "web"
    code = 81

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got}")
        self.field = field


class FormFieldError(RejectedError):
    """A field of a form cannot be read; nothing was done."""

    codespace = "web"
    code = 82

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {got[:80]!r}")
        self.field = field
