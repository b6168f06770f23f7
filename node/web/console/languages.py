"""Languages of the console: the API's words, and times for people and programs, as the language writes them (CLDR)."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final

from babel.dates import format_date, format_datetime, format_timedelta
from fastapi import Request
from markupsafe import Markup

from fx.errors import RejectedError as FxRejectedError
from node.languages import DEFAULT, LAST_S, NAMES, BaseSpeech
from node.web.console.phrases import FIELDS, PATTERNS, RATE, ROWS, WORDS

COOKIE: Final = "__Host-landfall-language"
_ROOM: Final = "node.web.console"
_MONEY_WITHIN: Final = re.compile(r"(?<![\w.,])-?[0-9][0-9,]*(?:\.[0-9]+)? [A-Z]{3}(?![\w])")


class Speech(BaseSpeech):
    """What the console says in one language."""

    def phrase(self, words: object) -> str:
        """Return words of the API in this language where they are known; amounts in them as this language writes."""
        text = str(words)
        if text in WORDS:
            return self.text(WORDS[text])
        for pattern, message in PATTERNS:
            found = pattern.fullmatch(text)
            if found is not None:
                values = {name: self.phrase(value) for name, value in found.groupdict().items()}
                return self.text(message, **values)
        return _MONEY_WITHIN.sub(lambda match: self.money(match.group()), text)

    def minor(self, amount_minor: int | str, currency: str) -> str:
        """Write minor units of a currency."""
        try:
            return super().minor(int(amount_minor), currency)
        except FxRejectedError:
            return f"{amount_minor} {currency}"

    def decimal(self, number: object) -> str:
        """Write a number with the digits it has."""
        try:
            return self.number(Decimal(str(number)))
        except InvalidOperation:
            return str(number)

    def bps(self, bps: int) -> str:
        """Write basis points as a percentage."""
        return self.percent(f"{Decimal(bps) / 100:.2f} %")

    def rate(self, written: object) -> str:
        """Write a rate that the API has written, `148.203400 KES per EUR`, as this language does."""
        number, _, currencies = str(written).partition(" ")
        bought, _, sold = currencies.partition(" per ")
        if not sold:
            return self.decimal(number)
        return self.text(RATE, number=self.decimal(number), bought=bought, sold=sold)

    def oracle_rate(self, digits: object) -> str:
        """Write an oracle's rate, 18 decimals as digits, with six."""
        return self.decimal((Decimal(str(digits)) / 10**18).quantize(Decimal("0.000001")))

    def field_name(self, path: str) -> str:
        """Return what a field of the terms document is called, by its path, `milestones.0.weight_bps`."""
        first, _, rest = path.partition(".")
        index, _, name = rest.partition(".")
        if first in ROWS and index.isdigit():
            row = self.text(ROWS[first], number=int(index) + 1)
            return f"{row}: {self.text(FIELDS.get(name.partition('.')[0], name))}" if name else row
        return self.text(FIELDS.get(path, FIELDS.get(first, path)))

    def field_value(self, value: object, field: str) -> Markup | str:
        """Write a value of the terms document for people, by the name of its field."""
        if value is None:
            return "–"
        if field.endswith("_bps"):
            return self.bps(int(str(value)))
        if field.endswith(("deadline_s", "by_s", "expires_at_s")):
            return self.when(value)
        return str(value)

    def when(self, moment: object) -> Markup:
        """Write a moment (RFC 3339, or unix seconds) for people and programs."""
        at = moment_of(moment)
        if at is None:
            return Markup("–")
        shown = format_datetime(at, "d MMM y, HH:mm", UTC, self.locale)
        return Markup('<time datetime="{}">{} UTC</time>').format(at.strftime("%Y-%m-%dT%H:%M:%SZ"), shown)

    def day(self, moment: object) -> str:
        """Write the day of a moment."""
        at = moment_of(moment)
        return "–" if at is None else format_date(at, "d MMM y", self.locale)

    def until(self, moment: object, now_s: int) -> str:
        """Write how far away a moment is, `in 3 days`."""
        at = moment_of(moment)
        if at is None:
            return ""
        away = at - datetime.fromtimestamp(now_s, UTC)
        return format_timedelta(away, add_direction=True, locale=self.locale, threshold=0.95)

    def duration(self, length_s: int) -> str:
        """Write a length of time in its largest unit, `3 hours`."""
        return format_timedelta(timedelta(seconds=length_s), threshold=1, locale=self.locale)


def moment_of(value: object) -> datetime | None:
    """Return a moment of the API's answers: RFC 3339 or unix seconds; None for none."""
    if value is None or value == "":
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(min(value, LAST_S), UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)


@cache
def speech(code: str) -> Speech:
    """Return a language by its code."""
    return Speech(next((known for known in NAMES if known == code), DEFAULT), _ROOM)


def speech_of(request: Request) -> Speech:
    """Return the language of a request: what its person has chosen, else what the browser asks for."""
    chosen = request.cookies.get(COOKIE, "")
    return speech(chosen if chosen in NAMES else _negotiated(request.headers.get("Accept-Language", "")))


def _negotiated(accepted: str) -> str:
    best: Sequence[tuple[float, str]] = sorted(_weighed(accepted[:500]), key=lambda item: -item[0])
    return next((code for weight, code in best if weight > 0 and code in NAMES), DEFAULT)


def _weighed(accepted: str) -> list[tuple[float, str]]:
    found = []
    for part in accepted.split(","):
        name, _, parameters = part.partition(";")
        weight = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", parameters)
        found.append((float(weight[1]) if weight else 1.0, name.strip().lower().partition("-")[0]))
    return found
