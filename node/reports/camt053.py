"""A statement as camt.053, checked by its schema and the usage rules before anybody gets it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from fx.money import Money
from node.messages.iso20022 import codec
from node.messages.iso20022.formats import cash
from node.messages.iso20022.formats.cash import BalanceKind, CashReport, CashReportKind, EntryStatus
from node.messages.iso20022.parts import Party
from node.reports.statement import Entry, Statement
from node.trades.payments.people import NAME_CHARS_MAX, account_of, agent_of
from node.trades.payments.wording import in_set_x

MEDIA_TYPE: Final = "application/xml"
# ISO 20022 bank transaction codes: received and issued credit transfers within the books of the ledger.
_RECEIVED: Final = "RCDT"
_ISSUED: Final = "ICDT"
_BOOK: Final = "BOOK"
_TEXT_CHARS_MAX: Final = 500
_ID_CHARS: Final = 12


def write(statement: Statement) -> bytes:
    """Return the camt.053 of a statement."""
    return codec.build(_report(statement))


def statement_id(statement: Statement) -> str:
    """Return a statement's id: the same for the same account and day."""
    account = sha256(statement.account.lower().encode()).hexdigest()[:_ID_CHARS]
    return f"{statement.day.on:%Y%m%d}{statement.currency}{account}"


def _report(statement: Statement) -> CashReport:
    day = statement.day
    name = statement_id(statement)
    opening, closing = statement.money(statement.opening.total), statement.money(statement.closing.total)
    available = statement.money(statement.closing.available)
    return CashReport(
        kind=CashReportKind.STATEMENT,
        message_id=name,
        created_s=statement.created_s,
        report_id=name,
        account=account_of(statement.account),
        currency=statement.currency,
        owner=Party(in_set_x(statement.owner_name, NAME_CHARS_MAX)),
        servicer=agent_of(statement.institution),
        from_s=day.from_s,
        to_s=day.until_s - 1,
        balances=(
            cash.Balance(BalanceKind.OPENING, opening, day.on),
            cash.Balance(BalanceKind.CLOSING, closing, day.on),
            cash.Balance(BalanceKind.AVAILABLE, available, day.on),
        ),
        entries=tuple(_entry(statement, entry) for entry in statement.entries if _shown(entry).amount_minor),
    )


def _entry(statement: Statement, entry: Entry) -> cash.Entry:
    is_booked, amount = bool(entry.amount.amount_minor), _shown(entry)
    return cash.Entry(
        reference=str(entry.number),
        amount=amount,
        booked_s=entry.time_s,
        value_on=statement.day.on if is_booked else datetime.fromtimestamp(entry.time_s, UTC).date(),
        family=_ISSUED if amount.is_negative else _RECEIVED,
        sub_family=_BOOK,
        status=EntryStatus.BOOKED if is_booked else EntryStatus.INFORMATION,
        text=in_set_x(_told(entry), _TEXT_CHARS_MAX),
    )


def _shown(entry: Entry) -> Money:
    """Return what an entry booked, or what it took from the available money and gave back, which is only told."""
    return entry.amount if entry.amount.amount_minor else entry.available_change


def _told(entry: Entry) -> str:
    parts = [entry.text if entry.amount.amount_minor else f"{entry.text}: held or let go, nothing is booked"]
    if entry.counterparty is not None:
        parts.append(f"with {entry.counterparty}")
    if entry.tx_hash is not None:
        parts.append(f"transaction 0x{entry.tx_hash.hex()}")
    return ", ".join(parts)
