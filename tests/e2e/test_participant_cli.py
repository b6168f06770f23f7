"""`landfall participant` on a running devnet: the guide as it stands, then what it refuses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import ROOT, Shell

GUIDE = (ROOT / "docs" / "participants.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


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


def test_guide_rotates_and_revokes_when_run_as_it_stands(shell: Shell, tmp_path: Path) -> None:
    said = run_guide(shell, tmp_path)
    assert "yes: bank-ke.json is a landfall/participant/1 of 9999DEV03RIFTBANK006" in said
    assert "yes: rotation.json is a landfall/rotation/1" in said
    assert re.search(r"TLS certificate, SHA-256 [0-9A-F]{64}\n", said)

    def participant(*arguments: str, who: str | None = None, code: int = 0) -> str:
        actor = () if who is None else ("--as", who, "--home", str(shell.home))
        return shell.run("participant", *arguments, *actor, code=code)

    def show(who: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(participant("show", "bank-ke", "--json", who=who))
        return found

    seen = show("bank-nl")
    assert (seen["status"], seen["rotation"], seen["message_keys"]) == (
        "active",
        None,
        show("bank-ke")["message_keys"],
    )
    first, second, third = seen["message_keys"]  # type: ignore[misc]
    assert (first["ended_by"], second["ended_by"], third["until"]) == ("rotation", "rotation", None)
    assert second["revoked_at"] is not None

    old = str(tmp_path / "bank-ke.json")
    assert "which the registry holds" in participant("import", old, who="bank-nl", code=1)
    assert "expected a notice" in participant("anchor", "bank-ke", who="cb-eur", code=1)
    participant("rotate", "--out", str(tmp_path / "next.json"), who="carrier")
    assert "only the network's governor" in participant("anchor", "carrier", who="bank-ug", code=1)
    data = Path(old).read_bytes()
    Path(old).write_bytes(data.replace(b"Rift Bank", b"Gift Bank"))
    assert participant("verify", old, code=1).startswith("no: ")
    listed = participant("list", who="inspector")
    assert listed.splitlines()[0].split() == ["id", "LEI", "BIC", "status", "name", "roles"]
    assert len(listed.splitlines()) == 12
