"""A statement as MT940, the text that accounting programs have read for decades.

Source: SWIFT Standards MT, category 9, MT 940 Customer Statement Message; no library writes it. Checked in the tests
by the `mt-940` package, which reads it.
"""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from textwrap import wrap
from typing import Final

from fx.money import Money
from node.reports.errors import FormatLimitError
from node.reports.statement import Entry, Statement
from node.trades.payments.people import account_of
from node.trades.payments.wording import in_set_x

MEDIA_TYPE: Final = "text/plain"
_END: Final = "\r\n"
# 15d: digits and the comma.
_AMOUNT_CHARS_MAX: Final = 15
_REFERENCE_CHARS: Final = 16
# 6*65x.
_LINE_CHARS: Final = 65
_LINES_MAX: Final = 6
_TRANSFER: Final = "NTRF"


def write(statement: Statement) -> bytes:
    """Return the text block of an MT940; what only holds money or lets it go is left out, nothing is booked by it.

    Raises:
        FormatLimitError: an amount is longer than the format's.
    """
    day = statement.day
    opening, closing = statement.money(statement.opening.total), statement.money(statement.closing.total)
    available = statement.money(statement.closing.available)
    lines = [
        f":20:{_reference(statement)}",
        f":25:{account_of(statement.account).number}",
        f":28C:{day.on.timetuple().tm_yday:05}/00001",
        f":60F:{_balance(opening, statement)}",
    ]
    for entry in statement.booked:
        lines += _entry(entry, statement)
    lines += [f":62F:{_balance(closing, statement)}", f":64:{_balance(available, statement)}", "-"]
    return (_END.join(lines) + _END).encode("ascii")


def _reference(statement: Statement) -> str:
    named = f"{statement.account.lower()}/{statement.currency}/{statement.day.on}"
    return sha256(named.encode()).hexdigest()[:_REFERENCE_CHARS].upper()


def _balance(money: Money, statement: Statement) -> str:
    return f"{_side(money)}{statement.day.on:%y%m%d}{statement.currency}{_amount(money)}"


def _entry(entry: Entry, statement: Statement) -> list[str]:
    booked = datetime.fromtimestamp(entry.time_s, UTC)
    told = f"{entry.text}{'' if entry.counterparty is None else f' with {entry.counterparty}'}"
    text = wrap(in_set_x(told, _LINE_CHARS * _LINES_MAX), _LINE_CHARS)[:_LINES_MAX]
    first = f":61:{statement.day.on:%y%m%d}{booked:%m%d}{_side(entry.amount)}{_amount(entry.amount)}{_TRANSFER}NONREF"
    # A line that begins with a colon or a hyphen would be taken for a tag or the end.
    return [f"{first}//{entry.number}", ":86:" + _END.join(line.lstrip(":-") or "." for line in text)]


def _side(money: Money) -> str:
    return "D" if money.is_negative else "C"


def _amount(money: Money) -> str:
    written = f"{abs(Decimal(money.plain())):f}".replace(".", ",")
    text = written if "," in written else f"{written},"
    if len(text) > _AMOUNT_CHARS_MAX:
        raise FormatLimitError(f"amounts of at most {_AMOUNT_CHARS_MAX} characters", text)
    return text
