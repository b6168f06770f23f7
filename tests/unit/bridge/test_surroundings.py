"""The clock of a hold under freeze orders, and the rounds a step may rest on."""

from typing import Any

import pytest

from bridge.proofs.event_logs import Event
from bridge.proofs.records import Transaction
from bridge.proofs.surroundings import FreezeBook, RoundBook, rounds_used

TOKEN, OWNER, ESCROW = "token", "owner", "escrow"
TRADE, PAIR = bytes([1] * 32), b"EUR/KES".ljust(32, b"\0")


def frozen(*orders: tuple[int, int, int, int | None], scope: int = 2) -> FreezeBook:
    """Return a book of (number, from, until, lifted at)."""
    book = FreezeBook()
    for number, start, end, lifted in orders:
        book.order(TOKEN, {"account": OWNER, "order": number, "scope": scope, "expires_at": end}, start)
        if lifted is not None:
            book.lift(TOKEN, {"account": OWNER, "order": number}, lifted)
    return book


@pytest.mark.parametrize(
    ("orders", "moved"),
    [
        ([], 100),
        ([(1, 50, 59, None)], 110),
        ([(1, 50, 90, 59)], 110),
        ([(1, 50, 59, None), (2, 55, 64, None)], 115),
        ([(1, 50, 59, None), (2, 105, 114, None)], 120),
        ([(1, 50, 59, None), (2, 111, 114, None)], 110),
        ([(1, 0, 19, None)], 110),
        ([(1, 100, 100, None)], 101),
        ([(1, 101, 110, None)], 100),
    ],
)
def test_expiry_moves_by_the_frozen_seconds_when_orders_ran(
    orders: list[tuple[int, int, int, int | None]], moved: int
) -> None:
    assert frozen(*orders).moved(TOKEN, OWNER, 100, placed_at=10) == moved


def test_expiry_stays_when_only_creditors_froze_or_another_account_did() -> None:
    assert frozen((1, 50, 59, None), scope=1).moved(TOKEN, OWNER, 100, placed_at=10) == 100
    assert frozen((1, 50, 59, None)).moved(TOKEN, "another", 100, placed_at=10) == 100


def test_account_is_frozen_when_an_order_is_in_force_only() -> None:
    book = frozen((1, 50, 59, None))
    assert [book.is_frozen(TOKEN, OWNER, at) for at in (49, 50, 59, 60)] == [False, True, True, False]


def test_book_answers_as_the_oracle_when_the_last_round_waits_after_a_jump() -> None:
    book = RoundBook()
    book.record({"median": 150, "usable": True, "round": 1}, 10)
    assert book.latest() is not None
    assert book.previous() is None
    book.record({"median": 200, "usable": False, "round": 2}, 20)
    good, before = book.last_good(), book.previous()
    assert book.latest() is None
    assert good is not None
    assert before is not None
    assert (good.median, before.median) == (150, 150)


@pytest.mark.parametrize(
    ("name", "args", "wanted"),
    [
        ("Repriced", {}, {2}),
        ("TradeFunded", {}, {2}),
        ("FundingSliceSettled", {"median": 5}, {2}),
        ("FundingSliceSettled", {"median": 0}, set()),
        ("LastResort", {}, {1}),
        ("TradeClosed", {"cause": 4}, {1, 2}),
        ("TradeClosed", {"cause": 2}, set()),
    ],
)
def test_rounds_are_those_before_the_step_when_it_rests_on_one(
    name: str, args: dict[str, Any], wanted: set[int]
) -> None:
    rounds = [_round(1, True), _round(2, True), _round(3, False)]
    step = Event("TradeEscrow", ESCROW, name, {"trade_id": TRADE, **args})
    transactions = [Transaction("", 1, 1, at, (event,)) for at, event in enumerate([*rounds, step, _round(4, True)])]
    assert rounds_used(transactions, ESCROW, TRADE, PAIR) == wanted


def _round(number: int, usable: bool) -> Event:
    return Event("FxOracle", "oracle", "RoundRecorded", {"pair": PAIR, "round": number, "median": 1, "usable": usable})
