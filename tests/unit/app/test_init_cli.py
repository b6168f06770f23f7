"""`landfall init ...`, `landfall join` and `landfall network ...` as a user runs them; nothing is started."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from node.app.cli import app
from node.app.errors import CeremonyError, HomeError
from node.app.validator.home import ValidatorHome, read_settings
from node.app.validator.local_network import LocalNetwork
from node.app.validator.members import read_member
from node.chain.errors import GenesisError
from pqc.errors import WrongPassphraseError

LEIS = {"polder": "9999DEV02PLDRBANK004", "rift": "9999DEV03RIFTBANK006", "central": "9999DEV00CBEUR000061"}
PEER = "ab" * 20 + "@127.0.0.1:26656"


@dataclass
class Ceremony:
    """Banks that work in one folder."""

    folder: Path

    def run(self, *arguments: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(app, list(arguments))

    def ok(self, *arguments: str) -> str:
        """Run a command that works; return what it prints."""
        result = self.run(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def bank(self, name: str, *more: str) -> str:
        """Let a bank make its keys and file."""
        told = ("--name", f"{name} bank", "--lei", LEIS[name], "--home", name)
        return self.ok("init", "bank", name, *told, *more)

    def merge(self, *names: str, out: str = "genesis.json") -> dict[str, Any]:
        """Merge files of that order."""
        files = [f"{name}.member.json" for name in names]
        begins = ("--begins", "2026-11-01T00:00:00")
        self.ok("init", "merge", *files, "--network", "example", "--chain-id", "7", *begins, "--out", out)
        document: dict[str, Any] = json.loads(Path(out).read_text())
        return document


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three banks that have made their keys, which takes a second."""
    folder = tmp_path_factory.mktemp("enrolled")
    passphrase = folder / "passphrase"
    passphrase.write_text("correct horse battery\n")
    passphrase.chmod(0o600)
    made = Ceremony(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LANDFALL_PASSPHRASE_FILE", str(passphrase))
        made.bank("polder", "--address", "polder.example:26656")
        made.bank("rift", "--role", "bank", "--role", "reporter", "--keys", "ed25519")
        made.bank("central", "--role", "central_bank", "--issues", "EUR", "--address", "127.0.0.1:1")
    return folder


@pytest.fixture
def ceremony(enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ceremony:
    """Three banks, enrolled."""
    folder = tmp_path / "banks"
    shutil.copytree(enrolled, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LANDFALL_PASSPHRASE_FILE", str(folder / "passphrase"))
    return Ceremony(folder)


def test_members_tell_of_their_keys_when_enrolled(ceremony: Ceremony) -> None:
    rift = read_member(Path("rift.member.json"))
    assert rift.roles == ("bank", "reporter")
    assert rift.validator is not None
    assert rift.validator.algorithm == "Ed25519"
    assert read_member(Path("central.member.json")).currencies[0].code == "EUR"
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path("rift").rglob("*.json"))


def test_bank_keeps_its_keys_when_it_enrols_again(ceremony: Ceremony) -> None:
    before = read_member(Path("polder.member.json"))
    ceremony.bank("polder", "--address", "new.example:26656")
    after = read_member(Path("polder.member.json"))
    assert after.account == before.account
    assert after.validator is not None
    assert before.validator is not None
    assert after.validator == before.validator.model_copy(update={"address": "new.example:26656"})


def test_bank_is_refused_when_the_passphrase_or_the_kind_of_key_is_another(ceremony: Ceremony) -> None:
    again = ("init", "bank", "rift", "--name", "x", "--lei", LEIS["rift"], "--home", "rift")
    assert isinstance(ceremony.run(*again).exception, CeremonyError)
    (ceremony.folder / "passphrase").write_text("another horse battery\n")
    assert isinstance(ceremony.run(*again, "--keys", "ed25519").exception, WrongPassphraseError)


@pytest.mark.parametrize(
    "options", [["--address", "no-port"], ["--issues", "XXX"], ["--name", ""], ["--lei", "short"]], ids=" ".join
)
def test_bank_is_refused_when_an_option_is_malformed(ceremony: Ceremony, options: list[str]) -> None:
    told = {"--name": "x", "--lei": LEIS["polder"], options[0]: options[1]}
    words = [word for pair in told.items() for word in pair]
    result = ceremony.run("init", "bank", "new", *words, "--home", "new")
    assert result.exit_code == 1
    assert not Path("new.member.json").exists()


def test_genesis_is_the_same_when_merged_in_another_order(ceremony: Ceremony) -> None:
    first = ceremony.merge("polder", "rift", "central")
    second = ceremony.merge("central", "polder", "rift", out="second.json")
    assert first == second
    assert Path("genesis.json").read_bytes() == Path("second.json").read_bytes()


def test_check_shows_the_hash_that_merge_showed(ceremony: Ceremony) -> None:
    ceremony.merge("polder", "rift", "central")
    members = [f"{name}.member.json" for name in LEIS]
    told = json.loads(ceremony.ok("init", "check", "genesis.json", *members, "--json"))
    shown = ceremony.ok("init", "check", "genesis.json")
    assert told["hash"] == shown.split("hash  ")[1].splitlines()[0].replace(" ", "")
    assert "polder, power 10, ML-DSA-65" in shown


def test_check_names_the_field_when_another_s_genesis_differs(ceremony: Ceremony) -> None:
    document = ceremony.merge("polder", "rift", "central")
    document["landfall"]["validators"][1]["power"] = 3
    Path("other.json").write_text(json.dumps(document))
    error = ceremony.run("init", "check", "genesis.json", "--against", "other.json").exception
    assert isinstance(error, CeremonyError)
    assert "landfall.validators[1].power: expected 3, got 10" in str(error)


def test_check_names_the_field_when_the_members_files_give_another_genesis(ceremony: Ceremony) -> None:
    document = ceremony.merge("polder", "rift", "central")
    document["alloc"]["0x" + "99" * 20] = {"balance": "0x1"}
    Path("forged.json").write_text(json.dumps(document))
    files = [f"{name}.member.json" for name in LEIS]
    error = ceremony.run("init", "check", "forged.json", *files).exception
    assert f"alloc.0x{'99' * 20}: expected nothing" in str(error)


@pytest.mark.parametrize("change", [{"gasLimit": "0x1"}, {"alloc": []}, {"landfall": {}}, {"config": {"chainId": 7}}])
def test_check_refuses_a_genesis_when_a_field_is_malformed(ceremony: Ceremony, change: dict[str, Any]) -> None:
    Path("bad.json").write_text(json.dumps(ceremony.merge("polder", "central") | change))
    assert isinstance(ceremony.run("init", "check", "bad.json").exception, GenesisError)


def test_home_is_ready_when_it_uses_a_genesis(ceremony: Ceremony) -> None:
    ceremony.merge("polder", "rift", "central")
    assert "ready as rift" in ceremony.ok("init", "use", "genesis.json", "--home", "rift", "--engine", "pyevm")
    settings = read_settings(ValidatorHome(Path("rift")))
    assert settings.engine == "pyevm"
    assert [peer.split("@")[1] for peer in settings.peers] == ["127.0.0.1:1", "polder.example:26656"]


def test_home_is_refused_when_its_bank_is_not_in_the_genesis(ceremony: Ceremony) -> None:
    ceremony.merge("polder", "central")
    assert "landfall join" in str(ceremony.run("init", "use", "genesis.json", "--home", "rift").exception)
    assert not Path("rift/genesis.json").exists()


def test_node_is_ready_to_join_when_it_trusts_a_header(ceremony: Ceremony) -> None:
    ceremony.merge("polder", "central")
    options = ("--peer", PEER, "--trust", "7:" + "ab" * 32, "--rpc", "127.0.0.1:1", "--rpc", "127.0.0.1:2")
    ceremony.ok("join", "genesis.json", "--name", "late", *options, "--home", "late")
    sync = read_settings(ValidatorHome(Path("late"))).statesync
    assert sync is not None
    assert (sync.trust_height, sync.trust_hash) == (7, "AB" * 32)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"--trust": "7"}, "trust_hash"),
        ({"--trust": "x:" + "ab" * 32}, "trust_height"),
        ({"--trust": "0:" + "ab" * 32}, "trust_height"),
        ({"--peer": "127.0.0.1:26656"}, "peers"),
        ({"--name": "Late Bank"}, "name"),
        ({"--rpc": ""}, "rpc_servers"),
    ],
)
def test_join_names_the_option_when_it_is_malformed(ceremony: Ceremony, change: dict[str, str], named: str) -> None:
    ceremony.merge("polder", "central")
    told = {"--name": "late", "--peer": PEER, "--trust": "7:" + "ab" * 32, "--rpc": "127.0.0.1:1"} | change
    words = [word for pair in told.items() for word in pair]
    error = ceremony.run("join", "genesis.json", *words, "--home", "late").exception
    assert isinstance(error, HomeError)
    assert named in str(error)


def test_network_has_homes_with_peers_and_engines_when_made(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path / "network")
    network.make(4, engine="mixed", now_s=1_790_000_000)
    settings = [read_settings(one.home) for one in network.validators]
    assert [one.engine for one in settings] == ["geth", "geth", "geth", "pyevm"]
    assert [len(one.peers) for one in settings] == [3, 3, 3, 3]
    ports = [port for one in settings for port in (one.rpc_port, one.p2p_port, one.consensus_port)]
    assert len(set(ports)) == 12
    assert not any(one.is_running for one in network.validators)
    with pytest.raises(HomeError, match="has a network already"):
        network.make(4, now_s=1_790_000_000)
    network.remove()
    assert not network.exists
    network.make(1, now_s=1_790_000_000)


@pytest.mark.parametrize("words", ["down", "kill 1", "logs", "status", "start 1", "stop 1"])
def test_network_is_refused_with_what_to_do_when_there_is_none(tmp_path: Path, words: str) -> None:
    result = CliRunner().invoke(app, ["network", *words.split(), "--home", str(tmp_path)])
    assert isinstance(result.exception, HomeError)
    assert "landfall network up" in str(result.exception)


def test_network_names_the_numbers_when_one_is_out_of_range(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path)
    network.make(2, engine="pyevm", now_s=1_790_000_000)
    with pytest.raises(HomeError, match="expected 1 to 2, got 3"):
        network.kill(3)
    with pytest.raises(HomeError, match="a running validator"):
        network.kill(1)
    with pytest.raises(HomeError, match="expected 1 to 11, got 12"):
        LocalNetwork(tmp_path / "more").make(12, now_s=1_790_000_000)


def test_status_shows_a_validator_that_is_down_when_none_runs(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path)
    network.make(1, engine="pyevm", now_s=1_790_000_000)
    result = CliRunner().invoke(app, ["network", "status", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "bank-nl  down" in result.output


def test_genesis_of_a_local_network_is_governed_by_its_members(tmp_path: Path) -> None:
    network = LocalNetwork(tmp_path)
    network.make(2, engine="pyevm", now_s=1_790_000_000)
    section = json.loads(network.validator(1).home.genesis.read_text())["landfall"]
    assert {one["name"] for one in section["validators"]} == {"bank-nl", "bank-ke"}
    assert "Governance" in section["contracts"]
    assert sorted(section["tokens"]) == ["EUR", "KES", "UGX"]
