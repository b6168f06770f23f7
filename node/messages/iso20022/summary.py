"""What a message says, for a person: who pays whom, how much, under which references.

It looks at the elements rather than at our dataclasses, so that a message of another version, or one that a rule
refuses, can be shown too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from fx.errors import RejectedError as FxRejectedError
from fx.money import Money
from node.messages.iso20022.catalogue import IN_FORCE, in_force
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.reading import Parts
from node.messages.iso20022.rules.agents import find_end
from node.messages.iso20022.rules.rule import Subject

if TYPE_CHECKING:
    from lxml.etree import _Element

Row = tuple[str, str]
"""A label and what to say; an empty label starts the next item."""

ITEMS_MAX: Final = 20

_ITEMS: Final = ("CdtTrfTxInf", "TxInfAndSts", "TxInf", "Ntry", "InvstgtnReq", "OrgnlInvstgtnReq")
_BEARERS: Final = {
    "SHAR": "shared",
    "DEBT": "by the payer",
    "CRED": "by the payee",
    "SLEV": "as the service level says",
}
_STATUSES: Final = {
    "ACCC": "on the creditor's account",
    "ACSC": "settled",
    "ACSP": "in process",
    "ACTC": "technically accepted",
    "ACCP": "accepted",
    "PDNG": "pending",
    "RJCT": "rejected",
}
_ANSWERS: Final = {"CNCL": "cancelled", "RJCR": "refused", "PDCR": "pending"}
_BALANCES: Final = {"OPBD": "opening", "CLBD": "closing", "ITBD": "interim", "PRCD": "previous", "CLAV": "available"}


def summarize(parts: Parts) -> list[Row]:
    """Return the rows to show; at most ITEMS_MAX transactions or entries."""
    subject = Subject(parts)
    rows = [("message", _title(subject)), *_header(subject)]
    items = _items(subject)
    for item in items[:ITEMS_MAX]:
        rows += [("", ""), *_item(subject, item)]
    if len(items) > ITEMS_MAX:
        rows += [("", ""), ("", f"and {len(items) - ITEMS_MAX} more")]
    return [(label, printable(text)) for label, text in rows if text or not label]


def _title(subject: Subject) -> str:
    known = in_force(subject.family)
    what = IN_FORCE.get(known or subject.definition, "message")
    is_cover = subject.family == "pacs.009" and next(subject.in_document("UndrlygCstmrCdtTrf"), None) is not None
    return (
        f"{'bank credit transfer, cover' if is_cover else what.removesuffix(', core or cover')} ({subject.definition})"
    )


def _header(subject: Subject) -> Iterator[Row]:
    body = subject.root if subject.family.startswith("head.") else next(iter(subject.root), subject.root)
    yield (
        "id",
        _first(subject, body, "GrpHdr/MsgId", "Assgnmt/Id", "InvstgtnReq/MsgId", "InvstgtnRspn/MsgId", "BizMsgIdr"),
    )
    yield "created", _first(subject, body, "GrpHdr/CreDtTm", "Assgnmt/CreDtTm", "CreDt")
    yield "from", _end(subject, body, 0)
    yield "to", _end(subject, body, 1)
    yield "answer", _named(_ANSWERS, subject.text(body, "Sts/Conf"))
    yield "answer", _named({}, subject.text(body, "InvstgtnRspn/InvstgtnSts/Sts"))
    for name in ("ReqNrrtv", "RspnNrrtv"):
        yield from (("says", subject.text(element) or "") for element in subject.in_document(name))
    for report in subject.in_document("Stmt", "Rpt", "Ntfctn"):
        yield "account", " ".join(filter(None, (_account(subject, report, "Acct"), subject.text(report, "Acct/Ccy"))))
        yield "owner", subject.text(report, "Acct/Ownr/Nm") or ""
        for balance in report.iterchildren("{*}Bal"):
            code = subject.text(balance, "Tp/CdOrPrtry/Cd") or ""
            on = _first(subject, balance, "Dt/Dt", "Dt/DtTm")
            yield f"{_BALANCES.get(code, code)} balance", f"{_signed(subject, balance)} on {on}"


def _end(subject: Subject, body: "_Element", side: int) -> str:
    """Return who sends (0) or receives (1): by the header, else by the Document."""
    header = body if subject.header is None else subject.header
    named = subject.child(header, ("Fr/FIId", "To/FIId")[side])
    return _agent(subject, find_end(subject, side) if named is None else named)


def _items(subject: Subject) -> list["_Element"]:
    for name in _ITEMS:
        found = list(subject.in_document(name))
        if subject.family in ("camt.110", "camt.111"):
            found = [one for one in found if subject.child(one, "Undrlyg") is not None]
        if found:
            return found
    return []


def _item(subject: Subject, item: "_Element") -> Iterator[Row]:
    name = local_name(item)
    if name == "CdtTrfTxInf":
        return _transfer(subject, item)
    if name == "Ntry":
        return _entry(subject, item)
    return _answer(subject, item)


def _transfer(subject: Subject, item: "_Element") -> Iterator[Row]:
    covered = subject.child(item, "UndrlygCstmrCdtTrf")
    parent = item.getparent()
    payer = item if subject.child(item, "Dbtr") is not None or parent is None else parent
    yield "payer", _side(subject, payer, "Dbtr")
    yield "payee", _side(subject, item, "Cdtr")
    yield "amount", _amount(subject, item, "IntrBkSttlmAmt") or _amount(subject, item, "Amt/InstdAmt")
    rate = subject.text(item, "XchgRate")
    ordered = _amount(subject, item, "InstdAmt")
    yield "ordered", f"{ordered} at {rate}" if ordered and rate else ordered
    yield "charges", _named(_BEARERS, subject.text(item, "ChrgBr") or subject.text(payer, "ChrgBr"))
    yield "settles", _settles(subject, item)
    yield "for", _purpose(subject, item)
    if covered is not None:
        yield "covers", f"{_side(subject, covered, 'Dbtr')} pays {_side(subject, covered, 'Cdtr')}"
        yield "covered for", _purpose(subject, covered)
    yield "UETR", subject.text(item, "PmtId/UETR") or ""
    yield "end-to-end id", subject.text(item, "PmtId/EndToEndId") or ""
    yield "instruction", subject.text(item, "PmtId/InstrId") or ""


def _answer(subject: Subject, item: "_Element") -> Iterator[Row]:
    payment = subject.child(item, "Undrlyg/IntrBk")
    payment = item if payment is None else payment
    yield "status", _named(_STATUSES, subject.text(item, "TxSts"))
    yield "returned", _amount(subject, item, "RtrdIntrBkSttlmAmt")
    chain = subject.child(item, "RtrChain")
    if chain is not None:
        yield "payer", _side(subject, chain, "Dbtr")
        yield "payee", _side(subject, chain, "Cdtr")
    yield "asks", " ".join(filter(None, (subject.text(item, "InvstgtnTp/Cd"), subject.text(item, "InvstgtnTp/Prtry"))))
    for place in ("StsRsnInf", "RtrRsnInf", "CxlRsnInf", "CxlStsRsnInf"):
        information = subject.child(item, place)
        if information is not None:
            lines = [subject.text(line) or "" for line in information.iterchildren("{*}AddtlInf")]
            yield (
                "reason",
                ": ".join(filter(None, (_first(subject, information, "Rsn/Cd", "Rsn/Prtry"), "; ".join(lines)))),
            )
    yield "of payment", _first(subject, payment, "OrgnlGrpInf/OrgnlMsgId")
    yield "amount", _amount(subject, payment, "OrgnlIntrBkSttlmAmt")
    yield "UETR", _first(subject, payment, "OrgnlUETR")
    yield "end-to-end id", _first(subject, payment, "OrgnlEndToEndId")
    yield "instruction", _first(subject, payment, "OrgnlInstrId")


def _entry(subject: Subject, item: "_Element") -> Iterator[Row]:
    yield "entry", f"{_signed(subject, item)}, {_first(subject, item, 'Sts/Cd') or 'no status'}"
    yield "booked", _first(subject, item, "BookgDt/DtTm", "BookgDt/Dt")
    transaction = subject.child(item, "NtryDtls/TxDtls")
    if transaction is not None:
        yield "payer", _first(subject, transaction, "RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm")
        yield "payee", _first(subject, transaction, "RltdPties/Cdtr/Pty/Nm", "RltdPties/Cdtr/Nm")
        yield "for", _purpose(subject, transaction)
        yield "UETR", _first(subject, transaction, "Refs/UETR")
        yield "end-to-end id", _first(subject, transaction, "Refs/EndToEndId")
    yield "reference", _first(subject, item, "NtryRef")


def _side(subject: Subject, item: "_Element", role: str) -> str:
    """Return `name, account, at agent` of the payer or the payee."""
    person = subject.child(item, role)
    if person is None:
        return ""
    inner = next((one for one in person if local_name(one) in ("Pty", "Agt")), person)
    name = _agent(subject, inner) or _first(subject, inner, "Nm", "Id/OrgId/AnyBIC")
    agent = _agent(subject, subject.child(item, f"{role}Agt"))
    at = f"at {agent}" if agent and agent != name else ""
    return ", ".join(filter(None, (name, _account(subject, item, f"{role}Acct"), at)))


def _agent(subject: Subject, element: "_Element | None") -> str:
    if element is None:
        return ""
    paths = ("BICFI", "BIC", "LEI", "Nm", "ClrSysMmbId/MmbId")
    return _first(subject, element, *(f"FinInstnId/{path}" for path in paths))


def _account(subject: Subject, item: "_Element", name: str) -> str:
    return _first(subject, item, f"{name}/Id/IBAN", f"{name}/Id/Othr/Id")


def _settles(subject: Subject, item: "_Element") -> str:
    on = subject.text(item, "IntrBkSttlmDt") or ""
    method = next((subject.text(one) or "" for one in subject.in_document("SttlmMtd")), "")
    return f"{on} by {method}" if on and method else on


def _purpose(subject: Subject, item: "_Element") -> str:
    reference = _first(subject, item, "RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb")
    words = _first(subject, item, "RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf")
    return ": ".join(filter(None, (reference, words)))


def _signed(subject: Subject, element: "_Element") -> str:
    sign = "-" if subject.text(element, "CdtDbtInd") == "DBIT" else ""
    return sign + _amount(subject, element, "Amt")


def _amount(subject: Subject, element: "_Element", path: str) -> str:
    found = subject.child(element, path)
    if found is None:
        return ""
    text, code = subject.text(found) or "", found.get("Ccy") or ""
    try:
        return str(Money.parse(text, code))
    except FxRejectedError:
        return f"{text} {code}"


def _first(subject: Subject, element: "_Element", *paths: str) -> str:
    return next((text for path in paths if (text := subject.text(element, path)) is not None), "")


def _named(names: dict[str, str], code: str | None) -> str:
    if code is None:
        return ""
    return f"{names[code]} ({code})" if code in names else code


def printable(text: str) -> str:
    """Return the text without characters that would move the cursor or turn the line around."""
    return "".join(character if character.isprintable() else "?" for character in text)
