"""Statements and end-of-day reports on paper: the pages, to be printed by the press."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from fx.money import Money
from node.participants.directory import Institution
from node.printing.languages import Speech
from node.printing.layout import Sheets, check_rows
from node.reports.camt053 import statement_id
from node.reports.schemas import ClosingOut
from node.reports.statement import Entry, Statement
from node.trades.payments.people import account_of

_SHEETS: Final = Sheets("node.reports")


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry, and what there was after it."""

    entry: Entry
    after: Money


def statement_page(statement: Statement, speech: Speech) -> str:
    """Return the page of a statement.

    Raises:
        PaperTooLongError: it has more entries than are printed.
    """
    check_rows(len(statement.entries))
    after, booked = statement.money(statement.opening.total), []
    for entry in statement.booked:
        after += entry.amount
        booked.append(Booked(entry, after))
    zero = statement.money(0)
    return _SHEETS.render(
        "reports/statement.html",
        speech,
        issuer=statement.institution.name,
        created_s=statement.created_s,
        statement=statement,
        day=statement.day,
        name=statement_id(statement),
        number=account_of(statement.account).number,
        bank=bank_of(statement.institution),
        told=lambda entry: _told(entry, speech),
        booked=booked,
        held=[entry for entry in statement.entries if not entry.amount.amount_minor],
        credits=sum((one.amount for one in statement.booked if not one.amount.is_negative), zero),
        debits=sum((one.amount for one in statement.booked if one.amount.is_negative), zero),
    )


def closing_page(
    report: ClosingOut, institution: Institution, names: dict[str, str], speech: Speech, now_s: int
) -> str:
    """Return the page of an end-of-day report, as the API gives it.

    Args:
        names: What owners are called, by id.

    Raises:
        PaperTooLongError: it has more accounts than are printed.
    """
    check_rows(len(report.owners))
    return _SHEETS.render(
        "reports/closing.html",
        speech,
        issuer=institution.name,
        created_s=now_s,
        report=report,
        day=date.fromisoformat(report.day),
        names=names,
    )


def _told(entry: Entry, speech: Speech) -> str:
    """Return what an entry was for: what somebody wrote as it is, our own words in this language."""
    return "; ".join(speech.word(part) for part in entry.text.split("; "))


def bank_of(institution: Institution) -> str:
    """Return an institution's name with the codes that others know it by."""
    return ", ".join(filter(None, (institution.name, institution.bic, institution.lei)))
