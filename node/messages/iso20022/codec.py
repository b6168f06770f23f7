"""Messages to bytes and back: built from our dataclasses, judged on both ways, deterministic."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from node.messages.iso20022 import wire
from node.messages.iso20022.catalogue import HEAD, NAMESPACE
from node.messages.iso20022.errors import UnknownDefinitionError, UnsupportedContentError
from node.messages.iso20022.formats import answers, cases, cash, orders, transfers
from node.messages.iso20022.parts import Header
from node.messages.iso20022.reading import Part, Parts, read
from node.messages.iso20022.report import Report
from node.messages.iso20022.serialise import to_tree
from node.messages.iso20022.validation import require_valid

Message = (
    transfers.CustomerTransfer
    | transfers.BankTransfer
    | answers.PaymentStatus
    | answers.StatusRequest
    | answers.PaymentReturn
    | cases.CancellationRequest
    | cases.CancellationAnswer
    | cases.InvestigationRequest
    | cases.InvestigationResponse
    | cash.CashReport
    | orders.PaymentOrder
    | orders.OrderStatus
)

ENVELOPE: Final = "BizMsgEnvlp"


@dataclass(frozen=True, slots=True)
class Format:
    """How one message is written and read."""

    kind: type[Message]
    build: Callable[[Any, Any], Any]
    read: Callable[[Any], Message]


_CASH: Final = Format(cash.CashReport, cash.build_cash_report, cash.read_cash_report)
FORMATS: Final[dict[str, Format]] = {
    "pacs.008.001.08": Format(
        transfers.CustomerTransfer, transfers.build_customer_transfer, transfers.read_customer_transfer
    ),
    "pacs.009.001.08": Format(transfers.BankTransfer, transfers.build_bank_transfer, transfers.read_bank_transfer),
    "pacs.002.001.10": Format(answers.PaymentStatus, answers.build_payment_status, answers.read_payment_status),
    "pacs.004.001.09": Format(answers.PaymentReturn, answers.build_payment_return, answers.read_payment_return),
    "pacs.028.001.03": Format(answers.StatusRequest, answers.build_status_request, answers.read_status_request),
    "camt.052.001.08": _CASH,
    "camt.053.001.08": _CASH,
    "camt.054.001.08": _CASH,
    "camt.056.001.08": Format(
        cases.CancellationRequest, cases.build_cancellation_request, cases.read_cancellation_request
    ),
    "camt.029.001.09": Format(
        cases.CancellationAnswer, cases.build_cancellation_answer, cases.read_cancellation_answer
    ),
    "camt.110.001.01": Format(
        cases.InvestigationRequest, cases.build_investigation_request, cases.read_investigation_request
    ),
    "camt.111.001.01": Format(
        cases.InvestigationResponse, cases.build_investigation_response, cases.read_investigation_response
    ),
    "pain.001.001.09": Format(orders.PaymentOrder, orders.build_payment_order, orders.read_payment_order),
    "pain.002.001.10": Format(orders.OrderStatus, orders.build_order_status, orders.read_order_status),
}
_DEFINITIONS: Final = {form.kind: definition for definition, form in FORMATS.items() if form is not _CASH}


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was read and is valid."""

    message: Message
    header: Header | None
    report: Report
    """Its warnings."""


def definition_of(message: Message) -> str:
    """Return the definition that a message is written by."""
    return message.kind.value if isinstance(message, cash.CashReport) else _DEFINITIONS[type(message)]


def build(message: Message, header: Header | None = None) -> bytes:
    """Write a message: a bare Document, or with its header in one `BizMsgEnvlp`. Equal input gives equal bytes.

    Raises:
        InvalidMessageError: it breaks its schema or a usage rule; nothing is sent that another bank would refuse.
        UnsupportedContentError: a text holds what XML cannot carry.
    """
    from lxml import etree

    definition = definition_of(message)
    document = to_tree(FORMATS[definition].build(wire.models(definition), message), NAMESPACE + definition)
    if header is None:
        require_valid(Parts(Part(document, definition), None, 0))
        return etree.tostring(document, encoding="UTF-8", xml_declaration=True)
    head = to_tree(_header_model(wire.models(HEAD), header, definition), NAMESPACE + HEAD)
    envelope = etree.Element(ENVELOPE)
    envelope.extend((head, document))
    require_valid(Parts(Part(document, definition), Part(head, HEAD), 0))
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def parse(data: bytes) -> Received:
    """Read a valid message of a version in force.

    Raises:
        UnreadableMessageError: not such XML.
        InvalidMessageError: it breaks its schema or a usage rule.
        UnsupportedContentError: another version, or content that our dataclass has no place for.
        UnknownDefinitionError: a message that this node does not exchange.
    """
    parts = read(data)
    definition = parts.document.definition
    form = FORMATS.get(definition)
    if form is None:
        raise UnknownDefinitionError(definition, f"messages that are read: {', '.join(FORMATS)}")
    if parts.header is not None and parts.header.definition != HEAD:
        raise UnsupportedContentError("AppHdr", HEAD, parts.header.definition)
    report = require_valid(parts)
    header = None if parts.header is None else _read_header(_model(parts.header))
    return Received(form.read(_model(parts.document)), header, report)


def _header_model(m: Any, header: Header, definition: str) -> Any:
    return m.AppHdr(
        fr=m.Party44Choice(fiid=wire.agent(m, header.sender)),
        to=m.Party44Choice(fiid=wire.agent(m, header.recipient)),
        biz_msg_idr=header.message_id,
        msg_def_idr=definition,
        biz_svc=header.service,
        cre_dt=wire.instant(header.created_s),
        pssbl_dplct=header.is_duplicate or None,
    )


def _read_header(model: Any) -> Header:
    if model.fr.fiid is None or model.to.fiid is None:
        raise UnsupportedContentError("AppHdr", "FIId in Fr and To", "an organisation")
    return Header(
        message_id=model.biz_msg_idr,
        sender=wire.read_agent(model.fr.fiid),
        recipient=wire.read_agent(model.to.fiid),
        created_s=wire.read_instant(model.cre_dt),
        service=model.biz_svc,
        is_duplicate=bool(model.pssbl_dplct),
    )


@cache
def _context() -> Any:
    from xsdata.formats.dataclass.context import XmlContext

    # It keeps what it learned of each model class: the first message of a kind costs some 10 ms, the next do not.
    return XmlContext()


def _model(part: Part) -> Any:
    from xsdata.formats.dataclass.parsers import XmlParser

    m = wire.models(part.definition)
    root = m.AppHdr if part.definition == HEAD else m.Document
    # The parser empties the elements that it has read, and takes the text after the root for the message.
    element = deepcopy(part.element)
    element.tail = None
    return XmlParser(context=_context()).parse(element, root)
