"""`landfall message send`, `track` and `repair` on a running devnet, as the specification shows them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import ROOT, Shell

PAGE = (ROOT / "docs" / "spec" / "messages-exchange.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def test_commands_send_and_follow_a_payment_when_run_as_they_stand(shell: Shell, tmp_path: Path) -> None:
    shutil.copyfile(ROOT / "examples" / "messages" / "customer-transfer.xml", tmp_path / "customer-transfer.xml")
    landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}'
    wait = f"landfall devnet --home {shell.home} advance --days 0"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([landfall, COMMANDS[0], wait, *COMMANDS[1:]])],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "LANDFALL_HOME": str(shell.home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "pacs.008.001.08 to bank-ke: stored since" in done.stdout
    assert "pacs.008.001.08 from bank-nl: handled since" in done.stdout
    assert "signed id-MLDSA65-Ed25519-SHA512, sealed X-Wing, no quantum key" in done.stdout
    assert done.stdout.endswith("nothing to repair\n")


def test_commands_refuse_when_asked_for_what_is_not_there(shell: Shell, tmp_path: Path) -> None:
    actor = ("--as", "bank-nl", "--home", str(shell.home))
    broken = tmp_path / "broken.xml"
    text = (ROOT / "examples" / "messages" / "customer-transfer.xml").read_text("utf-8")
    broken.write_text(text.replace("<ChrgBr>", "<ChrgBr>X"), "utf-8")
    assert "ChrgBr" in shell.run("message", "send", str(broken), "--to", "bank-ke", *actor, code=1)
    assert "expected one of UETR" in shell.run("message", "track", *actor, code=1)
    assert "expected one that was sent or received here" in shell.run("message", "track", "--id", "x", *actor, code=1)
    assert json.loads(shell.run("message", "track", "--thread", "none", "--json", *actor)) == []
    assert "expected one that was sent" in shell.run("message", "repair", "--resend", "x", *actor, code=1)
