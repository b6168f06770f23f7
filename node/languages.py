"""Languages of pages and papers: texts by gettext, numbers and money as the language writes them (CLDR)."""

import gettext
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib.resources import files
from io import BytesIO
from typing import Final, Literal

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from fx.currencies import get_currency

Code = Literal["en", "nl", "sw"]
DEFAULT: Final[Code] = "en"
NAMES: Final[dict[Code, str]] = {"en": "English", "nl": "Nederlands", "sw": "Kiswahili"}
"""By code, each in its own words."""
LAST_S: Final = 253_402_300_799
"""The last second that a date can be written for, unix seconds."""
_LOCALES: Final[dict[Code, str]] = {"en": "en_GB", "nl": "nl_NL", "sw": "sw_KE"}
# The currency's code, not its symbol: a dollar sign has too many owners.
_MONEY_FORMAT: Final = "#,##0.00\N{NO-BREAK SPACE}¤¤"
_MONEY: Final = re.compile(r"(-?[0-9][0-9,]*(?:\.[0-9]+)?) ([A-Z]{3})")
_PERCENT: Final = re.compile(r"(-?[0-9]+(?:\.([0-9]+))?) %")


@dataclass(frozen=True)
class BaseSpeech:
    """One language: how it writes amounts, and texts of the package that `room` names, in its folder `locale`."""

    code: Code
    room: str

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(_LOCALES[self.code])

    @cached_property
    def catalogue(self) -> gettext.NullTranslations:
        return load_catalogue(self.room, self.code)

    def text(self, message: str, **values: object) -> str:
        """Return a message in this language, with its values put in."""
        found = self.catalogue.gettext(message)
        return found % values if values else found

    def minor(self, amount_minor: int, currency: str) -> str:
        """Write minor units of a currency.

        Raises:
            fx.errors.RejectedError: no currency has this code.
        """
        return self._money(Decimal(amount_minor).scaleb(-get_currency(currency).exponent), currency)

    def money(self, amount: object) -> str:
        """Write an amount that the API has written, `1,500,000.00 KES`; other text stays as it is."""
        written = str(amount)
        found = _MONEY.fullmatch(written)
        return written if found is None else self._money(Decimal(found[1].replace(",", "")), found[2])

    def percent(self, share: object) -> str:
        """Write a share that the API has written, `0.38 %`; other text stays as it is."""
        written = str(share)
        found = _PERCENT.fullmatch(written)
        if found is None:
            return written
        digits = "#,##" + _digits(len(found[2] or ""))
        pattern = self.locale.percent_formats[None].pattern.replace("#,##0", digits)
        return format_percent(Decimal(found[1]) / 100, pattern, self.locale)

    def number(self, value: Decimal | int) -> str:
        """Write a number with the digits it has."""
        places = max(-int(Decimal(value).as_tuple().exponent), 0)
        return format_decimal(value, "#,##" + _digits(places), self.locale)

    def _money(self, amount: Decimal, currency: str) -> str:
        return format_currency(amount, currency, _MONEY_FORMAT, self.locale)


def _digits(places: int) -> str:
    return "0." + "0" * places if places else "0"


def load_catalogue(room: str, code: Code) -> gettext.NullTranslations:
    """Return a room's texts from its .po file; English is the source."""
    if code == DEFAULT:
        return gettext.NullTranslations()
    compiled = BytesIO()
    source = files(room).joinpath("locale", f"{code}.po").read_bytes()
    write_mo(compiled, read_po(BytesIO(source), locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
