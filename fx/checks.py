"""Checks of numbers that every type here makes: an int within bounds, never a bool or a float."""

from typing import Final

from fx.errors import InvalidNumberError

AMOUNT_BITS: Final = 72
"""Amounts in minor units stay below 2**72 so that their products with rates fit 256 bits (docs/spec/settlement.md)."""

RATE_BITS: Final = 64
"""A rate's numerator and denominator on chain stay below 2**64, for the same reason."""

BPS: Final = 10_000
"""Basis points in one."""


def check_int(field: str, value: object, low: int, high: int) -> None:
    """Raise `InvalidNumberError` unless `value` is an int, not a bool, in `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidNumberError(field, "an int", type(value).__name__)
    if not low <= value <= high:
        raise InvalidNumberError(field, f"{low} to {high}", str(value)[:80])


def check_amount(field: str, value: object) -> None:
    """Raise `InvalidNumberError` unless `value` is an amount: 0 to 2**72 - 1 minor units."""
    check_int(field, value, 0, 2**AMOUNT_BITS - 1)


def check_bps(field: str, value: object) -> None:
    """Raise `InvalidNumberError` unless `value` is 0 to 10,000 basis points."""
    check_int(field, value, 0, BPS)
