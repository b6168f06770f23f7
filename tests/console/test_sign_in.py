"""Coming in where nobody may just choose who to be: by a one-time link, then by password and code."""

import json
import subprocess

import pyotp
from playwright.sync_api import expect

from tests.console.conftest import LANDFALL, ROOT, Console

PASSWORD = "four unusual words here"


def test_person_comes_in_by_a_link_and_again_by_password_and_code(console: Console, devnet: dict[str, str]) -> None:
    options = ("--institution", "bank-nl", "--name", "Ann Bakker", "--role", "bank_maker", "--home", devnet["home"])
    command = (*LANDFALL, "user", "invite", "ann@polder.example", *options, "--json")
    invited = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    page = console.context().new_page()
    page.goto(invited["link"].replace("http://localhost:8600", console.origin))
    expect(page.get_by_role("heading", name="Welcome, Ann Bakker")).to_be_visible()
    assert "#" not in page.url, "the token stays in no address"
    app = pyotp.TOTP(page.locator("form code").inner_text())
    page.get_by_label("Password").fill("short")
    page.locator("form").last.evaluate("form => { form.noValidate = true }")
    page.get_by_label("Code that the app shows now").fill(app.now())
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_contain_text("password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code that the app shows now").fill(app.now())
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".who .name")).to_have_text("Ann Bakker")

    other = console.context().new_page()
    other.goto("/login?next=/trades")
    other.get_by_label("Institution").select_option("bank-nl")
    other.get_by_label("E-mail address").fill("ann@polder.example")
    other.get_by_label("Password").fill("another password")
    other.get_by_label("Code of your authenticator app").fill("000000")
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("alert")).to_contain_text("You are not signed in")
    assert other.get_by_label("E-mail address").input_value() == "ann@polder.example"
    assert other.get_by_label("Password").input_value() == ""


def test_link_is_refused_when_it_is_used_or_invented(console: Console) -> None:
    page = console.context(java_script_enabled=False).new_page()
    page.goto("/join")
    page.get_by_label("Your one-time link").fill("http://localhost/join#bank-nl.invented")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("ask an operator for another")
