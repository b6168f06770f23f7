"""Languages of papers and charts: texts by gettext, numbers, money and times as the language writes them (CLDR)."""

import gettext
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO
from typing import Annotated, Final, Literal

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from fastapi import Query

from fx.currencies import get_currency
from fx.money import Money

Code = Literal["en", "nl", "sw"]
Language = Annotated[Code, Query(alias="language", description="English, Dutch or Swahili")]
DEFAULT: Final[Code] = "en"
CODES: Final[tuple[Code, ...]] = ("en", "nl", "sw")
_LOCALES: Final[dict[Code, str]] = {"en": "en_GB", "nl": "nl_NL", "sw": "sw_KE"}
# The currency's code, not its symbol: a dollar sign has too many owners.
_MONEY_FORMAT: Final = "#,##0.00\N{NO-BREAK SPACE}¤¤"
_MONEY: Final = re.compile(r"(-?[0-9][0-9,]*(?:\.[0-9]+)?) ([A-Z]{3})")
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)((?: [A-Z]{3} per [A-Z]{3})?)")
_WORD: Final = re.compile(r"[a-z_ ]+")
_PERCENT: Final = re.compile(r"(-?[0-9]+(?:\.([0-9]+))?) %")


@dataclass(frozen=True)
class Speech:
    """One language: what to say, and how it writes amounts and times."""

    code: Code

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(_LOCALES[self.code])

    @cached_property
    def catalogue(self) -> gettext.NullTranslations:
        return load_catalogue(self.code)

    def text(self, message: str, **values: object) -> str:
        """Return a message in this language, with its values put in."""
        found = self.catalogue.gettext(message)
        return found % values if values else found

    def count(self, one: str, many: str, number: int) -> str:
        """Return a message about a number of things, `%(number)s entries`."""
        return self.catalogue.ngettext(one, many, number) % {"number": self.number(number)}

    def word(self, word: str) -> str:
        """Return a word of the API in this language; what is none, or not known, stays as it is."""
        return self.catalogue.gettext(word.replace("_", " ")) if _WORD.fullmatch(word) else word

    def minor(self, amount_minor: int, currency: str) -> str:
        """Write minor units of a currency."""
        amount = Decimal(amount_minor).scaleb(-get_currency(currency).exponent)
        return format_currency(amount, currency, _MONEY_FORMAT, self.locale)

    def money(self, amount: Money | str) -> str:
        """Write an amount, or one that the API has written, `1,500,000.00 KES`; other text stays as it is."""
        if isinstance(amount, Money):
            return self.minor(amount.amount_minor, amount.currency.code)
        found = _MONEY.fullmatch(amount)
        if found is None:
            return amount
        return format_currency(Decimal(found[1].replace(",", "")), found[2], _MONEY_FORMAT, self.locale)

    def number(self, value: int) -> str:
        """Write a whole number."""
        return format_decimal(value, locale=self.locale)

    def decimal(self, written: str) -> str:
        """Write a decimal number with the digits it has, `148.203400`."""
        places = len(written.partition(".")[2])
        return format_decimal(Decimal(written), "#,##0." + "0" * places if places else "#,##0", self.locale)

    def rate(self, written: str) -> str:
        """Write a rate that the API has written, `148.203400 KES per EUR`; other text stays as it is."""
        found = _RATE.fullmatch(written)
        if found is None:
            return written
        _, bought, _, sold = f"{found[2]}   ".split(" ")[:4]
        number = self.decimal(found[1])
        return number if not bought else f"{number} {bought} {self.text('per')} {sold}"

    def percent(self, share: str) -> str:
        """Write a share that the API has written, `0.38 %`; other text stays as it is."""
        found = _PERCENT.fullmatch(share)
        if found is None:
            return share
        digits = "0." + "0" * len(found[2]) if found[2] else "0"
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", "#,##" + digits)
        return format_percent(Decimal(found[1]) / 100, pattern, self.locale)

    def day(self, on: date) -> str:
        """Write a day, `17 August 2026`."""
        return format_date(on, "d MMMM y", self.locale)

    def short_day(self, on: date) -> str:
        """Write a day where there is little room, `17 Aug 2026`."""
        return format_date(on, "d MMM y", self.locale)

    def when(self, time_s: int) -> str:
        """Write a moment in UTC."""
        at = datetime.fromtimestamp(min(time_s, _LAST_S), UTC)
        return f"{format_datetime(at, 'd MMM y, HH:mm', UTC, self.locale)} UTC"

    def duration(self, length_s: int) -> str:
        """Write a length of time in its largest fitting unit, `3 h`."""
        for name, size_s in _UNITS:
            if length_s >= size_s:
                tenths = round(10 * length_s / size_s)
                return f"{self.decimal(f'{tenths / 10:g}')} {self.text(name)}"
        return f"{self.number(length_s)} {self.text('s')}"


_LAST_S: Final = 253_402_300_799
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


@cache
def speech(code: Code) -> Speech:
    """Return a language by its code."""
    return Speech(code)


def load_catalogue(code: Code) -> gettext.NullTranslations:
    """Return the texts of a language from its .po file; English is the source."""
    if code == DEFAULT:
        return gettext.NullTranslations()
    compiled = BytesIO()
    source = files("node.printing").joinpath("locale", f"{code}.po").read_bytes()
    write_mo(compiled, read_po(BytesIO(source), locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
