"""A request is made, read, paid once, and found again when the money comes."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from fx.money import Money
from node.ledger.errors import OrderedAlreadyError, UnknownCurrencyError
from node.ledger.orders import OrderRow
from node.participants.errors import CustomerClosedError, UnknownCustomerError
from node.payment_requests.errors import (
    NotPrintableError,
    OtherAmountError,
    OwnRequestError,
    PayloadError,
    RequestExpiredError,
    RequestSignatureError,
    UnknownRequestError,
)
from node.payment_requests.service import Wanted
from node.storage import outbox
from tests.unit.payment_requests.conftest import Bank


def test_request_is_read_by_another_bank_when_it_was_made_here(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    with payer.books.database.read() as session:
        signed = payer.requests.read(session, row.payload)
    request = signed.request
    assert (signed.id.hex(), request.account, str(request.amount)) == (row.id, payee.account, "12.50 EUR")
    assert (request.name, request.city, request.country) == ("Bloemenhuis BV", "Naivasha", "KE")
    assert (request.reference, request.expires_at_s) == ("INV-1", row.expires_at_s)
    assert payer.requests.bank(request).id == "bank-ke"
    assert len(row.payload) <= 512


def test_two_requests_differ_when_they_ask_for_the_same(payee: Bank) -> None:
    assert payee.ask().id != payee.ask().id


def test_payment_carries_the_request_when_it_is_ordered(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    order = payer.pay(row.payload)
    assert (order.id, order.payee, order.amount_minor) == (row.id, payee.account, "1250")
    assert order.text == "Bloemenhuis BV, INV-1"
    (queued,) = payer.queued()
    assert queued.function == "transferWithAuthorization"
    assert bytes.fromhex(row.id) in queued.data
    # EIP-3009: before this second.
    assert (row.expires_at_s + 1).to_bytes(32, "big") in queued.data


def test_institution_pays_by_authorization_too_when_it_pays_a_request(payee: Bank, payer: Bank) -> None:
    payer.pay(payee.ask().payload, owner="bank-nl")
    assert [row.function for row in payer.queued()] == ["transferWithAuthorization"]


def test_request_is_paid_once_when_it_is_scanned_twice(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payer.pay(row.payload)
    with pytest.raises(OrderedAlreadyError, match="queued"):
        payer.pay(row.payload)
    with pytest.raises(OrderedAlreadyError):
        payer.pay(row.payload, owner="bank-nl")
    assert len(payer.queued()) == 1


def test_request_can_be_paid_again_when_its_payment_failed(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payer.pay(row.payload)
    with payer.books.database.transaction() as session:
        payer.orders.order(session, row.id).state = outbox.FAILED
    assert payer.pay(row.payload, owner="bank-nl").state == outbox.QUEUED
    with payer.books.database.read() as session:
        kept = [(order.owner, order.state) for order in session.scalars(select(OrderRow))]
    assert sorted(kept) == [("bank-nl", outbox.QUEUED), ("bloem", outbox.FAILED)], "what failed stays on record"


def test_request_is_not_made_when_its_payee_has_left(payee: Bank) -> None:
    now_s = payee.now_s()
    with payee.books.database.transaction() as session:
        payee.books.participants.customer(session, "bloem").closed_at_s = now_s
    with pytest.raises(CustomerClosedError):
        payee.ask()


def test_request_is_refused_when_it_has_expired(payee: Bank, payer: Bank) -> None:
    row = payee.ask(expires_in_s=60)
    payer.advance(row.expires_at_s - payer.now_s() - 1)
    assert payer.now_s() == row.expires_at_s
    payer.pay(row.payload)
    other = payee.ask(expires_in_s=60)
    payer.advance(2)
    assert payer.now_s() > other.expires_at_s
    with pytest.raises(RequestExpiredError, match="has not expired"):
        payer.pay(other.payload)


@pytest.mark.parametrize("agreed", ["12.49", "12.51", "1250.00"])
def test_payment_is_refused_when_the_payer_has_agreed_to_another_amount(payee: Bank, payer: Bank, agreed: str) -> None:
    with pytest.raises(OtherAmountError, match=r"expected 12\.50 EUR"):
        payer.pay(payee.ask().payload, agreed)
    assert payer.queued() == []


def test_payment_is_refused_when_payer_and_payee_are_one(payee: Bank) -> None:
    with pytest.raises(OwnRequestError):
        payee.pay(payee.ask().payload)


def test_request_is_refused_when_its_bank_is_suspended_or_unknown(payee: Bank, payer: Bank) -> None:
    payload, directory = payee.ask().payload, payer.books.participants.directory
    bank = directory.institution("bank-ke")
    directory.put(replace(bank, is_active=False))
    with pytest.raises(RequestSignatureError, match="suspended"):
        payer.pay(payload)
    directory.put(replace(bank, address=payer.account))
    with pytest.raises(RequestSignatureError, match="expected the signature of bank-ke"):
        payer.pay(payload)
    directory.put(replace(bank, lei="9999DEV00CBKES000094"))
    with pytest.raises(PayloadError, match="LEI"):
        payer.pay(payload)


def test_request_is_paid_when_its_money_comes(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payee.see_payment(row, payer.account)
    found = payee.state(row)
    assert (found.state, found.payer, found.paid_at_s) == ("paid", payer.account, payee.now_s())
    with payee.books.database.read() as session:
        (line,) = payee.books.ledger.statement(session, "bloem", "EUR")
    assert [(memo.purpose, memo.text) for memo in line.memos] == [("payment_request", "INV-1")]
    assert payee.events() == [("made", "bloem"), ("paid", "bloem")]


def test_payee_is_told_when_a_request_is_paid_again(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payee.see_payment(row, payer.account)
    first = payee.state(row).tx_hash
    payee.see_payment(row, payer.books.own)
    assert payee.state(row).tx_hash == first
    assert [kind for kind, _ in payee.events()] == ["made", "paid", "paid_again"]


def test_request_stays_open_when_another_amount_comes(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payee.see_payment(row, payer.account, row.amount_minor - 1)
    assert payee.state(row).state == "open"
    assert [kind for kind, _ in payee.events()] == ["made", "other_amount"]


def test_transfer_pays_nothing_when_it_carries_no_request(payee: Bank, payer: Bank) -> None:
    row = payee.ask()
    payee.books.token.available[payer.account] += 5_000
    payee.books.token.transfer(payer.account, row.account, row.amount_minor)
    block = payee.books.book()
    with payee.books.database.transaction() as session:
        payee.requests.on_block(session, block)
    assert payee.state(row).state == "open"


@pytest.mark.parametrize("owner", ["bank-ke", "lonely"])
def test_request_is_refused_when_the_payees_town_is_not_known(payee: Bank, owner: str) -> None:
    with payee.books.database.transaction() as session:
        payee.books.participants.add_customer(session, customer_id="lonely", name="Lonely", now_s=0)
    wanted = Wanted(owner, Money.parse("1.00", "EUR"), "", 60)
    with pytest.raises(NotPrintableError, match="owner"), payee.books.database.transaction() as session:
        payee.requests.make(session, wanted, given_by="test")


def test_request_is_refused_when_payee_currency_or_amount_is_not_acceptable(payee: Bank) -> None:
    one = Money.parse("1.00", "EUR")
    cases = [
        (Wanted("nobody", one, "", 60), UnknownCustomerError),
        (Wanted("bloem", Money.parse("1.00", "USD"), "", 60), UnknownCurrencyError),
        (Wanted("bloem", Money.parse("0.00", "EUR"), "", 60), NotPrintableError),
        (Wanted("bloem", Money.parse("12345678901.00", "EUR"), "", 60), NotPrintableError),
        (Wanted("bloem", one, "x" * 26, 60), NotPrintableError),
        (Wanted("bloem", one, "ü", 60), NotPrintableError),
    ]
    for wanted, error in cases:
        with pytest.raises(error), payee.books.database.transaction() as session:
            payee.requests.make(session, wanted, given_by="test")


def test_longest_request_fits_a_code_when_every_field_is_full(payee: Bank) -> None:
    with payee.books.database.transaction() as session:
        payee.books.participants.add_customer(
            session,
            customer_id="long",
            name="Łódź & Ünïcode Handelsgesellschaft mbH & Co. KG",
            now_s=0,
            postal_address=payee.books.participants.postal_addresses(session)["bloem"].model_copy(
                update={"town": "Llanfairpwllgwyngyllgogerychwyrn"}
            ),
        )
        wanted = Wanted("long", Money.parse("9999999999.99", "EUR"), "R" * 25, 60)
        row = payee.requests.make(session, wanted, given_by="test")
    assert len(row.payload) <= 512
    assert "2025Lodz & Unicode Handelsges"[4:] in row.payload


def test_request_is_not_found_when_there_is_none(payee: Bank) -> None:
    with pytest.raises(UnknownRequestError), payee.books.database.read() as session:
        payee.requests.request(session, "00" * 32)
