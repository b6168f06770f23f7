"""`landfall keys ...` as a user runs it."""

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from node.app.cli import app
from node.app.cli import keys as keys_cli
from node.app.errors import KeyFileError, PassphraseError, SettingsError
from pqc.errors import (
    KeyExistsError,
    KeyStillValidError,
    RejectedError,
    SplitBackupError,
    UnknownAlgorithmError,
    UnknownKeyError,
    WrongKeyKindError,
    WrongPassphraseError,
)
from pqc.keystore import DEVNET, Keystore
from pqc.signatures import verify

PASSPHRASE = "correct horse battery"
NOW_S = 1_800_000_000
DAY_S = 86_400


@dataclass
class Bank:
    """A user with a keystore, a passphrase file and a clock."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def keystore(self) -> Path:
        return self.folder / "bank.json"

    def at(self, now_s: int) -> None:
        self.monkeypatch.setattr(keys_cli, "now_s", lambda: now_s)

    def options(self, keystore: Path | None = None) -> list[str]:
        return ["--keystore", str(keystore or self.keystore), "--passphrase-file", str(self.folder / "passphrase")]

    def run(self, *arguments: str, keystore: Path | None = None, typed: str | None = None) -> str:
        """Run a command that succeeds; return standard output."""
        options = self.options(keystore) if typed is None else ["--keystore", str(keystore or self.keystore)]
        done = CliRunner().invoke(app, ["keys", *arguments, *options], input=typed)
        assert done.exit_code == 0, done.output + repr(done.exception)
        return done.stdout

    def json(self, *arguments: str, keystore: Path | None = None) -> Any:
        return json.loads(self.run(*arguments, "--json", keystore=keystore))

    def refused(
        self, error: type[Exception], *arguments: str, keystore: Path | None = None, typed: str | None = None
    ) -> str:
        """Run a command that is refused; return what the user is told."""
        options = self.options(keystore) if typed is None else ["--keystore", str(keystore or self.keystore)]
        done = CliRunner().invoke(app, ["keys", *arguments, *options], input=typed)
        assert isinstance(done.exception, error), done.output + repr(done.exception)
        return str(done.exception)

    def opened(self, keystore: Path | None = None) -> Keystore:
        return Keystore.open(keystore or self.keystore, PASSPHRASE.encode())

    def new_keystore(self, name: str) -> Path:
        path = self.folder / name
        Keystore.create(path, PASSPHRASE.encode(), DEVNET)
        return path


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    for name in ("LANDFALL_KEYSTORE", "LANDFALL_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(PASSPHRASE + "\n")
    bank = Bank(tmp_path, monkeypatch)
    bank.at(NOW_S)
    bank.new_keystore("bank.json")
    return bank


def test_create_makes_a_keystore_of_the_standard_cost_when_the_passphrase_is_typed_twice(bank: Bank) -> None:
    bank.keystore.unlink()
    shown = bank.run("create", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert PASSPHRASE not in shown
    assert bank.opened().cost.profile == "standard"


def test_create_leaves_the_file_when_one_is_there(bank: Bank) -> None:
    before = bank.keystore.read_bytes()
    assert "already there" in bank.refused(KeyExistsError, "create")
    assert bank.keystore.read_bytes() == before


def test_create_refuses_when_the_passphrase_is_short_or_not_given(bank: Bank) -> None:
    path = bank.folder / "new.json"
    assert "at least 12 characters" in bank.refused(
        PassphraseError, "create", keystore=path, typed="elevenchars\nelevenchars\n"
    )
    assert "--passphrase-file" in bank.refused(PassphraseError, "create", keystore=path, typed="")
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_passphrase_file_is_refused_when_others_can_read_it(bank: Bank, mode: int) -> None:
    (bank.folder / "passphrase").chmod(mode)
    assert f"got mode {mode:o}; run chmod 600" in bank.refused(PassphraseError, "list")


@pytest.mark.parametrize("content", ["", "\n", "x" * 1025])
def test_passphrase_file_is_refused_when_empty_or_too_long(bank: Bank, content: str) -> None:
    (bank.folder / "passphrase").write_text(content)
    assert "expected 1 to 1024 bytes" in bank.refused(PassphraseError, "list")


def test_passphrase_file_is_refused_when_missing_or_a_folder(bank: Bank) -> None:
    (bank.folder / "passphrase").unlink()
    assert "cannot be read" in bank.refused(PassphraseError, "list")
    (bank.folder / "passphrase").mkdir()
    assert "cannot be read" in bank.refused(PassphraseError, "list")


def test_list_refuses_when_the_typed_passphrase_is_wrong(bank: Bank) -> None:
    told = bank.refused(WrongPassphraseError, "list", typed="another passphrase\n")
    assert "another passphrase" not in told
    assert "no keys yet" in bank.run("list", typed=PASSPHRASE + "\n")


def test_commands_say_how_to_make_a_keystore_when_there_is_none(bank: Bank) -> None:
    assert "landfall keys create" in bank.refused(KeyFileError, "list", keystore=bank.folder / "none.json")


def test_keystore_and_passphrase_come_from_the_environment_when_set(bank: Bank) -> None:
    bank.monkeypatch.setenv("LANDFALL_KEYSTORE", str(bank.keystore))
    bank.monkeypatch.setenv("LANDFALL_PASSPHRASE_FILE", str(bank.folder / "passphrase"))
    done = CliRunner().invoke(app, ["keys", "list", "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


@pytest.mark.parametrize(
    ("role", "alg"),
    [
        ("transaction", "secp256k1"),
        ("message", "id-MLDSA65-Ed25519-SHA512"),
        ("sealing", "X-Wing"),
        ("validator", "ML-DSA-65"),
        ("evidence", "id-MLDSA65-Ed25519-SHA512"),
    ],
)
def test_add_makes_the_usual_key_of_a_role_when_no_algorithm_is_named(bank: Bank, role: str, alg: str) -> None:
    added = bank.json("add", "key", "--role", role)
    assert (added["role"], added["alg"], added["valid_from_s"], added["valid_until_s"]) == (role, alg, NOW_S, None)
    assert (added["address"] is not None) == (role == "transaction")
    assert bank.json("list") == [added] == [bank.json("show", "key")]


def test_add_takes_another_algorithm_when_it_fits_the_role(bank: Bank) -> None:
    assert bank.json("add", "key", "--role", "message", "--alg", "ML-DSA-87")["alg"] == "ML-DSA-87"
    assert "for role message one of" in bank.refused(
        RejectedError, "add", "two", "--role", "message", "--alg", "X-Wing"
    )
    told = bank.refused(UnknownAlgorithmError, "add", "two", "--role", "message", "--alg", "RSA")
    assert "id-MLDSA65-Ed25519-SHA512" in told
    assert len(bank.opened().keys()) == 1


def test_add_refuses_when_role_or_name_is_none(bank: Bank) -> None:
    done = CliRunner().invoke(app, ["keys", "add", "key", "--role", "payer", *bank.options()])
    assert done.exit_code == 2
    assert "validator" in done.stderr
    bank.refused(RejectedError, "add", "Key!", "--role", "message")
    bank.run("add", "key", "--role", "message")
    assert "stored already" in bank.refused(KeyExistsError, "add", "key", "--role", "evidence")


def test_show_and_history_say_which_keys_there_are_when_the_name_is_unknown(bank: Bank) -> None:
    bank.run("add", "message", "--role", "message")
    for command in ("show", "history"):
        assert "(message)" in bank.refused(UnknownKeyError, command, "mesage")


def test_rotate_shows_both_keys_and_their_times_when_done(bank: Bank) -> None:
    old = bank.json("add", "vote", "--role", "validator")
    bank.at(NOW_S + DAY_S)
    rotated = bank.json("rotate", "vote", "--overlap", "36h")
    assert rotated["old"]["thumbprint"] == old["thumbprint"]
    assert rotated["old"]["valid_until_s"] == NOW_S + DAY_S + 36 * 3600
    assert rotated["old"]["successor"] == rotated["new"]["thumbprint"]
    assert (rotated["new"]["valid_from_s"], rotated["new"]["valid_until_s"]) == (NOW_S + DAY_S, None)
    assert bank.json("history", "vote") == [rotated["old"], rotated["new"]]
    assert bank.json("list") == [rotated["new"]]
    assert "landfall keys backup" in bank.run("rotate", "vote")


@pytest.mark.parametrize("overlap", ["7", "d", "-1d", "1w", "7 d", "1.5d", "", "9999999999s"])
def test_rotate_refuses_when_the_overlap_is_no_duration(bank: Bank, overlap: str) -> None:
    bank.run("add", "vote", "--role", "validator")
    assert "7d, 36h, 0s" in bank.refused(SettingsError, "rotate", "vote", f"--overlap={overlap}")
    assert len(bank.opened().history("vote")) == 1


def test_rotate_refuses_when_the_overlap_is_over_a_year_or_the_key_is_an_account(bank: Bank) -> None:
    bank.run("add", "vote", "--role", "validator")
    bank.run("add", "pay", "--role", "transaction")
    assert "overlap_s" in bank.refused(RejectedError, "rotate", "vote", "--overlap", "367d")
    assert "move the account's money" in bank.refused(WrongKeyKindError, "rotate", "pay")


def test_export_writes_public_halves_with_history_when_asked(bank: Bank) -> None:
    bank.run("add", "vote", "--role", "validator")
    bank.run("add", "pay", "--role", "transaction")
    bank.run("rotate", "vote", "--overlap", "1d")
    printed = bank.json("export")
    assert [key["landfall"]["name"] for key in printed["keys"]] == ["vote", "vote", "pay"]
    assert [key.get("exp") for key in printed["keys"]] == [NOW_S + DAY_S, None, None]
    out = bank.folder / "public.json"
    bank.run("export", "pay", "--out", str(out))
    assert json.loads(out.read_text()) == {"keys": [printed["keys"][2]]}
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    assert "nothing is overwritten" in bank.refused(KeyFileError, "export", "--out", str(out))
    assert json.loads(out.read_text()) == {"keys": [printed["keys"][2]]}


def test_secret_export_signs_elsewhere_when_imported(bank: Bank) -> None:
    public = bank.opened().add("vote", "ML-DSA-65", "validator").public_key
    copy, other = bank.folder / "copy.json", bank.new_keystore("other.json")
    (bank.folder / "second").touch(mode=0o600)
    (bank.folder / "second").write_text("another passphrase")
    second = str(bank.folder / "second")
    bank.run("export-secret", "vote", "--out", str(copy), "--new-passphrase-file", second)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    taken = ("import-secret", "vote", "--from", str(copy), "--from-passphrase-file")
    assert bank.refused(WrongPassphraseError, *taken, str(bank.folder / "passphrase"), keystore=other)
    bank.run(*taken, second, keystore=other)
    signature = bank.opened(other).sign_message("vote", b"block", role=keys_cli.KeyRole.VALIDATOR)
    verify("ML-DSA-65", public, b"block", signature)
    assert bank.refused(KeyExistsError, *taken, second, keystore=other)
    assert bank.refused(KeyExistsError, "export-secret", "vote", "--out", str(copy), "--new-passphrase-file", second)


@dataclass
class Backup:
    """A backup of the key `vote`, and an empty keystore to restore it to."""

    bank: Bank
    files: list[str]
    target: Path

    def restore(self, shares: list[str], *more: str) -> tuple[str, ...]:
        given = [word for share in shares for word in ("--share", share)]
        return ("restore", "vote", "--public", self.files[-1], *given, *more)


@pytest.fixture
def backup(bank: Bank) -> Backup:
    bank.run("add", "vote", "--role", "validator")
    made = bank.json("backup", "vote", "--threshold", "2", "--shares", "3", "--out", str(bank.folder / "shares"))
    return Backup(bank, made["files"], bank.new_keystore("target.json"))


def test_restore_gives_the_same_key_when_two_of_three_shares_are_given(backup: Backup) -> None:
    restored = backup.bank.json(*backup.restore([backup.files[2], backup.files[0]]), keystore=backup.target)
    assert restored == backup.bank.json("show", "vote")
    assert backup.bank.opened(backup.target).key_pair(
        "vote", role=keys_cli.KeyRole.VALIDATOR
    ) == backup.bank.opened().key_pair("vote", role=keys_cli.KeyRole.VALIDATOR)


def test_restore_takes_the_whole_export_when_it_has_the_key(backup: Backup) -> None:
    backup.bank.run("add", "message", "--role", "message")
    public = backup.bank.folder / "public.json"
    backup.bank.run("export", "--out", str(public))
    given = ("--public", str(public), "--share", backup.files[0], "--share", backup.files[1])
    assert backup.bank.json("restore", "vote", *given, keystore=backup.target)["role"] == "validator"


def test_shares_are_private_and_not_printed_when_made(backup: Backup) -> None:
    printed = backup.bank.run("backup", "vote", "--out", str(backup.bank.folder / "again"))
    for file in backup.files[:-1]:
        assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
        words = Path(file).read_text().splitlines()[-1]
        assert words not in printed
    assert "any 2 of the 3 shares restore vote" in printed


def test_backup_overwrites_nothing_when_the_folder_has_shares(backup: Backup) -> None:
    before = Path(backup.files[0]).read_text()
    told = backup.bank.refused(KeyFileError, "backup", "vote", "--out", str(backup.bank.folder / "shares"))
    assert "nothing is overwritten" in told
    assert Path(backup.files[0]).read_text() == before


@pytest.mark.parametrize(("threshold", "shares"), [("1", "3"), ("4", "3"), ("2", "17")])
def test_backup_refuses_when_the_numbers_do_not_fit(bank: Bank, threshold: str, shares: str) -> None:
    bank.run("add", "vote", "--role", "validator")
    given = ("--threshold", threshold, "--shares", shares, "--out", str(bank.folder / "shares"))
    assert "2 <= threshold <= shares <= 16" in bank.refused(SplitBackupError, "backup", "vote", *given)
    assert not (bank.folder / "shares").exists()


def test_restore_says_what_is_wrong_when_shares_are_missing_mistyped_or_mixed(backup: Backup) -> None:
    bank, first, second = backup.bank, *backup.files[:2]
    assert "add 1" in bank.refused(SplitBackupError, *backup.restore([first]), keystore=backup.target)
    other = bank.json("backup", "vote", "--out", str(bank.folder / "other"))["files"]
    assert "a mixture" in bank.refused(SplitBackupError, *backup.restore([first, other[1]]), keystore=backup.target)
    lines = Path(second).read_text().splitlines()
    mistyped = bank.folder / "mistyped"
    mistyped.write_text("\n".join([*lines[:-1], "landfall " + lines[-1].split(" ", 1)[1]]))
    told = bank.refused(SplitBackupError, *backup.restore([first, str(mistyped)]), keystore=backup.target)
    assert told == "share 2: expected words of the SLIP-39 list, got others at 23"
    assert bank.opened(backup.target).keys() == ()


def test_restore_refuses_when_a_file_is_missing_too_long_or_no_key_set(backup: Backup) -> None:
    bank = backup.bank
    assert "cannot be read" in bank.refused(KeyFileError, *backup.restore(["none"]), keystore=backup.target)
    (bank.folder / "long").write_text("academic " * 1000)
    told = bank.refused(KeyFileError, *backup.restore([str(bank.folder / "long")]), keystore=backup.target)
    assert "at most 4096 bytes" in told
    backup.files[-1] = backup.files[0]
    assert "jwks" in bank.refused(RejectedError, *backup.restore(backup.files[:2]), keystore=backup.target)


def test_restore_needs_the_shares_passphrase_when_they_have_one(backup: Backup) -> None:
    bank = backup.bank
    (bank.folder / "paper").touch(mode=0o600)
    (bank.folder / "paper").write_text("paper")
    locked = ("--share-passphrase-file", str(bank.folder / "paper"))
    shares = bank.json("backup", "vote", "--out", str(bank.folder / "locked"), *locked)["files"][:2]
    assert "passphrase is wrong" in bank.refused(SplitBackupError, *backup.restore(shares), keystore=backup.target)
    bank.run(*backup.restore(shares, *locked), keystore=backup.target)


def test_destroy_asks_and_keeps_the_public_half_when_a_key_has_ended(bank: Bank) -> None:
    bank.run("add", "vote", "--role", "validator")
    bank.run("rotate", "vote", "--overlap", "1d")
    assert "wait until 2027-01-16 08:00:00 UTC" in bank.refused(KeyStillValidError, "destroy", "vote", "--yes")
    bank.at(NOW_S + DAY_S)
    assert "nothing was destroyed" in bank.refused(KeyFileError, "destroy", "vote", typed=f"{PASSPHRASE}\nn\n")
    assert not bank.opened().history("vote")[0].is_destroyed
    before = bank.json("history", "vote")
    assert "destroyed" in bank.run("destroy", "vote", typed=f"{PASSPHRASE}\ny\n")
    assert bank.json("history", "vote") == [{**before[0], "is_destroyed": True}, before[1]]
    assert bank.refused(KeyStillValidError, "destroy", "vote", "--yes")


def test_every_command_has_json_and_takes_no_passphrase_as_an_argument_when_help_is_read() -> None:
    for command in keys_cli.app.registered_commands:
        name = command.name or command.callback.__name__
        options = {
            option
            for parameter in CliRunner().invoke(app, ["keys", name, "--help"]).stdout.split()
            if (option := parameter.strip("│ ,")).startswith("--")
        }
        assert "--json" in options, name
        assert all(option.endswith("-file") for option in options if "passphrase" in option), name
