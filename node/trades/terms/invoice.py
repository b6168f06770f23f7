"""UBL 2.1 invoices: the parts a trade binds, read with limits and compared with the terms.

defusedxml refuses entities and external references; this module refuses what is too large, too deep or adds up
to something else. Source: OASIS UBL 2.1, Invoice-2 (ISO/IEC 19845:2015).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import Final, NoReturn
from xml.etree.ElementTree import Element, ParseError  # types only; parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from fx.currencies import get_currency
from fx.errors import RejectedError as FxRejectedError
from node.trades.errors import InvoiceRejectedError
from node.trades.limits import INVOICE_BYTES_MAX, INVOICE_DEPTH_MAX, INVOICE_ELEMENTS_MAX, INVOICE_LINES_MAX
from node.trades.terms.document import TermsDocument

_INVOICE: Final = "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice"
_PREFIXES: Final = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line; amounts in minor units of the invoice's currency."""

    id: str
    description: str
    quantity: str
    unit: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class UblInvoice:
    """What a trade reads of an invoice."""

    number: str
    issue_date: str
    currency: str
    supplier: str
    customer: str
    lines: tuple[InvoiceLine, ...]
    line_total_minor: int
    tax_minor: int
    payable_minor: int


def parse_invoice(data: bytes) -> UblInvoice:
    """Read a UBL 2.1 invoice whose totals agree with its lines.

    Raises:
        InvoiceRejectedError: not such an invoice, above the limits, or contradicting itself; names the field.
    """
    root = _bounded_tree(data)
    if root.tag != _INVOICE:
        _refuse("Invoice", "a UBL 2.1 invoice", root.tag)
    version = root.findtext("cbc:UBLVersionID", default="2.1", namespaces=_PREFIXES).strip()
    if version != "2.1":
        _refuse("UBLVersionID", "2.1", version)
    currency = _text(root, "cbc:DocumentCurrencyCode")
    exponent = _exponent(currency)
    lines = tuple(_line(element, currency, exponent) for element in root.iterfind("cac:InvoiceLine", _PREFIXES))
    if not 0 < len(lines) <= INVOICE_LINES_MAX:
        _refuse("InvoiceLine", f"1 to {INVOICE_LINES_MAX} lines", len(lines))
    invoice = UblInvoice(
        number=_text(root, "cbc:ID"),
        issue_date=_text(root, "cbc:IssueDate"),
        currency=currency,
        supplier=_party(root, "AccountingSupplierParty"),
        customer=_party(root, "AccountingCustomerParty"),
        lines=lines,
        line_total_minor=_amount(root, "cac:LegalMonetaryTotal/cbc:LineExtensionAmount", currency, exponent),
        tax_minor=_tax(root, currency, exponent),
        payable_minor=_amount(root, "cac:LegalMonetaryTotal/cbc:PayableAmount", currency, exponent),
    )
    _check_totals(root, invoice, exponent)
    return invoice


def check_agreement(invoice: UblInvoice, terms: TermsDocument) -> None:
    """Check that the invoice is the one the terms are about.

    Raises:
        InvoiceRejectedError: number, currency, amount or a party differs; names the field.
    """
    pairs = (
        ("ID", terms.invoice.number, invoice.number),
        ("DocumentCurrencyCode", terms.invoice.currency, invoice.currency),
        ("AccountingSupplierParty", terms.exporter.name, invoice.supplier),
        ("AccountingCustomerParty", terms.importer.name, invoice.customer),
    )
    for field, expected, got in pairs:
        if expected != got:
            _refuse(field, f"{expected} as in the terms", got)
    if invoice.payable_minor != terms.amount_minor:
        expected = f"{terms.amount_minor} minor units of {invoice.currency} as in the terms"
        _refuse("LegalMonetaryTotal.PayableAmount", expected, invoice.payable_minor)


def _bounded_tree(data: bytes) -> Element:
    if len(data) > INVOICE_BYTES_MAX:
        _refuse("invoice", f"at most {INVOICE_BYTES_MAX} bytes", f"{len(data)} bytes")
    depth = count = 0
    root: Element | None = None
    try:
        for event, element in iterparse(BytesIO(data), events=("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            depth, count = depth + 1, count + 1
            if depth > INVOICE_DEPTH_MAX:
                _refuse("invoice", f"at most {INVOICE_DEPTH_MAX} levels of elements", f"more at {element.tag}")
            if count > INVOICE_ELEMENTS_MAX:
                _refuse("invoice", f"at most {INVOICE_ELEMENTS_MAX} elements", "more")
    except ParseError as error:
        raise InvoiceRejectedError("invoice", "well-formed XML", str(error)) from error
    except DefusedXmlException as error:
        raise InvoiceRejectedError(
            "invoice", "XML without DTD, entities or references", type(error).__name__
        ) from error
    except (LookupError, ValueError) as error:  # an encoding that does not exist
        raise InvoiceRejectedError("invoice", "XML in UTF-8", str(error)) from error
    if root is None:
        _refuse("invoice", "well-formed XML", "no element")
    return root


def _check_totals(root: Element, invoice: UblInvoice, exponent: int) -> None:
    summed = sum(line.amount_minor for line in invoice.lines)
    if summed != invoice.line_total_minor:
        _refuse("LegalMonetaryTotal.LineExtensionAmount", f"the sum of the lines, {summed}", invoice.line_total_minor)
    total = invoice.line_total_minor + invoice.tax_minor
    for name, sign in (("AllowanceTotalAmount", -1), ("ChargeTotalAmount", 1), ("PrepaidAmount", -1)):
        path = f"cac:LegalMonetaryTotal/cbc:{name}"
        if root.find(path, _PREFIXES) is not None:
            total += sign * _amount(root, path, invoice.currency, exponent, zero=True)
    if total != invoice.payable_minor:
        expected = f"lines, tax, allowances and charges together, {total}"
        _refuse("LegalMonetaryTotal.PayableAmount", expected, invoice.payable_minor)


def _line(element: Element, currency: str, exponent: int) -> InvoiceLine:
    quantity = element.find("cbc:InvoicedQuantity", _PREFIXES)
    return InvoiceLine(
        id=_text(element, "cbc:ID"),
        description=_text(element, "cac:Item/cbc:Name"),
        quantity="" if quantity is None else (quantity.text or "").strip(),
        unit="" if quantity is None else quantity.get("unitCode", ""),
        amount_minor=_amount(element, "cbc:LineExtensionAmount", currency, exponent, zero=True),
    )


def _party(root: Element, side: str) -> str:
    names = ("cac:PartyLegalEntity/cbc:RegistrationName", "cac:PartyName/cbc:Name")
    for path in names:
        found = root.findtext(f"cac:{side}/cac:Party/{path}", namespaces=_PREFIXES)
        if found and found.strip():
            return found.strip()
    return _refuse(side, "a party with PartyLegalEntity/RegistrationName or PartyName/Name", "none")


def _tax(root: Element, currency: str, exponent: int) -> int:
    return sum(_amounts(root, "cac:TaxTotal/cbc:TaxAmount", currency, exponent))


def _amounts(root: Element, path: str, currency: str, exponent: int) -> Iterator[int]:
    for element in root.iterfind(path, _PREFIXES):
        yield _minor(path, element, currency, exponent, zero=True)


def _amount(root: Element, path: str, currency: str, exponent: int, *, zero: bool = False) -> int:
    element = root.find(path, _PREFIXES)
    if element is None:
        _refuse(_plain(path), "an amount", "none")
    return _minor(path, element, currency, exponent, zero=zero)


def _minor(path: str, element: Element, currency: str, exponent: int, *, zero: bool) -> int:
    text, stated = (element.text or "").strip(), element.get("currencyID", "")
    if stated != currency:
        _refuse(f"{_plain(path)}.currencyID", currency, stated or "none")
    expected = f"a plain decimal number {'of zero or more' if zero else 'above zero'} with at most {exponent} decimals"
    try:
        scaled = Decimal(text).scaleb(exponent) if len(text) <= 40 and "e" not in text.lower() else Decimal("NaN")
    except InvalidOperation:
        _refuse(_plain(path), expected, text)
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or scaled < 0 or (scaled == 0 and not zero):
        _refuse(_plain(path), expected, text)
    return int(scaled)


def _exponent(currency: str) -> int:
    try:
        return get_currency(currency).exponent
    except FxRejectedError as error:
        raise InvoiceRejectedError("DocumentCurrencyCode", "a currency of ISO 4217", currency) from error


def _text(element: Element, path: str) -> str:
    found = (element.findtext(path, namespaces=_PREFIXES) or "").strip()
    if not found:
        _refuse(_plain(path), "a value", "none")
    return found


def _plain(path: str) -> str:
    return path.replace("cac:", "").replace("cbc:", "").replace("/", ".")


def _refuse(field: str, expected: str, got: object) -> NoReturn:
    raise InvoiceRejectedError(field, expected, got)
