"""Statements, memos, corrections and reconciliation."""

from pathlib import Path

import pytest
from sqlalchemy import text

from contracts.client.block_feed import BlockFeed
from contracts.client.errors import ForkedChainError
from contracts.client.follower import EventFollower, Handlers
from node.errors import UnavailableError
from node.ledger.errors import (
    BrokenBooksError,
    NegativeBalanceError,
    NotBookedError,
    PageError,
    UnknownCurrencyError,
    UnknownEntryError,
    UnknownOwnerError,
)
from node.ledger.invariants import verify_books
from node.ledger.views import Difference, Memo
from node.storage.cursor import SqlFollowerStore
from node.storage.database import Database
from node.storage.migrate import prepare
from tests.unit.client.fake_chain import Actor, event_of
from tests.unit.ledger.conftest import Books, open_books
from tests.unit.storage.crashes import Crash, CrashingDatabase, Fuse

EXPORTER = Actor("naivasha").address


def pay_milestone(books: Books) -> None:
    """Fund bloem with 100, hold 60 of it, pay 40 out and give 20 back."""
    books.token.issue(books.own, 100)
    books.token.transfer(books.own, books.customer, 100)
    books.book()
    hold_id = books.token.place(books.customer, 60)
    books.token.execute(hold_id, EXPORTER, 40, 0)
    books.token.release(hold_id, 20)
    books.book()


def test_statement_tells_every_change_when_a_milestone_is_paid(books: Books) -> None:
    pay_milestone(books)
    with books.database.read() as session:
        lines = books.ledger.statement(session, "bloem", "EUR")
        assert [(line.kind, line.available, line.held) for line in lines] == [
            ("transfer", 100, 0),
            ("hold", 40, 60),
            ("hold_execution", 40, 20),
            ("hold_release", 60, 0),
        ]
        assert [(line.available_change, line.held_change) for line in lines] == [
            (100, 0),
            (-60, 60),
            (0, -40),
            (20, -20),
        ]
        assert lines[0].counterparty == books.own
        assert lines[2].counterparty == EXPORTER
        rest = books.ledger.statement(session, "bloem", "EUR", after=lines[1].entry, limit=1)
        assert rest == [lines[2]]
        assert books.ledger.statement(session, "bloem", "KES") == []


def test_statement_tells_the_latest_first_when_it_is_asked_to(books: Books) -> None:
    pay_milestone(books)
    with books.database.read() as session:
        lines = books.ledger.statement(session, "bloem", "EUR")
        latest = books.ledger.statement(session, "bloem", "EUR", limit=2, is_newest_first=True)
        assert latest == [lines[3], lines[2]], "with the balances that were there after each"
        rest = books.ledger.statement(session, "bloem", "EUR", after=lines[2].entry, is_newest_first=True)
        assert rest == [lines[1], lines[0]]


@pytest.mark.parametrize("limit", [0, -1, 502])
def test_page_is_refused_when_it_is_over_the_limit(books: Books, limit: int) -> None:
    with books.database.read() as session, pytest.raises(PageError, match="1 to 501"):
        books.ledger.statement(session, "bloem", "EUR", limit=limit)


def test_statement_is_refused_when_owner_or_currency_is_unknown(books: Books) -> None:
    with books.database.read() as session:
        with pytest.raises(UnknownOwnerError, match="naivasha"):
            books.ledger.statement(session, "naivasha", "EUR")
        with pytest.raises(UnknownCurrencyError, match="EUR, KES"):
            books.ledger.balance(session, "bloem", "USD")


def test_payment_memo_finds_its_entry_when_a_contract_tells_of_the_payment(books: Books) -> None:
    books.token.issue(books.own, 100)
    hold_id = books.token.place(books.own, 90)
    for amount in (40, 40, 10):
        books.token.execute(hold_id, books.customer, amount, 0)
    block = books.book()
    memo = {"currency": "EUR", "account": books.customer, "trade_id": "0x01", "milestone": 0}
    after_all = event_of(block.info, 99, contract="TradeEscrow", name="PaymentMade", address=EXPORTER)
    after_first = event_of(block.info, 6, contract="TradeEscrow", name="PaymentMade", address=EXPORTER)
    with books.database.transaction() as session:
        books.ledger.add_payment_memo(session, after_all, amount=40, purpose="invoice", **memo)  # type: ignore[arg-type]
        books.ledger.add_payment_memo(session, after_first, amount=40, purpose="tax", **memo)  # type: ignore[arg-type]
        for amount, event in ((41, after_all), (10, after_first)):
            with pytest.raises(NotBookedError, match=str(amount)):
                books.ledger.add_payment_memo(session, event, amount=amount, purpose="fee", **memo)  # type: ignore[arg-type]
    with books.database.read() as session:
        lines = books.ledger.statement(session, "bloem", "EUR")
        assert [line.memos for line in lines] == [
            (Memo("tax", "0x01", 0, None, None),),
            (Memo("invoice", "0x01", 0, None, None),),
            (),
        ]


def test_memo_is_replaced_when_the_same_purpose_is_said_again(books: Books) -> None:
    books.token.issue(books.own, 1)
    block = books.book()
    tx_hash = block.events[0].tx_hash
    with books.database.transaction() as session:
        for words in ("first", "second"):
            books.ledger.add_memo(session, tx_hash=tx_hash, log_index=1, purpose="funding", text=words)
    with books.database.read() as session:
        (line,) = books.ledger.statement(session, "bank-nl", "EUR")
        assert line.memos == (Memo("funding", None, None, "second", None),)
        assert line.reference == b"\5" * 32


def test_correction_is_a_new_entry_when_an_entry_was_wrong(books: Books) -> None:
    books.token.issue(books.own, 7)
    books.book()
    with books.database.transaction() as session:
        (wrong,) = session.scalars(books.ledger.journal())
        correction = books.ledger.correct(session, wrong.id, reason="booked by a faulty node", now_s=5)
        assert (correction.corrects, correction.time_s) == (wrong.id, 5)
        for entry in (wrong.id, 99):
            with pytest.raises(UnknownEntryError):
                books.ledger.correct(session, entry, reason="again", now_s=6)
    assert books.parts("bank-nl") == (0, 0, 0)
    with books.database.read() as session:
        assert len(session.scalars(books.ledger.journal()).all()) == 2
        verify_books(session)


def test_block_is_not_booked_when_an_owner_would_go_below_zero(books: Books) -> None:
    books.token.transfer(books.customer, EXPORTER, 1)
    with pytest.raises(NegativeBalanceError, match="EUR:bloem:available"):
        books.book()
    with books.database.read() as session:
        assert not session.scalars(books.ledger.journal()).all()


async def test_reconciliation_is_equal_when_books_follow_the_chain(books: Books) -> None:
    pay_milestone(books)
    found = await books.reconciler.reconcile()
    assert (found.is_equal, found.compared, found.block_number) == (True, 12, 2)


async def test_reconciliation_names_each_difference_when_books_and_chain_differ(books: Books) -> None:
    pay_milestone(books)
    books.token.available[books.customer] += 1
    books.token.blocked[books.own] += 2
    found = await books.reconciler.reconcile()
    assert set(found.differences) == {
        Difference("EUR:bloem:available", 60, 61),
        Difference("EUR:bank-nl:blocked", 0, 2),
    }
    assert not found.is_equal


async def test_reconciliation_stops_when_the_chain_is_another_one(books: Books) -> None:
    with pytest.raises(UnavailableError, match="none yet"):
        await books.reconciler.reconcile()
    pay_milestone(books)
    books.chain.blocks[2] = books.chain.blocks[1]
    with pytest.raises(ForkedChainError, match="block 2"):
        await books.reconciler.reconcile()


@pytest.mark.parametrize(
    ("statement", "invariant"),
    [
        ("UPDATE ledger_line SET amount = '3' WHERE id = 1", "debits = credits"),
        ("UPDATE ledger_account SET balance = '3' WHERE name = 'EUR:bloem:available'", "sum of its lines"),
        ("UPDATE ledger_hold SET rest = '1'", "rests of its holds"),
        ("DELETE FROM ledger_line WHERE entry_id = 1", "debits = credits"),
    ],
)
def test_invariant_names_the_fault_when_stored_books_were_changed(books: Books, statement: str, invariant: str) -> None:
    pay_milestone(books)
    with books.database.read() as session:
        verify_books(session)
    with books.database.transaction() as session:
        session.execute(text(statement))
    with pytest.raises(BrokenBooksError, match=invariant), books.database.read() as session:
        verify_books(session)


async def test_books_are_the_same_when_the_process_dies_at_any_commit(tmp_path: Path) -> None:
    books = open_books("sqlite://")
    pay_milestone(books)
    pay_milestone(books)
    expected = {owner: books.token.parts(address) for address, owner in owners_of(books).items()}
    steps = 0
    while await _follow_dying_at(steps, books, expected, f"sqlite:///{tmp_path}/{steps}.sqlite"):
        steps += 1
    # The cursor is read once, then five blocks are applied: before and after each commit.
    assert steps == 12


def owners_of(books: Books) -> dict[str, str]:
    with books.database.read() as session:
        return books.participants.account_names(session)


async def _follow_dying_at(steps: int, books: Books, expected: dict[str, tuple[int, int, int]], url: str) -> bool:
    fuse = Fuse(None)
    database = CrashingDatabase(url, fuse)
    prepare(database)
    with database.transaction() as session:
        books.participants.add_customer(session, customer_id="bloem", name="Bloemenhuis BV", now_s=0)
    fuse.steps = steps
    has_died = False
    try:
        await _follow(books, database)
    except Crash:
        has_died = True
        await _follow(books, Database(url))
    with Database(url).read() as session:
        for owner, parts in expected.items():
            balance = books.ledger.balance(session, owner, "EUR")
            assert (balance.available, balance.held, balance.blocked) == parts
        assert len(session.scalars(books.ledger.journal()).all()) == 10
        verify_books(session)
    return has_died


async def _follow(books: Books, database: Database) -> None:
    """Catch up block by block, as a new process does while the chain grows."""
    feed = BlockFeed(books.chain)
    follower = EventFollower(feed, SqlFollowerStore(database), Handlers(blocks=[books.ledger.on_block]))
    for number in range(len(books.chain.blocks)):
        books.chain.head_shown = number
        await feed.poll()
        await follower.catch_up()
