"""A payment's frame: settlement, charge bearer, number of transactions, dates, reasons, duplicates."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from node.messages.iso20022.catalogue import in_force
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.report import Severity
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from lxml.etree import _Element

_METHODS: Final = {
    "pacs.008": ("INDA", "INGA", "COVE"),
    "pacs.009": ("INDA", "INGA"),
    "pacs.004": ("INDA", "INGA"),
}
_BEARERS: Final = ("DEBT", "CRED", "SHAR")
_REIMBURSING: Final = ("InstgRmbrsmntAgt", "InstdRmbrsmntAgt", "ThrdRmbrsmntAgt")
_MDR: Final = "ISO 20022, SettlementMethod rules"
_TRANSACTION: Final = {
    "pacs.008": "CdtTrfTxInf",
    "pacs.009": "CdtTrfTxInf",
    "pacs.002": "TxInfAndSts",
    "pacs.004": "TxInf",
    "pacs.028": "TxInf",
    "camt.056": "TxInf",
    "pain.001": "CdtTrfTxInf",
}
# Message -> (where the reason belongs, its path, the status that needs it or None for always).
_REASONS: Final = {
    "pacs.002": ("TxInfAndSts", "StsRsnInf/Rsn", ("TxSts", "RJCT")),
    "pain.002": ("TxInfAndSts", "StsRsnInf/Rsn", ("TxSts", "RJCT")),
    "pacs.004": ("TxInf", "RtrRsnInf/Rsn", None),
    "camt.056": ("TxInf", "CxlRsnInf/Rsn", None),
}
_UNIQUE: Final = ("InstrId", "TxId", "UETR")
_OWN_IDS: Final = (("PmtInf", "PmtInfId"), ("Ntry", "NtryRef"), ("Stmt", "Id"), ("Rpt", "Id"), ("Ntfctn", "Id"))
_TIMES: Final = (
    "CreDtTm",
    "CreDt",
    "AccptncDtTm",
    "OrgnlCreDtTm",
    "DtTm",
    "DbtDtTm",
    "CdtDtTm",
    "FrDtTm",
    "ToDtTm",
)


def _method(subject: Subject) -> Iterator[Problem]:
    allowed = _METHODS[subject.family]
    # That of a return's original (OrgnlTxRef) is another payment's.
    for header in subject.in_document("GrpHdr"):
        element = subject.child(header, "SttlmInf/SttlmMtd")
        text = subject.text(element)
        if element is not None and text not in allowed:
            yield Problem(element, f"expected {_either(allowed)}, got {text or 'none'}")


def _settlement(subject: Subject) -> Iterator[Problem]:
    for information in subject.in_document("SttlmInf"):
        method = subject.text(information, "SttlmMtd")
        reimbursing = [name for name in _REIMBURSING if subject.child(information, name) is not None]
        if method in ("INDA", "INGA"):
            yield from _unwanted(subject, information, method, (*reimbursing, "ClrSys"))
        if method == "COVE":
            yield from _unwanted(subject, information, method, ("SttlmAcct", "ClrSys"))
            if not {"InstgRmbrsmntAgt", "InstdRmbrsmntAgt"}.intersection(reimbursing):
                yield Problem(
                    information, "expected InstgRmbrsmntAgt or InstdRmbrsmntAgt, since SttlmMtd is COVE, got neither"
                )
        if method == "CLRG":
            yield from _unwanted(subject, information, method, ("SttlmAcct", *reimbursing))
        if "ThrdRmbrsmntAgt" in reimbursing and len(reimbursing) < len(_REIMBURSING):
            yield Problem(
                information, "expected InstgRmbrsmntAgt and InstdRmbrsmntAgt beside ThrdRmbrsmntAgt, got one less"
            )


def _unwanted(subject: Subject, parent: "_Element", method: str, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        element = subject.child(parent, name)
        if element is not None:
            yield Problem(element, f"expected no {name}, since SttlmMtd is {method}, got one")


def _settlement_date(subject: Subject) -> Iterator[Problem]:
    header = next(subject.in_document("GrpHdr"), None)
    common = None if header is None else subject.child(header, "IntrBkSttlmDt")
    for transaction in subject.in_document(_TRANSACTION[subject.family]):
        own = subject.child(transaction, "IntrBkSttlmDt")
        if (own is None) is (common is None):
            got = "none" if own is None else "both"
            yield Problem(
                transaction, f"expected IntrBkSttlmDt once, in the transaction or the group header, got {got}"
            )


def _bearer(subject: Subject) -> Iterator[Problem]:
    for element in subject.in_document("ChrgBr"):
        text = subject.text(element)
        if text not in _BEARERS:
            yield Problem(element, f"expected {_either(_BEARERS)}, got {text or 'none'}")


def _creditor_bears(subject: Subject) -> Iterator[Problem]:
    for transaction in subject.in_document("CdtTrfTxInf"):
        if subject.text(transaction, "ChrgBr") == "CRED" and subject.child(transaction, "ChrgsInf") is None:
            yield Problem(
                transaction, "expected ChrgsInf (zero where nothing was taken), since ChrgBr is CRED, got none"
            )


def _count(subject: Subject) -> Iterator[Problem]:
    actual = sum(1 for _ in subject.in_document(_TRANSACTION[subject.family]))
    for header in subject.in_document("GrpHdr"):
        element = subject.child(header, "NbOfTxs")
        text = subject.text(element)
        if element is not None and text is not None and text.lstrip("0") != str(actual).lstrip("0"):
            # No repair: which of the two is wrong, the count or the transactions, the sender alone knows.
            yield Problem(element, f"expected NbOfTxs {actual}, the transactions there are, got {text}")


def _single(subject: Subject) -> Iterator[Problem]:
    found = list(subject.in_document(_TRANSACTION[subject.family]))
    if len(found) != 1:
        yield Problem(
            found[1] if found else subject.root,
            f"expected one transaction in a message, got {len(found)}"
            + ("; send each in a message of its own" if found else ""),
            None,
            "",
        )


def _reason(subject: Subject) -> Iterator[Problem]:
    carrier, path, when = _REASONS[subject.family]
    for transaction in subject.in_document(carrier):
        if when is not None and subject.text(transaction, when[0]) != when[1]:
            continue
        if subject.child(transaction, path) is None:
            since = "" if when is None else f", since {when[0]} is {when[1]}"
            yield Problem(transaction, f"expected a reason, {path}{since}, got none")


def _status(subject: Subject) -> Iterator[Problem]:
    for transaction in subject.in_document("TxInfAndSts"):
        if subject.text(transaction, "TxSts") is None:
            yield Problem(transaction, "expected TxSts, the transaction's status, got none")


def _duplicates(subject: Subject) -> Iterator[Problem]:
    for name in _UNIQUE:
        inside = (element for ids in subject.in_document("PmtId") for element in ids if local_name(element) == name)
        yield from _repeated(subject, name, inside)
    for name, path in _OWN_IDS:
        ids = (subject.child(one, path) for one in subject.in_document(name))
        yield from _repeated(subject, f"{name}/{path}", (one for one in ids if one is not None))


def _repeated(subject: Subject, name: str, elements: Iterator["_Element"]) -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    for element in elements:
        text = subject.text(element)
        if text is None:
            continue
        seen[text] += 1
        if seen[text] == 2:
            yield Problem(element, f"expected each {name} once in a message, got {text!r} again")


def _offset(subject: Subject) -> Iterator[Problem]:
    for element, text in _instants(subject):
        if "T" in text and not text.endswith("Z") and "+" not in text and "-" not in text.partition("T")[2]:
            yield Problem(element, f"expected a time with its offset from UTC, such as {text}+00:00, got a local time")


def _zulu(subject: Subject) -> Iterator[Problem]:
    for element, text in _instants(subject):
        if text.endswith("Z"):
            yield Problem(element, "expected the offset in digits, got Z", text[:-1] + "+00:00")


def _instants(subject: Subject) -> Iterator[tuple["_Element", str]]:
    for element in subject.named(*_TIMES):
        text = subject.text(element)
        if text is not None:
            yield element, text


def _version(subject: Subject) -> Iterator[Problem]:
    expected = in_force(subject.family)
    if expected is not None and subject.definition != expected:
        yield Problem(subject.root, f"expected {expected}, the version in force, got {subject.definition}", None, "")


def _either(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"


_SETTLING: Final = frozenset(_METHODS)
_SINGLE: Final = frozenset(_TRANSACTION) - {"pain.001"}

RULES: Final = (
    Rule(
        "settlement.method",
        "pacs.008 settles by INDA, INGA or COVE; pacs.009 and pacs.004 by INDA or INGA.",
        "CBPR+",
        _method,
        _SETTLING,
    ),
    Rule(
        "settlement.fields",
        "COVE names a reimbursement agent and no settlement account; INDA and INGA name no reimbursement agent and no "
        "clearing system; a third reimbursement agent comes with both others.",
        _MDR,
        _settlement,
        _SETTLING,
    ),
    Rule(
        "settlement.date",
        "The settlement date stands once, in the transaction or in the group header.",
        "ISO 20022, InterbankSettlementDate rule",
        _settlement_date,
        _SETTLING,
    ),
    Rule(
        "charges.bearer",
        "The charge bearer is DEBT, CRED or SHAR.",
        "CBPR+",
        _bearer,
        frozenset({"pacs.008", "pacs.004", "pain.001"}),
    ),
    Rule(
        "charges.creditor",
        "Where the creditor bears charges, ChrgsInf tells them.",
        "CBPR+",
        _creditor_bears,
        frozenset({"pacs.008"}),
        Severity.WARNING,
    ),
    Rule(
        "transactions.count",
        "NbOfTxs is the number of transactions.",
        "ISO 20022, NumberOfTransactions rule",
        _count,
        frozenset({"pacs.008", "pacs.009", "pacs.004", "pain.001"}),
    ),
    Rule("transactions.single", "A message has one transaction.", "CBPR+", _single, _SINGLE),
    Rule(
        "reason.present",
        "A rejection, a return and a cancellation request say why.",
        "CBPR+; ISO 20022, StatusReason rule",
        _reason,
        frozenset(_REASONS),
    ),
    Rule("status.present", "A status report says the status.", "CBPR+", _status, frozenset({"pacs.002"})),
    Rule(
        "reference.duplicate",
        "InstrId, TxId, UETR, PmtInfId, NtryRef and a statement's Id stand once in a message.",
        "ISO 20022, uniqueness of references",
        _duplicates,
    ),
    Rule("time.offset", "A time has its offset from UTC.", "CBPR+, CBPR_DateTime", _offset),
    Rule("time.zulu", "The offset is in digits.", "CBPR+, CBPR_DateTime", _zulu, severity=Severity.WARNING),
    Rule("version.in-force", "The message is of the version in force.", "CBPR+", _version, severity=Severity.WARNING),
)
