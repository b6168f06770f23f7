"""An institution's own liquidity: now, and at the end of its business days, as figures and as charts."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import defusedxml.ElementTree as ElementTree
import httpx
import pytest

from node.ledger.days import DEFAULT, CutOffs
from node.ledger.liquidity import days_before
from node.ledger.liquidity_routes import router
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.unit.ledger.conftest import Books, open_books
from tests.unit.reports.test_reports import DAY, trade_for_two_days
from tests.unit.web.conftest import bearer

TOKENS = {"staff": Principal("bank-nl", None, DEVNET_STAFF), "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER)}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def traded(tmp_path: Path) -> Books:
    books = open_books(f"sqlite:///{tmp_path}/desk.sqlite")
    trade_for_two_days(books)
    return books


@pytest.fixture
async def client(traded: Books) -> AsyncIterator[httpx.AsyncClient]:
    services = [traded.ledger, traded.participants, CutOffs(traded.ledger.currencies)]
    desk = Desk(institution_id="bank-nl", database=traded.database, services=services)
    app = build_app(desks={"bank-nl": desk}, authority=TokenAuthority(TOKENS), routers=[router])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
        yield client


def test_days_are_business_days_before_today_when_counted() -> None:
    now_s = int(datetime(2026, 8, 18, 12, tzinfo=UTC).timestamp())
    assert [day.on for day in days_before(DEFAULT, now_s, 3)] == [
        date(2026, 8, 13),
        date(2026, 8, 14),
        date(2026, 8, 17),
    ]


async def test_liquidity_is_the_institutions_own_when_staff_asks(client: httpx.AsyncClient) -> None:
    euro, shilling = (await client.get("/liquidity", headers=bearer("staff"))).json()
    assert euro == {"currency": "EUR", "total": "8943", "available": "8943", "held": "0", "blocked": "0"}
    assert (shilling["currency"], shilling["total"]) == ("KES", "0")
    days = (await client.get("/liquidity/EUR", headers=bearer("staff"))).json()
    told = {day["day"]: day["total"] for day in days}
    assert len(days) == 30
    assert (told[DAY.on.isoformat()], days[-1]["total"]) == ("8950", "0")
    assert days == sorted(days, key=lambda day: day["day"], reverse=True)


@pytest.mark.parametrize(
    ("path", "figure"),
    [("/liquidity/chart", "89,43\N{NO-BREAK SPACE}EUR"), ("/liquidity/EUR/chart", "89,50\N{NO-BREAK SPACE}EUR")],
)
async def test_chart_tells_the_same_figures_when_it_is_drawn(client: httpx.AsyncClient, path: str, figure: str) -> None:
    answer = await client.get(f"{path}?language=nl", headers=bearer("staff"))
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert figure in str(ElementTree.fromstring(answer.content).findtext(f"{SVG}desc"))


async def test_liquidity_is_refused_when_a_customer_asks_or_the_currency_is_none(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/liquidity", "/liquidity/chart", "/liquidity/EUR", "/liquidity/EUR/chart"):
        assert (await client.get(path, headers=bearer("bloem"))).status_code == 403
    assert (await client.get("/liquidity/USD", headers=bearer("staff"))).status_code == 404
    assert (await client.get("/liquidity/USD/chart", headers=bearer("staff"))).status_code == 404
