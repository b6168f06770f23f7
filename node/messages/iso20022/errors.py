"""What can go wrong with an ISO 20022 message."""

from typing import TYPE_CHECKING

from node.errors import InvariantError, RejectedError

if TYPE_CHECKING:
    from node.messages.iso20022.report import Report


class UnreadableMessageError(RejectedError):
    """The bytes are not XML that this node reads; nothing was looked at. `rule` names what was broken."""

    codespace = "iso20022"
    code = 6
    kind = "malformed"

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"message: {text}")
        self.rule = rule
        self.text = text
        self.field = "message"


class OversizedMessageError(UnreadableMessageError):
    """The message is over a limit of `limits.py`."""

    code = 7
    kind = "too_large"


class UnknownDefinitionError(RejectedError):
    """This node has no schema of this message; the text says which it has."""

    codespace = "iso20022"
    code = 8

    def __init__(self, got: str, known: str) -> None:
        self.text = f"{got[:80]} is not known here; {known}"
        super().__init__(f"message: {self.text}")
        self.field = "message"


class InvalidMessageError(RejectedError):
    """The message breaks its schema or a usage rule; `report` has each finding."""

    codespace = "iso20022"
    code = 9

    def __init__(self, report: "Report") -> None:
        first = report.errors[0]
        more = f"; and {len(report.errors) - 1} more" if len(report.errors) > 1 else ""
        super().__init__(f"{report.definition or 'message'}: {first.rule} at {first.xpath}: {first.text}{more}")
        self.report = report
        self.field = "message"


class UnsupportedContentError(RejectedError):
    """The message is valid, and holds what this node does not read or write (many transactions, another version)."""

    codespace = "iso20022"
    code = 10

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {str(got)[:80]}")
        self.field = field


class DamagedSchemaError(InvariantError):
    """A schema of the package is not the one of the manifest: install the package again."""

    codespace = "iso20022"
    code = 11
