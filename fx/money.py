"""Amounts: money in a currency's minor units, and raw units of a token. Integers; different currencies never add."""

import re
from dataclasses import dataclass
from typing import Final

from fx.checks import AMOUNT_BITS, check_amount, check_int
from fx.currencies import Currency, get_currency
from fx.errors import CurrencyMismatchError, InvalidNumberError

_DECIMAL: Final = re.compile(r"(-?)([0-9]{1,24})(?:\.([0-9]{1,6}))?", re.ASCII)
_LIMIT: Final = 2**AMOUNT_BITS - 1


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency; may be negative, as a journal entry or a difference."""

    amount_minor: int
    """Minor units, absolute value below 2**72."""
    currency: Currency

    def __post_init__(self) -> None:
        check_int("amount_minor", self.amount_minor, -_LIMIT, _LIMIT)
        if not isinstance(self.currency, Currency):
            raise InvalidNumberError("currency", "a Currency", type(self.currency).__name__)

    @classmethod
    def parse(cls, text: str, code: str) -> "Money":
        """Read major units, such as `parse("1500000.00", "KES")`; exact, never rounded.

        Raises:
            InvalidNumberError: no plain decimal number, or more decimals than the currency has.
            UnknownCurrencyError: no such currency.
        """
        currency = get_currency(code)
        match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidNumberError("amount", "a decimal number in text such as 1500000.00", repr(text)[:60])
        sign, whole, decimals = match[1], match[2], match[3] or ""
        if len(decimals) > currency.exponent:
            raise InvalidNumberError("amount", f"at most {currency.exponent} decimals in {code}", text)
        minor = int(whole + decimals.ljust(currency.exponent, "0"))
        return cls(-minor if sign else minor, currency)

    @property
    def is_negative(self) -> bool:
        return self.amount_minor < 0

    def plain(self) -> str:
        """Return the major units without grouping, such as `1500000.00`; `parse` reads it back."""
        return self._text("")

    def __str__(self) -> str:
        return f"{self._text(',')} {self.currency.code}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor <= self._same(other)

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise InvalidNumberError("amount", "Money", type(other).__name__)
        if other.currency != self.currency:
            raise CurrencyMismatchError(self.currency.code, other.currency.code)
        return other.amount_minor

    def _text(self, separator: str) -> str:
        exponent = self.currency.exponent
        whole, rest = divmod(abs(self.amount_minor), 10**exponent)
        sign = "-" if self.amount_minor < 0 else ""
        grouped = f"{whole:,}".replace(",", separator)
        return f"{sign}{grouped}.{rest:0{exponent}d}" if exponent else f"{sign}{grouped}"


@dataclass(frozen=True, slots=True)
class TokenAmount:
    """Raw units of a token, as the chain counts them."""

    raw: int
    """0 to 2**72 - 1."""
    asset: str
    """The token's address, checksummed."""

    def __post_init__(self) -> None:
        check_amount("raw", self.raw)
        if not isinstance(self.asset, str) or not self.asset:
            raise InvalidNumberError("asset", "a token's address", repr(self.asset)[:60])

    def __add__(self, other: "TokenAmount") -> "TokenAmount":
        return TokenAmount(self.raw + self._same(other), self.asset)

    def __sub__(self, other: "TokenAmount") -> "TokenAmount":
        return TokenAmount(self.raw - self._same(other), self.asset)

    def _same(self, other: "TokenAmount") -> int:
        if not isinstance(other, TokenAmount):
            raise InvalidNumberError("amount", "TokenAmount", type(other).__name__)
        if other.asset != self.asset:
            raise CurrencyMismatchError(self.asset, other.asset)
        return other.raw
