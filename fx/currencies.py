"""Currencies with their minor units, from the ISO 4217 table of the `iso4217` package."""

from dataclasses import dataclass
from functools import cache

from fx.errors import UnknownCurrencyError


@dataclass(frozen=True, slots=True)
class Currency:
    """One ISO 4217 currency; equal by code."""

    code: str
    name: str
    exponent: int
    """Decimals of the minor unit: JPY 0, USD 2, KWD 3."""

    @property
    def minor_per_major(self) -> int:
        return int(10**self.exponent)

    def __str__(self) -> str:
        return self.code


@cache
def _table() -> dict[str, Currency]:
    # Reading the table takes 50 ms, so it waits for the first use.
    import iso4217

    return {
        entry.code: Currency(entry.code, entry.currency_name, entry.exponent)
        for entry in iso4217.Currency
        if entry.exponent is not None
    }


def get_currency(code: str) -> Currency:
    """Return the currency of this upper-case code.

    Raises:
        UnknownCurrencyError: no such code, or one without minor units (gold, testing codes).
    """
    found = _table().get(code) if isinstance(code, str) else None
    if found is None:
        raise UnknownCurrencyError(code)
    return found
