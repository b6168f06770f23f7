"""Languages of papers and charts: words, rates, days and times as the language writes them (CLDR)."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Final

from babel.dates import format_date, format_datetime
from fastapi import Query

from fx.money import Money
from node.languages import LAST_S, BaseSpeech, Code

Language = Annotated[Code, Query(alias="language", description="English, Dutch or Swahili")]
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?: ([A-Z]{3}) per ([A-Z]{3}))?")
_WORD: Final = re.compile(r"[a-z_ ]+")
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))


class Speech(BaseSpeech):
    """What papers say in one language."""

    def count(self, one: str, many: str, number: int) -> str:
        """Return a message about a number of things, `%(number)s entries`."""
        return self.catalogue.ngettext(one, many, number) % {"number": self.number(number)}

    def word(self, word: str) -> str:
        """Return a word of the API in this language; what is none, or not known, stays as it is."""
        return self.catalogue.gettext(word.replace("_", " ")) if _WORD.fullmatch(word) else word

    def money(self, amount: object) -> str:
        """Write an amount, or one that the API has written, `1,500,000.00 KES`; other text stays as it is."""
        if isinstance(amount, Money):
            return self.minor(amount.amount_minor, amount.currency.code)
        return super().money(amount)

    def decimal(self, written: str) -> str:
        """Write a decimal number with the digits it has, `148.203400`."""
        return self.number(Decimal(written))

    def rate(self, written: str) -> str:
        """Write a rate that the API has written, `148.203400 KES per EUR`; other text stays as it is."""
        found = _RATE.fullmatch(written)
        if found is None:
            return written
        number = self.decimal(found[1])
        return number if found[2] is None else f"{number} {found[2]} {self.text('per')} {found[3]}"

    def day(self, on: date) -> str:
        """Write a day, `17 August 2026`."""
        return format_date(on, "d MMMM y", self.locale)

    def short_day(self, on: date) -> str:
        """Write a day where there is little room, `17 Aug 2026`."""
        return format_date(on, "d MMM y", self.locale)

    def when(self, time_s: int) -> str:
        """Write a moment in UTC."""
        at = datetime.fromtimestamp(min(time_s, LAST_S), UTC)
        return f"{format_datetime(at, 'd MMM y, HH:mm', UTC, self.locale)} UTC"

    def duration(self, length_s: int) -> str:
        """Write a length of time in its largest fitting unit, where there is little room: `3 h`."""
        for name, size_s in _UNITS:
            if length_s >= size_s:
                return f"{self.decimal(f'{round(10 * length_s / size_s) / 10:g}')} {self.text(name)}"
        return f"{self.number(length_s)} {self.text('s')}"


@cache
def speech(code: Code) -> Speech:
    """Return a language by its code."""
    return Speech(code, "node.printing")
