"""What a bank keeps of a trade's payment, read as a test compares it."""

from typing import Any, TypeVar

from sqlalchemy import select

from node.messages.iso20022.codec import Message, parse
from node.messages.iso20022.formats.answers import PaymentStatus
from node.messages.iso20022.formats.cash import CashReport
from node.messages.iso20022.formats.transfers import CustomerTransfer
from node.trades.payments.store import TradeMessage
from node.web.store import EventRow
from tests.unit.trades import story
from tests.unit.trades.world import TestDesk

Kind = TypeVar("Kind", CustomerTransfer, PaymentStatus, CashReport)


def rows(desk: TestDesk, reference: str = story.REFERENCE) -> list[TradeMessage]:
    """Return the messages that a bank has kept, in their order; each is valid by schema and usage rules."""
    with desk.database.read() as session:
        wanted = select(TradeMessage).where(TradeMessage.reference == reference).order_by(TradeMessage.id)
        found = list(session.scalars(wanted))
    for row in found:
        assert parse(row.document).report.findings == (), row.message_id
    return found


def told(desk: TestDesk, reference: str = story.REFERENCE) -> list[tuple[str, str, str, str | None]]:
    """Return (direction, partner, end of the id, status)."""
    return [(row.direction, row.partner, row.message_id[25:], row.status) for row in rows(desk, reference)]


def content(desk: TestDesk, name: str, kind: type[Kind], direction: str | None = None) -> Kind:
    """Return what the message says whose id ends so."""
    (row,) = [row for row in rows(desk) if row.message_id.endswith(f"-{name}") and direction in (None, row.direction)]
    found: Message = parse(row.document).message
    assert isinstance(found, kind)
    return found


def entries(report: CashReport) -> list[tuple[str, str, str, str]]:
    """Return (amount, status, sub-family, text) of each entry."""
    return [(str(one.amount), one.status.value, one.sub_family, one.text or "") for one in report.entries]


def notices(desk: TestDesk, kind: str) -> list[tuple[str | None, dict[str, Any]]]:
    with desk.database.read() as session:
        found = session.scalars(select(EventRow).where(EventRow.kind == kind).order_by(EventRow.id))
        return [(row.owner, row.body) for row in found]
