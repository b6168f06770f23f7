"""README's commands exist and do what it says; the long ones are run by other tests."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
MAKE = [line.split()[1] for line in COMMANDS if line.startswith("make ")]
LANDFALL = [line.split()[1:] for line in COMMANDS if line.startswith(".venv/bin/landfall ")]


def test_readme_has_the_two_commands_when_read() -> None:
    assert MAKE[:2] == ["demo", "test"]
    assert len(MAKE) + len(LANDFALL) == len(COMMANDS)


@pytest.mark.parametrize("target", sorted({*MAKE, "check", "bench", "soak", "liboqs", "engines"}))
def test_readme_make_target_exists_when_asked_for(target: str) -> None:
    planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize("arguments", LANDFALL, ids=" ".join)
def test_readme_command_is_known_when_help_is_asked(arguments: list[str], landfall: Callable[..., str]) -> None:
    words = [word for word in arguments if word != "--help"]
    depth = 2 if words[0] == "trade" and len(words) > 1 else 1
    helped = landfall(*words[:depth], "--help")
    for option in (word for word in words if word.startswith("--")):
        assert option in helped
