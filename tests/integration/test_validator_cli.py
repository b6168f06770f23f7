"""`landfall validator` on a real chain that its members govern: the guide as it stands, and what is refused."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.council_chain import BANKS, NETWORK, CouncilChain, key_pair, running_council
from tests.unit.bridge.double_signs import double_sign

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "validators.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouncilChain]:
    """The chain on which the tests of this file follow each other's proposals."""
    with running_council(tmp_path_factory.mktemp("council")) as running:
        yield running


def key_file(chain: CouncilChain, name: str) -> str:
    return str(chain.folder / f"{name}.key.json")


def powers(chain: CouncilChain) -> dict[str, list[int]]:
    """Return the powers of each bank's keys, the larger first."""
    found: dict[str, list[int]] = {}
    for one in chain.json("list")["validators"]:
        found.setdefault(one["bank"], []).append(one["power"])
    return found


def block_with(*evidence: Any) -> str:
    """Return what CometBFT's RPC answers to /block."""
    block = {"header": {}, "data": {"txs": []}, "evidence": {"evidence": list(evidence)}, "last_commit": {}}
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": {"block_id": {}, "block": block}})


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CouncilChain, list[str]]]:
    """A chain on which every command of the guide was run, and what each printed."""
    with running_council(tmp_path_factory.mktemp("guide")) as chain:
        evidence = double_sign(key_pair("dogwood"), NETWORK)
        (chain.folder / "block.json").write_text(block_with(double_sign(key_pair("birch"), NETWORK), evidence))
        printed = []
        with pytest.MonkeyPatch.context() as shell:
            shell.chdir(chain.folder)
            shell.setenv("NODE", chain.url)
            for command in COMMANDS:
                # Locks take a minute; who reads the guide waits.
                chain.advance()
                program, *words = shlex.split(os.path.expandvars(command))
                if program == "export":
                    for word in words:
                        shell.setenv(*word.split("=", 1))
                else:
                    assert [program, words[0]] == ["landfall", "validator"], command
                    printed.append(chain.run(*words[1:]))
        yield chain, printed


def test_commands_of_the_guide_do_what_it_says(guided: tuple[CouncilChain, list[str]]) -> None:
    chain, printed = guided
    assert len(printed) == len(COMMANDS) - 2
    assert powers(chain) == {bank: [10] for bank in BANKS}
    by_command = dict(zip([line for line in COMMANDS if line.startswith("landfall")], printed, strict=True))
    assert "40, 27 decide a block; 5 members, 4 votes pass" in by_command["landfall validator list"]
    assert by_command["landfall validator simulate add elm elm.key.json"].rstrip().endswith("\nsafe")
    assert "proposal 1 is executed" in by_command["landfall validator execute 1"]
    assert "proposal 2 is cancelled" in by_command["landfall validator cancel 2"]
    assert "step 1 [next ]" in by_command["landfall validator rotate alder alder-next.key.json"]
    jailing = next(output for command, output in by_command.items() if " jail " in command)
    assert "signed two precommits at height 3, round 0" in jailing
    assert [one["proposal"] for one in chain.json("proposals")] == [3, 4]


def test_evidence_of_the_guide_is_kept_under_the_digest_that_is_proposed(
    guided: tuple[CouncilChain, list[str]],
) -> None:
    chain, _ = guided
    (kept,) = (chain.folder / "evidence").iterdir()
    assert json.loads(kept.read_text()) == double_sign_of(chain, "dogwood")
    assert kept.stem in chain.json("proposals")[1]["calls"][0]


def double_sign_of(chain: CouncilChain, bank: str) -> Any:
    """Return the evidence in the guide's block."""
    pieces = json.loads((chain.folder / "block.json").read_text())["result"]["block"]["evidence"]["evidence"]
    return pieces[BANKS.index(bank) // 2]


def test_rotation_goes_by_halves_and_says_at_each_step_what_is_next(chain: CouncilChain) -> None:
    words = ("alder", key_file(chain, "alder-next"))
    first = chain.json("rotate", *words)
    assert (first["step"], first["proposal"], first["next"][-1]) == (
        1,
        None,
        f"landfall validator propose rotate {' '.join(words)}",
    )
    number = chain.json("propose", "rotate", *words, bank="birch")["proposal"]
    waiting = chain.json("rotate", *words)
    assert (waiting["step"], waiting["proposal"]) == (1, number)
    assert waiting["next"][0].startswith(f"landfall validator vote {number} yes")
    chain.pass_proposal(number)
    assert powers(chain)["alder"] == [5, 5]
    second = chain.json("rotate", *words)
    assert (second["step"], second["new_key_signs"]) == (2, False)
    assert "wait until the new key signs" in second["next"][0]
    chain.pass_proposal(chain.json("propose", "rotate", *words, bank="birch")["proposal"])
    assert powers(chain)["alder"] == [10]
    done = chain.json("rotate", *words)
    assert (done["is_done"], done["step"]) == (True, 0)
    assert "step 2 [done ]" in chain.run("rotate", *words)
    old = chain.run("rotate", "alder", key_file(chain, "birch"), code=1)
    assert "expected a key that is not in the set, got one of another bank" in old


def test_unsafe_change_is_sent_only_by_who_knows(chain: CouncilChain) -> None:
    refused = chain.invoke("propose", "remove", "birch", bank="alder")
    assert refused.exit_code == 2
    assert "nothing was sent; --i-know" in refused.stderr
    assert "alone it could halt all" in refused.stdout
    assert chain.json("proposals") == []
    number = chain.json("propose", "remove", "birch", "--i-know", bank="alder")["proposal"]
    assert chain.json("simulate", str(number), code=2)["verdict"] == "unsafe"
    assert chain.json("vote", str(number), "yes", bank="cedar", code=2)["verdict"] == "unsafe"
    assert chain.json("vote", str(number), "no", bank="cedar")["no"] == ["cedar"]
    assert chain.json("vote", str(number), "yes", "--i-know", bank="alder")["yes"] == ["alder"]
    again = chain.run("vote", str(number), "no", bank="alder", code=1)
    assert "governance: voted already" in again
    assert chain.json("cancel", str(number), bank="alder")["state"] == "cancelled"


def test_others_in_flight_are_shown_with_what_goes_wrong_in_either_order(chain: CouncilChain) -> None:
    number = chain.json("propose", "jail", "dogwood", "--i-know", "--title", "no more", bank="cedar")["proposal"]
    shown = chain.json("simulate", "power", "dogwood", "9", code=2)
    (other,) = shown["in_flight"]["proposals"]
    assert (other["proposal"], other["state"], other["title"]) == (number, "voting", "no more")
    assert f"proposal {number}: expected other keys than this change has, got one that both change" in shown["reasons"]
    jailed = "dogwood: expected a bank that is not jailed, got one jailed for 'by this proposal'"
    assert jailed in other["fails_if_change_is_second"]
    assert f"proposal {number} first: {jailed}" in shown["reasons"]
    told = chain.run("simulate", "power", "dogwood", "9", code=2)
    assert f"in flight: proposal {number}, no more, voting until 2026-08-01 0" in told
    assert f"  this change after it: {jailed}" in told
    limits = ("simulate", "params", "block_gas=35000000")
    assert chain.json(*limits)["in_flight"]["proposals"][0]["fails_if_change_is_second"] == []
    assert "in either order: the same as alone" in chain.run(*limits)
    chain.json("cancel", str(number), bank="cedar")
    assert chain.json(*limits, "--offline", "birch")["verdict"] == "safe"
    assert chain.json(*limits, "--offline", "birch", "--offline", "cedar", code=2)["keeps_quorum"] is False


def test_only_members_act_and_only_when_it_is_time(chain: CouncilChain) -> None:
    stranger = ("--key", "stranger")
    from pqc.keystore import KeyRole, Keystore

    opened = Keystore.open(chain.folder / "elm.json", (chain.folder / "passphrase").read_bytes().strip())
    opened.add("stranger", "secp256k1", KeyRole.TRANSACTION)
    change = ("propose", "params", "block_gas=31000000")
    assert "governance: not a member" in chain.run(*change, *stranger, bank="elm", code=1)
    number = chain.json(*change, bank="elm")["proposal"]
    assert "governance: not a member" in chain.run("vote", str(number), "yes", *stranger, bank="elm", code=1)
    assert "governance: not ready" in chain.run("execute", str(number), bank="elm", code=1)
    assert "governance: not the proposer" in chain.run("cancel", str(number), bank="alder", code=1)
    assert chain.json("proposals")[0]["title"].startswith("Governance.set_consensus_params(block_bytes=")
    assert "--title: expected 1 to 128 bytes, got 129" in chain.run(*change, "--title", "x" * 129, bank="elm", code=1)
    for bank in BANKS[:4]:
        voted = chain.json("vote", str(number), "yes", bank=bank)
    assert (voted["state"], len(voted["yes"]), voted["votes_needed"]) == ("locked", 4, 4)
    assert "governance: not ready" in chain.run("execute", str(number), bank="elm", code=1)
    chain.advance()
    # Anybody executes what has passed.
    assert chain.json("execute", str(number), *stranger, bank="elm")["state"] == "executed"
    assert chain.json("list")["params"]["block_gas"] == 31_000_000
    assert "expected one that has not ended (none)" in chain.run("vote", str(number), "yes", bank="elm", code=1)


def test_reports_of_two_thirds_jail_at_once_and_list_says_why(chain: CouncilChain, tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text(json.dumps(double_sign(key_pair("dogwood"), NETWORK, 5)))
    words = ("jail", "dogwood", "--evidence", str(tmp_path / "evidence.json"), "--keep", str(tmp_path / "kept"))
    assert chain.json(*words, "--report", bank="alder", code=2)["verdict"] == "unsafe"
    for number, bank in enumerate(BANKS[:4], 1):
        told = chain.json(*words, "--report", "--i-know", bank=bank)
        assert (told["is_jailed"], len(told["reports"]), told["reports_needed"]) == (number == 4, number, 4)
    assert "dogwood" not in powers(chain)
    (jailed,) = chain.json("list")["jailed"]
    digest = told["evidence"]["digest"]
    assert (jailed["bank"], jailed["reason"], jailed["evidence_digest"], jailed["height"]) == (
        "dogwood",
        "double sign",
        digest,
        5,
    )
    assert "jailed: dogwood since 2026-08-01 08:0" in chain.run("list")
    assert (tmp_path / "kept" / f"{digest}.json").exists()
    back = chain.json("simulate", "add", "dogwood", key_file(chain, "dogwood-next"), code=2)
    assert back["reasons"][0] == "dogwood: expected a bank that is not jailed, got one jailed for 'double sign'"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("simulate", "remove", "nobody"), "BANK: expected one of alder, birch, cedar, dogwood, elm, or an address"),
        (("simulate", "99"), "proposal: expected one that has not ended"),
        (("simulate", "params", "block_gas"), "params: expected block_bytes=N or block_gas=N, got 'block_gas'"),
        (("simulate", "dance", "alder"), "change: expected add, remove, power, rotate, jail, params or a proposal's"),
        (("rotate", "elm", "nowhere.json"), "KEY: expected a public key in hex"),
    ],
)
def test_words_that_are_no_change_end_with_one(chain: CouncilChain, words: tuple[str, ...], message: str) -> None:
    assert message in chain.run(*words, code=1)


def test_command_ends_with_one_when_no_node_answers(chain: CouncilChain) -> None:
    assert "expected an answer to landfall_getGenesis" in chain.run("list", "--rpc", "http://127.0.0.1:1", code=1)
