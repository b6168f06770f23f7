from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fx.currencies import Currency, get_currency
from fx.errors import CurrencyMismatchError, InvalidNumberError, UnknownCurrencyError
from fx.money import Money, TokenAmount

EUR, KES, JPY, KWD = (get_currency(code) for code in ("EUR", "KES", "JPY", "KWD"))
LIMIT = 2**72 - 1
amounts = st.integers(-LIMIT, LIMIT)


@pytest.mark.parametrize(("code", "exponent"), [("JPY", 0), ("USD", 2), ("EUR", 2), ("KES", 2), ("KWD", 3), ("CLF", 4)])
def test_get_currency_has_iso_4217_exponent_when_known(code: str, exponent: int):
    assert get_currency(code).exponent == exponent
    assert get_currency(code).minor_per_major == 10**exponent


@pytest.mark.parametrize("code", ["XXX", "XAU", "eur", "EU", "", "EURO", None, 978])
def test_get_currency_raises_when_code_is_unknown_or_has_no_minor_unit(code: Any):
    with pytest.raises(UnknownCurrencyError, match="expected an ISO 4217 code"):
        get_currency(code)


@pytest.mark.parametrize(
    ("text", "code", "minor", "shown"),
    [
        ("1500000.00", "KES", 150_000_000, "1,500,000.00 KES"),
        ("1500000", "KES", 150_000_000, "1,500,000.00 KES"),
        ("0.5", "EUR", 50, "0.50 EUR"),
        ("-0.05", "EUR", -5, "-0.05 EUR"),
        ("480", "JPY", 480, "480 JPY"),
        ("1.005", "KWD", 1005, "1.005 KWD"),
    ],
)
def test_parse_reads_major_units_when_well_formed(text: str, code: str, minor: int, shown: str):
    money = Money.parse(text, code)
    assert (money.amount_minor, str(money)) == (minor, shown)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.005", "EUR"),
        ("480.0", "JPY"),
        ("1,500.00", "EUR"),
        ("1e3", "EUR"),
        ("", "EUR"),
        (".5", "EUR"),
        ("5.", "EUR"),
        ("+5", "EUR"),
        ("٣", "EUR"),
        (" 5", "EUR"),
        (5, "EUR"),
        (5.0, "EUR"),
        ("9" * 24, "EUR"),
        ("9" * 5000, "EUR"),
    ],
)
def test_parse_raises_when_text_is_no_amount_of_the_currency(text: Any, code: str):
    with pytest.raises(InvalidNumberError):
        Money.parse(text, code)


@given(amounts, st.sampled_from([EUR, KES, JPY, KWD]))
def test_plain_text_reads_back_when_parsed(minor: int, currency: Currency):
    money = Money(minor, currency)
    assert Money.parse(money.plain(), currency.code) == money


@pytest.mark.parametrize("amount", [1.0, True, "1", None, LIMIT + 1, -LIMIT - 1])
def test_money_raises_when_amount_is_no_int_in_range(amount: Any):
    with pytest.raises(InvalidNumberError, match="amount_minor"):
        Money(amount, EUR)


def test_money_raises_when_currency_is_a_code():
    with pytest.raises(InvalidNumberError, match="currency"):
        Money(1, "EUR")  # type: ignore[arg-type]


def test_money_adds_compares_and_negates_when_currencies_agree():
    one, two = Money(100, EUR), Money(250, EUR)
    assert one + two == Money(350, EUR)
    assert one - two == Money(-150, EUR)
    assert -one == Money(-100, EUR)
    assert (one - two).is_negative
    assert not one.is_negative
    assert one < two
    assert one <= Money(100, EUR)
    assert not two < one


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_money_raises_when_currencies_or_types_differ(operation: str):
    with pytest.raises(CurrencyMismatchError, match="expected EUR, got KES"):
        getattr(Money(1, EUR), operation)(Money(1, KES))
    with pytest.raises(InvalidNumberError, match="expected Money, got int"):
        getattr(Money(1, EUR), operation)(1)


def test_token_amounts_add_when_of_one_asset():
    assert TokenAmount(3, "0xA") + TokenAmount(2, "0xA") == TokenAmount(5, "0xA")
    assert TokenAmount(3, "0xA") - TokenAmount(2, "0xA") == TokenAmount(1, "0xA")


def test_token_amount_raises_when_asset_differs_or_value_is_out_of_range():
    with pytest.raises(CurrencyMismatchError):
        TokenAmount(3, "0xA") + TokenAmount(2, "0xB")
    for raw in (-1, LIMIT + 1, 1.0, True):
        with pytest.raises(InvalidNumberError, match="raw"):
            TokenAmount(raw, "0xA")  # type: ignore[arg-type]
    with pytest.raises(InvalidNumberError, match="raw"):
        TokenAmount(1, "0xA") - TokenAmount(2, "0xA")
    with pytest.raises(InvalidNumberError, match="asset"):
        TokenAmount(1, "")
