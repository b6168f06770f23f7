"""What validation says of a message: two verdicts, and each finding in plain words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An error refuses the message; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Verdict(StrEnum):
    """Of the schema or of the usage rules."""

    VALID = "valid"
    INVALID = "invalid"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or will be."""

    rule: str
    """A rule of docs/spec/messages.md."""
    severity: Severity
    xpath: str
    """Where, from the message's root; names without prefixes."""
    value: str
    """What stands there, shortened; empty where something is missing."""
    text: str
    repair: str | None = None
    """What to write instead, where that is safe to propose."""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts on one message."""

    definition: str | None
    """Such as pacs.008.001.08; None where the bytes could not be read so far."""
    header: str | None
    """The business application header's version; None where there is none."""
    schema: Verdict
    usage: Verdict
    findings: tuple[Finding, ...]
    left_out: int = 0
    """Findings beyond the limit."""

    @property
    def is_valid(self) -> bool:
        return self.schema is Verdict.VALID and self.usage is not Verdict.INVALID

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    def plain(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "verdict": "valid" if self.is_valid else "invalid",
            "definition": self.definition,
            "header": self.header,
            "schema": str(self.schema),
            "usage": str(self.usage),
            "findings": [
                {
                    "rule": one.rule,
                    "severity": str(one.severity),
                    "xpath": one.xpath,
                    "value": one.value,
                    "text": one.text,
                    "repair": one.repair,
                }
                for one in self.findings
            ],
            "left_out": self.left_out,
        }
