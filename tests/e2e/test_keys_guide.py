"""The commands of docs/keys.md, run as they stand, in one shell."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "keys.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole guide was run."""
    folder = tmp_path_factory.mktemp("guide")
    landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([landfall, *COMMANDS])],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    (folder / "output").write_text(done.stdout + done.stderr)
    return folder


def test_guide_leaves_what_it_says_when_run(folder: Path) -> None:
    public = json.loads((folder / "public.json").read_text())["keys"]
    assert [key["landfall"]["name"] for key in public] == ["message", "post", "vote", "pay", "evidence"]
    assert {"passphrase", "bank.json", "new.json", "other.json", "evidence.json"} <= set(os.listdir(folder))
    assert len(os.listdir(folder / "shares")) == 4


def test_guide_prints_no_secret_when_run(folder: Path) -> None:
    output = (folder / "output").read_text()
    assert (folder / "passphrase").read_text().strip() not in output
    for share in (folder / "shares").glob("*.txt"):
        words = [line for line in share.read_text().splitlines() if not line.startswith("#")]
        assert len(" ".join(words).split()) == 33
        assert not any(line in output for line in words)
    assert "destroyed" in output


def test_passphrase_is_asked_at_a_terminal_only_when_no_file_is_given(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::UserWarning", "-m", "node.app.cli", "keys", "list", "--keystore", "bank.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LANDFALL_PASSPHRASE_FILE": ""},
        input=(folder / "passphrase").read_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "give a file with --passphrase-file" in done.stderr
    assert "Warning" not in done.stderr
