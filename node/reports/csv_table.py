"""A statement as a table of comma-separated values (RFC 4180), with the balances as its first and last row."""

import csv
import io
from typing import Final

from node.ledger.views import Balance
from node.reports.statement import Statement
from node.web.schemas import rfc3339

MEDIA_TYPE: Final = "text/csv"
_COLUMNS: Final = ("entry", "time", "kind", "amount", "available", "currency", "counterparty", "text", "transaction")
# What spreadsheets take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write(statement: Statement) -> bytes:
    """Return the table; amounts are decimal numbers in major units."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerow(_balance(statement, "opening balance", statement.opening, statement.day.from_s))
    for entry in statement.entries:
        writer.writerow(
            (
                entry.number,
                rfc3339(entry.time_s),
                entry.kind,
                entry.amount.plain(),
                entry.available_change.plain(),
                statement.currency,
                _text(entry.counterparty or ""),
                _text(entry.text),
                "" if entry.tx_hash is None else f"0x{entry.tx_hash.hex()}",
            )
        )
    writer.writerow(_balance(statement, "closing balance", statement.closing, statement.day.until_s - 1))
    return out.getvalue().encode("utf-8")


def _balance(statement: Statement, kind: str, balance: Balance, time_s: int) -> tuple[object, ...]:
    total, available = statement.money(balance.total).plain(), statement.money(balance.available).plain()
    return ("", rfc3339(time_s), kind, total, available, statement.currency, "", "", "")


def _text(text: str) -> str:
    """Keep a spreadsheet from running what somebody else has written."""
    return f"'{text}" if text.startswith(_FORMULA) else text
