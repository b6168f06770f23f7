"""Characters: SWIFT's sets x and extended x, and references that every network can carry."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from node.messages.iso20022.report import Severity
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

_SET_X: Final = r"0-9a-zA-Z/\-?:().,'+ "
_EXTENDED: Final = _SET_X + r"!#$%&*=^_`{|}~\";<>@\[\]\\"
_NOT_X: Final = re.compile(f"[^{_SET_X}]", re.ASCII)
_NOT_EXTENDED: Final = re.compile(f"[^{_EXTENDED}]", re.ASCII)

# References, which older networks carry in set x; any other text may use the extended set.
_REFERENCES: Final = frozenset(
    {
        "MsgId",
        "BizMsgIdr",
        "InstrId",
        "EndToEndId",
        "TxId",
        "PmtInfId",
        "OrgnlMsgId",
        "OrgnlInstrId",
        "OrgnlEndToEndId",
        "OrgnlTxId",
        "OrgnlPmtInfId",
        "RtrId",
        "CxlId",
        "StsReqId",
        "CxlStsId",
        "NtryRef",
        "AcctSvcrRef",
        "ClrSysRef",
    }
)
_INSTRUCTION_CHARS_MAX: Final = 16
# Letters that have no decomposition into a Latin letter and a mark.
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
     "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i", "’": "'", "‘": "'", "–": "-", "—": "-", "\u00a0": " "}
)  # fmt: skip


def _outside_set(subject: Subject) -> Iterator[Problem]:
    for name, element in subject.leaves():
        text = element.text
        if not text:
            continue
        is_reference = name in _REFERENCES
        pattern, set_name = (_NOT_X, "x") if is_reference else (_NOT_EXTENDED, "extended x")
        # A line break around a number or a date means nothing; one beside a reference makes it another reference.
        text = text if is_reference else text.strip("\r\n\t")
        found = pattern.search(text)
        if found is not None:
            yield Problem(
                element,
                f"expected SWIFT's character set {set_name}, got {_shown(found[0])} at position {found.start() + 1}",
                # A reference in other letters is another reference: others look for it as it is.
                None if is_reference else _latin(text, pattern),
            )


def _shown(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"{character!r} (U+{ord(character):04X}{', ' + name if name else ''})"


def _latin(text: str, refused: "re.Pattern[str]") -> str | None:
    """Return the text in Latin letters without marks, None where something else remains."""
    # One at a time: putting many marks after one letter in their order takes the square of their number.
    plain = "".join(
        part
        for character in text.translate(_LETTERS)
        for part in unicodedata.normalize("NFKD", character)
        if not unicodedata.combining(part)
    )
    return None if refused.search(plain) else plain


def _slashes(subject: Subject) -> Iterator[Problem]:
    for element in subject.in_document("InstrId"):
        text = subject.text(element) or ""
        if text.startswith("/") or text.endswith("/") or "//" in text:
            yield Problem(element, f"expected no slash at either end and no two in a row, got {text!r}")


def _long_instruction(subject: Subject) -> Iterator[Problem]:
    for element in subject.in_document("InstrId"):
        text = subject.text(element) or ""
        if len(text) > _INSTRUCTION_CHARS_MAX:
            yield Problem(element, f"expected at most {_INSTRUCTION_CHARS_MAX} characters, got {len(text)}")


def _no_instruction(subject: Subject) -> Iterator[Problem]:
    for element in subject.in_document("PmtId"):
        if subject.text(element, "InstrId") is None:
            yield Problem(element, "expected InstrId, the sender's own reference, got none")


def _comments(subject: Subject) -> Iterator[Problem]:
    if subject.comments:
        yield Problem(subject.root, f"expected no XML comments, got {subject.comments}; they are not kept", None, "")


_TRANSFERS: Final = frozenset({"pacs.008", "pacs.009"})

RULES: Final = (
    Rule(
        "text.charset",
        "References use SWIFT's character set x, all other text its extended set.",
        "CBPR+, character sets",
        _outside_set,
    ),
    Rule(
        "reference.slashes",
        "InstrId neither starts nor ends with a slash, nor has two in a row.",
        "CBPR+, field 20 of MT",
        _slashes,
        _TRANSFERS,
    ),
    Rule(
        "reference.length",
        f"InstrId has at most {_INSTRUCTION_CHARS_MAX} characters.",
        "CBPR+, field 20 of MT",
        _long_instruction,
        _TRANSFERS,
        Severity.WARNING,
    ),
    Rule("reference.instruction", "A transfer has InstrId.", "CBPR+", _no_instruction, _TRANSFERS, Severity.WARNING),
    Rule("xml.comment", "There are no comments.", "this node", _comments, severity=Severity.WARNING),
)
