"""Pages of money show what the API says: statements with their days, and liquidity."""

from collections.abc import AsyncIterator, Iterator
from html import unescape

import httpx
import pytest

from node.ledger import liquidity_routes, pages, routes
from node.ledger.days import CutOffs
from node.reports.routes import router as reports
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF, Role
from tests.unit.ledger.conftest import Books, open_books
from tests.unit.web.conftest import bearer
from tests.unit.web.console.looking import add_pages

PEOPLE = {
    "staff": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "tulp": Principal("bank-nl", "tulp", DEVNET_CUSTOMER),
    "regulator": Principal("bank-nl", None, frozenset({Role.REGULATOR}), "p-1"),
}
DAY_S = 86_400


@pytest.fixture
def books() -> Iterator[Books]:
    books = open_books("sqlite://")
    books.token.issue(books.own, 100_000)
    books.token.transfer(books.own, books.customer, 1_000)
    books.token.place(books.customer, 600)
    books.token.place(books.own, 7_000)
    books.book()
    books.chain.mine([], 4 * DAY_S)
    books.book()
    yield books
    books.database.close()


@pytest.fixture
async def client(books: Books) -> AsyncIterator[httpx.AsyncClient]:
    desk = Desk(
        institution_id="bank-nl",
        database=books.database,
        services=[books.ledger, books.participants, CutOffs(books.ledger.currencies)],
    )
    routers = [routes.router, reports, liquidity_routes.router]
    app = build_app(desks={"bank-nl": desk}, authority=TokenAuthority(PEOPLE), routers=routers)
    add_pages(app, pages.router, (pages.TEMPLATES,), ("EUR", "KES"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        yield client


async def show(client: httpx.AsyncClient, path: str, who: str = "bloem", status: int = 200) -> str:
    answer = await client.get(path, headers=bearer(who, Accept="text/html"))
    assert answer.status_code == status, answer.text
    return unescape(answer.text).replace("\N{NO-BREAK SPACE}", " ")


async def test_statement_shows_the_latest_first_with_what_was_held(client: httpx.AsyncClient) -> None:
    shown = await show(client, "/money/EUR")
    assert 0 < shown.index("-6.00 EUR") < shown.index("10.00 EUR")
    assert "held 6.00 EUR" in shown
    assert '<td data-label="With">Bank-Nl</td>' in shown
    assert '<td data-label="With">Bloem' in await show(client, "/money/EUR", "staff")
    assert '<td data-label="With">Bloem' in await show(client, "/money/EUR", "regulator")


async def test_day_is_handed_out_in_its_format_when_it_is_over(client: httpx.AsyncClient) -> None:
    shown = await show(client, "/money/EUR")
    day = shown.partition('name="day" type="date" value="')[2].partition('"')[0]
    for form, kind in (("csv", "text/csv"), ("mt940", "text/plain"), ("camt.053", "application/xml")):
        path = f"/money/EUR/day?day={day}&format={form}"
        answer = await client.get(path, headers=bearer("bloem"))
        api = await client.get(f"/v1/statements/EUR/days/{day}?format={form}", headers=bearer("bloem"))
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-disposition"] == api.headers["content-disposition"]
        assert len(answer.content) == len(api.content)


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("", "expected a day such as 2026-08-17, got 'nothing'"),
        ("soon", "expected a day such as 2026-08-17, got 'soon'"),
        ("2031-01-01", "expected a business day that is over, got 2031-01-01"),
    ],
)
async def test_day_is_refused_beside_its_field_when_there_is_no_statement_of_it(
    client: httpx.AsyncClient, day: str, told: str
) -> None:
    shown = await show(client, f"/money/EUR/day?day={day}&format=csv", status=422)
    assert told in shown
    assert 'aria-invalid="true"' in shown
    assert "10.00 EUR" in shown, "the statement stays"


async def test_day_is_not_offered_to_who_may_not_have_it(client: httpx.AsyncClient) -> None:
    assert "Statement of a day" in await show(client, "/money/EUR")
    assert "Statement of a day" not in await show(client, "/money/EUR?owner=bloem", "regulator")
    await show(client, "/money/EUR/day?day=2026-08-03&owner=bloem", "regulator", 403)


async def test_statement_of_others_is_refused_when_a_customer_types_its_address(client: httpx.AsyncClient) -> None:
    for path in (
        "/money/EUR?owner=bloem",
        "/money/EUR/day?day=2026-08-03&owner=bloem",
        "/money/EUR/statement.csv?owner=bloem",
    ):
        await show(client, path, "tulp", 403)


async def test_liquidity_shows_the_figures_of_the_api(client: httpx.AsyncClient) -> None:
    shown = await show(client, "/liquidity", "staff")
    (told,) = [
        one for one in (await client.get("/v1/liquidity", headers=bearer("staff"))).json() if one["currency"] == "EUR"
    ]
    assert (told["available"], told["held"], told["total"]) == ("92000", "7000", "99000")
    for figure in ("920.00 EUR", "70.00 EUR", "10.00 EUR"):
        assert figure in shown
    share = round(100 * 92_000 / 99_000, 2)
    assert f'width="{share}"' in shown
