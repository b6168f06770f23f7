"""What a machine lacks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.app.cli import app
from node.app.validator import doctor, engines
from node.app.validator.doctor import Finding, examine, is_able
from node.app.validator.engines import ENGINES, write_receipt
from node.app.validator.home import ValidatorHome
from node.chain.limits import UNIX_PATH_BYTES_MAX


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Finding]:
    """Look for one thing on a machine without anything."""
    monkeypatch.setattr(engines, "BUILT", tmp_path / "built")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv(engines.VARIABLE, raising=False)

    def look(what: str) -> Finding:
        return next(one for one in examine(ValidatorHome(tmp_path / "home"), None) if one.what == what)

    return look


def build(folder: Path) -> None:
    """Put engines into a folder, with their receipt."""
    folder.mkdir()
    for one in ENGINES:
        (folder / one.name).write_text(one.name)
        (folder / one.name).chmod(0o755)
    write_receipt(folder)


def test_engine_is_missing_with_how_to_get_it_when_not_installed(found: Callable[[str], Finding]) -> None:
    finding = found("geth")
    assert (finding.is_good, finding.is_needed) == (False, True)
    assert "make engines" in finding.help


def test_engine_is_good_with_its_version_when_built(found: Callable[[str], Finding], tmp_path: Path) -> None:
    build(tmp_path / "built")
    assert found("cometbft").is_good
    assert "v0.40.0" in found("cometbft").found


def test_engine_is_not_good_when_it_was_changed(found: Callable[[str], Finding], tmp_path: Path) -> None:
    build(tmp_path / "built")
    (tmp_path / "built" / "cometbft").write_text("another")
    assert not found("cometbft").is_good
    assert "it was changed" in found("cometbft").help


def test_disk_is_too_small_when_less_is_free_than_needed(
    found: Callable[[str], Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "DISK_FREE_BYTES_MIN", 1)
    assert found("disk").is_good
    monkeypatch.setattr(doctor, "DISK_FREE_BYTES_MIN", 1 << 70)
    assert not found("disk").is_good


@pytest.mark.parametrize(("hard", "is_good"), [(-1, True), (4096, True), (4095, False)])
def test_open_files_are_too_few_when_the_limit_is_low(
    found: Callable[[str], Finding], monkeypatch: pytest.MonkeyPatch, hard: int, is_good: bool
) -> None:
    monkeypatch.setattr(doctor.resource, "getrlimit", lambda _: (hard, hard))
    assert found("open files").is_good is is_good


@pytest.mark.parametrize(("told", "is_good"), [("yes", True), ("no", False), (None, False)])
def test_clock_is_good_when_it_is_kept_and_never_needed(
    found: Callable[[str], Finding], monkeypatch: pytest.MonkeyPatch, told: str | None, is_good: bool
) -> None:
    monkeypatch.setattr(doctor, "_output", lambda *_: told)
    assert (found("clock").is_good, found("clock").is_needed) == (is_good, False)


def test_home_is_noted_when_its_path_is_too_long_for_sockets(tmp_path: Path) -> None:
    findings = examine(ValidatorHome(tmp_path / ("x" * UNIX_PATH_BYTES_MAX)), None)
    finding = next(one for one in findings if one.what == "home")
    assert not finding.is_good
    assert "too long" in finding.help


def test_machine_is_able_when_only_what_is_not_needed_is_missing() -> None:
    good = Finding("a", "1", is_good=True)
    note = Finding("b", "none", is_good=False, is_needed=False)
    assert is_able([good, note])
    assert not is_able([good, note, Finding("c", "none", is_good=False)])


def test_command_fails_with_what_to_do_when_something_needed_is_missing(
    found: Callable[[str], Finding], tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "MISSING  geth" in result.output
    assert "make engines" in result.output
    told = json.loads(CliRunner().invoke(app, ["doctor", "--home", str(tmp_path), "--json"]).output)
    assert {one["what"] for one in told} >= {"Python", "cometbft", "geth", "liboqs", "disk", "clock"}
