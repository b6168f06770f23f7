"""Each role's main job, from signing in to its result, in a browser on a desk and on a phone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import SIZES, Console
from tests.console.jobs import (
    CHANGED_MS,
    LOADED,
    approve,
    draft_roses,
    hand_in,
    ledger_time,
    minute,
    say,
    statement,
    wait_for,
)

Photograph = Callable[[Page, str], None]


@pytest.mark.parametrize("size", SIZES)
def test_trade_is_drafted_agreed_funded_attested_and_paid_when_everybody_does_their_part(
    console: Console, photograph: Photograph, size: str
) -> None:
    reference = f"CON-{size[:4].upper()}-1"
    exporter, importer = console.sign_in("bank-ke/grace", size), console.sign_in("bank-nl/anna", size)

    draft_roses(exporter, reference)
    say(exporter, "offered to the other side")
    photograph(exporter, f"{size}-trade-drafted")
    exporter.get_by_role("button", name="Sign version 1").click(timeout=CHANGED_MS)
    say(exporter, "You have signed")

    importer.goto("/")
    importer.get_by_role("link", name=f"Open {reference}").click()
    importer.get_by_role("button", name="Sign version 1").click()
    say(importer, "You have signed")
    importer.get_by_role("link", name="Quotes and funding").click()
    importer.get_by_role("button", name="Ask for quotes").click()
    accept = importer.get_by_role("button", name="Accept").first
    expect(accept).to_be_visible(timeout=CHANGED_MS)
    cost = importer.locator("tbody tr").first.locator("td").nth(1)
    assert cost.inner_text().endswith("%"), "the total cost stands in percent before anybody accepts"
    photograph(importer, f"{size}-quotes")
    accept.click()
    say(importer, "quote is accepted")
    importer.get_by_role("button", name="Fund the trade").click()
    say(importer, "waits for a second person")

    checker = console.sign_in("bank-nl/sven", size)
    photograph(checker, f"{size}-overview-checker")
    checker.locator("li", has_text=reference).get_by_role("link", name="Look at it").click()
    photograph(checker, f"{size}-proposal")
    checker.get_by_role("button", name="Approve").click()
    say(checker, "Approved")

    # The page that waits follows by itself.
    expect(importer.locator("h1 .state")).to_have_text("funded", timeout=CHANGED_MS)
    photograph(importer, f"{size}-trade-funded")

    attester = console.sign_in("inspector/faith", size)
    photograph(attester, f"{size}-overview-attester")
    hand_in(attester, reference, statement(reference, ledger_time(attester)))

    exporter.goto(f"/trades/{reference}")
    wait_for(exporter, exporter.locator(".timeline", has_text="cold chain intact"))
    developer = console.sign_in("cb-eur/greta", size)
    developer.goto("/devnet")
    developer.get_by_role("button", name="7 days on").click()
    say(developer, "Ledger time has moved")
    photograph(developer, f"{size}-devnet")

    exporter.goto(f"/trades/{reference}")
    wait_for(exporter, exporter.locator("h1 .state", has_text="closed"))
    photograph(exporter, f"{size}-trade-closed")
    with exporter.expect_download() as download:
        exporter.get_by_role("link", name="Download the evidence pack").click()
    assert download.value.suggested_filename == f"{reference}.evidence.json"
    for link, name in (("Its cover sheet (PDF)", "cover.pdf"), ("Summary (PDF)", "summary.pdf")):
        with exporter.expect_download() as download:
            exporter.get_by_role("link", name=link, exact=True).click()
        assert download.value.suggested_filename == f"{reference}.{name}"
    chart = exporter.get_by_role("img", name="The rate of this trade")
    chart.evaluate(LOADED)
    exporter.goto("/money/KES")
    expect(exporter.locator("tbody tr")).not_to_have_count(0)
    photograph(exporter, f"{size}-statement")
    staff = console.sign_in("bank-nl/maaike", size)
    staff.goto("/trades")
    staff.get_by_role("link", name="Time to settle").click()
    staff.get_by_role("img", name="Milestones by the time").evaluate(LOADED)
    photograph(staff, f"{size}-settlement-times")


@pytest.mark.parametrize("size", SIZES)
def test_transfer_takes_effect_once_when_another_person_approves_it_in_a_second_browser(
    console: Console, photograph: Photograph, size: str
) -> None:
    maker, checker = console.sign_in("bank-nl/maaike", size), console.sign_in("bank-nl/sven", size)
    purpose = f"Invoice {size}"
    maker.goto("/money")
    maker.get_by_label("To", exact=True).fill("vanrijn")
    maker.get_by_label("Amount").fill("1.250,50")
    maker.get_by_label("Currency").select_option("EUR")
    maker.get_by_label("Purpose").fill(purpose)
    maker.get_by_role("button", name="Transfer").click()
    say(maker, "waits for a second person")

    maker.goto("/approvals")
    maker.locator("tbody th a").first.click()
    expect(maker.get_by_text("Another person decides")).to_be_visible()
    assert maker.get_by_role("button", name="Approve").count() == 0, "nobody approves what they have made"

    checker.goto(maker.url)
    expect(checker.locator("dl").first).to_contain_text("1,250.50")
    checker.get_by_role("button", name="Approve").click()
    say(checker, "Approved")
    checker.go_back()
    if checker.get_by_role("button", name="Approve").count():
        checker.get_by_role("button", name="Approve").click()
    maker.reload()
    expect(maker.locator("h1 .state")).to_have_text("done")


@pytest.mark.parametrize("size", SIZES)
def test_request_for_money_is_issued_when_two_of_the_bank_and_two_of_the_central_bank_agree(
    console: Console, photograph: Photograph, size: str
) -> None:
    note = f"Week {size}"
    bank = console.sign_in("bank-nl/lotte", size)
    bank.goto("/issuance")
    bank.get_by_label("Amount").fill("1000")
    bank.get_by_label("Currency").select_option("EUR")
    bank.get_by_label("Note").fill(note)
    bank.get_by_role("button", name="Ask").click()
    say(bank, "waits for a second person")
    again = console.sign_in("bank-nl/lotte", size)
    assert again.get_by_role("link", name="Look at it").count() == 0, "in another browser one is the same person"
    approve(console.sign_in("bank-nl/bram", size), "1,000.00")

    issuer = console.sign_in("cb-eur/hanna", size)
    issuer.goto("/issuance")
    row = issuer.locator("tr", has=issuer.get_by_role("button", name="Issue it"))
    wait_for(issuer, row)
    photograph(issuer, f"{size}-issuance")
    row.get_by_role("button", name="Issue it").click()
    say(issuer, "waits for a second person")
    approve(console.sign_in("cb-eur/emil", size), "1,000.00")
    bank.goto("/issuance")
    issued = bank.locator("tr", has_text=note).locator(".state", has_text="issued")
    wait_for(bank, issued)
    holdings = console.sign_in("cb-eur/ruth", size)
    holdings.goto("/holdings")
    expect(holdings.locator("main")).to_contain_text("Tier two")
    photograph(holdings, f"{size}-holdings")


@pytest.mark.parametrize("size", SIZES)
def test_account_is_frozen_when_compliance_orders_it_and_another_approves(
    console: Console, photograph: Photograph, size: str
) -> None:
    reasons = f"Court order 12/2026 {size}"
    compliance = console.sign_in("cb-eur/otto", size)
    compliance.goto("/participants/inspector")
    account = compliance.locator("dd code").nth(1).inner_text()
    compliance.goto("/orders")
    until = ledger_time(compliance) + timedelta(days=9)
    compliance.get_by_label("Account (0x…)").fill(account)
    compliance.get_by_label("Until (UTC)").fill(minute(until))
    compliance.get_by_label("Reasons").fill(reasons)
    compliance.get_by_role("button", name="Give the order").click()
    say(compliance, "waits for a second person")
    approve(console.sign_in("cb-eur/klara", size), "reeze")
    compliance.goto("/orders")
    wait_for(compliance, compliance.locator("tr", has_text=reasons).locator(".state", has_text="in force"))
    photograph(compliance, f"{size}-orders")


def test_form_keeps_what_was_filled_in_when_it_is_refused(console: Console) -> None:
    maker = console.sign_in("bank-nl/maaike")
    maker.goto("/money")
    maker.get_by_label("To", exact=True).fill("vanrijn")
    maker.get_by_label("Amount").fill("a lot")
    maker.get_by_label("Purpose").fill("Flowers")
    maker.get_by_role("button", name="Transfer").click()
    expect(maker.get_by_role("alert")).to_contain_text("a number such as 1250.00")
    amount = maker.get_by_label("Amount")
    assert amount.get_attribute("aria-invalid") == "true"
    described = maker.locator(f"#{amount.get_attribute('aria-describedby')}")
    expect(described).to_contain_text("got 'a lot'")
    assert (amount.input_value(), maker.get_by_label("Purpose").input_value()) == ("a lot", "Flowers")


@pytest.mark.parametrize("size", SIZES)
def test_rates_fall_silent_and_come_back_when_a_developer_switches_the_oracle(
    console: Console, photograph: Photograph, size: str
) -> None:
    developer = console.sign_in("cb-eur/greta", size)
    developer.goto("/devnet")
    pair = developer.locator("form[action='/devnet/oracle/EUR/UGX/pause']")
    pair.get_by_role("button").click()
    say(developer, "Changed")
    developer.locator("form[action='/devnet/oracle/EUR/UGX/resume']").get_by_role("button").click()
    say(developer, "Changed")


def test_expected_money_stands_by_its_date_when_a_trade_is_under_way(console: Console) -> None:
    reference = "CON-EXP-1"
    exporter = console.sign_in("bank-ke/grace")
    draft_roses(exporter, reference, days=30)
    say(exporter, "offered to the other side")
    deadline = ledger_time(exporter) + timedelta(days=30)
    exporter.goto(f"/trades/{reference}")
    expect(exporter.locator(".timeline")).to_contain_text(f"{deadline.day} {deadline:%b}")
