"""`landfall light` when two nodes tell two histories: what it says and what it keeps."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bridge.proofs.light import light_block_from_json, verify_forwards
from node.app import light
from node.app.cli import app
from node.app.errors import ForkError
from tests.unit.app.test_light import CHAIN, FakeSource, other_history
from tests.unit.bridge.made_chain import START_S

OTHER = other_history(10)


class Node(FakeSource):
    """A node by its URL: the honest one, or the one with another history."""

    def __init__(self, url: str) -> None:
        super().__init__(url, OTHER if "other" in url else CHAIN)

    def close(self) -> None:
        pass


def run(tmp_path: Path, *urls: str) -> Result:
    arguments = ["light", "--trust", f"1:{CHAIN.at(1).hash.hex()}", "--once"]
    for url in urls:
        arguments += ["--source", url]
    now = f"{datetime.fromtimestamp(START_S + 2_000, UTC):%Y-%m-%dT%H:%M:%S}"
    return CliRunner().invoke(app, [*arguments, "--now", now, "--fork-file", str(tmp_path / "fork.json")])


def test_fork_is_written_to_a_file_that_anyone_can_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light, "HttpSource", Node)
    done = run(tmp_path, "http://a", "http://other")
    assert done.exit_code == 1
    assert isinstance(done.exception, ForkError)
    assert f"evidence in {tmp_path / 'fork.json'}" in str(done.exception)
    document = json.loads((tmp_path / "fork.json").read_text())
    common, one, other = (light_block_from_json(document[name]) for name in ("common", "one", "other"))
    assert (one.height, one.hash != other.hash) == (other.height, True)
    for block in (one, other):
        # One step each: a third of the common set's power signed both.
        assert list(verify_forwards(common, block, 86_400, START_S + 2_000)) == []
    voters = [{vote.validator_address for vote in block.commit.signatures} for block in (one, other)]
    assert {bytes.fromhex(signer[2:]) for signer in document["signers"]} == voters[0] & voters[1] != set()


def test_no_file_is_written_when_nodes_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light, "HttpSource", Node)
    done = run(tmp_path, "http://a", "http://b")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)
    assert list(tmp_path.iterdir()) == []
