"""The commands of docs/operations.md, run in one shell; the systemd unit and the compose file, read by programs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from node.app.cli import app
from node.app.errors import StoppedForGoodError
from node.app.validator.home import ValidatorHome, read_settings

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
GUIDE = (ROOT / "docs" / "operations.md").read_text("utf-8")
# The trade has a test of its own: tests/integration/test_network_trade.py.
BEFORE_TRADE = GUIDE.partition("\n## A trade on a network")[0]
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", BEFORE_TRADE, re.DOTALL) for line in block.splitlines()]
NAMED = sorted({tuple(words.split()) for words in re.findall(r"`landfall ((?:network |init )?[a-z]+)", GUIDE)})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, engines: Path) -> Path:
    """Where the whole guide was run."""
    folder = tmp_path_factory.mktemp("guide")
    landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([landfall, *COMMANDS])],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "LANDFALL_ENGINES": str(engines)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (folder / "output").write_text(done.stdout)
    return folder


def test_guide_prepares_a_home_when_run(folder: Path) -> None:
    settings = read_settings(ValidatorHome(folder / "polder"))
    assert settings.name == "polder"
    assert [peer.split("@")[1] for peer in settings.peers] == ["127.0.0.1:26666"]


def test_guide_shows_one_hash_when_merged_and_when_checked(folder: Path) -> None:
    shown = re.findall(r"^hash  ([0-9a-f ]+)$", (folder / "output").read_text(), re.MULTILINE)
    assert len(shown) == 2
    assert len(set(shown)) == 1


@pytest.mark.parametrize("words", NAMED, ids=" ".join)
def test_guide_s_command_is_known_when_help_is_asked(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli", *words, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_unit_is_taken_by_systemd_when_the_program_is_there(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "landfall-validator.service"
    text = (DEPLOY / "systemd" / unit.name).read_text("utf-8")
    command = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert command == "ExecStart=/opt/landfall/bin/landfall start --home /var/lib/landfall/validator"
    unit.write_text(text.replace("/opt/landfall/bin/landfall", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_service_stays_stopped_where_starting_again_does_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(*_: object) -> None:
        raise StoppedForGoodError("chain ended with code 3; see chain.log")

    monkeypatch.setattr("node.app.validator.running.run_validator", end)
    done = CliRunner().invoke(app, ["start", "--home", str(tmp_path)])
    lines = (DEPLOY / "systemd" / "landfall-validator.service").read_text("utf-8").splitlines()
    assert f"RestartPreventExitStatus={done.exit_code}" in lines
    assert done.exit_code not in {0, 1}
    assert "chain ended with code 3" in done.stderr


def test_unit_protects_the_machine() -> None:
    lines = (DEPLOY / "systemd" / "landfall-validator.service").read_text("utf-8").splitlines()
    assert {"User=landfall", "NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryMax=2G"} <= set(lines)


def test_compose_file_runs_one_validator_with_few_rights() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["validator"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "127.0.0.1:8545:8545" in service["ports"]
    dockerfile = ROOT / "docs" / "deploy" / service["build"]["context"] / service["build"]["dockerfile"]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile.read_text("utf-8"), re.MULTILINE)
    assert all((ROOT / name).exists() for line in copied for name in line.split())


def test_first_stage_of_the_image_has_all_that_the_build_needs(tmp_path: Path) -> None:
    stage = (DEPLOY / "Dockerfile").read_text("utf-8").split("\nFROM ")[1]
    for line in re.findall(r"^COPY (.+)$", stage, re.MULTILINE):
        *names, folder = line.split()
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(ROOT / name, tmp_path / folder)
    done = subprocess.run(
        # -S: without the packages of this environment.
        [sys.executable, "-S", "scripts/build_engines.py", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
