"""`landfall user` and `landfall audit verify`: the way in for the first administrator, and what the log says of it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyotp
import pytest
from typer.testing import CliRunner

from node.app.cast import load_cast
from node.app.cli import audit, user
from node.app.daily import try_to_sign
from node.app.errors import HomeError
from node.app.home import Home, prepare_home
from node.app.network import shipped_genesis
from node.app.people import open_office
from node.audit.export import export_lines
from node.audit.heads import Heads
from node.audit.log import Origin
from node.identity.errors import InvitationError, PersonFormatError
from node.identity.service import Visit
from node.identity.store import InvitationRow
from node.identity.tokens import token_hash
from tests.unit.audit.test_log import KEY

BANK = "bank-nl"
NOW_S = 1_800_000_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home")
    prepare_home(Home(root), load_cast(), shipped_genesis())
    return root


def run(home: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(user.app, [*arguments, "--home", str(home), "--institution", BANK])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.output) if "--json" in arguments else done.output


def invite(home: Path, email: str, roles: Sequence[str] = ("operator",), *more: str) -> Any:
    given = [item for role in roles for item in ("--role", role)]
    return run(home, "invite", email, "--name", "Ann Bakker", *given, *more, "--json")


def test_first_administrator_comes_in_when_they_follow_the_printed_link(home: Path) -> None:
    invited = invite(home, "ann@bank.example")
    assert invited["link"].startswith("http://localhost:8600/join#bank-nl.")
    token = invited["link"].partition("#")[2]
    with open_office(Home(home), BANK) as office:
        with office.database.read() as session:
            now_s = session.get_one(InvitationRow, token_hash(token)).made_at_s
            invitation, _ = office.identity.people.invitation(session, token, now_s)
        code = pyotp.TOTP(office.identity.people.totp_secret(invitation)).at(now_s)
        visit = Visit(Origin("test"), now_s, None)
        entered = asyncio.run(
            office.identity.accept_by_password(visit, token=token, password="a long sentence", code=code)
        )
        assert entered.principal.roles == {"operator"}
        with office.database.read() as session, pytest.raises(InvitationError):
            office.identity.people.invitation(session, token, now_s)
    (listed,) = [one for one in run(home, "list", "--json") if one["email"] == "ann@bank.example"]
    assert listed["state"] == "active"


def test_person_is_locked_out_and_invited_again_when_the_command_says_so(home: Path) -> None:
    invited = invite(home, "bob@bank.example", ("bank_maker", "treasurer"))
    assert invited["roles"] == ["bank_maker", "treasurer"]
    assert "disabled" in run(home, "disable", invited["id"])
    again = run(home, "reset", invited["id"], "--json")
    assert (again["state"], again["link"] != invited["link"]) == ("invited", True)


def test_account_is_refused_when_it_makes_no_sense(home: Path) -> None:
    with pytest.raises(PersonFormatError, match="roles"):
        invite(home, "eve@bank.example", ("exporter",))
    with pytest.raises(HomeError, match="--institution"), open_office(Home(home), "nobody"):
        pass


def test_log_names_who_ran_the_command_and_proves_it_when_exported(home: Path, tmp_path: Path) -> None:
    invite(home, "cas@bank.example")
    file = tmp_path / "audit.jsonl"
    with open_office(Home(home), BANK) as office:
        try_to_sign(office.database, Heads("529900LANDFALL", KEY), NOW_S)
        with office.database.read() as session:
            file.write_text("".join(export_lines(session, BANK)))
    said = verify(file, "--json")
    assert (said["verdict"], said["keys"], said["signed_until"]) == ("yes", [KEY.id], said["last"])
    assert '"person.invited' in file.read_text().replace("\\", "")
    assert "cli/" in file.read_text()
    assert verify(file, "--key-id", KEY.id, "--json")["verdict"] == "yes"
    file.write_text(file.read_text().replace("person.invited", "person.uninvited", 1))
    said = verify(file, "--json", code=1)
    assert (said["verdict"], "entry" in said["reason"]) == ("no", True)


def verify(file: Path, *arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(audit.app, ["verify", str(file), *arguments])
    assert done.exit_code == code, done.output
    return json.loads(done.output)
