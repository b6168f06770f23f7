"""Papers tell the API's figures, as tagged PDF on A4 with their language, title and page numbers."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from node.ledger.days import CutOffs
from node.printing.press import Press
from node.quotes.routes import router as quotes_router
from node.reports.routes import router as reports_router
from node.trades.context import Actor
from node.trades.evidence.packs import EvidenceRoom, pack_name
from node.trades.rest.routes import router as trades_router
from node.web.app import build_app
from node.web.auth import Principal, TokenAuthority
from node.web.desk import Desk
from node.web.permissions import DEVNET_CUSTOMER, DEVNET_STAFF
from tests.pango import needs_pango
from tests.unit.bridge.evidence_fixture import GENESIS_HASH
from tests.unit.bridge.test_evidence import DELIVERED
from tests.unit.ledger.conftest import open_books
from tests.unit.reports.test_reports import DAY, trade_for_two_days
from tests.unit.trades import rated, story
from tests.unit.trades.rest.test_routes import NoProofs
from tests.unit.trades.world import World
from tests.unit.web.conftest import bearer

pytestmark = needs_pango
PEOPLE = {
    "staff": Principal("bank-nl", None, DEVNET_STAFF),
    "bloem": Principal("bank-nl", "bloem", DEVNET_CUSTOMER),
    "vanrijn": Principal("bank-nl", "vanrijn", DEVNET_CUSTOMER),
}
STATEMENT = f"/statements/EUR/days/{DAY.on}?format=pdf&owner=bloem"
CLOSING = f"/end-of-day/EUR/{DAY.on}"
TRADE = f"/trades/{story.REFERENCE}"
LANGUAGES = ("en", "nl", "sw")


@dataclass(frozen=True)
class Paper:
    """A PDF as it was downloaded."""

    headers: dict[str, str]
    content: bytes

    @property
    def reader(self) -> PdfReader:
        return PdfReader(BytesIO(self.content))

    @property
    def text(self) -> str:
        return " ".join(" ".join(page.extract_text() for page in self.reader.pages).split())

    def amounts(self, language: str) -> set[str]:
        """Return its amounts as `1500000.00 KES`, whatever the language writes."""
        found = re.findall(r"(-?[0-9][0-9.,]*) ([A-Z]{3})\b", self.text)
        group, point = (".", ",") if language == "nl" else (",", ".")
        # A time's minutes stand before UTC.
        found = [(number, code) for number, code in found if code != "UTC"]
        return {f"{number.replace(group, '').replace(point, '.')} {code}" for number, code in found}


def ask(desk: Desk, routers: list[Any], paths: list[str]) -> dict[str, httpx.Response]:
    """Return the answers to a staff's requests, all in one event loop: the press lives in it."""
    app = build_app(desks={desk.institution_id: desk}, authority=TokenAuthority(PEOPLE), routers=routers)

    async def all_of_them() -> dict[str, httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk/v1") as client:
            found = {path: await client.get(path, headers=bearer("staff")) for path in paths}
        await desk.get(Press).close()
        return found

    found = asyncio.run(all_of_them())
    for path, answer in found.items():
        assert answer.status_code == 200, (path, answer.text)
    return found


def papers_of(answers: dict[str, httpx.Response]) -> dict[str, Paper]:
    return {
        path: Paper(dict(answer.headers), answer.content)
        for path, answer in answers.items()
        if answer.headers["Content-Type"] == "application/pdf"
    }


@cache
def day() -> tuple[dict[str, Paper], dict[str, Any]]:
    """Return the papers of a business day, and the API's report."""
    books = open_books("sqlite://")
    trade_for_two_days(books)
    services = [books.ledger, books.participants, books.reconciler, CutOffs(books.ledger.currencies), Press()]
    desk = Desk(institution_id="bank-nl", database=books.database, services=services)
    paths = [f"{STATEMENT}&language={one}" for one in LANGUAGES] + [f"{CLOSING}/paper?language=nl", CLOSING]
    answers = ask(desk, [reports_router], paths)
    books.database.close()
    return papers_of(answers), answers[CLOSING].json()


@dataclass(frozen=True)
class Told:
    """A trade's papers, with what the API tells of it."""

    papers: dict[str, Paper]
    trade: dict[str, Any]
    releases: list[dict[str, Any]]


@cache
def closed() -> World:
    world = story.funded()
    story.load(world)
    story.wait_a_day(world)
    story.deliver(world)
    story.wait_a_day(world)
    return world


@cache
def trade() -> Told:
    return told_of(closed(), [f"{TRADE}/summary?language={one}" for one in LANGUAGES])


@cache
def floating() -> Told:
    world = rated.funded(rated.float_terms(5_000), later="140")
    story.load(world)
    rated.wait_until_final(world)
    return told_of(world, [f"{TRADE}/summary"])


def told_of(world: World, paths: list[str]) -> Told:
    desk = world["bank-nl"]
    services = [desk.trades, desk.quotes, Press(), EvidenceRoom(desk.trades.desk, desk.database, NoProofs())]
    rest = Desk(institution_id="bank-nl", database=desk.database, services=services)
    answers = ask(rest, [trades_router, quotes_router], [*paths, TRADE, f"{TRADE}/releases"])
    return Told(papers_of(answers), answers[TRADE].json(), answers[f"{TRADE}/releases"].json())


def plain(written: str) -> str:
    """Return an amount of the API, `1,500,000.00 KES`, without its grouping."""
    return written.replace(",", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_statement_on_paper_has_the_figures_of_the_books(language: str) -> None:
    paper = day()[0][f"{STATEMENT}&language={language}"]
    booked, held = {"-4.00 EUR", "6.00 EUR", "0.50 EUR", "6.50 EUR"}, {"-6.00 EUR", "2.00 EUR"}
    assert paper.amounts(language) == {"10.00 EUR", "0.00 EUR"} | booked | held
    assert "Bloemenhuis BV" in paper.text
    assert paper.headers["content-disposition"] == f'attachment; filename="bloem-EUR-{DAY.on}.pdf"'


def test_report_on_paper_has_the_figures_of_the_api() -> None:
    papers, report = day()
    found = papers[f"{CLOSING}/paper?language=nl"].amounts("nl")
    minor = [report["opening"], report["closing"], report["held"]]
    minor += [one[name] for one in report["owners"] for name in ("opening", "credited", "debited", "closing")]
    assert found == {f"{int(amount) / 100:.2f} EUR" for amount in minor}


@pytest.mark.parametrize("language", LANGUAGES)
def test_summary_on_paper_has_the_figures_of_the_api(language: str) -> None:
    told = trade()
    found = told.papers[f"{TRADE}/summary?language={language}"].amounts(language)
    cost = told.trade["cost"]
    wanted = {told.trade["amount"], told.trade["importer_paid"]}
    wanted |= {cost[name] for name in ("pays", "for_amount", "value_at_mid", "spread", "fee")}
    wanted |= {one["amount"] for one in told.trade["payees"]}
    wanted |= {one[name] for one in told.trade["milestones"] for name in ("amount", "paid")}
    shares = [share for release in told.releases for share in release["shares"]]
    paid = {f"{int(share['amount_minor']) / 100:.2f} {share['currency']}" for share in shares}
    rate = plain(cost["rate"]).removesuffix(" per EUR")
    assert found - {rate} == {plain(one) for one in wanted} | paid
    assert rate in found
    text = told.papers[f"{TRADE}/summary?language={language}"].text
    assert all(word in text for word in (told.trade["goods"], told.trade["trade_id"], told.trade["uetr"]))


def test_summary_has_the_rate_and_its_points_when_the_rate_floats() -> None:
    told = floating()
    text = told.papers[f"{TRADE}/summary"].text
    for figure in ("150.000000", "145.500000", "154.500000", "140.000000", told.trade["fx"]["held_at_funding"]):
        assert figure.replace(" ", "\N{NO-BREAK SPACE}") in text or figure in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_cover_sheet_verifies_its_pack_when_its_commands_are_run(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def build(_room: EvidenceRoom, _reference: str, _actor: Actor) -> bytes:
        return DELIVERED

    monkeypatch.setattr(EvidenceRoom, "build", build)
    path = f"{TRADE}/evidence/cover?language={language}"
    paper = told_of(closed(), [path]).papers[path]
    (tmp_path / pack_name(story.REFERENCE)).write_bytes(DELIVERED)
    text = paper.text
    assert sha256(DELIVERED).hexdigest() in text
    assert GENESIS_HASH.hex() in text
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in (r"sha256sum \S+", r"landfall verify \S+ \\ --genesis-hash [0-9a-f]{64}"):
        found = re.search(command, text)
        assert found is not None
        arguments = shlex.split(found[0].replace("\\ ", ""))
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.startswith((sha256(DELIVERED).hexdigest(), "yes: "))


@pytest.mark.parametrize("language", LANGUAGES)
def test_paper_is_tagged_and_says_what_it_is(language: str) -> None:
    papers = {f"{STATEMENT}&language={language}": day()[0], f"{TRADE}/summary?language={language}": trade().papers}
    for path, found in papers.items():
        reader = found[path].reader
        root: Any = reader.trailer["/Root"]
        assert root["/Lang"] == language
        assert root["/MarkInfo"]["/Marked"]
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert (
            b"<pdfuaid:part>1</pdfuaid:part>" in root["/Metadata"].get_data()
            or b'pdfuaid:part="1"' in root["/Metadata"].get_data()
        )
        tags = tags_of(root["/StructTreeRoot"])
        assert {"/H1", "/H2", "/Table", "/TH", "/TD"} <= tags
        assert reader.metadata is not None
        assert reader.metadata.title
        assert reader.metadata.author
        for number, page in enumerate(reader.pages, 1):
            assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
            assert f"{number} / {len(reader.pages)}" in page.extract_text()
            for font in page["/Resources"]["/Font"].values():
                described = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
                assert {"/FontFile2", "/FontFile3"} & set(described)


def tags_of(node: Any) -> set[str]:
    """Return the structure types of a tree of tags."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        return set().union(*(tags_of(one) for one in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = {str(node["/S"])} if "/S" in node else set()
    return own | (tags_of(node["/K"]) if "/K" in node else set())
