"""The transfer of a trade: valid whatever the terms say, and compared with the trade on the chain."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fx.money import Money
from node.messages.iso20022.codec import build, parse
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.messages.iso20022.parts import Agent, Header, Party, Remittance
from node.participants.addresses import PostalAddress
from node.participants.directory import Directory
from node.trades.payments.transfer import Banks, contradiction, transfer_of
from node.trades.store import Trade
from node.trades.terms.document import Funding, Invoice, TermsDocument
from tests.unit.trades.ledger import genesis
from tests.unit.trades.terms_help import complete

UETR = "97ed4827-7b6f-4491-a06f-b548d5a7512d"
NOW_S = 1_785_830_409


def banks() -> Banks:
    directory = Directory(genesis()[1])
    return Banks(directory.institution("bank-nl"), directory.institution("bank-ke"))


def trade(funding_minor: int = 1_012_121, reference: str = "NR-2026-0817") -> Trade:
    return Trade(reference=reference, trade_id=b"\x5a" * 32, funded_at_s=NOW_S, funding_minor=funding_minor)


def terms(**changed: Any) -> TermsDocument:
    return complete().model_copy(update=changed)


def priced(currency: str, minor: int, funding: str, policy: Any) -> TermsDocument:
    """Return the terms with another price, funded otherwise; the rule of a float is not looked at."""
    invoice = Invoice(number="INV-2026-0817", currency=currency, amount_minor=str(minor), sha256=None)
    return terms(invoice=invoice, funding=Funding.model_construct(currency=funding, policy=policy, float_=None))


def transfer(document: TermsDocument | None = None, funding_minor: int = 1_012_121) -> CustomerTransfer:
    return transfer_of(trade(funding_minor), document or terms(), banks(), UETR)


def written(message: CustomerTransfer) -> bytes:
    header = Header(message.message_id, message.instructing, message.instructed, message.created_s)
    return build(message, header)


def test_transfer_names_trade_invoice_banks_and_customers() -> None:
    found = parse(written(transfer()))
    assert found.report.findings == ()
    message = found.message
    assert isinstance(message, CustomerTransfer)
    assert message == transfer()
    assert (message.end_to_end_id, message.uetr) == ("NR-2026-0817", UETR)
    assert message.remittance == Remittance(reference="NR-2026-0817", invoice="INV-2026-0817")
    assert message.debtor_agent == Agent(bic="PLDRNL20", lei="9999DEV02PLDRBANK004")
    assert message.creditor.address is not None
    assert message.creditor.address.town == "Naivasha"
    assert message.settlement_on == date(2026, 9, 25)
    assert (str(message.amount), str(message.instructed_amount)) == ("1,500,000.00 KES", "10,121.21 EUR")
    assert message.rate == Decimal("148.20362388")


@pytest.mark.parametrize(
    ("currency", "minor", "funding", "funding_minor"),
    [
        ("JPY", 5_000_000, "EUR", 3_100_000),
        ("EUR", 3_100_000, "JPY", 5_000_000),
        ("KWD", 1_234_567, "JPY", 640_001),
        ("JPY", 640_001, "KWD", 1_234_567),
        ("EUR", 999_999_999_999_999, "KES", 150_000_000_000_000_007),
        ("KES", 1, "EUR", 1),
    ],
)
@pytest.mark.parametrize("policy", ["none", "convert_now", "lock", "float"])
def test_transfer_is_valid_when_currencies_have_other_digits(
    currency: str, minor: int, funding: str, funding_minor: int, policy: str
) -> None:
    message = transfer(priced(currency, minor, funding, policy), funding_minor)
    assert parse(written(message)).report.findings == ()
    is_fixed = policy in ("convert_now", "lock")
    assert (message.instructed_amount is not None, message.rate is not None) == (is_fixed, is_fixed)


def test_instructed_amount_is_left_out_when_its_rate_has_too_many_digits_to_be_told() -> None:
    for minor, funding_minor in ((10**21, 1), (1, 10**21)):
        message = transfer(priced("KES", minor, "EUR", "lock"), funding_minor)
        assert (message.instructed_amount, message.rate) == (None, None)
    assert transfer(priced("KES", 10**10, "EUR", "lock"), 1).rate == Decimal(10**10)


@settings(max_examples=50, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=140),
    invoice=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=35),
    town=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=35),
)
def test_transfer_is_valid_whatever_names_the_terms_have(name: str, invoice: str, town: str) -> None:
    document = terms(invoice=complete().invoice.model_copy(update={"number": invoice}))
    address = PostalAddress(town=town, street=town, country="KE")
    party = document.exporter.model_copy(update={"name": name, "address": address})
    message = transfer(document.model_copy(update={"exporter": party}))
    assert parse(written(message)).report.findings == ()


def test_transfer_is_valid_when_no_address_is_known() -> None:
    parties = {side: complete().side(side).model_copy(update={"address": None}) for side in ("importer", "exporter")}
    message = transfer(terms(**parties))
    assert (message.debtor.address, message.creditor.address) == (None, None)
    assert parse(written(message)).report.findings == ()


def test_nothing_contradicts_when_the_transfer_is_the_trades() -> None:
    assert contradiction(transfer(), transfer()) is None
    only_bic = replace(transfer(), debtor_agent=Agent(bic="PLDRNL20"))
    assert contradiction(transfer(), only_bic) is None


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("RC03", lambda m: replace(m, debtor_agent=Agent(bic="NILEUGK0"))),
        ("RC04", lambda m: replace(m, creditor_agent=m.debtor_agent)),
        ("AM03", lambda m: replace(m, amount=Money.parse("1500000.00", "USD"))),
        ("AM09", lambda m: replace(m, amount=Money.parse("1500000.01", "KES"))),
        ("AM09", lambda m: replace(m, instructed_amount=Money.parse("10121.20", "EUR"))),
        ("AM09", lambda m: replace(m, instructed_amount=None)),
        ("AC02", lambda m: replace(m, debtor_account=m.creditor_account)),
        ("AC03", lambda m: replace(m, creditor_account=None)),
        ("BE01", lambda m: replace(m, debtor=Party("Others BV"))),
        ("BE01", lambda m: replace(m, creditor=Party("Others Ltd"))),
        ("RR07", lambda m: replace(m, remittance=Remittance(reference="NR-2026-0817", invoice="INV-1"))),
        ("RR07", lambda m: replace(m, remittance=None)),
    ],
)
def test_transfer_is_contradicted_when_it_says_something_else(
    code: str, change: Callable[[CustomerTransfer], CustomerTransfer]
) -> None:
    reason = contradiction(transfer(), change(transfer()))
    assert reason is not None
    assert reason.code == code
    assert "expected" in reason.lines[0]
    assert "got" in " ".join(reason.lines)
