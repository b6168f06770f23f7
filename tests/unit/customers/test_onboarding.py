"""Customers are known before they become customers, and another person decides."""

from typing import Any

import pytest

from node.customers.limits import DOCUMENT_BYTES_MAX, DOCUMENTS_MAX
from tests.unit.customers.conftest import ADDRESS, COMPANY, OWNER, PDF, Bank

PNG = b"\x89PNG\r\n\x1a\n" + b"[" * 99 + b"IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0" + b"{" * 99 + b"\xff\xd9"
PERSON: dict[str, Any] = {
    "kind": "person",
    "name": "Jan Tulp",
    "born_on": "1990-01-01",
    "nationality": "NL",
    "address": ADDRESS,
    "is_politically_exposed": False,
    "occupation": "Florist",
    "expected_monthly": "1,000 EUR",
    "funds_come_from": "His shop",
    "email": "jan@tulp.example",
    "phone": "+31201234567",
}


async def test_customer_is_made_when_another_person_approves_the_application(bank: Bank) -> None:
    application = await bank.submit()
    answer = await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})
    approved = answer.json()
    assert (approved["state"], approved["risk"], approved["decided_by"]) == ("approved", "low", "bank-nl/p-checker")
    with bank.database.read() as session:
        customer = bank.books.participants.customer(session, "tulp")
        assert (customer.name, customer.postal_address) == ("Tulpenhuis BV", approved["fields"]["address"])
    again = await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})
    assert (again.status_code, again.json()["code"]) == (409, "customers/7")


async def test_person_may_become_a_customer_when_their_papers_are_there(bank: Bank) -> None:
    answer = await bank.post("maker", "/applications", {"customer": "jan", "fields": PERSON})
    application = answer.json()["id"]
    missing = await bank.post("maker", f"/applications/{application}/submit")
    assert (missing.status_code, missing.json()["field"]) == (422, "documents.identity")
    for kind, name, content, media in (
        ("identity", "passport.jpg", JPEG, "image/jpeg"),
        ("address", "bill.png", PNG, "image/png"),
    ):
        assert (await bank.upload("maker", application, kind, name, content, media)).status_code == 201
    assert (await bank.post("maker", f"/applications/{application}/submit")).status_code == 200
    assert (await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})).status_code == 200


async def test_nobody_decides_about_what_they_wrote_when_they_hold_both_roles(bank: Bank) -> None:
    application = await bank.draft()
    assert (await bank.upload("both", application)).status_code == 201
    await bank.upload("maker", application, "ownership")
    await bank.post("maker", f"/applications/{application}/submit")
    for path, body in (("approve", {"risk": "low"}), ("decline", {"reason": "x"})):
        answer = await bank.post("both", f"/applications/{application}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "customers/8")
    assert (await bank.post("maker", f"/applications/{application}/approve", {"risk": "low"})).status_code == 403
    assert (await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})).status_code == 200


async def test_application_is_read_by_whom_it_concerns_alone(bank: Bank) -> None:
    application = await bank.draft()
    for who, status in (
        ("maker-2", 200),
        ("checker", 200),
        ("compliance", 200),
        ("operator", 403),
        ("regulator", 403),
        ("bloem", 403),
    ):
        assert (await bank.get(who, f"/applications/{application}")).status_code == status


async def test_draft_is_written_again_and_stands_once_it_is_submitted(bank: Bank) -> None:
    application = await bank.draft()
    changed = {"fields": COMPANY | {"legal_name": "Tulpenhuis Holding BV"}}
    answer = await bank.post("maker-2", f"/applications/{application}/fields", changed)
    assert answer.json()["fields"]["legal_name"] == "Tulpenhuis Holding BV"
    assert answer.json()["writers"] == ["bank-nl/p-maker", "bank-nl/p-maker-2"]
    for kind in ("register", "ownership"):
        await bank.upload("maker", application, kind)
    await bank.post("maker", f"/applications/{application}/submit")
    assert (await bank.post("maker", f"/applications/{application}/fields", changed)).status_code == 409
    assert (await bank.upload("maker", application)).status_code == 409


async def test_risk_is_high_when_a_politically_exposed_person_is_among_the_owners(bank: Bank) -> None:
    application = await bank.submit(owners=[OWNER | {"is_politically_exposed": True}])
    for risk, status in (("low", 422), ("medium", 422), ("high", 200)):
        answer = await bank.post("checker", f"/applications/{application}/approve", {"risk": risk})
        assert answer.status_code == status


async def test_application_is_forgotten_when_it_was_declined_long_ago(bank: Bank) -> None:
    declined, kept = await bank.submit(), await bank.draft(customer="rose")
    answer = await bank.post("checker", f"/applications/{declined}/decline", {"reason": "no papers"})
    assert (answer.json()["state"], answer.json()["reason"]) == ("declined", "no papers")
    for days, left in ((5, 2), (1, 1)):
        bank.clock.now_s += days * 86_400
        with bank.database.transaction() as session:
            bank.subjects.sweep(session, bank.clock())
        found = (await bank.get("checker", "/applications")).json()
        assert len(found) == left
    assert found[0]["id"] == kept
    assert (await bank.get("checker", f"/applications/{declined}")).json()["code"] == "customers/6"


@pytest.mark.parametrize(
    "change",
    [
        {"registered_in": "XX"},
        {"lei": "9999DEV02PLDRBANK005"},
        {"founded_on": "2999-01-01"},
        {"founded_on": "1849-12-31"},
        {"phone": "020"},
        {"email": "none"},
        {"owners": []},
        {"owners": [OWNER] * 11},
        {"owners": [OWNER | {"share_bps": 10_001}]},
        {"owners": [{name: value for name, value in OWNER.items() if name != "is_politically_exposed"}]},
        {"legal_name": "\x07"},
        {"legal_name": "x" * 141},
        {"kind": "ghost"},
        {"vip": True},
    ],
)
async def test_application_is_refused_when_a_field_is_not_acceptable(bank: Bank, change: dict[str, Any]) -> None:
    answer = await bank.post("maker", "/applications", {"customer": "tulp", "fields": COMPANY | change})
    assert answer.status_code == 422


@pytest.mark.parametrize(("customer", "status"), [("bloem", 409), ("bank-nl", 422), ("UPPER", 422), ("../x", 422)])
async def test_application_is_refused_when_the_id_is_taken_or_none(bank: Bank, customer: str, status: int) -> None:
    answer = await bank.post("maker", "/applications", {"customer": customer, "fields": COMPANY})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("register.pdf", b"", "application/pdf"),
        ("register.pdf", b"<html><script>alert(1)</script>", "application/pdf"),
        ("register.pdf", b"MZ\x90\x00", "application/pdf"),
        ("register.pdf", PDF[:-7], "application/pdf"),
        ("register.pdf", PDF.replace(b"[[", b"/JavaScript"), "application/pdf"),
        ("register.pdf", PDF, "text/html"),
        ("register.pdf", PDF, "image/png"),
        ("register.html", PDF, "application/pdf"),
        ("register.pdf.exe", PDF, "application/pdf"),
        ("../register.pdf", PDF, "application/pdf"),
        ("a\\b.pdf", PDF, "application/pdf"),
        (".pdf", PDF, "application/pdf"),
        ("a\nb.pdf", PDF, "application/pdf"),
        ("x.svg", b"<svg onload=alert(1)>", "image/svg+xml"),
        ("x.png", PNG[:-4], "image/png"),
        ("x.jpg", PNG, "image/jpeg"),
    ],
)
async def test_document_is_refused_when_it_is_not_what_it_says(
    bank: Bank, name: str, content: bytes, media_type: str
) -> None:
    application = await bank.draft()
    answer = await bank.upload("maker", application, name=name, content=content, media_type=media_type)
    assert answer.status_code == 422
    assert (await bank.get("maker", f"/applications/{application}")).json()["documents"] == []


@pytest.mark.parametrize(("size", "status"), [(DOCUMENT_BYTES_MAX, 201), (DOCUMENT_BYTES_MAX + 1, 413)])
async def test_document_is_refused_when_it_is_too_large(bank: Bank, size: int, status: int) -> None:
    content = PDF[:9] + b" " * (size - len(PDF)) + PDF[9:]
    assert (await bank.upload("maker", await bank.draft(), content=content)).status_code == status


async def test_documents_are_few_when_many_are_sent(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.customers.onboarding.DOCUMENTS_MAX", 1)
    assert DOCUMENTS_MAX > 1
    application = await bank.draft()
    assert [(await bank.upload("maker", application)).status_code for _ in range(2)] == [201, 429]


async def test_document_comes_back_as_it_was_and_runs_nothing_when_downloaded(bank: Bank) -> None:
    application = await bank.draft()
    document = (await bank.upload("maker", application)).json()
    answer = await bank.get("checker", f"/applications/{application}/documents/{document['id']}")
    assert answer.content == PDF
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{document["id"]}.pdf"'
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    other = await bank.draft(customer="rose")
    assert (await bank.get("checker", f"/applications/{other}/documents/{document['id']}")).status_code == 404


async def test_log_says_nothing_personal_when_somebody_applies(bank: Bank) -> None:
    application = await bank.submit()
    await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})
    log = [line for line in bank.stored().splitlines() if "audit_entry" in line and line.startswith("INSERT")]
    assert len(log) >= 5
    for word in ("Tulpenhuis", "Bakker", "Legmeerdijk", "register.pdf", "+3120"):
        assert not any(word in line for line in log), word
