"""Who takes part: agents and parties, and the header that says the same as the document."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from node.messages.iso20022.catalogue import HEAD
from node.messages.iso20022.paths import local_name
from node.messages.iso20022.report import Severity
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

if TYPE_CHECKING:
    from lxml.etree import _Element

_CARRIERS: Final = {
    "pacs.008": "CdtTrfTxInf",
    "pacs.009": "CdtTrfTxInf",
    "pacs.004": "TxInf",
    "pacs.002": "TxInfAndSts",
    "pacs.028": "TxInf",
}
_NUMBERED: Final = ("IntrmyAgt", "PrvsInstgAgt")
# An element, what must stand beside it, and how they belong together.
_CHAIN: Final = (
    *((f"{base}{number}", f"{base}{number - 1}", "before") for base in _NUMBERED for number in (2, 3)),
    *((f"{base}{number}Acct", f"{base}{number}", "with") for base in _NUMBERED for number in (1, 2, 3)),
)
_PARTIES: Final = ("Dbtr", "Cdtr")
_OTHERS: Final = ("UltmtDbtr", "UltmtCdtr", "InitgPty")
# Elsewhere (a tax record) a Dbtr is another thing.
_PAYMENTS: Final = frozenset({"CdtTrfTxInf", "PmtInf", "GrpHdr", "UndrlygCstmrCdtTrf", "RtrChain"})
# Message -> paths of who sends and who receives, below the message's own element.
_ASSIGNED: Final = {
    "camt.056": ("Assgnmt/Assgnr/Agt", "Assgnmt/Assgne/Agt"),
    "camt.029": ("Assgnmt/Assgnr/Agt", "Assgnmt/Assgne/Agt"),
    "camt.110": ("InvstgtnReq/Rqstr/Agt", "InvstgtnReq/Rspndr/Agt"),
    "camt.111": ("OrgnlInvstgtnReq/Rspndr/Agt", "OrgnlInvstgtnReq/Rqstr/Agt"),
}
# BIC: its name in versions before 2019.
_CODES: Final = frozenset({"BICFI", "BIC", "LEI"})
_MESSAGE_IDS: Final = ("GrpHdr/MsgId", "Assgnmt/Id", "InvstgtnReq/MsgId", "InvstgtnRspn/MsgId")


def find_end(subject: Subject, side: int) -> "_Element | None":
    """Return who sends (0) or receives (1) by the Document; None where it does not say."""
    message = next(iter(subject.root), None)
    paths = _ASSIGNED.get(subject.family)
    if message is None:
        return None
    if paths is not None:
        return subject.child(message, paths[side])
    if subject.family not in _CARRIERS:
        return None
    name = ("InstgAgt", "InstdAgt")[side]
    inside = (subject.child(message, f"{parent}/{name}") for parent in (_CARRIERS[subject.family], "GrpHdr"))
    return next((found for found in inside if found is not None), None)


def _unidentified(subject: Subject) -> Iterator[Problem]:
    for agent in subject.named("FinInstnId"):
        has = {local_name(child) for child in agent}
        if has.intersection(_CODES) or {"Nm", "PstlAdr"} <= has or _is_clearing_alone(has):
            continue
        yield Problem(
            agent,
            "expected BICFI, LEI, Nm with PstlAdr, or ClrSysMmbId, got " + (", ".join(sorted(has)) or "nothing"),
            None,
            subject.text(agent, "Nm") or "",
        )


def _clearing_alone(subject: Subject) -> Iterator[Problem]:
    for agent in subject.named("FinInstnId"):
        if _is_clearing_alone({local_name(child) for child in agent}):
            yield Problem(
                agent,
                "expected Nm and PstlAdr beside ClrSysMmbId, unless every agent of the payment is in one country, "
                "got ClrSysMmbId alone",
                None,
                subject.text(agent, "ClrSysMmbId/MmbId") or "",
            )


def _is_clearing_alone(has: set[str]) -> bool:
    return "ClrSysMmbId" in has and not has.intersection({*_CODES, "Nm", "PstlAdr"})


def _instructing(subject: Subject) -> Iterator[Problem]:
    header = next(subject.in_document("GrpHdr"), None)
    for transaction in subject.in_document(_CARRIERS[subject.family]):
        for name in ("InstgAgt", "InstdAgt"):
            common = None if header is None else subject.child(header, name)
            own = subject.child(transaction, name)
            if own is None and common is None:
                yield Problem(transaction, f"expected {name}, who sends or receives this message, got none")
            if own is not None and common is not None:
                yield Problem(own, f"expected {name} once, in the transaction or the group header, got both")


def _in_group_header(subject: Subject) -> Iterator[Problem]:
    for header in subject.in_document("GrpHdr"):
        for name in ("InstgAgt", "InstdAgt"):
            element = subject.child(header, name)
            if element is not None:
                yield Problem(element, f"expected {name} in the transaction, got it in the group header", None, "")


def _chain(subject: Subject) -> Iterator[Problem]:
    # Names beside an element are gathered once a parent, which may have thousands of children.
    beside: dict[_Element, set[str]] = {}
    for name, before, why in _CHAIN:
        for element in subject.in_document(name):
            parent = element.getparent()
            if parent is None:
                continue
            if parent not in beside:
                beside[parent] = {local_name(child) for child in parent}
            if before not in beside[parent]:
                yield Problem(element, f"expected {before} {why} {name}, got none", None, "")


def _nameless(subject: Subject) -> Iterator[Problem]:
    for party in subject.in_document(*_PARTIES, *_OTHERS):
        parent = party.getparent()
        is_agent = subject.child(party, "FinInstnId") is not None or subject.child(party, "Agt") is not None
        if is_agent or parent is None or local_name(parent) not in _PAYMENTS:
            continue
        person = subject.child(party, "Pty")
        person = party if person is None else person
        if subject.text(person, "Nm") is not None:
            continue
        if local_name(party) in _OTHERS:
            if subject.child(person, "PstlAdr") is not None:
                yield Problem(party, "expected Nm, the party's name, beside PstlAdr, got an address alone", None, "")
        elif subject.text(person, "Id/OrgId/AnyBIC") is None:
            yield Problem(party, "expected Nm, the party's name, or AnyBIC, got neither", None, "")


def _header_definition(subject: Subject) -> Iterator[Problem]:
    if subject.header is None:
        return
    element = subject.child(subject.header, "MsgDefIdr")
    text = subject.text(element)
    if element is not None and text != subject.definition:
        yield Problem(
            element, f"expected {subject.definition}, the Document's, got {text or 'none'}", subject.definition
        )


def _header_agents(subject: Subject) -> Iterator[Problem]:
    if subject.header is None:
        return
    # A copy goes to somebody who is not in the Document.
    is_copy = subject.text(subject.header, "CpyDplct") in ("COPY", "CODU")
    for path, other in (("Fr", find_end(subject, 0)), ("To", find_end(subject, 1))):
        agent = subject.child(subject.header, f"{path}/FIId/FinInstnId")
        if agent is None or other is None or (is_copy and path == "To"):
            continue
        for name in ("BICFI", "LEI"):
            own, theirs = subject.text(agent, name), subject.text(other, f"FinInstnId/{name}")
            if own is not None and theirs is not None and _full(own) != _full(theirs):
                parent = other.getparent()
                role = local_name(other if local_name(other) != "Agt" or parent is None else parent)
                yield Problem(agent, f"expected {theirs}, the {role} of the Document, got {own}", None, own)


def _full(code: str) -> str:
    """Return a BIC of 8 characters as that of the head office; an LEI as it is."""
    return code + "XXX" if len(code) == 8 else code


def _header_id(subject: Subject) -> Iterator[Problem]:
    message = next(iter(subject.root), None)
    if subject.header is None or message is None:
        return
    element = subject.child(subject.header, "BizMsgIdr")
    ids = (subject.text(message, path) for path in _MESSAGE_IDS)
    own = next((text for text in ids if text is not None), None)
    if element is not None and own is not None and subject.text(element) != own:
        yield Problem(element, f"expected {own}, the Document's own id, got {subject.text(element) or 'none'}")


def _header_version(subject: Subject) -> Iterator[Problem]:
    if subject.header is not None and subject.header_definition != HEAD:
        yield Problem(
            subject.header, f"expected {HEAD}, the version in force, got {subject.header_definition}", None, ""
        )


RULES: Final = (
    Rule(
        "agent.identified",
        "An agent is identified by BICFI, by LEI, by name and address, or by a clearing member id.",
        "CBPR+",
        _unidentified,
    ),
    Rule(
        "agent.clearing",
        "A clearing member id alone identifies an agent only where all agents are in one country.",
        "CBPR+",
        _clearing_alone,
        severity=Severity.WARNING,
    ),
    Rule(
        "agent.instructing",
        "Instructing and instructed agent stand once, in the transaction or in the group header.",
        "ISO 20022, InstructingAgent and InstructedAgent rules; CBPR+",
        _instructing,
        frozenset(_CARRIERS),
    ),
    Rule(
        "agent.place",
        "Instructing and instructed agent stand in the transaction.",
        "CBPR+",
        _in_group_header,
        frozenset(_CARRIERS),
        Severity.WARNING,
    ),
    Rule(
        "agent.chain",
        "A second agent comes after a first one, an agent's account with its agent.",
        "ISO 20022, IntermediaryAgent and PreviousInstructingAgent rules",
        _chain,
    ),
    Rule(
        "party.named",
        "A debtor or creditor has a name or AnyBIC, an ultimate or initiating party with an address has a name.",
        "CBPR+",
        _nameless,
        frozenset({"pacs.008", "pacs.009", "pacs.004", "pain.001"}),
    ),
    Rule("header.definition", "MsgDefIdr names the Document that follows.", "head.001", _header_definition),
    Rule(
        "header.agents",
        "From and To are who sends and receives by the Document (its agents, or a case's two ends), save a copy's To.",
        "CBPR+, head.001",
        _header_agents,
        frozenset(_CARRIERS) | frozenset(_ASSIGNED),
    ),
    Rule(
        "header.id",
        "BizMsgIdr is the Document's own message id.",
        "CBPR+, head.001",
        _header_id,
        severity=Severity.WARNING,
    ),
    Rule(
        "header.version",
        f"The header is {HEAD}.",
        "CBPR+",
        _header_version,
        severity=Severity.WARNING,
    ),
)
