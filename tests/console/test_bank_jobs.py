"""What banks, their operators and compliance do in the console: one job per page."""

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import Console
from tests.console.jobs import approve, say, wait_for

PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF\n"


def fill(place: Page | Locator, fields: dict[str, str]) -> None:
    """Fill fields by their labels."""
    for label, text in fields.items():
        place.get_by_label(label, exact=True).fill(text)


def propose(page: Page) -> None:
    """Send a form whose effect waits for a second person."""
    page.get_by_role("button", name="Propose").click()
    say(page, "waits for a second person")


def shown_once(page: Page) -> str:
    """Return the secret that a page shows."""
    return page.locator("[role=status] code").inner_text()


def test_notice_is_read_when_somebody_has_chosen_what_they_are_told(console: Console) -> None:
    maaike, bram = console.sign_in("bank-nl/maaike"), console.sign_in("bank-nl/bram")
    bram.goto("/")
    bram.get_by_role("link", name="Notices").click()
    bram.get_by_role("link", name="Choose more finely").click()
    bram.get_by_label("Proposals that wait for a second person").check()
    bram.get_by_label("In the console, under Notices").check()
    bram.get_by_role("button", name="Save").click()
    say(bram, "Saved")
    maaike.goto("/money")
    fill(maaike, {"To": "vanrijn", "Amount": "1", "Purpose": "To be told"})
    maaike.get_by_role("button", name="Transfer").click()
    say(maaike, "waits for a second person")
    bram.goto("/")
    wait_for(bram, bram.locator("section", has=bram.get_by_role("heading", name="Notices")))
    bram.goto("/notices")
    bram.get_by_role("button", name="Read", exact=True).first.click()
    say(bram, "Marked as read")
    expect(bram.locator("main")).to_contain_text("Nothing is unread")
    bram.get_by_role("link", name="All", exact=True).click()
    expect(bram.locator("main")).to_contain_text("proposal")


def test_wish_is_refused_when_it_has_changed_since_it_was_seen(console: Console) -> None:
    page = console.sign_in("bank-nl/karim")
    page.goto("/notices/wishes/me")
    other = page.context.new_page()
    other.goto("/notices/wishes/me")
    for one in (other, page):
        one.get_by_label("In the console, under Notices").check()
        one.get_by_label("Trades", exact=True).check()
        one.get_by_role("button", name="Save").click()
        if one is other:
            say(one, "Saved")
    expect(page.get_by_role("alert")).to_contain_text("This was not done")


def test_limit_of_a_provider_and_of_one_person_count_when_a_second_treasurer_approves(console: Console) -> None:
    lotte, bram = console.sign_in("bank-nl/lotte"), console.sign_in("bank-nl/bram", "phone")
    lotte.goto("/fx")
    lotte.get_by_role("link", name="What providers may owe").click()
    lotte.get_by_label("Provider", exact=True).select_option("fx-amber")
    lotte.get_by_label("Currency").select_option("UGX")
    lotte.get_by_role("button", name="Go on").click()
    lotte.get_by_label("May owe at most").fill("nothing")
    lotte.get_by_role("button", name="Propose").click()
    expect(lotte.get_by_role("alert")).to_contain_text("limit: expected a number")
    lotte.get_by_label("May owe at most").fill("500,000,000")
    propose(lotte)
    approve(bram, "fx-amber")
    bram.goto("/fx/exposures")
    expect(bram.locator("tr", has_text="fx-amber · UGX")).to_contain_text("500,000,000")
    lotte.goto("/approvals")
    lotte.get_by_role("link", name="What one may do alone").click()
    lotte.get_by_label("What", exact=True).select_option("issuance:request")
    lotte.get_by_label("Currency").select_option("UGX")
    fill(lotte, {"Alone up to": "1000"})
    propose(lotte)
    approve(bram, "issuance:request")
    bram.goto("/approvals/alone")
    expect(bram.locator("tr", has_text="issuance:request")).to_contain_text("1,000")


def test_business_day_ends_at_its_cut_off_and_its_report_is_handed_out(console: Console) -> None:
    page = console.sign_in("bank-nl/lotte")
    page.goto("/reports")
    page.get_by_role("link", name="Business days").click()
    page.get_by_role("link", name="Change the cut-off UGX").click()
    fill(page, {"Local time": "17:30", "Time zone": "Mars/Base"})
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_role("alert")).to_contain_text("IANA zone")
    fill(page, {"Time zone": "Africa/Kampala"})
    page.get_by_role("button", name="Set it").click()
    say(page, "Changed")
    expect(page.locator("main")).to_contain_text("17:30 Africa/Kampala")
    with page.expect_download() as handed:
        page.get_by_role("link", name="Report of UGX on paper (PDF)").click()
    assert handed.value.suggested_filename.startswith("end-of-day-UGX-")
    assert Path(handed.value.path()).read_bytes().startswith(b"%PDF-")
    page.get_by_role("link", name="Report of UGX", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("UGX")


def test_customer_is_made_when_another_person_approves_the_application(console: Console) -> None:
    maker, checker = console.sign_in("bank-nl/maaike"), console.sign_in("bank-nl/sven", "phone")
    maker.goto("/customers")
    maker.get_by_role("link", name="Applications").click()
    maker.get_by_role("link", name="A company applies").click()
    fill(maker, COMPANY)
    fill(
        maker.locator("section", has=maker.get_by_role("heading", name="Address")),
        {"Town": "Aalsmeer", "Country": "NL"},
    )
    fill(maker.get_by_role("group", name="Owner 1"), OWNER | {"Share in percent": "62.5"})
    maker.get_by_role("button", name="One more owner").click()
    second = maker.get_by_role("group", name="Owner 2")
    fill(second, OWNER | {"Name": "Piet Tulp", "Share in percent": "37,5", "Nationality": "Dutch"})
    second.get_by_label("Is a politically exposed person").check()
    maker.get_by_role("button", name="Save the draft").click()
    expect(second.get_by_label("Nationality")).to_have_attribute("aria-invalid", "true")
    expect(maker.get_by_role("group", name="Owner 1").get_by_label("Share in percent")).to_have_value("62.5")
    second.get_by_label("Nationality").fill("NL")
    maker.get_by_role("button", name="Save the draft").click()
    say(maker, "Saved")
    expect(maker.locator("main")).to_contain_text("37.50%")
    expect(maker.locator(".note")).to_contain_text("Extract of the register, Proof of ownership")
    for kind, name in (("register", "register.pdf"), ("ownership", "ownership.pdf")):
        maker.get_by_label("Kind").select_option(kind)
        maker.get_by_label("File").set_input_files({"name": name, "mimeType": "application/pdf", "buffer": PDF})
        maker.get_by_role("button", name="Add it").click()
        expect(maker.get_by_role("link", name=name)).to_be_visible()
    with maker.expect_download() as handed:
        maker.get_by_role("link", name="register.pdf").click()
    assert Path(handed.value.path()).read_bytes() == PDF
    maker.get_by_role("button", name="Put it before another person").click()
    say(maker, "put before another person")
    expect(maker.get_by_role("button", name="Make the customer")).to_have_count(0)
    checker.goto("/")
    checker.locator("li", has_text="Tulip Trading BV").get_by_role("link", name="Open").click()
    for risk in ("low", "high"):
        checker.get_by_label("Risk").select_option(risk)
        checker.get_by_role("button", name="Make the customer").click()
        if risk == "low":
            expect(checker.get_by_role("alert")).to_contain_text("politically exposed")
    say(checker, "The customer was made")
    checker.goto("/customers")
    expect(checker.locator("main")).to_contain_text("Tulip Trading BV")


def test_webhook_is_made_rotated_stopped_and_removed_by_its_page(console: Console) -> None:
    page = console.sign_in("bank-ke/grace")
    page.goto("/")
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_label("Address").fill("https://127.0.0.1/hook")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("public internet")
    page.get_by_label("Address").fill("https://erp.example/hook")
    page.get_by_label("Trades", exact=True).check()
    page.get_by_role("button", name="Make it").click()
    first = shown_once(page)
    assert first.startswith("whsec_")
    page.get_by_role("button", name="Make a new key").click()
    expect(page.locator("[role=status] code")).not_to_have_text(first)
    page.goto("/webhooks")
    page.get_by_role("link", name="https://erp.example/hook").click()
    assert "whsec_" not in page.content()
    expect(page.locator("section", has_text="Keys that count").locator("li")).to_have_count(2)
    page.get_by_role("button", name="Stop").click()
    say(page, "Changed")
    expect(page.locator("h1")).to_contain_text("disabled")
    page.locator("summary", has_text="Remove it").click()
    page.get_by_role("button", name="Remove it for good").click()
    say(page, "Removed")


def test_program_comes_in_with_its_secret_until_it_is_disabled(console: Console) -> None:
    page, second = console.sign_in("bank-nl/pieter"), console.sign_in("bank-nl/femke")
    page.goto("/people")
    page.get_by_role("link", name="Programs").click()
    page.get_by_label("Name").fill("ERP of the operator")
    page.get_by_label("operator", exact=True).check()
    page.get_by_label("trades:read", exact=True).check()
    propose(page)
    approve(second, "ERP of the operator")
    page.goto("/people/programs")
    page.get_by_role("link", name="ERP of the operator").click()
    client_id = page.locator("dd code").first.inner_text()
    page.get_by_role("button", name="Make a secret").click()
    expect(page.locator("[role=status] code")).to_be_visible()
    secret, strangers = shown_once(page), console.context().request

    def asked() -> int:
        form = {"grant_type": "client_credentials", "scope": "trades:read"}
        return strangers.post("/v1/oauth/token", form=form, headers=basic(client_id, secret)).status

    # A secret alone is not enough: the token is bound to a key (DPoP) or a certificate.
    assert asked() == 400
    page.goto(f"/people/programs/{client_id}")
    assert secret not in page.content()
    page.locator("summary", has_text="Disable").click()
    page.get_by_role("button", name="Disable it for good").click()
    say(page, "Changed")
    assert asked() == 401


def test_audit_log_is_searched_signed_and_exported(console: Console) -> None:
    page = console.sign_in("bank-nl/pieter")
    page.goto("/reports/audit?action=nothing")
    expect(page.locator("main")).to_contain_text("No entries")
    page.get_by_label("What", exact=True).fill("session.opened by choice on a devnet")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").first).to_contain_text("Pieter Smit")
    page.get_by_role("button", name="Sign up to here").click()
    say(page, "Signed")
    with page.expect_download() as handed:
        page.get_by_role("link", name="Export all of it").click()
    assert handed.value.suggested_filename == "audit-bank-nl-1.jsonl"


def test_network_page_shows_its_one_validator_and_the_screening_page_that_there_is_none(console: Console) -> None:
    page = console.sign_in("bank-nl/maaike")
    page.goto("/network")
    row = page.locator("tr", has_text="ML-DSA-65")
    expect(row).to_contain_text("signing")
    expect(row).to_contain_text("100.0%")
    expect(page.locator(".head .state")).to_have_text(re.compile("goes on|idle"))
    page.get_by_role("link", name="Screening").click()
    expect(page.locator(".note")).to_contain_text("This version looks at no list of sanctions.")


def test_passkey_signs_in_when_it_was_made_in_the_account(console: Console) -> None:
    page = console.sign_in("bank-nl/karim")
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/account")
    page.get_by_label("Name of a new passkey").fill("Laptop <b>")
    page.get_by_role("button", name="Make a passkey").click()
    say(page, "The passkey is made")
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.get_by_label("Institution").select_option("bank-nl")
    page.get_by_role("button", name="With a passkey").click()
    page.wait_for_url(f"{console.origin}/")
    expect(page.locator(".who .name")).to_have_text("Karim Haddad")
    page.goto("/account")
    page.get_by_role("button", name="Remove the passkey Laptop <b>").click()
    expect(page.get_by_role("alert").or_(page.locator(".said"))).to_contain_text("only way in")


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


AUTHENTICATOR: dict[str, Any] = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
COMPANY = {
    "Number that the customer will have": "tulip",
    "Legal name": "Tulip Trading BV",
    "Registered in": "nl",
    "Registration number": "12345678",
    "Founded on": "2001-05-06",
    "What it does, with what goods": "Flowers",
    "Countries it will pay or be paid from": "KE, UG",
    "Expected a month": "250,000 EUR",
    "Where the money comes from": "Sales",
    "Whom to ask for": "Jan",
    "E-mail address": "jan@tulip.example",
    "Telephone": "+31201234567",
}
OWNER = {"Name": "Jan Tulp", "Born on": "1970-01-02", "Nationality": "NL", "Town": "Aalsmeer", "Country": "NL"}
