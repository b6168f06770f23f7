"""The program of docs/api.md runs against a devnet as it stands there."""

import re
import subprocess
import sys

from node.app.home import Home, load_tokens
from tests.e2e.conftest import ROOT, Shell

(PROGRAM,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)


def test_program_of_the_guide_pays_and_hears_of_it_when_run(shell: Shell) -> None:
    from node.app.devnet import issue_starting_money, open_devnet

    with open_devnet(shell.home) as devnet:
        issue_starting_money(devnet)
        url = devnet.rest_url
    environment = {
        "LANDFALL_URL": url,
        "LANDFALL_TOKEN": load_tokens(Home(shell.home))["bank-nl"],
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "bank-nl EUR" in done.stdout
    assert done.stdout.rstrip().endswith("Correct what is named, and send the request again.")
