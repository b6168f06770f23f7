"""A trade's papers, each an example with a few of its lines changed."""

from collections.abc import Mapping
from pathlib import Path

from node.app.errors import ScenarioError
from node.app.examples import example


def vary(name: str, changes: Mapping[str, str], folder: Path) -> Path:
    """Write the example `name` with each text of `changes` replaced into `folder`; return its path.

    Raises:
        ScenarioError: a text does not stand in the example exactly once.
    """
    text = example(name).read_text("utf-8")
    for old, new in changes.items():
        if text.count(old) != 1:
            raise ScenarioError(f"{name}: expected {old!r} once, got it {text.count(old)} times")
        text = text.replace(old, new)
    path = folder / Path(name).name
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
