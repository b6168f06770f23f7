"""Signing in by password and code: one session each, counted tries, nothing told to who guesses."""

import pytest

from node.identity.browser import COOKIE, CSRF_HEADER
from node.identity.limits import (
    ADDRESS_TRIES_MAX,
    ADDRESS_WINDOW_S,
    INVITATION_S,
    LOCK_S,
    LOCK_S_MAX,
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
    SESSION_IDLE_S,
    SESSION_S,
    SESSIONS_MAX,
    TRIES_BEFORE_LOCK,
)
from node.identity.store import SessionRow
from node.web.permissions import Role
from tests.unit.identity.conftest import PASSWORD, Browser, Office


async def test_person_is_in_when_they_follow_their_link_with_password_and_app(office: Office) -> None:
    invited = office.invite("Ann@Bank.example", Role.BANK_MAKER)
    browser = await office.join(invited)
    me = (await browser.get("/me")).json()
    assert (me["email"], me["roles"], me["institution"], me["id"]) == (
        "ann@bank.example",
        ["bank_maker"],
        "bank-nl",
        invited.id,
    )
    assert "payments:write" in me["permissions"]
    assert me["csrf_token"] == browser.csrf
    assert (await browser.post("/probe")).json() == f"bank-nl/{invited.id}"


async def test_cookie_is_bound_to_host_and_hidden_from_scripts_when_set(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    answer = await Browser(office).sign_in(invited)
    header = answer.headers["Set-Cookie"]
    assert header.startswith("__Host-landfall=bank-nl.")
    assert {part.strip() for part in header.split(";")[1:]} >= {"HttpOnly", "Secure", "SameSite=lax", "Path=/"}
    assert "Domain" not in header
    assert answer.headers["Cache-Control"] == "no-store"


async def test_database_holds_no_token_password_or_secret_when_people_are_in(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browser = await office.join(invited)
    token = browser.http.cookies[COOKIE]
    stored = "\n".join(
        line
        for line in office.database.engine.raw_connection().driver_connection.iterdump()  # type: ignore[union-attr]
    )
    for secret in (token, token.partition(".")[2], PASSWORD, invited.secret, invited.token, str(browser.csrf)):
        assert secret not in stored
    assert "ann@bank.example" not in office.log_text()


@pytest.mark.parametrize("wrong", ["email", "password", "code", "institution"])
async def test_sign_in_says_the_same_when_anything_is_wrong(office: Office, wrong: str) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    body = {"email": invited.email, "password": PASSWORD, "code": invited.code()}
    body[wrong] = {"email": "bob@bank.example", "password": PASSWORD + "!", "code": "000000", "institution": "bank-ke"}[
        wrong
    ]
    answer = await Browser(office).post("/sign-in", body)
    if wrong == "institution":
        assert (answer.status_code, answer.json()["code"]) == (422, "identity/16")
        return
    assert (answer.status_code, answer.json()["code"]) == (401, "identity/6")
    assert "Set-Cookie" not in answer.headers
    assert office.actions()[-1] == "session.refused by password and code"


async def test_code_counts_once_when_it_is_used_again(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    code = invited.code()
    assert (await Browser(office).sign_in(invited, code)).status_code == 200
    assert (await Browser(office).sign_in(invited, code)).status_code == 401
    assert (await Browser(office).sign_in(invited, invited.code(-1))).status_code == 401
    office.clock.now_s += 30
    assert (await Browser(office).sign_in(invited)).status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
async def test_code_counts_when_the_phones_clock_is_a_little_off(office: Office, steps: int, status: int) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    office.clock.now_s += 90
    assert (await Browser(office).sign_in(invited, invited.code(steps))).status_code == status


@pytest.mark.parametrize("email", ["ann@bank.example", "nobody@bank.example"])
async def test_account_waits_longer_each_time_when_it_is_guessed_at(office: Office, email: str) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    body = {"email": email, "password": "wrong password", "code": "000000"}
    for _ in range(TRIES_BEFORE_LOCK):
        assert (await Browser(office).post("/sign-in", body)).status_code == 401
    answer = await Browser(office).post("/sign-in", body)
    assert (answer.status_code, answer.json()["code"]) == (429, "identity/7")
    if email == invited.email:
        assert (await Browser(office).sign_in(invited)).status_code == 429
    office.clock.now_s += LOCK_S - 1
    assert (await Browser(office).post("/sign-in", body)).status_code == 429
    office.clock.now_s += 1
    assert (await Browser(office).post("/sign-in", body)).status_code == 401
    office.clock.now_s += LOCK_S
    assert (await Browser(office).post("/sign-in", body)).status_code == 429
    office.clock.now_s += LOCK_S_MAX
    if email == invited.email:
        assert (await Browser(office).sign_in(invited)).status_code == 200
        assert (await Browser(office).post("/sign-in", body)).status_code == 401


async def test_address_waits_when_it_tries_one_account_after_the_other(office: Office) -> None:
    for number in range(ADDRESS_TRIES_MAX):
        await Browser(office).post("/sign-in/passkey/options", {"institution": "bank-nl"}, key=str(number))
    answer = await Browser(office).post("/sign-in/passkey/options")
    assert (answer.status_code, answer.json()["code"]) == (429, "identity/7")
    assert (await Browser(office, "203.0.113.8").post("/sign-in/passkey/options")).status_code == 200
    office.clock.now_s += ADDRESS_WINDOW_S
    assert (await Browser(office).post("/sign-in/passkey/options")).status_code == 200


async def test_session_is_a_new_one_when_somebody_signs_in_over_another(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browser = await office.join(invited)
    before = browser.http.cookies[COOKIE]
    planted = Browser(office)
    planted.carry("bank-nl.planted-by-somebody-else")
    assert (await planted.sign_in(invited)).status_code == 200
    assert planted.http.cookies[COOKIE] not in ("bank-nl.planted-by-somebody-else", before)
    office.clock.now_s += 30
    assert (await browser.sign_in(invited)).status_code == 200
    assert browser.http.cookies[COOKIE] != before
    old = Browser(office)
    old.carry(before)
    assert (await old.get("/me")).json()["code"] == "identity/18"


async def test_session_ends_when_it_is_unused_or_too_old(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browser = await office.join(invited)
    office.clock.now_s += SESSION_IDLE_S - 1
    assert (await browser.get("/me")).status_code == 200
    office.clock.now_s += SESSION_IDLE_S - 1
    assert (await browser.get("/me")).status_code == 200
    office.clock.now_s += SESSION_IDLE_S
    assert (await browser.get("/me")).status_code == 401

    again = Browser(office)
    assert (await again.sign_in(invited)).status_code == 200
    for _ in range(SESSION_S // (SESSION_IDLE_S // 2) - 1):
        office.clock.now_s += SESSION_IDLE_S // 2
        assert (await again.get("/me")).status_code == 200
    office.clock.now_s += SESSION_IDLE_S // 2
    assert (await again.get("/me")).status_code == 401


async def test_session_ends_when_its_person_signs_out(office: Office) -> None:
    browser = await office.join(office.invite("ann@bank.example", Role.BANK_MAKER))
    token = browser.http.cookies[COOKIE]
    answer = await browser.post("/me/sign-out")
    assert answer.status_code == 204
    assert COOKIE not in browser.http.cookies
    browser.carry(token)
    assert (await browser.get("/me")).status_code == 401


async def test_person_ends_their_own_sessions_when_they_list_them(office: Office) -> None:
    invited, other = (office.invite(f"{name}@bank.example", Role.BANK_MAKER) for name in ("ann", "bob"))
    first, stranger = await office.join(invited), await office.join(other)
    second = Browser(office)
    office.clock.now_s += 1
    await second.sign_in(invited)
    listed = (await second.get("/me/sessions")).json()
    assert [one["is_this"] for one in listed] == [False, True]
    strangers = (await stranger.get("/me/sessions")).json()[0]["id"]
    assert (await second.post(f"/me/sessions/{strangers}/end")).status_code == 401
    left = await second.post(f"/me/sessions/{listed[0]['id']}/end", key="end")
    assert [one["id"] for one in left.json()] == [listed[1]["id"]]
    assert (await first.get("/me")).status_code == 401
    assert (await stranger.get("/me")).status_code == 200


async def test_oldest_session_ends_when_there_are_too_many(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.identity.sessions.SESSIONS_MAX", 2)
    assert SESSIONS_MAX > 2
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browsers = [await office.join(invited)]
    for _ in range(2):
        office.clock.now_s += 30
        browsers.append(Browser(office))
        await browsers[-1].sign_in(invited)
    assert [(await browser.get("/me")).status_code for browser in browsers] == [401, 200, 200]
    with office.database.read() as session:
        assert session.query(SessionRow).count() == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://desk"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({CSRF_HEADER: "0" * 64}, 403),
        ({CSRF_HEADER: ""}, 403),
    ],
)
async def test_change_is_refused_when_another_sites_page_may_have_sent_it(
    office: Office, headers: dict[str, str], status: int
) -> None:
    browser = await office.join(office.invite("ann@bank.example", Role.BANK_MAKER))
    answer = await browser.post("/probe", **headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "web/64"


async def test_form_is_taken_when_it_carries_the_sessions_token(office: Office) -> None:
    browser = await office.join(office.invite("ann@bank.example", Role.BANK_MAKER))
    headers = {"Idempotency-Key": "form"}
    for given, status in ((str(browser.csrf), 200), ("", 403), ("f" * 64, 403)):
        answer = await browser.http.post("/probe", data={"csrf_token": given}, headers=headers)
        assert answer.status_code == status
    other = await office.join(office.invite("bob@bank.example", Role.BANK_MAKER))
    answer = await browser.http.post("/probe", data={"csrf_token": str(other.csrf)}, headers=headers)
    assert answer.status_code == 403


async def test_sign_in_is_refused_when_another_site_sends_it(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    body = {"email": invited.email, "password": PASSWORD, "code": invited.code()}
    answer = await Browser(office).post("/sign-in", body, Origin="https://evil.example")
    assert (answer.status_code, answer.json()["code"]) == (403, "web/64")


async def test_token_of_a_devnet_needs_no_form_token_when_no_cookie_is_used(office: Office) -> None:
    browser = await office.join(office.invite("ann@bank.example", Role.BANK_MAKER))
    browser.csrf = None
    assert (await browser.post("/probe", Authorization="Bearer devnet")).json() == "bank-nl"
    assert (await browser.get("/me")).json()["roles"] == ["bank_maker"]


async def test_link_works_once_and_in_time_when_followed(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    await office.join(invited)
    body = {"token": invited.token, "password": PASSWORD, "code": invited.code(1)}
    assert (await Browser(office).post("/invitations/accept", body)).json()["code"] == "identity/8"
    late = office.invite("bob@bank.example", Role.BANK_MAKER)
    office.clock.now_s += INVITATION_S
    for path in ("look", "passkey/options"):
        answer = await Browser(office).post(f"/invitations/{path}", {"token": late.token})
        assert (answer.status_code, answer.json()["code"]) == (404, "identity/8")
    for token in ("", "x", "bank-ke.x", "bank-nl.x", late.token[:-1]):
        answer = await Browser(office).post("/invitations/look", {"token": token})
        assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("x" * (PASSWORD_CHARS_MIN - 1), 422),
        ("abcabcabcabcabc", 422),
        ("ann.ann.ann.likes.roses", 422),
        ("a long enough one", 200),
        ("Пароль из слов и букв", 200),
        (("abcdefgh" * 99)[:PASSWORD_CHARS_MAX], 200),
        (("abcdefgh" * 99)[: PASSWORD_CHARS_MAX + 1], 422),
    ],
)
async def test_password_is_refused_when_it_is_easy_to_guess(office: Office, password: str, status: int) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browser = Browser(office)
    invited.secret = (await browser.post("/invitations/look", {"token": invited.token})).json()["app_secret"]
    body = {"token": invited.token, "password": password, "code": invited.code()}
    answer = await browser.post("/invitations/accept", body)
    assert answer.status_code == status
    if status == 422:
        body["password"] = PASSWORD
        assert (await browser.post("/invitations/accept", body)).status_code == 200


async def test_invited_person_tries_again_when_the_code_was_wrong(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    browser = Browser(office)
    invited.secret = (await browser.post("/invitations/look", {"token": invited.token})).json()["app_secret"]
    body = {"token": invited.token, "password": PASSWORD, "code": "000000"}
    assert (await browser.post("/invitations/accept", body)).json()["code"] == "identity/10"
    assert (await browser.post("/invitations/accept", body | {"code": invited.code()})).status_code == 200


async def test_other_sessions_end_when_the_password_changes(office: Office) -> None:
    invited = office.invite("ann@bank.example", Role.BANK_MAKER)
    first = await office.join(invited)
    second = Browser(office)
    await second.sign_in(invited)
    office.clock.now_s += 30
    new = "another sentence entirely"
    wrong = {"old": "not the old one", "new": new, "code": invited.code()}
    assert (await second.post("/me/password", wrong)).status_code == 401
    answer = await second.post("/me/password", wrong | {"old": PASSWORD})
    assert answer.status_code == 204
    assert (await first.get("/me")).status_code == 401
    assert (await second.get("/me")).status_code == 200
    office.clock.now_s += 30
    assert (await Browser(office).sign_in(invited)).status_code == 401
    office.clock.now_s += 30
    body = {"email": invited.email, "password": new, "code": invited.code()}
    assert (await Browser(office).post("/sign-in", body)).status_code == 200


async def test_body_is_refused_when_it_is_no_json(office: Office) -> None:
    body = b'{"email": "a@b.c", "password": "x", "code": "000000"}'
    answer = await Browser(office).http.post("/sign-in", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code in (415, 422)
