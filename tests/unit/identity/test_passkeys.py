"""Passkeys: made by an invited person or in a fresh session, enough to sign in, refused in every other way."""

import copy
from typing import Any

import pytest

from node.identity.limits import CHALLENGE_S, PASSKEYS_MAX, RECENT_S
from node.web.permissions import Role
from tests.unit.identity.authenticator import Authenticator, b64
from tests.unit.identity.conftest import Browser, Invited, Office


async def join_by_passkey(office: Office, invited: Invited, authenticator: Authenticator) -> Browser:
    browser = Browser(office)
    asked = (await browser.post("/invitations/passkey/options", {"token": invited.token})).json()
    body = {
        "token": invited.token,
        "challenge": asked["challenge"],
        "credential": authenticator.make(asked["options"]),
        "name": "Laptop",
    }
    answer = await browser.post("/invitations/passkey", body)
    assert answer.status_code == 200, answer.text
    return browser


async def asked_to_sign_in(browser: Browser) -> dict[str, Any]:
    asked: dict[str, Any] = (await browser.post("/sign-in/passkey/options")).json()
    return asked


async def test_person_signs_in_when_their_passkey_answers(office: Office) -> None:
    invited, authenticator = office.invite("ann@bank.example", Role.TREASURER), Authenticator()
    await join_by_passkey(office, invited, authenticator)
    browser = Browser(office)
    asked = await asked_to_sign_in(browser)
    assert "ann" not in str(asked)
    body = {"challenge": asked["challenge"], "credential": authenticator.answer(asked["options"])}
    assert (await browser.post("/sign-in/passkey", body)).json()["id"] == invited.id
    assert (await browser.get("/me/sessions")).json()[-1]["method"] == "passkey"
    again = await Browser(office).post("/sign-in/passkey", body)
    assert (again.status_code, again.json()["code"]) == (409, "identity/12")


async def test_passkey_is_refused_when_it_is_anybody_elses_or_made_elsewhere(office: Office) -> None:
    invited, authenticator = office.invite("ann@bank.example", Role.TREASURER), Authenticator()
    await join_by_passkey(office, invited, authenticator)
    stranger, phished, unverified = Authenticator(), copy.copy(authenticator), copy.copy(authenticator)
    phished.origin, unverified.flags = "https://desk.evil.example", 0x01
    impostor = Authenticator()
    impostor.id = authenticator.id
    cloned = copy.copy(authenticator)
    for wrong in (stranger, phished, unverified, impostor):
        asked = await asked_to_sign_in(Browser(office))
        body = {"challenge": asked["challenge"], "credential": wrong.answer(asked["options"])}
        answer = await Browser(office).post("/sign-in/passkey", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "identity/11")
    # A copy whose counter has fallen behind gives itself away.
    for own, status in ((authenticator, 200), (authenticator, 200), (cloned, 422)):
        asked = await asked_to_sign_in(Browser(office))
        body = {"challenge": asked["challenge"], "credential": own.answer(asked["options"])}
        assert (await Browser(office).post("/sign-in/passkey", body)).status_code == status


async def test_challenge_ends_when_it_is_old_or_for_something_else(office: Office) -> None:
    invited, authenticator = office.invite("ann@bank.example", Role.TREASURER), Authenticator()
    await join_by_passkey(office, invited, authenticator)
    asked = await asked_to_sign_in(Browser(office))
    office.clock.now_s += CHALLENGE_S
    body = {"challenge": asked["challenge"], "credential": authenticator.answer(asked["options"])}
    assert (await Browser(office).post("/sign-in/passkey", body)).json()["code"] == "identity/12"
    other = office.invite("bob@bank.example", Role.TREASURER)
    asked = await asked_to_sign_in(Browser(office))
    body = {"token": other.token, "challenge": asked["challenge"], "credential": {}, "name": "x"}
    assert (await Browser(office).post("/invitations/passkey", body)).json()["code"] == "identity/12"


async def test_answer_is_refused_when_it_is_garbage(office: Office) -> None:
    invited, authenticator = office.invite("ann@bank.example", Role.TREASURER), Authenticator()
    await join_by_passkey(office, invited, authenticator)
    asked = await asked_to_sign_in(Browser(office))
    good = authenticator.answer(asked["options"])
    wrongs: list[dict[str, Any]] = [{}, {"id": 7}, {"id": "%%%"}, {"id": good["id"]}, {"id": "é" * 9}]
    for name in good["response"]:
        for value in ("", "AAAA", b64(b"\xff" * 200), 7, None, [], {}):
            wrongs.append(good | {"response": good["response"] | {name: value}})
    for number, wrong in enumerate(wrongs):
        browser = Browser(office, f"203.0.113.{number + 20}")
        answer = await browser.post("/sign-in/passkey", {"challenge": asked["challenge"], "credential": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "identity/11"), wrong
    assert (
        await Browser(office, "203.0.113.9").post(
            "/sign-in/passkey", {"challenge": asked["challenge"], "credential": good}
        )
    ).status_code == 200


async def test_registration_is_refused_when_the_answer_is_garbage(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.TREASURER)
    asked = (await Browser(office).post("/invitations/passkey/options", {"token": invited.token})).json()
    good = Authenticator().make(asked["options"])
    wrongs: list[dict[str, Any]] = [{}, {"id": 7}, Authenticator(verifies_user=False).make(asked["options"])]
    for name in good["response"]:
        for value in ("", "AAAA", b64(b"\xa0" * 200), b64(b"\x9f" * 5_000), 7, None):
            wrongs.append(good | {"response": good["response"] | {name: value}})
    for number, wrong in enumerate(wrongs):
        body = {"token": invited.token, "challenge": asked["challenge"], "credential": wrong, "name": "x"}
        answer = await Browser(office, f"203.0.113.{number + 20}").post("/invitations/passkey", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "identity/11"), wrong


async def test_person_adds_and_removes_passkeys_when_their_sign_in_is_fresh(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.TREASURER)
    browser = await office.join(invited)
    authenticator = Authenticator()
    asked = (await browser.post("/me/passkeys/options")).json()
    body = {"challenge": asked["challenge"], "credential": authenticator.make(asked["options"]), "name": "Phone"}
    added = (await browser.post("/me/passkeys", body)).json()
    assert added["name"] == "Phone"
    assert [one["id"] for one in (await browser.get("/me/passkeys")).json()] == [added["id"]]
    stranger = await office.join(office.invite("bob@bank.example", Role.TREASURER))
    assert (await stranger.post(f"/me/passkeys/{added['id']}/remove")).status_code == 422
    office.clock.now_s += RECENT_S
    for path in ("options", f"{added['id']}/remove"):
        late = await browser.post(f"/me/passkeys/{path}", key=path)
        assert (late.status_code, late.json()["code"]) == (403, "identity/17")
    office.clock.now_s += 30
    await browser.sign_in(invited)
    assert (await browser.post(f"/me/passkeys/{added['id']}/remove", key="remove")).json() == []


async def test_last_passkey_stays_when_there_is_no_password(office: Office) -> None:
    browser = await join_by_passkey(office, office.invite("ann@bank.example", Role.TREASURER), Authenticator())
    (only,) = (await browser.get("/me/passkeys")).json()
    assert (await browser.post(f"/me/passkeys/{only['id']}/remove")).status_code == 422


async def test_passkeys_are_few_when_many_are_made(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.identity.passkeys.PASSKEYS_MAX", 1)
    assert PASSKEYS_MAX > 1
    browser = await join_by_passkey(office, office.invite("ann@bank.example", Role.TREASURER), Authenticator())
    assert (await browser.post("/me/passkeys/options")).status_code == 409


async def test_challenges_are_few_when_many_are_asked_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.identity.passkeys.CHALLENGES_MAX", 2)
    statuses = [(await Browser(office).post("/sign-in/passkey/options", key=str(n))).status_code for n in range(3)]
    assert statuses == [200, 200, 429]
    office.clock.now_s += CHALLENGE_S
    assert (await Browser(office).post("/sign-in/passkey/options")).status_code == 200


async def test_token_has_no_passkeys_when_it_asks(office: Office) -> None:
    answer = await Browser(office).post("/me/passkeys/options", Authorization="Bearer devnet")
    assert (answer.status_code, answer.json()["code"]) == (403, "web/7")
