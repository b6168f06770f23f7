from datetime import date, timedelta
from pathlib import Path

import pytest

from fx.errors import RateFileError, RateMissingError
from fx.ports import RateSource
from fx.rate_files import FILE_BYTES_MAX, read_daily_rates, read_ecb_history
from fx.rates import Rate

FIXINGS = Path(__file__).parents[3] / "examples" / "rates" / "eur-daily-2026.csv"
GOOD = "date,USD,KES\n2026-06-01,1.16,150.5\n2026-06-03,1.17,\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rates.csv"
    path.write_text(text)
    return path


def test_example_file_gives_the_printed_rate_when_asked_for_its_day():
    source: RateSource = read_daily_rates(FIXINGS)
    assert source.at(date(2026, 6, 1), "EUR", "KES") == Rate.parse("150.77292623")
    assert (source.days()[0], source.days()[-1]) == (date(2026, 6, 1), date(2026, 9, 29))


def test_at_takes_latest_fixing_before_when_the_day_has_none(tmp_path: Path):
    rates = read_daily_rates(write(tmp_path, GOOD))
    assert rates.fixing(date(2026, 6, 2), "EUR", "USD").day == date(2026, 6, 1)
    assert rates.at(date(2026, 6, 4), "EUR", "USD") == Rate.parse("1.17")
    # KES was not fixed on the 3rd, so both legs of the cross come from the 1st.
    assert rates.fixing(date(2026, 6, 4), "USD", "KES").day == date(2026, 6, 1)
    assert rates.at(date(2026, 6, 4), "USD", "KES") == Rate(1505, 10).times(Rate(100, 116))


def test_cross_rates_agree_exactly_when_taken_around_a_triangle():
    rates, day = read_daily_rates(FIXINGS), date(2026, 9, 1)
    around = rates.at(day, "USD", "KES").times(rates.at(day, "KES", "KWD")).times(rates.at(day, "KWD", "USD"))
    assert around == Rate(1, 1)
    assert rates.at(day, "KES", "EUR") == rates.at(day, "EUR", "KES").inverse()


@pytest.mark.parametrize(
    ("day", "base", "quote"),
    [(date(2026, 5, 31), "EUR", "USD"), (date(2026, 6, 3), "EUR", "CHF"), (date(2026, 6, 3), "eur", "USD")],
)
def test_at_raises_when_there_is_no_fixing(tmp_path: Path, day: date, base: str, quote: str):
    with pytest.raises(RateMissingError, match="the source runs from 2026-06-01 to 2026-06-03"):
        read_daily_rates(write(tmp_path, GOOD)).at(day, base, quote)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1"),
        ("date,USD\n", "at least one day"),
        ("day,USD\n2026-06-01,1\n", "line 1"),
        ("date,USD,USD\n2026-06-01,1,1\n", "line 1"),
        ("date,usd\n2026-06-01,1\n", "line 1"),
        ("date,USD\n2026-06-01,1\n2026-06-01,1\n", "line 3: expected one line a day"),
        ("date,USD\n2026-06-02,1\n2026-06-01,1\n", "ascending"),
        ("date,USD\n01.06.2026,1\n", "line 2: expected a date"),
        ("date,USD\n2026-06-01\n", "line 2: expected 1 rates"),
        ("date,USD\n2026-06-01,1,2\n", "line 2: expected 1 rates"),
        ("date,USD\n2026-06-01,-1\n", "2026-06-01, USD: rate"),
        ("date,USD\n2026-06-01,0\n", "2026-06-01, USD"),
        ("date,USD\n2026-06-01,1e3\n", "2026-06-01, USD: rate"),
        ("date,USD\n2026-06-01,£1\n", "ASCII"),
    ],
)
def test_read_daily_rates_names_the_line_when_file_is_malformed(tmp_path: Path, text: str, said: str):
    with pytest.raises(RateFileError, match=said):
        read_daily_rates(write(tmp_path, text))


def test_read_daily_rates_raises_when_file_is_missing_or_too_large(tmp_path: Path):
    with pytest.raises(RateFileError, match="readable"):
        read_daily_rates(tmp_path / "none.csv")
    with pytest.raises(RateFileError, match="at most"):
        read_daily_rates(write(tmp_path, " " * (FILE_BYTES_MAX + 1)))


def test_ecb_history_agrees_with_published_fixings_when_read():
    # First fixing of the euro, 4 January 1999: 1 EUR = 1.1789 USD = 133.73 JPY (ECB).
    rates = read_ecb_history()
    assert rates.at(date(1999, 1, 4), "EUR", "USD") == Rate.parse("1.1789")
    assert rates.at(date(1999, 1, 4), "USD", "JPY") == Rate(13373, 100).times(Rate(10000, 11789))
    assert len(rates.codes()) >= 41
    assert rates.days()[-1] - rates.days()[0] > timedelta(days=25 * 365)
    with pytest.raises(RateMissingError):
        rates.at(date(2020, 1, 1), "EUR", "KES")
