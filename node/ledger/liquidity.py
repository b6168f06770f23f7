"""What an institution can dispose of in each currency: now, and at the end of the last business days."""

from sqlalchemy.orm import Session

from fx.currencies import get_currency
from node.ledger.days import CutOff, Day, day_of
from node.ledger.service import LedgerService
from node.ledger.views import Balance
from node.printing.charts import Bar, BarChart, LineChart, Series, Table
from node.printing.languages import Speech

DAYS = 30


def days_before(cut_off: CutOff, now_s: int, number: int = DAYS) -> list[Day]:
    """Return the last business days that are over, the oldest first."""
    found: list[Day] = []
    start_s = day_of(cut_off, now_s).from_s
    while len(found) < number:
        found.append(day_of(cut_off, start_s - 1))
        start_s = found[-1].from_s
    return found[::-1]


def balances_by_day(
    session: Session, ledger: LedgerService, owner: str, currency: str, days: list[Day]
) -> list[tuple[Day, Balance]]:
    """Return what an owner had at the end of each day."""
    return [
        (day, ledger.balance_after(session, owner, currency, ledger.last_entry_before(session, day.until_s)))
        for day in days
    ]


def liquidity_chart(balances: list[Balance], speech: Speech) -> BarChart:
    """Return what is available, held and frozen in each currency, as shares: currencies do not add up."""
    return BarChart(
        title=speech.text("Liquidity by currency"),
        description=_described(balances, speech),
        parts=(speech.text("Available"), speech.text("Held"), speech.text("Frozen")),
        bars=[
            Bar(
                one.currency,
                tuple(part / one.total if one.total else 0.0 for part in (one.available, one.held, one.blocked)),
                speech.minor(one.total, one.currency),
            )
            for one in balances
        ],
        table=Table(
            tuple(speech.text(name) for name in ("Currency", "Total", "Available", "Held", "Frozen")),
            [
                (
                    one.currency,
                    *(speech.minor(part, one.currency) for part in (one.total, one.available, one.held, one.blocked)),
                )
                for one in balances
            ],
        ),
    )


def currency_chart(currency: str, days: list[tuple[Day, Balance]], speech: Speech) -> LineChart:
    """Return what was there, and available of it, at the end of each day."""
    unit = 10 ** get_currency(currency).exponent
    return LineChart(
        title=speech.text("Liquidity in %(currency)s, at the end of each business day", currency=currency),
        description=_described([days[-1][1]], speech),
        series=[
            Series(speech.text("Total"), [(day.until_s, one.total / unit) for day, one in days]),
            Series(speech.text("Available"), [(day.until_s, one.available / unit) for day, one in days]),
        ],
        table=Table(
            tuple(speech.text(name) for name in ("Business day", "Total", "Available")),
            [
                (speech.day(day.on), speech.minor(one.total, currency), speech.minor(one.available, currency))
                for day, one in days
            ],
        ),
        write=lambda value: speech.number(round(value)),
    )


def _described(balances: list[Balance], speech: Speech) -> str:
    parts = [
        speech.text(
            "%(available)s of %(total)s available",
            available=speech.minor(one.available, one.currency),
            total=speech.minor(one.total, one.currency),
        )
        for one in balances
    ]
    return "; ".join(parts) + "."
