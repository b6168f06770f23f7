"""What strangers, other sites and hostile texts get from the console: nothing."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import APIRequestContext, Page, expect

from tests.console.conftest import Console
from tests.console.jobs import draft_roses, say

# Breaks out of an attribute, a text, a title and a script, if any of them lets it.
LOOKS = 50
HOSTILE = '"\'></title></script><img src=x onerror="window.broken=1"><script>window.broken=1</script>{{7*7777}}'


def own_requests(page: Page) -> APIRequestContext:
    """Return requests that carry the cookies of a page's browser."""
    return page.context.request


def assert_harmless(page: Page) -> None:
    """Check that a hostile text is text: no element of it, no script of it."""
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("typeof window.broken") == "undefined"
    assert "54439" not in page.locator("main").inner_text().split()


def test_hostile_text_is_shown_as_text_when_it_stands_in_every_free_field_of_a_trade(console: Console) -> None:
    reference = "XSS-1"
    exporter = console.sign_in("bank-ke/grace")
    draft_roses(exporter, reference, goods=HOSTILE)
    say(exporter, "offered to the other side")
    expect(exporter.locator("main")).to_contain_text("<script>window.broken=1</script>")
    assert_harmless(exporter)
    importer = console.sign_in("bank-nl/anna")
    for path in ("/", "/trades", f"/trades/{reference}", f"/trades/{reference}/counter"):
        importer.goto(path)
        assert_harmless(importer)
    importer.goto(f"/trades/{reference}/counter")
    importer.get_by_label("Incoterms").fill(HOSTILE[:120])
    importer.get_by_label("Shipment numbers, one a line").fill(HOSTILE)
    importer.get_by_role("button", name="Send this version").click()
    expect(importer.get_by_role("alert")).to_be_visible()
    assert_harmless(importer)


def test_hostile_text_is_shown_as_text_when_it_stands_in_the_fields_of_a_bank(console: Console) -> None:
    maker, checker = console.sign_in("bank-nl/maaike"), console.sign_in("bank-nl/sven")
    maker.goto("/money")
    maker.get_by_label("To", exact=True).fill("vanrijn")
    maker.get_by_label("Amount").fill("1")
    maker.get_by_label("Purpose").fill(HOSTILE[:139])
    maker.get_by_role("button", name="Transfer").click()
    say(maker, "waits for a second person")
    maker.goto("/approvals")
    maker.locator("tbody th a").first.click()
    assert_harmless(maker)
    checker.goto(maker.url)
    checker.get_by_label("Reason to reject").fill(HOSTILE)
    checker.get_by_role("button", name="Reject").click()
    say(checker, "Rejected")
    expect(checker.locator("dl").first).to_contain_text("<script>window.broken=1</script>")
    assert_harmless(checker)
    for person, path, fields, button in (
        ("bank-nl/maaike", "/customers", {"Number": "xss", "Name": HOSTILE[:139]}, "Propose"),
        ("bank-nl/lotte", "/issuance", {"Amount": "1", "Note": HOSTILE[:139]}, "Ask"),
        (
            "cb-eur/otto",
            "/orders",
            {"Account (0x…)": HOSTILE, "Reasons": HOSTILE, "Until (UTC)": "2026-12-01T00:00"},
            "Give the order",
        ),
        ("bank-nl/pieter", "/people", {"Name": HOSTILE[:139], "E-mail address": "x@example.com"}, "Propose"),
    ):
        page = console.sign_in(person)
        page.goto(path)
        for label, text in fields.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_load_state()
        assert_harmless(page)
        page.goto("/approvals")
        assert_harmless(page)
    for path in (
        f"/messages?uetr={HOSTILE}",
        f"/messages?thread={HOSTILE}",
        f"/trades?state={HOSTILE[:20]}",
        f"/{HOSTILE}",
        f"/login?next={HOSTILE}",
    ):
        maker.goto(path)
        assert_harmless(maker)


def test_hostile_text_is_shown_as_text_when_it_stands_in_what_parties_write(console: Console) -> None:
    exporter, importer = console.sign_in("bank-ke/grace"), console.sign_in("bank-nl/anna")
    exporter.goto("/money/requests")
    exporter.get_by_label("Amount", exact=True).fill("1")
    exporter.get_by_label("Your reference").fill("<img src=x onerror=w()>")
    exporter.get_by_role("button", name="Make the code").click()
    exporter.locator("code.whole").wait_for()
    expect(exporter.locator("dl")).to_contain_text("<img src=x onerror=w()>")
    assert_harmless(exporter)
    text = exporter.locator("code.whole").inner_text()
    exporter.goto("/money/requests")
    assert_harmless(exporter)
    for written in (text, HOSTILE):
        importer.goto("/money/requests/pay")
        importer.get_by_label("Text of the code").fill(written)
        importer.get_by_role("button", name="Read it").click()
        importer.wait_for_load_state()
        assert_harmless(importer)
    exporter.locator("form", has=exporter.get_by_role("button", name="Make the code")).evaluate(
        "form => { for (const field of form.elements) field.removeAttribute('maxlength') }"
    )
    exporter.get_by_label("Amount", exact=True).fill(HOSTILE)
    exporter.get_by_label("Your reference").fill(HOSTILE)
    exporter.get_by_role("button", name="Make the code").click()
    expect(exporter.get_by_role("alert")).to_be_visible()
    assert_harmless(exporter)
    for path in (
        f"/money/EUR/day?day={HOSTILE[:20]}&format={HOSTILE[:20]}",
        f"/money/EUR/day?day=2026-07-01&format={HOSTILE[:20]}",
        f"/money/EUR?owner={HOSTILE[:60]}",
        f"/money/requests/{HOSTILE}",
        f"/settlement-times?x={HOSTILE}",
    ):
        exporter.goto(path)
        assert_harmless(exporter)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/%0d%0aSet-Cookie:x=1",
    ],
)
def test_sign_in_stays_on_this_site_when_it_is_told_to_go_elsewhere(console: Console, target: str) -> None:
    request = console.context().request
    answer = request.post("/login/devnet", form={"person": "bank-nl/anna", "next": target}, max_redirects=0)
    assert answer.status == 303
    assert answer.headers["location"].startswith("/")
    assert "evil" not in answer.headers["location"]
    answer = request.get("/language/nl", params={"next": target}, max_redirects=0)
    assert answer.headers["location"] in ("/", "/%0d%0aSet-Cookie:x=1")


def test_form_does_nothing_when_it_does_not_come_from_the_persons_own_page(console: Console) -> None:
    page, other = console.sign_in("bank-nl/maaike"), console.sign_in("bank-nl/sven")
    form = {"payee": "vanrijn", "amount": "1", "currency": "EUR", "text": "", "once": "csrf"}
    without = own_requests(page).post("/money/transfer", form=form)
    assert without.status == 403
    stolen = other.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    assert own_requests(page).post("/money/transfer", form=form | {"csrf_token": stolen}).status == 403
    own = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    crossed = own_requests(page).post("/money/transfer", form=form | {"csrf_token": own}, headers=foreign)
    assert crossed.status == 403
    assert own_requests(page).post("/money/transfer", form=form | {"csrf_token": own}).status == 200


def test_sign_in_is_refused_when_another_site_sends_it(console: Console) -> None:
    answer = console.context().request.post(
        "/login/devnet", form={"person": "bank-nl/anna"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status == 403


def test_page_carries_the_headers_that_browsers_heed_when_it_is_loaded(console: Console) -> None:
    request = console.context().request
    for path in ("/login", "/", "/nowhere"):
        headers = request.get(path, headers={"Accept": "text/html"}).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


def test_no_page_breaks_its_own_policy_when_it_is_used(console: Console) -> None:
    page = console.context().new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/login")
    page.locator('button[value="bank-nl/anna"]').click()
    for path in ("/", "/trades", "/money", "/account"):
        page.goto(path, wait_until="networkidle")
    assert complaints == []


def test_cookie_is_for_this_host_alone_and_no_script_reads_it_when_somebody_signs_in(console: Console) -> None:
    page = console.sign_in("bank-nl/anna")
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "__Host-landfall"]
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")
    assert page.evaluate("document.cookie") == ""


def test_session_is_another_one_when_somebody_signs_in_over_an_old_one(console: Console) -> None:
    page = console.sign_in("bank-nl/anna")
    before = {one["name"]: one["value"] for one in page.context.cookies()}["__Host-landfall"]
    own_requests(page).post("/login/devnet", form={"person": "bank-nl/anna"})
    after = {one["name"]: one["value"] for one in page.context.cookies()}["__Host-landfall"]
    assert before != after
    fixed = console.context()
    fixed.add_cookies(
        [{"name": "__Host-landfall", "value": before, "domain": "localhost", "path": "/", "secure": True}]
    )
    assert fixed.request.get("/", headers={"Accept": "text/html"}, max_redirects=0).headers["location"] == "/login"


def test_page_asks_to_sign_in_and_comes_back_when_nobody_is_known(console: Console) -> None:
    page = console.context().new_page()
    page.goto("/money")
    assert page.url.endswith("/login?next=/money")
    page.locator('button[value="bank-nl/anna"]').click()
    page.wait_for_url("**/money")


def test_session_is_over_when_somebody_signs_out(console: Console) -> None:
    page = console.sign_in("bank-nl/anna")
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto("/trades")
    assert "/login" in page.url


def test_others_things_are_not_found_when_their_address_is_typed(console: Console) -> None:
    exporter, other, elsewhere = (console.sign_in(one) for one in ("bank-ke/grace", "bank-nl/joost", "bank-ug/baluku"))
    draft_roses(exporter, "IDOR-1")
    say(exporter, "offered to the other side")
    link = exporter.get_by_role("link", name="Download terms").first
    # The terms change once more: the other bank's answer brings its customer's account.
    for _ in range(LOOKS):
        if own_requests(exporter).get(link.get_attribute("href") or "").status == 200:
            break
        exporter.reload()
    else:
        pytest.fail("the terms have no link that leads to them")
    paper = (link.get_attribute("href") or "").removeprefix("/trades/IDOR-1")
    exporter.goto("/money/requests")
    exporter.get_by_label("Amount", exact=True).fill("1")
    exporter.get_by_role("button", name="Make the code").click()
    exporter.locator("code.whole").wait_for()
    request = urlsplit(exporter.url).path
    asked = request.rpartition("/")[2]
    assert own_requests(exporter).get(f"{request}/code.svg").status == 200
    for page in (other, elsewhere):
        for path in (
            "",
            "/quotes",
            "/counter",
            "/amend",
            "/evidence",
            "/changed?since=0",
            "/messages/1",
            "/summary.pdf",
            "/cover.pdf",
            "/rate.svg",
            paper,
        ):
            assert own_requests(page).get(f"/trades/IDOR-1{path}").status in (403, 404), path
        for path in ("", "/code.svg", "/code.png", "/changed?since=open"):
            assert own_requests(page).get(f"{request}{path}").status in (403, 404), path
        assert asked not in own_requests(page).get("/money/requests").text()
    for path in ("/money/EUR?owner=bloem", "/money/EUR/day?day=2026-07-01&format=csv&owner=bloem"):
        assert own_requests(other).get(path).status == 403, path
    for path in (
        "/people",
        "/reports",
        "/issuance",
        "/network",
        "/messages",
        "/orders",
        "/devnet",
        "/settlement-times",
        "/settlement-times.svg",
    ):
        assert own_requests(other).get(path).status == 403, path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("photo.json", b"\x89PNG\r\n\x1a\n\x00\x00", "that is no text"),
        ("page.json", b"<html><script>1</script></html>", "a JSON document"),
        ("program.json", b"MZ\x90\x00\x03", "no text"),
        ("list.json", b"[1, 2]", "a JSON object"),
        ("deep.json", b"[" * 200, "levels"),
        ("paper.pdf", b"%PDF-1.7", "ends with .json"),
        ("../../../etc/passwd", b"root:x:0:0", "ends with .json"),
        ("large.json", b'{"a": "' + b"a" * 170_000 + b'"}', "at most 163840 bytes"),
        ("empty.json", b"", "something in it"),
    ],
)
def test_upload_is_refused_when_the_file_is_not_what_it_says(
    console: Console, name: str, content: bytes, expected: str
) -> None:
    page = console.sign_in("inspector/faith")
    token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    answer = own_requests(page).post(
        "/appointments/ANY-1/statements",
        multipart={
            "csrf_token": token,
            "document": {"name": name, "mimeType": "application/json", "buffer": content},
        },
    )
    assert answer.status in (413, 422)
    text = answer.text()
    assert expected in text.replace("&#39;", "'"), text[-3000:]


def test_upload_of_an_invoice_is_refused_when_it_is_a_picture_or_a_page(console: Console) -> None:
    page = console.sign_in("bank-ke/grace")
    page.goto("/trades/new")
    for content, expected in (
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "an XML document of svg"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "without DTD"),
    ):
        page.get_by_label("Invoice document (UBL 2.1, XML)").set_input_files(
            {"name": "invoice.xml", "mimeType": "application/xml", "buffer": content}
        )
        page.locator("form").last.evaluate("form => { form.noValidate = true }")
        page.get_by_label("To be funded by (UTC)").fill("2026-12-01T00:00")
        page.get_by_label("Deadline (UTC)").fill("2026-12-02T00:00")
        page.get_by_label("Share in percent").first.fill("100")
        page.get_by_role("button", name="Offer it to the other side").click()
        expect(page.get_by_role("alert")).to_contain_text(expected)


def test_body_is_refused_when_it_is_too_large(console: Console) -> None:
    page = console.sign_in("bank-nl/maaike")
    answer = own_requests(page).post("/money/transfer", data="a" * 1_100_000)
    assert answer.status == 413
    assert json.dumps(answer.headers).count("unsafe") == 0
