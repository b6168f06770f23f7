"""UBL invoices: totals that agree, parties that are the terms', limits."""

import pytest

from node.trades.errors import InvoiceRejectedError
from node.trades.limits import INVOICE_BYTES_MAX, INVOICE_DEPTH_MAX, INVOICE_LINES_MAX
from node.trades.terms.invoice import check_agreement, parse_invoice
from tests.unit.trades.terms_help import complete
from tests.unit.trades.world import example

XML = example("roses/invoice.xml").decode()


def changed(old: str, new: str, count: int = -1) -> bytes:
    assert old in XML
    return XML.replace(old, new, count).encode()


def test_an_invoice_is_taken_when_it_agrees_with_the_terms() -> None:
    invoice = parse_invoice(XML.encode())
    check_agreement(invoice, complete())
    assert (invoice.payable_minor, len(invoice.lines), invoice.supplier) == (150_000_000, 6, "Naivasha Roses Ltd")


LINE_TOTAL = '<cbc:LineExtensionAmount currencyID="KES">1500000.00'
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
REJECTS = [
    ("lines that do not add up", changed(">250000.00<", ">250000.01<", 1), "LegalMonetaryTotal.LineExtensionAmount"),
    (
        "total that does not add up",
        changed('PayableAmount currencyID="KES">1500000.00', 'PayableAmount currencyID="KES">1500000.01'),
        "LegalMonetaryTotal.PayableAmount",
    ),
    ("tax that is not in the total", changed(">0.00<", ">1.00<"), "LegalMonetaryTotal.PayableAmount"),
    (
        "another currency in a line",
        changed('LineExtensionAmount currencyID="KES">250000', 'LineExtensionAmount currencyID="EUR">250000', 1),
        "LineExtensionAmount.currencyID",
    ),
    (
        "negative amount",
        changed(LINE_TOTAL, LINE_TOTAL.replace("1500000", "-1500000")),
        "LegalMonetaryTotal.LineExtensionAmount",
    ),
    (
        "amount with exponent",
        changed(LINE_TOTAL, LINE_TOTAL.replace("1500000.00", "1.5e6")),
        "LegalMonetaryTotal.LineExtensionAmount",
    ),
    (
        "amount of words",
        changed(LINE_TOTAL, LINE_TOTAL.replace("1500000.00", "NaN")),
        "LegalMonetaryTotal.LineExtensionAmount",
    ),
    (
        "too many decimals",
        changed(LINE_TOTAL, LINE_TOTAL.replace("1500000.00", "1500000.001")),
        "LegalMonetaryTotal.LineExtensionAmount",
    ),
    (
        "no currency",
        changed(">KES</cbc:DocumentCurrencyCode>", ">KSH</cbc:DocumentCurrencyCode>"),
        "DocumentCurrencyCode",
    ),
    ("no number", changed("<cbc:ID>INV-2026-0817</cbc:ID>", ""), "ID"),
    ("another document", changed("Invoice-2", "CreditNote-2"), "Invoice"),
    ("another version", changed(">2.1<", ">2.4<"), "UBLVersionID"),
    ("not closed", XML[:-20].encode(), "invoice"),
    ("no xml", b"invoice", "invoice"),
    ("empty", b"", "invoice"),
    ("entities", changed("?>\n", f"?>\n{BOMB}\n", 1), "invoice"),
    ("outside entity", changed("?>\n", '?>\n<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n', 1), "invoice"),
    ("unknown encoding", changed('encoding="UTF-8"', 'encoding="KOI-99"'), "invoice"),
    ("too large", XML.encode() + b" " * INVOICE_BYTES_MAX, "invoice"),
    ("too deep", b"<a>" * (INVOICE_DEPTH_MAX + 1) + b"</a>" * (INVOICE_DEPTH_MAX + 1), "invoice"),
    ("too many elements", b"<a>" + b"<b/>" * 20_000 + b"</a>", "invoice"),
]


@pytest.mark.parametrize(("data", "field"), [row[1:] for row in REJECTS], ids=[row[0] for row in REJECTS])
def test_an_invoice_is_refused_with_the_field_when_something_is_wrong(data: bytes, field: str) -> None:
    with pytest.raises(InvoiceRejectedError) as caught:
        parse_invoice(data)
    assert caught.value.field == field


def test_an_invoice_is_refused_when_it_has_too_many_lines() -> None:
    line = XML[XML.index("  <cac:InvoiceLine>") : XML.index("</cac:InvoiceLine>") + len("</cac:InvoiceLine>")]
    shorter = "".join(part.strip() for part in line.splitlines())
    data = XML.replace("</Invoice>", shorter * (INVOICE_LINES_MAX + 1) + "</Invoice>").encode()
    with pytest.raises(InvoiceRejectedError, match="lines"):
        parse_invoice(data)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("INV-2026-0817", "INV-2026-0818", "ID"),
        ("Naivasha Roses Ltd", "Naivasha Tulips Ltd", "AccountingSupplierParty"),
        ("Bloemenhuis BV", "Bloemenhuis NV", "AccountingCustomerParty"),
        ("1500000.00", "1250000.00", "LegalMonetaryTotal.PayableAmount"),
    ],
)
def test_an_invoice_is_refused_when_it_is_not_the_one_of_the_terms(old: str, new: str, field: str) -> None:
    text = XML.replace(old, new)
    if field.startswith("Legal"):
        first = text.index("  <cac:InvoiceLine>")
        text = text[:first] + text[text.index("</cac:InvoiceLine>") + len("</cac:InvoiceLine>\n") :]
    with pytest.raises(InvoiceRejectedError) as caught:
        check_agreement(parse_invoice(text.encode()), complete())
    assert caught.value.field == field
