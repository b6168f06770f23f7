"""Validate a message: its schemas, then the usage rules."""

from node.messages.iso20022 import schema
from node.messages.iso20022.catalogue import COVERED, family_of, manifest
from node.messages.iso20022.errors import InvalidMessageError, UnknownDefinitionError, UnreadableMessageError
from node.messages.iso20022.limits import FINDINGS_MAX
from node.messages.iso20022.reading import Parts, read
from node.messages.iso20022.report import Finding, Report, Severity, Verdict
from node.messages.iso20022.rules.rule import Subject
from node.messages.iso20022.rules.table import run, told


def validate(data: bytes) -> Report:
    """Judge a message; whatever the bytes are, the answer is a report."""
    try:
        parts = read(data)
    except UnreadableMessageError as error:
        finding = Finding(error.rule, Severity.ERROR, "/", "", error.text)
        # XML of another standard may be right by a schema that is not here.
        schema_verdict = Verdict.NOT_CHECKED if error.rule == "xml.namespace" else Verdict.INVALID
        return Report(None, None, schema_verdict, Verdict.NOT_CHECKED, (finding,))
    return validate_parts(parts)


def require_valid(parts: Parts) -> Report:
    """Return the report of a valid message.

    Raises:
        InvalidMessageError: it is not.
    """
    report = validate_parts(parts)
    if not report.is_valid:
        raise InvalidMessageError(report)
    return report


def validate_parts(parts: Parts) -> Report:
    """Judge a message that was read already."""
    document = parts.document
    header = None if parts.header is None else parts.header.definition
    try:
        broken = list(schema.check(document.element, document.definition))
    except UnknownDefinitionError as error:
        finding = Finding("schema.known", Severity.ERROR, "/", document.definition, error.text)
        return Report(document.definition, header, Verdict.NOT_CHECKED, Verdict.NOT_CHECKED, (finding,))
    if parts.header is not None and parts.header.definition in manifest():
        broken = [*schema.check(parts.header.element, parts.header.definition), *broken]
    by_schema = Verdict.INVALID if broken else Verdict.VALID
    if family_of(document.definition) not in COVERED:
        return Report(document.definition, header, by_schema, Verdict.NOT_CHECKED, tuple(broken))
    # Rules look at a message that its schema refuses too: they may say better what is wrong, and how to repair it.
    errors, warnings, left_out = _judge(Subject(parts))
    usage = Verdict.INVALID if errors else Verdict.VALID
    findings = (*_not_told_better(broken, errors), *errors, *warnings)
    return Report(document.definition, header, by_schema, usage, findings, left_out)


def _judge(subject: Subject) -> tuple[list[Finding], list[Finding], int]:
    """Return errors and warnings, each up to the limit, and how many more there are."""
    kept: dict[Severity, list[Finding]] = {Severity.ERROR: [], Severity.WARNING: []}
    left_out = 0
    for rule, problem in run(subject):
        if len(kept[rule.severity]) < FINDINGS_MAX:
            kept[rule.severity].append(told(rule, problem))
        else:
            left_out += 1
    return kept[Severity.ERROR], kept[Severity.WARNING], left_out


def _not_told_better(broken: list[Finding], errors: list[Finding]) -> list[Finding]:
    """Leave out what the schema says of a value that a rule refuses in plainer words."""
    told_values = {one.xpath for one in errors if one.value}
    return [one for one in broken if not (one.value and one.xpath in told_values)]
