"""People are invited, given roles, disabled, reset and erased; two operators let somebody in, one locks out."""

import pytest

from node.identity.store import PersonRow
from node.web.permissions import Role
from tests.unit.identity.conftest import Browser, Invited, Office

ANN = {"email": "ann@bank.example", "name": "Ann Bakker", "roles": ["bank_maker"]}


async def operators(office: Office) -> tuple[Browser, Browser]:
    first, second = (office.invite(f"op{n}@bank.example", Role.OPERATOR) for n in (1, 2))
    return await office.join(first), await office.join(second)


async def approve(checker: Browser, proposal: str) -> dict[str, object]:
    answer = await checker.post(f"/approvals/{proposal}/approve", key=proposal)
    assert answer.status_code == 200, answer.text
    decided: dict[str, object] = answer.json()["answer"]
    return decided


async def test_person_is_invited_when_a_second_operator_approves(office: Office) -> None:
    maker, checker = await operators(office)
    held = await maker.post("/people", ANN)
    assert (held.status_code, held.json()["state"]) == (202, "open")
    assert len((await maker.get("/people")).json()) == 2
    person = await approve(checker, held.json()["id"])
    assert (person["state"], person["email"]) == ("invited", "ann@bank.example")
    link = (await maker.post(f"/people/{person['id']}/invitation")).json()["link"]
    assert link.startswith("https://desk/join#bank-nl.")
    browser = await office.join(Invited(office, str(person["id"]), "ann@bank.example", link.partition("#")[2]))
    assert (await browser.get("/me")).json()["name"] == "Ann Bakker"
    assert (await browser.get("/people")).json()["code"] == "web/60"


async def test_earlier_link_ends_when_another_is_made_and_none_is_made_for_who_is_in(office: Office) -> None:
    maker, _ = await operators(office)
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await maker.post(f"/people/{invited.id}/invitation")
    assert (await Browser(office).post("/invitations/look", {"token": invited.token})).status_code == 404
    me = (await maker.get("/me")).json()["id"]
    assert (await maker.post(f"/people/{me}/invitation")).json()["code"] == "identity/15"


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "a@b"},
        {"email": "a@b.c\nBcc: d@e.f"},
        {"name": "\x07"},
        {"roles": []},
        {"roles": ["devnet"]},
        {"roles": ["exporter"]},
        {"roles": ["bank_maker"], "customer": "bloem"},
        {"roles": ["exporter"], "customer": "nobody"},
        {"email": "OP1@bank.example"},
    ],
)
async def test_account_is_refused_when_a_field_is_not_acceptable(office: Office, change: dict[str, object]) -> None:
    await operators(office)
    answer = await Browser(office).post("/people", ANN | change, Authorization="Bearer devnet")
    assert answer.status_code in (404, 409, 422)
    with office.database.read() as session:
        assert session.query(PersonRow).count() == 2


async def test_customers_person_sees_that_customer_alone_when_in(office: Office) -> None:
    browser = await office.join(office.invite("jan@bloem.example", Role.IMPORTER, customer="bloem"))
    me = (await browser.get("/me")).json()
    assert me["customer"] == "bloem"
    assert "people:read" not in me["permissions"]
    assert (await browser.get("/people")).status_code == 403


async def test_roles_count_at_once_when_they_are_changed(office: Office) -> None:
    maker, checker = await operators(office)
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    ann = await office.join(invited)
    held = await maker.post(f"/people/{invited.id}/roles", {"roles": ["treasurer"]})
    await approve(checker, held.json()["id"])
    assert (await ann.get("/me")).json()["roles"] == ["treasurer"]


async def test_person_is_out_at_once_when_disabled_and_in_again_only_by_two(office: Office) -> None:
    maker, checker = await operators(office)
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    ann = await office.join(invited)
    assert (await maker.post(f"/people/{invited.id}/disable")).json()["state"] == "disabled"
    assert (await ann.get("/me")).status_code == 401
    office.clock.now_s += 30
    assert (await Browser(office).sign_in(invited)).status_code == 401
    assert (await maker.post(f"/people/{invited.id}/disable", key="2")).json()["code"] == "identity/15"
    held = await maker.post(f"/people/{invited.id}/reset", key="reset")
    assert held.status_code == 202
    await approve(checker, held.json()["id"])
    link = (await maker.post(f"/people/{invited.id}/invitation")).json()["link"]
    again = Invited(office, invited.id, invited.email, link.partition("#")[2])
    await office.join(again)
    assert again.secret != invited.secret


async def test_operator_is_refused_when_it_is_about_themselves(office: Office) -> None:
    maker, _ = await operators(office)
    me = (await maker.get("/me")).json()["id"]
    for path, body in (("roles", {"roles": ["treasurer"]}), ("disable", None), ("reset", None)):
        answer = await maker.post(f"/people/{me}/{path}", body, key=path)
        assert (answer.status_code, answer.json()["code"]) == (403, "identity/19")


async def test_nothing_personal_is_left_when_somebody_is_erased(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    ann = await office.join(invited)
    with office.database.transaction() as session:
        office.identity.people.erase(session, invited.id, office.clock())
    assert (await ann.get("/me")).status_code == 401
    stored = "\n".join(office.database.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]
    assert "ann@bank.example" not in stored
    assert invited.id in stored
    office.clock.now_s += 30
    assert (await Browser(office).sign_in(invited)).status_code == 401
