"""The last status of a payment: settled only if all that was ordered was paid."""

import pytest

from fx.currencies import get_currency
from fx.money import Money
from node.messages.iso20022.codec import build, parse
from node.messages.iso20022.parts import Header
from node.trades.payments.statuses import final_status, status_of
from node.trades.store import MilestoneRow, Trade
from tests.unit.trades.payments.test_transfer import transfer

ORDERED = Money.parse("1500000.00", "KES")
EUR = get_currency("EUR")


def rows(*paid: tuple[int | None, int | None]) -> list[MilestoneRow]:
    return [MilestoneRow(paid=in_full, resorted=at_last) for in_full, at_last in paid]


@pytest.mark.parametrize(
    ("paid", "cause", "status", "reason"),
    [
        (rows((45_000_000, None), (105_000_000, None)), 1, "ACSC", None),
        (rows((150_000_001, None)), 1, "ACSC", None),
        (
            rows((149_999_999, None)),
            1,
            "ACWC",
            "NARR 1,499,999.99 KES of 1,500,000.00 KES paid: each milestone settled by the terms",
        ),
        (
            rows((45_000_000, None), (0, None)),
            3,
            "ACWC",
            "NARR 450,000.00 KES of 1,500,000.00 KES paid: the hold lapsed",
        ),
        (
            rows((45_000_000, None), (0, 700_000)),
            1,
            "ACWC",
            "NARR 450,000.00 KES of 1,500,000.00 KES paid, 7,000.00 EUR at the last resort: "
            "each milestone settled by the terms",
        ),
        (
            rows((0, 1_000_000)),
            1,
            "ACWC",
            "NARR 10,000.00 EUR paid at the last resort in place of 1,500,000.00 KES: "
            "each milestone settled by the terms",
        ),
        (rows((0, None)), 2, "RJCT", "DS02 nothing of 1,500,000.00 KES paid: both sides cancelled"),
        (rows((0, None)), 4, "RJCT", "NARR nothing of 1,500,000.00 KES paid: closed with the rate out of band"),
    ],
)
def test_last_status_says_what_was_paid(paid: list[MilestoneRow], cause: int, status: str, reason: str | None) -> None:
    found, why = final_status(Trade(closed_cause=cause), paid, ORDERED, EUR)
    assert found == status
    assert (None if why is None else " ".join((why.code, *why.lines))) == reason
    ends = {"sender": transfer().instructed, "recipient": transfer().instructing}
    answer = status_of(transfer(), **ends, message_id="S-1", created_s=1_785_830_409, status=found, reason=why)
    header = Header("S-1", answer.instructing, answer.instructed, answer.created_s)
    read = parse(build(answer, header))
    assert (read.message, read.report.findings) == (answer, ())
