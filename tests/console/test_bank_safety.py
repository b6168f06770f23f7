"""Hostile texts in the pages of banks and operators, and others' things by their address."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Console
from tests.console.jobs import approve, say
from tests.console.test_bank_jobs import COMPANY, OWNER, PDF, fill, shown_once
from tests.console.test_safety import HOSTILE, assert_harmless, own_requests

SCRIPT = "<script>window.broken=1</script>"


def unbounded(page: Page) -> None:
    """Let a browser send what its own checks would keep back."""
    for form in page.locator("form").all():
        form.evaluate("form => { form.noValidate = true }")
    page.evaluate(
        "document.querySelectorAll('input').forEach(one => { one.removeAttribute('maxlength'); "
        "if (!['hidden', 'checkbox', 'submit', 'file'].includes(one.type)) one.type = 'text' })"
    )


@pytest.mark.parametrize(
    ("person", "path", "button"),
    [
        ("bank-nl/pieter", "/notices/wishes/institution", "Save"),
        ("bank-nl/pieter", "/webhooks", "Make it"),
        ("bank-nl/pieter", "/people/programs", "Propose"),
        ("bank-nl/pieter", "/reports/audit", "Show"),
        ("bank-nl/lotte", "/approvals/alone", "Propose"),
        ("bank-nl/lotte", "/fx/exposures/fx-amber/KES", "Propose"),
        ("bank-nl/maaike", "/customers/applications/new?kind=company", "Save the draft"),
        ("bank-nl/maaike", "/customers/applications/new?kind=person", "Save the draft"),
    ],
)
def test_hostile_text_is_shown_as_text_when_it_stands_in_every_field_of_a_form(
    console: Console, person: str, path: str, button: str
) -> None:
    page = console.sign_in(person)
    page.goto(path)
    unbounded(page)
    form = page.locator("main form", has=page.get_by_role("button", name=button, exact=True)).last
    fields = form.locator("input[type=text], textarea").all()
    assert fields
    for one in fields:
        one.fill(HOSTILE)
    form.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()
    assert_harmless(page)
    written = page.locator("main input:not([type=hidden], [type=checkbox], [type=file]), main textarea")
    shown = [one.input_value() for one in written.all()]
    shown += [page.locator("main").inner_text()]
    assert any(SCRIPT in text for text in shown), "what was written is shown again, as text"


def test_hostile_text_is_shown_as_text_when_it_is_kept(console: Console) -> None:
    operator, second = console.sign_in("bank-nl/pieter"), console.sign_in("bank-nl/femke")
    operator.goto("/webhooks")
    fill(operator, {"Note": HOSTILE})
    operator.get_by_label("Address").fill("https://erp.example/?a=%3Cscript%3E")
    operator.get_by_role("button", name="Make it").click()
    expect(operator.get_by_label("Note")).to_have_value(HOSTILE)
    assert_harmless(operator)
    operator.goto("/people/programs")
    fill(operator, {"Name": HOSTILE})
    for box in ("operator", "trades:read"):
        operator.get_by_label(box, exact=True).check()
    operator.get_by_role("button", name="Propose").click()
    say(operator, "waits for a second person")
    approve(second, SCRIPT)
    assert_harmless(second)
    for path in ("/webhooks", "/people/programs", "/reports/audit"):
        operator.goto(path)
        assert_harmless(operator)
    maker, checker = console.sign_in("bank-nl/maaike"), console.sign_in("bank-nl/karim")
    application = apply(maker, "hostile", HOSTILE)
    maker.goto(application)
    assert maker.locator("main").inner_text().count(SCRIPT) > 4
    assert_harmless(maker)
    maker.get_by_role("button", name="Put it before another person").click()
    say(maker, "put before another person")
    checker.goto(application)
    checker.get_by_label("Reason to decline").fill(HOSTILE)
    checker.get_by_role("button", name="Decline").click()
    say(checker, "Declined")
    for path in (application, "/customers/applications?state=declined"):
        checker.goto(path)
        assert SCRIPT in checker.locator("main").inner_text()
        assert_harmless(checker)


def test_others_applications_webhooks_programs_and_notices_are_not_found_by_their_address(console: Console) -> None:
    operator, maker, exporter = (console.sign_in(one) for one in ("bank-nl/pieter", "bank-nl/maaike", "bank-ke/grace"))
    others = {
        one: console.sign_in(one) for one in ("bank-nl/joost", "bank-ug/baluku", "bank-ke/brian", "bank-ke/achieng")
    }
    exporter.goto("/webhooks")
    exporter.get_by_label("Address").fill("https://grace.example/hook")
    exporter.get_by_role("button", name="Make it").click()
    shown_once(exporter)
    exporter.goto("/webhooks")
    webhook = exporter.get_by_role("link", name="https://grace.example/hook").get_attribute("href") or ""
    assert own_requests(exporter).get(webhook).status == 200
    application = apply(maker, "others", "Quiet Flowers BV")
    maker.goto(application)
    document = maker.get_by_role("link", name="register.pdf").get_attribute("href") or ""
    program = f"/people/programs/bank-nl.{'0' * 16}"
    for name, page in others.items():
        for path in (webhook, f"{webhook}/deliveries/1", application, f"{application}/fields", document, program):
            assert own_requests(page).get(path).status in (403, 404), (name, path)
        token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
        assert token
        for path in (
            f"{webhook}/keys",
            f"{webhook}/remove",
            f"{webhook}/replay",
            f"{application}/submit",
            f"{application}/approve",
            f"{application}/documents",
            f"{program}/secret",
            f"{program}/disable",
            "/notices/1/read",
            "/notices/wishes/institution",
        ):
            answer = own_requests(page).post(path, form={"csrf_token": token, "scheme": "hmac", "risk": "low"})
            assert answer.status in (403, 404, 422), (name, path, answer.status)
            assert "whsec_" not in answer.text()
    assert own_requests(exporter).get(webhook).status == 200
    for path in (application, document, "/reports/audit", "/screening", "/people/programs"):
        assert own_requests(exporter).get(path).status in (403, 404), path
    assert own_requests(maker).get("/people/programs").status == 403
    assert own_requests(operator).get(application).status == 403


def apply(maker: Page, customer: str, name: str) -> str:
    """Write an application with its documents; return its path."""
    maker.goto("/customers/applications/new?kind=company")
    unbounded(maker)
    text = name[:139]
    said = {"Legal name": text, "Registration number": text, "What it does, with what goods": name}
    said |= {"Where the money comes from": name, "Whom to ask for": text, "Tax number": text}
    fill(maker, COMPANY | {"Number that the customer will have": customer} | said)
    address = maker.locator("section", has=maker.get_by_role("heading", name="Address"))
    fill(address, {"Town": name[:35].strip(), "Country": "NL"})
    fill(maker.get_by_role("group", name="Owner 1"), OWNER | {"Name": text, "Share in percent": "100"})
    maker.get_by_role("button", name="Save the draft").click()
    say(maker, "Saved")
    for kind in ("register", "ownership"):
        maker.get_by_label("Kind").select_option(kind)
        maker.get_by_label("File").set_input_files(
            {"name": f"{kind}.pdf", "mimeType": "application/pdf", "buffer": PDF}
        )
        maker.get_by_role("button", name="Add it").click()
        expect(maker.get_by_role("link", name=f"{kind}.pdf")).to_be_visible()
    found = re.search(r"/customers/applications/[0-9a-f]{16}", maker.url)
    assert found is not None
    return found[0]
