"""What can go wrong between a person's form and the API."""

from typing import Any

from node.errors import REJECTED, RejectedError, problem_json

_KINDS = {row.http_status: kind for kind, row in REJECTED.items()}


class RefusalError(RejectedError):
    """The API has refused a request that a page sent; nothing was done.

    It keeps the API's document, so that the page says the same beside the same field.
    """

    codespace = "web"
    code = 79

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail", "")))
        self.problem = problem
        self.field: str | None = problem.get("field")
        # The page answers as the API did.
        codespace, _, code = str(problem.get("code", "")).partition("/")
        kind = _KINDS.get(self.status, "invalid")
        vars(self).update(kind=kind)
        self.next_step = str(problem.get("next_step", REJECTED[kind].next_step))
        """What a person can do."""
        if code.isdigit():
            vars(self).update(codespace=codespace, code=int(code))

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
