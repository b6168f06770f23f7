"""Statements and end-of-day reports tell what the books hold, in every format the same."""

import csv
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import mt940
import pytest
from fastapi import FastAPI

from contracts.client.follower import Cursor
from fx.money import Money
from node.ledger import day_routes
from node.ledger.days import DEFAULT, CutOffs, business_day
from node.messages.iso20022 import codec
from node.messages.iso20022.formats.cash import BalanceKind, CashReport, EntryStatus
from node.printing.errors import PaperTooLongError
from node.printing.languages import speech
from node.reports import camt053, csv_table
from node.reports import mt940 as swift
from node.reports.closing import build_closing
from node.reports.errors import FormatLimitError, TooManyEntriesError
from node.reports.papers import statement_page
from node.reports.routes import router
from node.reports.statement import Statement, build_statement
from node.storage.cursor import SqlFollowerStore
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.postgres import NewDatabase, new_database, postgresql
from tests.unit.client.fake_chain import GENESIS_TIME_S, Actor
from tests.unit.ledger.conftest import Books, open_books
from tests.unit.web.conftest import bearer

__all__ = ["new_database", "postgresql"]

EXPORTER = Actor("naivasha").address
TOKENS = {
    "staff": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
}
DAY = business_day(DEFAULT, datetime.fromtimestamp(GENESIS_TIME_S + 2 * 86_400, UTC).date())


def trade_for_two_days(books: Books) -> None:
    """Give bloem 1,000 before the day; on it hold 600, pay 400 of it, give 200 back and get 50."""
    books.token.issue(books.own, 10_000)
    books.token.transfer(books.own, books.customer, 1_000)
    books.book()
    books.chain.mine([], DAY.from_s - books.chain.blocks[-1].info.time_s)
    hold_id = books.token.place(books.customer, 600)
    books.book()
    books.token.execute(hold_id, EXPORTER, 400, 0)
    books.token.release(hold_id, 200)
    books.token.transfer(books.own, books.customer, 50)
    books.book()
    books.chain.mine([], DAY.until_s - books.chain.blocks[-1].info.time_s)
    books.token.transfer(books.own, books.customer, 7)
    books.book()


@pytest.fixture
def books(new_database: NewDatabase) -> Iterator[Books]:
    books = open_books(new_database())
    trade_for_two_days(books)
    yield books
    books.database.close()


def statement(books: Books, owner: str = "bloem") -> Statement:
    with books.database.read() as session:
        return build_statement(
            session, books.ledger, books.participants, owner=owner, currency="EUR", day=DAY, now_s=DAY.until_s
        )


def test_statement_is_of_its_day_when_others_have_entries_too(books: Books) -> None:
    found = statement(books)
    assert (found.opening.total, found.closing.total, found.closing.held) == (1_000, 650, 0)
    assert [entry.amount.amount_minor for entry in found.entries] == [0, -400, 0, 50]
    assert [entry.available_change.amount_minor for entry in found.entries] == [-600, 0, 200, 50]
    assert sum(entry.amount.amount_minor for entry in found.booked) == found.closing.total - found.opening.total


def test_camt_053_is_valid_and_reads_back_when_written(books: Books) -> None:
    report = codec.parse(camt053.write(statement(books))).message
    assert isinstance(report, CashReport)
    balances = {balance.kind: balance.amount for balance in report.balances}
    assert balances == {
        BalanceKind.OPENING: Money(1_000, report.entries[0].amount.currency),
        BalanceKind.CLOSING: Money(650, report.entries[0].amount.currency),
        BalanceKind.AVAILABLE: Money(650, report.entries[0].amount.currency),
    }
    assert [(entry.amount.amount_minor, entry.status) for entry in report.entries] == [
        (-600, EntryStatus.INFORMATION),
        (-400, EntryStatus.BOOKED),
        (200, EntryStatus.INFORMATION),
        (50, EntryStatus.BOOKED),
    ]
    assert (report.from_s, report.to_s) == (DAY.from_s, DAY.until_s - 1)


def test_mt940_is_read_by_another_program_when_written(books: Books) -> None:
    text = swift.write(statement(books)).decode("ascii")
    assert all(len(line) <= 65 + 4 for line in text.split("\r\n"))
    found = mt940.parse(text)
    assert str(found.data["final_opening_balance"].amount) == "10.00 EUR"
    assert str(found.data["final_closing_balance"].amount) == "6.50 EUR"
    assert str(found.data["available_balance"].amount) == "6.50 EUR"
    assert [str(one.data["amount"]) for one in found] == ["-4.00 EUR", "0.50 EUR"]
    assert {one.data["date"] for one in found} == {DAY.on}
    assert EXPORTER.lower() in found[0].data["transaction_details"].replace("\n", "").lower()


def test_table_has_balances_and_every_entry_when_written(books: Books) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table.write(statement(books)).decode("utf-8"))))
    assert [(row["kind"], row["amount"], row["available"]) for row in rows] == [
        ("opening balance", "10.00", "10.00"),
        ("hold", "0.00", "-6.00"),
        ("hold_execution", "-4.00", "0.00"),
        ("hold_release", "0.00", "2.00"),
        ("transfer", "0.50", "0.50"),
        ("closing balance", "6.50", "6.50"),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_table_keeps_a_spreadsheet_from_running_text_when_it_looks_like_a_formula(books: Books, text: str) -> None:
    with books.database.transaction() as session:
        entry = session.scalars(books.ledger.journal()).all()[-2]
        books.ledger.add_memo(
            session, tx_hash=entry.tx_hash or b"", log_index=entry.log_index or 0, purpose="note", text=text
        )
    rows = list(csv.DictReader(io.StringIO(csv_table.write(statement(books)).decode("utf-8"))))
    assert rows[-2]["text"] == f"'{text}"


def test_mt940_keeps_its_tags_when_text_looks_like_one(books: Books) -> None:
    with books.database.transaction() as session:
        entry = session.scalars(books.ledger.journal()).all()[-2]
        books.ledger.add_memo(
            session,
            tx_hash=entry.tx_hash or b"",
            log_index=entry.log_index or 0,
            purpose="note",
            text=":62F:C260817EUR999999,99 " + "x" * 60 + " :20:FAKE -}",
        )
    found = mt940.parse(swift.write(statement(books)).decode("ascii"))
    assert str(found.data["final_closing_balance"].amount) == "6.50 EUR"
    assert len(found) == 2


def test_mt940_is_refused_when_an_amount_is_too_long_and_camt_is_not(books: Books) -> None:
    books.token.issue(books.own, 10**14)
    books.chain.mine([], 5 * 86_400)
    books.book()
    later = business_day(DEFAULT, datetime.fromtimestamp(books.chain.blocks[-1].info.time_s, UTC).date())
    with books.database.read() as session:
        found = build_statement(
            session, books.ledger, books.participants, owner="bank-nl", currency="EUR", day=later, now_s=0
        )
    with pytest.raises(FormatLimitError, match="15 characters"):
        swift.write(found)
    assert camt053.write(found)


def test_statement_is_refused_when_the_day_has_too_many_entries(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.reports.statement.ENTRIES_MAX", 3)
    with pytest.raises(TooManyEntriesError, match="at most 3"):
        statement(books)


def test_paper_is_refused_when_it_would_have_too_many_rows(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    found = statement(books)
    monkeypatch.setattr("node.printing.layout.ROWS_MAX", len(found.entries))
    assert "6.50" in statement_page(found, speech("en"))
    monkeypatch.setattr("node.printing.layout.ROWS_MAX", len(found.entries) - 1)
    with pytest.raises(PaperTooLongError, match="at most 3"):
        statement_page(found, speech("en"))


def test_page_has_text_as_text_when_somebody_wrote_markup(books: Books) -> None:
    found = statement(books)
    page = statement_page(replace(found, owner_name="<img src=file:///etc/passwd>"), speech("sw"))
    assert "<img" not in page
    assert "&lt;img src=file:///etc/passwd&gt;" in page


def test_closing_is_balanced_owner_by_owner_when_the_day_is_over(books: Books) -> None:
    with books.database.read() as session:
        found = build_closing(session, books.ledger, "EUR", DAY)
    days = {one.owner: (one.opening, one.credited, one.debited, one.closing) for one in found.owners}
    assert days == {"bloem": (1_000, 50, 400, 650), "bank-nl": (9_000, 0, 50, 8_950)}
    assert found.is_balanced
    assert (found.opening, found.closing, found.held) == (10_000, 9_600, 0)
    assert found.entries_by_kind == {"hold": 1, "hold_execution": 1, "hold_release": 1, "transfer": 1}
    assert (found.trades_funded, found.messages_waiting, found.messages_to_repair) == (0, 0, 0)


@pytest.fixture
def app(books: Books) -> FastAPI:
    services = [books.ledger, books.participants, books.reconciler, CutOffs(books.ledger.currencies)]
    desk = Desk(institution_id="bank-nl", database=books.database, services=services)
    return build_app(desks={"bank-nl": desk}, authority=TokenAuthority(TOKENS), routers=[router, day_routes.router])


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


@pytest.mark.parametrize(
    ("form", "media_type", "ending"),
    [("camt.053", "application/xml", "xml"), ("mt940", "text/plain", "sta"), ("csv", "text/csv", "csv")],
)
async def test_statement_is_downloaded_when_its_owner_asks(
    client: httpx.AsyncClient, form: str, media_type: str, ending: str
) -> None:
    path = f"/statements/EUR/days/{DAY.on}?format={form}"
    answer = await client.get(path, headers=bearer("bloem"))
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, media_type)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="bloem-EUR-{DAY.on}.{ending}"'
    assert answer.content == (await client.get(f"{path}&owner=bloem", headers=bearer("staff"))).content
    assert (await client.get(f"{path}&owner=bank-nl", headers=bearer("bloem"))).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/statements/EUR/days/2026-08-15", 422),
        ("/statements/EUR/days/2999-12-31", 422),
        ("/statements/EUR/days/0001-01-01", 422),
        ("/statements/EUR/days/yesterday", 422),
        ("/statements/USD/days/2026-08-17", 404),
        ("/end-of-day/USD/2026-08-17", 404),
        (f"/statements/EUR/days/{DAY.on}?format=docx", 422),
    ],
)
async def test_day_is_refused_when_there_is_none_to_tell_of(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(path, headers=bearer("staff"))).status_code == status


async def test_report_is_reconciled_when_it_is_of_the_last_day_and_not_before(
    books: Books, client: httpx.AsyncClient
) -> None:
    found = (await client.get(f"/end-of-day/EUR/{DAY.on}", headers=bearer("staff"))).json()
    assert (found["opening"], found["closing"], found["is_balanced"]) == ("10000", "9600", True)
    assert found["reconciliation"]["is_equal"] is True
    (listed, _) = (await client.get("/end-of-day", headers=bearer("staff"))).json()
    assert (listed["currency"], listed["day"], listed["reconciliation"]) == ("EUR", DAY.on.isoformat(), None)
    assert (await client.get("/end-of-day", headers=bearer("bloem"))).status_code == 403
    with books.database.transaction() as session:
        SqlFollowerStore(books.database).save_cursor(session, Cursor(1, bytes(32)), DAY.until_s + 9 * 86_400)
    assert (await client.get(f"/end-of-day/EUR/{DAY.on}", headers=bearer("staff"))).json()["reconciliation"] is None


async def test_cut_off_is_set_when_it_is_seen_and_moves_the_day(client: httpx.AsyncClient) -> None:
    path, order = "/cut-offs/KES", {"at": "16:00", "zone": "Africa/Nairobi"}
    assert (await client.put(path, json=order, headers=bearer("staff"))).status_code == 428
    tag = (await client.get(path, headers=bearer("staff"))).headers["ETag"]
    answer = await client.put(path, json=order, headers=bearer("staff", If_Match=tag))
    assert (answer.status_code, answer.json()["at"], answer.json()["ends"][10:]) == (200, "16:00", "T13:00:00Z")
    assert (await client.put(path, json=order, headers=bearer("staff", If_Match=tag))).status_code == 412
    fresh = answer.headers["ETag"]
    for wrong in ({"at": "25:00", "zone": "UTC"}, {"at": "16:00", "zone": "Mars/Base"}):
        assert (await client.put(path, json=wrong, headers=bearer("staff", If_Match=fresh))).status_code == 422
    assert (await client.put(path, json=order, headers=bearer("bloem", If_Match=fresh))).status_code == 403
    listed = (await client.get("/cut-offs", headers=bearer("staff"))).json()
    assert [(one["currency"], one["at"]) for one in listed] == [("EUR", "00:00"), ("KES", "16:00")]
    assert (await client.get("/cut-offs/USD", headers=bearer("staff"))).status_code == 404
