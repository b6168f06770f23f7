"""The commands of docs/access.md as they stand, then people and programs over the network."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pyotp

from node.client import ClientCredentials, LandfallClient
from tests.e2e.conftest import ROOT, Shell

GUIDE = (ROOT / "docs" / "access.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
SNIPPET = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)
PASSWORD = "a sentence nobody guesses"
COOKIE = "__Host-landfall"


class Browser:
    """A browser on the devnet's own machine, where localhost counts as safe."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/v1", trust_env=False, timeout=30)
        self._headers: dict[str, str] = {}
        self._keys = iter(range(1_000))

    def join(self, link: str) -> dict[str, Any]:
        """Follow a one-time link."""
        token = link.partition("#")[2]
        secret = self.post("/invitations/look", {"token": token}).json()["app_secret"]
        code = pyotp.TOTP(secret).at(int(time.time()))
        answer = self.post("/invitations/accept", {"token": token, "password": PASSWORD, "code": code})
        me: dict[str, Any] = answer.json()
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self._headers = {"Cookie": cookie, "X-CSRF-Token": me["csrf_token"]}
        return me

    def post(self, path: str, body: Any = None) -> httpx.Response:
        headers = self._headers | {"Idempotency-Key": f"guide-{next(self._keys)}-{id(self)}"}
        answer = self._http.post(path, json={} if body is None else body, headers=headers)
        assert not answer.is_error, answer.text
        return answer

    def get(self, path: str) -> Any:
        answer = self._http.get(path, headers=self._headers)
        assert not answer.is_error, answer.text
        return answer.json()


def run_guide(shell: Shell, folder: Path) -> str:
    landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}'
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([landfall, *COMMANDS])],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "LANDFALL_HOME": str(shell.home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_guide_lets_people_and_programs_in_when_run_as_it_stands(shell: Shell, tmp_path: Path) -> None:
    said = run_guide(shell, tmp_path)
    links = re.findall(r"http://localhost:\d+/join#bank-nl\.\S+", said)
    assert len(links) == 3
    assert said.count("yes: entries 1 to ") == 2
    assert "is disabled" in said

    url = json.loads((shell.home / "run.json").read_text())["rest_url"]

    def invite(email: str, role: str) -> Browser:
        arguments = ("--institution", "bank-nl", "--name", "Somebody", "--role", role, "--home", str(shell.home))
        made = json.loads(shell.run("user", "invite", email, *arguments, "--json"))
        browser = Browser(url)
        assert browser.join(made["link"])["roles"] == [role]
        return browser

    first, second = (invite(f"op{number}@polder.example", "operator") for number in (1, 2))
    maker, checker = invite("maker@polder.example", "bank_maker"), invite("checker@polder.example", "bank_checker")

    held = maker.post("/payments", {"payee": "bank-ke", "currency": "EUR", "amount": "125"}).json()
    assert (held["state"], held["checked_by"]) == ("open", "payments:approve")
    decided = checker.post(f"/approvals/{held['id']}/approve").json()
    assert (decided["status"], decided["answer"]["amount"]) == (202, "125")

    scopes = ["accounts:read", "own:use"]
    client = first.post("/oauth/clients", {"name": "ERP", "roles": ["bank_maker"], "scopes": scopes}).json()
    registered = second.post(f"/approvals/{client['id']}/approve").json()["answer"]
    secret = first.post(f"/oauth/clients/{registered['id']}/secret").json()
    assert SNIPPET is not None
    given = {"base_url": url, **secret}
    exec(SNIPPET[1], given)  # noqa: S102 - the guide's own words
    with LandfallClient(url, ClientCredentials(url, secret["client_id"], secret=secret["client_secret"])) as sdk:
        assert sdk.get("/me")["permissions"] == scopes
        assert {balance["owner"] for balance in sdk.get("/balances")} >= {"bank-nl", "bloem"}

    actions = [entry["content"]["action"] for entry in first.get("/audit/entries?limit=500")]
    assert {"proposal.made", "payments:write", "token.issued", "person.invited", "invitation.accepted"} <= set(actions)
