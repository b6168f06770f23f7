"""Postal addresses: structured or hybrid, with town and country, since November 2026."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from node.messages.iso20022.catalogue import COVERED
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.report import Severity
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from lxml.etree import _Element

LINES_MAX: Final = 2
LINE_CHARS_MAX: Final = 70
_SOURCE: Final = "CBPR+ 2026, structured and hybrid addresses"
# Reports may go on with lines only: what they repeat was entered before.
_STRUCTURED: Final = COVERED - {"camt.052", "camt.053", "camt.054"}
# Not NA or XX, which a country or a house may be called.
PLACEHOLDERS: Final = frozenset({"NOTPROVIDED", "NOT PROVIDED", "UNKNOWN", "NOTAVAILABLE", "NOT AVAILABLE", "N/A"})


def _unstructured(subject: Subject) -> Iterator[Problem]:
    for address in subject.named("PstlAdr"):
        if _is_unstructured(subject, address):
            lines = _lines(subject, address)
            yield Problem(
                address,
                "expected TwnNm and Ctry in their own elements, got address lines only",
                _hybrid(subject, address, lines),
                " | ".join(lines),
            )


def _town(subject: Subject) -> Iterator[Problem]:
    yield from _missing(subject, "TwnNm", "the town's name")


def _country(subject: Subject) -> Iterator[Problem]:
    yield from _missing(subject, "Ctry", "a country code of two letters")


def _missing(subject: Subject, name: str, what: str) -> Iterator[Problem]:
    for address in subject.named("PstlAdr"):
        if not _is_unstructured(subject, address) and subject.text(address, name) is None:
            yield Problem(address, f"expected {name}, {what}, got an address without it", None, _told(address))


def _line_count(subject: Subject) -> Iterator[Problem]:
    for address in subject.named("PstlAdr"):
        lines = _lines(subject, address)
        if len(lines) > LINES_MAX and not _is_unstructured(subject, address):
            yield Problem(
                address,
                f"expected at most {LINES_MAX} AdrLine, got {len(lines)}",
                _hybrid(subject, address, lines),
                " | ".join(lines),
            )


def _placeholder(subject: Subject) -> Iterator[Problem]:
    for address in subject.named("PstlAdr"):
        for child in address:
            text = subject.text(child)
            if text is not None and text.upper() in PLACEHOLDERS:
                yield Problem(child, f"expected the address itself, got the placeholder {text!r}; leave it out")


def _repeated(subject: Subject) -> Iterator[Problem]:
    for address in subject.named("PstlAdr"):
        town = subject.text(address, "TwnNm")
        for line in _line_elements(subject, address):
            if town is not None and (subject.text(line) or "").upper() == town.upper():
                yield Problem(
                    line, f"expected what has no element of its own, got the town {town!r} again; leave it out"
                )


def _is_unstructured(subject: Subject, address: "_Element") -> bool:
    has_lines = next(_line_elements(subject, address), None) is not None
    return has_lines and all(local_name(child) in ("AdrLine", "Ctry", "AdrTp") for child in address)


def _line_elements(subject: Subject, address: "_Element") -> Iterator["_Element"]:
    return (child for child in address if local_name(child) == "AdrLine")


def _lines(subject: Subject, address: "_Element") -> tuple[str, ...]:
    return tuple(subject.text(line) or "" for line in _line_elements(subject, address))


def _told(address: "_Element") -> str:
    return ", ".join(f"{local_name(child)} {(child.text or '').strip()}" for child in address if len(child) == 0)


def _hybrid(subject: Subject, address: "_Element", lines: tuple[str, ...]) -> str | None:
    """Return the hybrid form that keeps the lines; None where they do not fit into two."""
    kept = _two_lines(lines)
    if kept is None:
        return None
    town = subject.text(address, "TwnNm")
    country = subject.text(address, "Ctry")
    own = "".join(
        f"<{local_name(child)}>{escape(child.text or '')}</{local_name(child)}>"
        for child in address
        if len(child) == 0 and local_name(child) not in ("TwnNm", "Ctry", "AdrLine")
    )
    return (
        f"<PstlAdr>{own}<TwnNm>{escape(town or '(the town)')}</TwnNm><Ctry>{escape(country or '(its country)')}</Ctry>"
        + "".join(f"<AdrLine>{escape(line)}</AdrLine>" for line in kept)
        + "</PstlAdr>"
        + ("; then take the town out of the lines" if town is None else "")
    )


def _two_lines(lines: tuple[str, ...]) -> tuple[str, ...] | None:
    if len(lines) <= LINES_MAX:
        return lines
    if sum(map(len, lines)) > LINES_MAX * LINE_CHARS_MAX:
        return None
    for split in range(1, len(lines)):
        halves = ", ".join(lines[:split]), ", ".join(lines[split:])
        if all(len(half) <= LINE_CHARS_MAX for half in halves):
            return halves
    return None


RULES: Final = (
    Rule(
        "address.unstructured",
        "A postal address is not lines only: town and country have their own elements.",
        _SOURCE,
        _unstructured,
        _STRUCTURED,
    ),
    Rule("address.town", "A postal address has TwnNm.", _SOURCE, _town, _STRUCTURED),
    Rule("address.country", "A postal address has Ctry.", _SOURCE, _country, _STRUCTURED),
    Rule("address.lines", f"A postal address has at most {LINES_MAX} AdrLine.", _SOURCE, _line_count, _STRUCTURED),
    Rule("address.placeholder", "No element of an address says only that it is not provided.", _SOURCE, _placeholder),
    Rule("address.repeated", "An AdrLine does not repeat the town.", _SOURCE, _repeated, severity=Severity.WARNING),
)
