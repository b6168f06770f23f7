"""Everybody can use the console: WCAG 2.2 AA by axe on every page, keyboard, languages, and no scripts at all."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.console.conftest import SIZES, Console
from tests.console.jobs import draft_roses, say

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "bank-ke/grace": [
        "/",
        "/trades",
        "/trades/new",
        "/trades/{drafted}",
        "/trades/{drafted}/counter",
        "/money",
        "/money/KES",
        "/money/requests",
        "/money/requests/pay",
        "/expected",
        "/approvals",
        "/account",
        "/notices",
        "/webhooks",
    ],
    "bank-nl/anna": ["/trades/{drafted}", "/trades/{drafted}/quotes"],
    "bank-nl/lotte": [
        "/",
        "/messages",
        "/messages?state=repair",
        "/fx",
        "/liquidity",
        "/issuance",
        "/orders",
        "/reports",
        "/settlement-times",
        "/reports/days",
        "/reports/days/KES/cut-off",
        "/fx/exposures",
        "/fx/exposures/fx-amber/KES",
        "/approvals/alone",
    ],
    "bank-nl/maaike": [
        "/customers/applications",
        "/customers/applications/new?kind=company",
        "/customers/applications/new?kind=person",
        "/screening",
    ],
    "bank-nl/pieter": [
        "/participants",
        "/participants/bank-nl",
        "/customers",
        "/network",
        "/people",
        "/people/programs",
        "/reports/audit",
        "/notices/wishes/institution",
        "/devnet",
    ],
    "cb-eur/otto": ["/holdings", "/orders", "/reports"],
    "inspector/faith": ["/appointments"],
    "arbiter/helen": ["/disputes"],
}
TRANSFER_BYTES_MAX = 100_000


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong on a page."""
    found: dict[str, Any] = Axe().run(page, options={"runOnly": TAGS}).response
    return [f"{one['id']}: {one['help']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_when_axe_looks_at_it(console: Console, size: str) -> None:
    drafted = f"AXE-{size}"
    exporter = console.sign_in("bank-ke/grace", size)
    draft_roses(exporter, drafted)
    say(exporter, "offered to the other side")
    wrong = {}
    for person, paths in PAGES.items():
        page = exporter if person == "bank-ke/grace" else console.sign_in(person, size)
        for path in paths:
            answer = page.goto(path.format(drafted=drafted))
            assert answer is not None
            assert answer.status == 200, f"{path}: {answer.status}"
            is_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            found = violations(page) + (["the page is wider than the screen"] if is_wide else [])
            if found:
                wrong[f"{person} {path}"] = found
    stranger = console.context(size).new_page()
    for path in ("/login", "/join", "/nowhere"):
        stranger.goto(path)
        wrong |= {path: found} if (found := violations(stranger)) else {}
    assert not wrong, json.dumps(wrong, indent=1)


def test_dark_page_is_accessible_when_the_person_prefers_dark(console: Console) -> None:
    page = console.sign_in("bank-nl/lotte", color_scheme="dark")
    for path in ("/", "/fx", "/liquidity", "/trades"):
        page.goto(path)
        assert violations(page) == []


def test_keyboard_reaches_the_content_first_when_the_skip_link_is_taken(console: Console) -> None:
    page = console.sign_in("bank-nl/anna")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_menu_closes_and_gives_focus_back_when_escape_is_pressed(console: Console) -> None:
    page = console.sign_in("bank-nl/anna", "phone")
    summary = page.locator("summary", has_text="Menu")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Trades", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Trades", exact=True)).to_be_hidden()
    expect(summary).to_be_focused()


@pytest.mark.parametrize(
    ("language", "greeting", "amount"), [("nl", "Overzicht", "4.800,00"), ("sw", "Muhtasari", "4,800.00")]
)
def test_page_speaks_and_counts_as_its_language_does_when_the_browser_asks_for_it(
    console: Console, language: str, greeting: str, amount: str
) -> None:
    page = console.sign_in("bank-nl/anna", locale=language)
    assert page.locator("html").get_attribute("lang") == language
    expect(page.get_by_role("link", name=greeting)).to_be_visible()
    page.goto("/money")
    assert amount[1] in page.locator("td.num").first.inner_text(), "thousands are parted as the language does"


def test_language_stays_when_somebody_chooses_another(console: Console) -> None:
    page = console.sign_in("bank-nl/anna")
    page.get_by_role("link", name="Nederlands").click()
    page.goto("/trades")
    assert page.locator("html").get_attribute("lang") == "nl"
    assert violations(page) == []


def test_trade_is_drafted_and_signed_when_the_browser_runs_no_scripts(console: Console) -> None:
    reference = "NOJS-1"
    page = console.sign_in("bank-ke/grace", java_script_enabled=False)
    draft_roses(page, reference)
    say(page, "offered to the other side")
    for _ in range(20):
        if page.get_by_role("button", name="Sign version 1").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    page.get_by_role("button", name="Sign version 1").click()
    say(page, "You have signed")


def test_form_shows_one_more_milestone_when_it_is_asked_for_without_scripts(console: Console) -> None:
    page = console.sign_in("bank-ke/grace", java_script_enabled=False)
    page.goto("/trades/new")
    page.get_by_label("Reference", exact=True).fill("KEPT-1")
    page.get_by_role("button", name="One more milestone").click()
    expect(page.get_by_role("group", name="Milestone 2", exact=True)).to_be_visible()
    assert page.get_by_label("Reference", exact=True).input_value() == "KEPT-1"


def test_first_visit_transfers_little_when_nothing_is_kept_yet(console: Console) -> None:
    context = console.context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto("/login", wait_until="networkidle")
    assert 0 < sum(sizes) < TRANSFER_BYTES_MAX
