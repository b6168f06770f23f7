"""What exporters and importers do beside trading: ask to be paid, pay, take papers along, decide on changed terms."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from node.payment_requests import emv
from tests.console.conftest import Console
from tests.console.jobs import LOADED, approve, draft_roses, say, wait_for

Photograph = Callable[[Page, str], None]


def ask_for(page: Page, amount: str, reference: str, currency: str = "EUR") -> str:
    """Ask to be paid, and return the text of the code."""
    page.goto("/money")
    page.get_by_role("link", name="Ask to be paid").click()
    page.get_by_label("Amount", exact=True).fill(amount)
    page.get_by_label("Currency").select_option(currency)
    page.get_by_label("Your reference").fill(reference)
    page.get_by_role("button", name="Make the code").click()
    return page.locator("code.whole").inner_text()


def read(page: Page, text: str) -> None:
    """Put a request's text where it is read."""
    page.goto("/money")
    page.get_by_role("link", name="Pay a request").click()
    page.get_by_label("Text of the code").fill(text)
    page.get_by_role("button", name="Read it").click()


def test_request_is_paid_once_when_the_payer_has_read_it_and_shows_so_at_the_payees(
    console: Console, photograph: Photograph
) -> None:
    payee, payer = console.sign_in("bank-ke/grace"), console.sign_in("bank-nl/anna", "phone", java_script_enabled=False)
    text = ask_for(payee, "12.50", "INV-0817")
    address = payee.url.partition("?")[0]
    picture = payee.get_by_role("img", name="Code to pay 12.50")
    picture.evaluate(LOADED)
    photograph(payee, "desktop-payment-request")
    payee.emulate_media(media="print")
    expect(picture).to_be_visible()
    expect(payee.locator("code.whole")).to_be_hidden()
    photograph(payee, "print-payment-request")
    payee.emulate_media(media="screen")

    read(payer, "\n".join(text[at : at + 60] for at in range(0, len(text), 60)))
    told = payer.locator("section", has=payer.get_by_role("heading", name="What is asked for"))
    for fact in ("12.50", "Naivasha Roses Ltd", "Rift Bank", "INV-0817", "in 15 minutes"):
        expect(told).to_contain_text(fact)
    photograph(payer, "phone-payment-request-read")
    payer.get_by_role("button", name="Pay 12.50").click()
    if payer.locator(".said", has_text="second person").count():
        approve(console.sign_in("bank-nl/sven"), "12.50")
    expect(payee.locator("h1 .state")).to_have_text("paid")
    expect(payee.get_by_role("status")).to_contain_text("The money came")
    assert payee.url.partition("?")[0] == address
    assert payee.get_by_role("img", name="Code to pay").count() == 0
    photograph(payee, "desktop-payment-request-paid")
    read(payer, text)
    expect(payer.locator("main")).to_contain_text("You have paid this request already")
    assert payer.get_by_role("button", name="Pay 12.50").count() == 0


def test_request_is_not_paid_when_it_was_changed_is_false_is_ones_own_or_has_expired(
    console: Console, photograph: Photograph
) -> None:
    payee, payer = console.sign_in("bank-ke/grace", "phone"), console.sign_in("bank-nl/anna")
    text = ask_for(payee, "12.50", "INV-0818")
    changed = text.replace("540512.50", "540511.50")
    assert changed != text
    forged = emv.close(changed[: -emv.CHECKSUM_CHARS])
    for wrong, plain in ((changed, "or was changed"), (forged, "This request is false"), ("what?", "not a whole")):
        read(payer, wrong)
        expect(payer.get_by_role("alert")).to_contain_text("Nothing was paid.")
        expect(payer.get_by_role("alert")).to_contain_text(plain)
        assert payer.get_by_role("button", name="Pay ").count() == 0
    photograph(payer, "desktop-payment-request-false")
    read(payee, text)
    payee.get_by_role("button", name="Pay 12.50").click()
    expect(payee.get_by_role("alert")).to_contain_text("your own request")
    developer = console.sign_in("cb-eur/greta")
    developer.goto("/devnet")
    developer.get_by_role("button", name="1 day on").click()
    say(developer, "Ledger time has moved")
    read(payer, text)
    expect(payer.get_by_role("alert")).to_contain_text("has expired")
    payee.goto("/money/requests")
    payee.get_by_role("link", name="INV-0818").click()
    expect(payee.get_by_role("status")).to_contain_text("Nobody can pay it any more")
    photograph(payee, "phone-payment-request-expired")


def test_decision_on_changed_terms_is_refused_and_the_new_ones_are_shown_when_two_look_at_once(
    console: Console, photograph: Photograph
) -> None:
    reference = "CON-CHANGED-1"
    exporter, importer = console.sign_in("bank-ke/grace"), console.sign_in("bank-nl/anna", "phone")
    draft_roses(exporter, reference)
    say(exporter, "offered to the other side")
    importer.goto(f"/trades/{reference}")
    wait_for(importer, importer.get_by_role("button", name="Sign version 1"))
    wait_for(exporter, exporter.get_by_role("button", name="Sign version 1"))
    exporter.goto(f"/trades/{reference}/counter")
    exporter.get_by_label("Goods", exact=True).fill("Cut roses, 20,000 stems")
    exporter.get_by_role("button", name="Send this version").click()
    say(exporter, "Your version was sent")
    looking = console.sign_in("bank-nl/anna")
    looking.goto(f"/trades/{reference}")
    wait_for(looking, looking.get_by_role("button", name="Sign version 2"))

    importer.get_by_role("button", name="Sign version 1").click()
    expect(importer.get_by_role("alert")).to_contain_text("It has changed meanwhile")
    expect(importer.locator("section", has_text="What you can do now")).to_contain_text("Cut roses, 20,000 stems")
    photograph(importer, "phone-trade-changed")
    importer.get_by_role("button", name="Sign version 2").click()
    say(importer, "You have signed")


@pytest.mark.parametrize(("person", "may"), [("bank-nl/anna", True), ("cb-eur/ruth", False)])
def test_statement_of_a_day_is_offered_to_who_may_have_it(console: Console, person: str, may: bool) -> None:
    page = console.sign_in(person)
    page.goto("/money/EUR")
    assert page.get_by_role("heading", name="Statement of a day").count() == int(may)
    assert page.request.get("/money/EUR/day?day=2026-07-31&format=csv").status == (200 if may else 403)


def test_statement_is_saved_in_each_format_when_its_day_is_over(console: Console, photograph: Photograph) -> None:
    page = console.sign_in("bank-nl/anna", "phone", java_script_enabled=False)
    page.goto("/money/EUR")
    photograph(page, "phone-statement-of-a-day")
    for form, ending in (("pdf", "pdf"), ("camt.053", "xml"), ("mt940", "sta"), ("csv", "csv")):
        page.get_by_label("Format").select_option(form)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename.startswith("bloem-EUR-2026-")
        assert download.value.suggested_filename.endswith(f".{ending}")
    page.get_by_label("Business day that is over").fill("2031-01-01")
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("a business day that is over")
