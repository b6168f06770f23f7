"""Exact rates and stated rounding.

A rate is a positive fraction. Which units it relates is said where it is used: *major units* (150 KES for
one EUR) in rate files and on screens, *minor units of the bought for one minor unit of the sold currency*
in quotes, contracts and every computation. `minor_rate` is the way from the first to the second.

Source: docs/spec/settlement.md, introduction; docs/spec/money.md.
"""

import re
from dataclasses import dataclass
from enum import Enum
from math import gcd
from typing import Final

from fx.checks import RATE_BITS, check_amount, check_int
from fx.currencies import Currency
from fx.errors import InvalidNumberError
from fx.money import Money

_DECIMAL: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)
_PART_BITS_MAX: Final = 512


class Rounding(Enum):
    """Where a result between two integers goes; always named by the caller, with the reason beside it."""

    FLOOR = "floor"
    CEIL = "ceil"


@dataclass(frozen=True, slots=True)
class Rate:
    """A positive fraction in lowest terms; equal rates are equal objects."""

    numerator: int
    denominator: int

    def __post_init__(self) -> None:
        limit = 2**_PART_BITS_MAX - 1
        check_int("numerator", self.numerator, 1, limit)
        check_int("denominator", self.denominator, 1, limit)
        common = gcd(self.numerator, self.denominator)
        object.__setattr__(self, "numerator", self.numerator // common)
        object.__setattr__(self, "denominator", self.denominator // common)

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read a decimal number such as `150.77292623`, exactly."""
        match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidNumberError("rate", "a decimal number in text such as 150.25", repr(text)[:60])
        decimals = match[2] or ""
        return cls(int(match[1] + decimals), 10 ** len(decimals))

    def inverse(self) -> "Rate":
        return Rate(self.denominator, self.numerator)

    def times(self, other: "Rate") -> "Rate":
        """Return the product; crossing EUR/KES after USD/EUR gives USD/KES."""
        return Rate(self.numerator * other.numerator, self.denominator * other.denominator)

    def scaled(self, amount: int, *, rounding: Rounding) -> int:
        """Return `amount` (minor units, not negative) times this rate."""
        check_amount("amount", amount)
        return divide(amount * self.numerator, self.denominator, rounding=rounding)

    def is_below(self, other: "Rate") -> bool:
        return self.numerator * other.denominator < other.numerator * self.denominator

    def fits(self, bits: int = RATE_BITS) -> bool:
        """Tell whether both parts are below 2**bits, as the chain wants them."""
        return max(self.numerator, self.denominator) < 1 << bits

    def bounded(self, *, rounding: Rounding, bits: int = RATE_BITS) -> "Rate":
        """Return this rate with both parts below 2**bits: itself, or the nearest that way with a shorter denominator.

        Raises:
            InvalidNumberError: the rate is too large or too small to be written so.
        """
        if self.fits(bits):
            return self
        excess = max(self.numerator.bit_length(), self.denominator.bit_length()) - bits + 1
        denominator = self.denominator >> excess
        numerator = divide(self.numerator * denominator, self.denominator, rounding=rounding)
        if denominator == 0 or numerator == 0:
            raise InvalidNumberError("rate", f"one that fits {bits} bits", "a larger or smaller one")
        return Rate(numerator, denominator)

    def decimal(self, places: int) -> str:
        """Return the rate for people, rounded half up at `places` decimals; never computed with."""
        scaled = (2 * self.numerator * 10**places + self.denominator) // (2 * self.denominator)
        whole, rest = divmod(scaled, 10**places)
        return f"{whole}.{rest:0{places}d}" if places else str(whole)


def divide(numerator: int, denominator: int, *, rounding: Rounding) -> int:
    """Return the quotient, rounded as told."""
    return numerator // denominator if rounding is Rounding.FLOOR else -(-numerator // denominator)


def minor_rate(major: Rate, sold: Currency, bought: Currency) -> Rate:
    """Turn major units of `bought` per unit of `sold` into minor units: times 10 ** (bought - sold exponent)."""
    return Rate(major.numerator * bought.minor_per_major, major.denominator * sold.minor_per_major)


def major_rate(minor: Rate, sold: Currency, bought: Currency) -> Rate:
    """Undo `minor_rate`, for showing."""
    return Rate(minor.numerator * sold.minor_per_major, minor.denominator * bought.minor_per_major)


def convert(source: Money, minor: Rate, bought: Currency, *, rounding: Rounding) -> Money:
    """Return `source` in another currency, at a rate in minor units of `bought` per minor unit of the source."""
    return Money(minor.scaled(source.amount_minor, rounding=rounding), bought)
