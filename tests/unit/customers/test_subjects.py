"""A customer gets a copy of what is held about it, and is forgotten when it may be."""

import io
import json
import zipfile
from typing import Any

import pytest

from node.customers.subjects import Retention
from node.identity.people import Newcomer
from node.ledger.orders import OrderRow
from node.participants.errors import CustomerClosedError
from node.web.permissions import Role
from node.web.schemas import rfc3339
from tests.unit.customers.conftest import PDF, Bank

DAY_S = 86_400


async def make_tulp(bank: Bank) -> str:
    """Make the customer tulp with somebody who acts for it; return that person's id."""
    application = await bank.submit()
    await bank.post("checker", f"/applications/{application}/approve", {"risk": "low"})
    with bank.database.transaction() as session:
        newcomer = Newcomer("jan@tulp.example", "Jan de Wit", frozenset({Role.IMPORTER}), "tulp")
        person = bank.people.add(session, newcomer, bank.clock())
        order = {"payee": "0x" + "1" * 40, "currency": "EUR", "amount_minor": "1", "state": "settled"}
        session.add(OrderRow(id="1", kind="transfer", owner="tulp", text="for Jan de Wit", reason=None, **order))
    return person.id


def files_of(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name: json.loads(archive.read(name)) if name.endswith(".json") else archive.read(name)
            for name in archive.namelist()
        }


async def test_customer_gets_everything_when_it_asks_for_its_data(bank: Bank) -> None:
    await make_tulp(bank)
    answer = await bank.get("tulp", "/customers/tulp/data")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    files = files_of(answer.content)
    assert files["customer.json"]["customer"]["name"] == "Tulpenhuis BV"
    assert files["applications.json"][0]["application"]["fields"]["owners"][0]["name"] == "Ann Bakker"
    document = files["applications.json"][0]["documents"][0]["content"]["file"]
    assert files[document] == PDF
    assert files["people.json"]["people"][0]["account"]["email"] == "jan@tulp.example"
    assert files["ledger.json"]["orders"][0]["text"] == "for Jan de Wit"
    assert not {"password_hash", "totp", "token_hash"} & set(str(files))
    assert "password_hash" not in json.dumps(files["people.json"])


async def test_data_is_refused_when_anybody_else_asks(bank: Bank) -> None:
    await make_tulp(bank)
    statuses = {
        who: (await bank.get(who, "/customers/tulp/data")).status_code
        for who in ("compliance", "bloem", "maker", "checker", "operator", "regulator")
    }
    assert statuses == dict.fromkeys(("bloem", "maker", "checker", "operator", "regulator"), 403) | {"compliance": 200}
    assert (await bank.get("compliance", "/customers/nobody/data")).status_code == 404


async def test_export_is_refused_when_it_is_too_large(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.customers.subjects.EXPORT_BYTES_MAX", 100)
    await make_tulp(bank)
    assert (await bank.get("compliance", "/customers/tulp/data")).status_code == 413


async def test_customer_is_closed_by_two_and_nobody_acts_for_it_then(bank: Bank) -> None:
    person = await make_tulp(bank)
    assert (await bank.post("checker", "/customers/tulp/close")).status_code == 403
    decided = await bank.by_two("/customers/tulp/close")
    assert decided.json()["answer"]["closed_at"] == rfc3339(bank.clock())
    with bank.database.transaction() as session:
        assert bank.people.get(session, person).state == "disabled"
        with pytest.raises(CustomerClosedError):
            bank.books.participants.sign_typed(
                session,
                signer="tulp",
                domain=None,  # type: ignore[arg-type]
                primary_type="Hold",
                message={},
                given_by="x",
                now_s=0,
            )
    again = await bank.by_two("/customers/tulp/close")
    assert again.status_code == 409


async def test_customer_stays_when_it_has_money(bank: Bank) -> None:
    bank.books.token.issue(bank.books.customer, 500)
    bank.books.book()
    answer = await bank.by_two("/customers/bloem/close")
    assert (answer.status_code, "500" in answer.json()["detail"]) == (409, True)


async def test_nothing_personal_is_left_when_a_customer_is_forgotten(bank: Bank) -> None:
    await make_tulp(bank)
    early = await bank.by_two("/customers/tulp/erase")
    assert "customer still" in early.json()["detail"]
    await bank.by_two("/customers/tulp/close")
    bank.clock.now_s += 10 * DAY_S - 1
    early = await bank.by_two("/customers/tulp/erase")
    assert (early.status_code, "has to be kept until" in early.json()["detail"]) == (409, True)
    bank.clock.now_s += 1
    decided = await bank.by_two("/customers/tulp/erase")
    assert decided.json()["answer"]["name"] == ""
    stored = bank.stored()
    for word in ("Tulpenhuis", "Bakker", "Legmeerdijk", "jan@tulp", "Jan de Wit", "register.pdf", PDF.hex().upper()):
        assert word not in stored, word
    assert "Bloemenhuis BV" in stored
    answer = await bank.post("maker", "/applications", {"customer": "tulp", "fields": {}})
    assert answer.status_code == 422


async def test_customer_is_forgotten_by_itself_when_its_time_has_come(bank: Bank) -> None:
    await make_tulp(bank)
    await bank.by_two("/customers/tulp/close")
    forgotten = []
    for days in (9, 1, 1):
        bank.clock.now_s += days * DAY_S
        with bank.database.transaction() as session:
            forgotten.append(bank.subjects.sweep(session, bank.clock()))
    assert forgotten == [[], ["tulp"], []]


def test_retention_is_what_the_law_says_when_nothing_else_is_configured() -> None:
    assert Retention() == Retention(closed_customers=1_827, declined_applications=180)
