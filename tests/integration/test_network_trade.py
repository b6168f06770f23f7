"""A trade on a network of validators, by the commands of docs/operations.md, and what its evidence proves afterwards.

Four validators run as real programs, three with geth and one with py-evm; the members change the set before the trade,
one validator is killed in the middle of it and comes back, and all are stopped before anything is verified.
"""

import json
import os
import re
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785
from typer.testing import CliRunner

from node.app.cli import app
from node.app.steps import Steps, open_steps
from node.app.validator.local_network import LocalNetwork

pytestmark = pytest.mark.network

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("\n## A trade on a network")[2]
*WHILE_IT_RUNS, AFTERWARDS = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
WAIT_S = 120
DISPUTE_S = 2
Document = dict[str, Any]


@dataclass(frozen=True)
class Played:
    """What is left when the network is down."""

    folder: Path
    printed: str
    heads: list[str]
    lock: dict[str, Any]

    @property
    def trusted(self) -> str:
        """The hash a verifier knows from elsewhere."""
        return re.findall(r"true under genesis hash ([0-9a-f]{64})", self.printed)[0]

    def pack(self, name: str = "pack.json") -> Document:
        """Return an evidence pack, to be changed."""
        document: Document = json.loads((self.folder / name).read_bytes())
        return document

    def verify(self, pack: Document) -> tuple[int, dict[str, Any]]:
        """Let the command verify a pack; return exit code and answer."""
        path = self.folder / "given.json"
        path.write_bytes(rfc8785.dumps(pack))
        done = CliRunner().invoke(app, ["verify", str(path), "--genesis-hash", self.trusted, "--json"])
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, engines: Path) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("trade")
    (folder / "examples").symlink_to(ROOT / "examples")
    network = LocalNetwork(folder / "network")
    try:
        printed = shell(folder, engines, "".join(WHILE_IT_RUNS))
        lock = play_lock(network, folder)
        heads = one_head(network)
        printed += shell(folder, engines, AFTERWARDS)
        yield Played(folder, printed, heads, lock)
    finally:
        if network.exists:
            network.down()


def shell(folder: Path, engines: Path, commands: str) -> str:
    """Run commands as a user would; return what they printed."""
    landfall = f'landfall() {{ "{sys.executable}" -W ignore::UserWarning -m node.app.cli "$@"; }}\n'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANDFALL_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", landfall + commands],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "LANDFALL_ENGINES": str(engines)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def play_lock(network: LocalNetwork, folder: Path) -> dict[str, Any]:
    """Agree on and fund a trade whose rate a provider locks, while the validator with py-evm is away.

    Nobody accepts the milestone, and nothing else happens on the network when the dispute window ends.
    """
    text = (folder / "terms.toml").read_text("utf-8")
    terms = folder / "lock.toml"
    text = text.replace('"convert_now"', '"lock"').replace("0901", "0902").replace("213420", "213421")
    terms.write_text(f"{text}\n[windows]\ndispute_s = {DISPUTE_S}\n")
    statement = json.loads((ROOT / "examples" / "network" / "statement.json").read_bytes())
    moment = datetime.now(UTC) - timedelta(minutes=1)
    statement |= {"statement_id": "LIS-2026-00703", "shipment": statement["shipment"].replace("213420", "213421")}
    paper = folder / "lock-statement.json"
    paper.write_text(json.dumps(statement | {"inspected_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}))
    network.kill(4)
    with open_steps(network.validator(1).home.desk) as steps:
        trade = _pay(steps, terms, paper)
        network.up([4])
        steps.write_evidence("naivasha", trade["reference"], folder / "lock-pack.json")
        return trade


def _pay(steps: Steps, terms: Path, paper: Path) -> dict[str, Any]:
    reference = steps.draft("naivasha", terms, None)["reference"]
    for who in ("bloem", "naivasha"):
        steps.sign(who, reference)
    steps.quotes("bloem", reference)
    steps.accept("bloem", reference)
    steps.fund("bloem", reference)
    steps.attest("inspector", reference, "statements", paper)
    end = time.monotonic() + WAIT_S
    while (trade := steps.trade("bloem", reference))["state"] != "closed" and time.monotonic() < end:
        time.sleep(0.1)
    steps.devnet.settle_down()
    return trade


def one_head(network: LocalNetwork) -> list[str]:
    """Wait until every validator has the same last block; return its hash as each of them says it."""
    end = time.monotonic() + WAIT_S
    while True:
        heads = [rpc(one.rpc_url, "eth_getBlockByNumber", "latest", False)["hash"] for one in network.validators]
        if len(set(heads)) == 1 or time.monotonic() > end:
            return heads
        time.sleep(0.1)


def rpc(url: str, method: str, *params: Any) -> Any:
    """Ask a node."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    return httpx.post(url, json=request, timeout=30, trust_env=False).json()["result"]


def test_trade_is_paid_and_proven_offline_when_a_validator_was_killed_in_it(played: Played) -> None:
    assert "trade NR-2026-0901: closed (settled)" in played.printed
    assert "Naivasha Roses Ltd gets 100.00 % = 250,000.00 KES" in played.printed
    proven = played.printed.splitlines()
    assert any(line.startswith("yes: pack.json is true under genesis hash") for line in proven)
    code, answer = played.verify(played.pack())
    assert (code, answer["verdict"], answer["paid_minor"], answer["validator_changes"]) == (0, "yes", "25000000", 1)


def test_validators_of_both_engines_have_one_head_when_two_were_killed_and_came_back(played: Played) -> None:
    assert len(played.heads) == 4
    assert len(set(played.heads)) == 1


def test_trade_with_a_lock_is_paid_and_proven_when_only_time_passes_and_the_other_engine_was_away(
    played: Played,
) -> None:
    assert (played.lock["state"], played.lock["closed_cause"]) == ("closed", "settled")
    code, answer = played.verify(played.pack("lock-pack.json"))
    assert (code, answer["paid_minor"], answer["validator_changes"]) == (0, "25000000", 1)
    assert int(answer["premium_minor"]) > 0


def test_light_client_follows_over_the_change_of_the_set_when_run_from_a_header_before_it(played: Played) -> None:
    trusted, latest = re.findall(r"^(\d+):[0-9a-f]{64}  .* signed by (\d+) of (\d+) ", played.printed, re.MULTILINE)
    assert int(trusted[0]) < int(latest[0])
    assert (trusted[2], latest[2]) == ("40", "38")
    assert int(latest[1]) * 3 > 38 * 2


def test_pack_carries_votes_of_the_genesis_set_and_of_the_next(played: Played) -> None:
    pack = played.pack()
    genesis = [(one["name"], one["power"]) for one in pack["genesis"]["landfall"]["validators"]]
    assert genesis == [("bank-ke", 10), ("bank-nl", 10), ("bank-ug", 10), ("cb-eur", 10)]
    [change] = pack["validator_changes"]
    assert sorted(one["power"] for one in change["validators"]) == [8, 10, 10, 10]
    commits = [change["commit"], *(block["finality"]["commit"] for block in pack["blocks"])]
    assert all(3 <= len(commit["signatures"]) <= 4 for commit in commits)


def _drop_votes(pack: Document) -> str:
    """Leave the votes of two of four validators, each of about a quarter of the power."""
    del pack["blocks"][-1]["finality"]["commit"]["signatures"][2:]
    return f"blocks[{len(pack['blocks']) - 1}].finality.commit"


def _drop_votes_for_the_change(pack: Document) -> str:
    del pack["validator_changes"][0]["commit"]["signatures"][2:]
    return "validator_changes[0].commit"


def _change_power(pack: Document) -> str:
    pack["validator_changes"][0]["validators"][-1]["power"] = 9
    return "validator_changes[0].validators"


def _change_key(pack: Document) -> str:
    validator = pack["validator_changes"][0]["validators"][0]
    validator["public_key"] = _altered(validator["public_key"])
    return "validator_changes[0].validators"


def _change_genesis_validator(pack: Document) -> str:
    pack["genesis"]["landfall"]["validators"][0]["power"] = 11
    return "genesis"


def _drop_change(pack: Document) -> str:
    [change] = pack.pop("validator_changes")
    heights = [block["finality"]["header"]["height"] for block in pack["blocks"]]
    return f"blocks[{bisect_right(heights, change['header']['height'])}].finality.header.validators_hash"


def _change_transaction(pack: Document) -> str:
    proof = pack["blocks"][-1]["receipts"][0]["proof"]
    proof[-1] = _altered(proof[-1])
    return f"blocks[{len(pack['blocks']) - 1}].receipts[0].proof"


def _change_block(pack: Document) -> str:
    finality = pack["blocks"][0]["finality"]
    finality["payload"] = _altered(finality["payload"])
    return "blocks[0].finality"


def _altered(text: str) -> str:
    """Return hex with its last digit changed."""
    return text[:-1] + ("1" if text[-1] == "0" else "0")


@pytest.mark.parametrize(
    "change",
    [
        _drop_votes,
        _drop_votes_for_the_change,
        _change_power,
        _change_key,
        _change_genesis_validator,
        _drop_change,
        _change_transaction,
        _change_block,
    ],
)
def test_pack_is_refused_and_the_place_named_when(played: Played, change: Callable[[Document], str]) -> None:
    pack = played.pack()
    place = change(pack)
    code, answer = played.verify(pack)
    assert (code, answer["verdict"]) == (1, "no")
    assert answer["path"].startswith(place), answer


def test_pack_is_as_good_when_it_leaves_out_a_vote_that_is_not_needed(played: Played) -> None:
    pack = played.pack()
    commits = [block["finality"]["commit"] for block in pack["blocks"]]
    assert min(len(commit["signatures"]) for commit in commits) == 3
    commit = commits[-1]
    assert commit["height"] > pack["validator_changes"][0]["header"]["height"]
    # The set is ordered by power: what is left is still more than the share that the statement promises of every block.
    del commit["signatures"][3:]
    code, answer = played.verify(pack)
    assert code == 0, answer
