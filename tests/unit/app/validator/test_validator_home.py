"""A validator's home: settings, sockets, and what is never written over."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from node.app.cast import load_cast
from node.app.errors import HomeError
from node.app.examples import RATES, example
from node.app.home import Home, prepare_desk
from node.app.validator import home as home_module
from node.app.validator.ceremony import merge_members
from node.app.validator.home import (
    DeskSettings,
    NodeSettings,
    StateSync,
    ValidatorHome,
    make_run_folder,
    read_genesis_file,
    read_settings,
    toml_text,
    write_settings,
)
from node.app.validator.preparing import prepare_desk_run, prepare_home, prepare_run
from node.chain.limits import UNIX_PATH_BYTES_MAX
from node.chain.validator_key import write_validator_key
from tests.unit.app.validator.support import PLAN, members, validator_key

SETTINGS = NodeSettings(name="bank-nl", engine="pyevm", peers=("ab" * 20 + "@bank.example:26656",))


@pytest.fixture(scope="module")
def genesis() -> dict[str, Any]:
    """The genesis of three members."""
    return merge_members(members(), PLAN)


@pytest.fixture
def home(tmp_path: Path, genesis: dict[str, Any]) -> ValidatorHome:
    """A prepared one."""
    made = ValidatorHome(tmp_path / "validator")
    made.root.mkdir()
    write_validator_key(made.root, validator_key("bank-nl"))
    prepare_home(made, genesis, SETTINGS)
    return made


def contents(home: ValidatorHome) -> dict[Path, bytes]:
    """Every file of a home."""
    return {path: path.read_bytes() for path in home.root.rglob("*") if path.is_file()}


def test_home_is_complete_and_private_when_prepared(home: ValidatorHome) -> None:
    names = {str(path.relative_to(home.root)) for path in contents(home)}
    assert names == {
        "genesis.json",
        "node.toml",
        "validator_key.json",
        "cometbft/config/genesis.json",
        "cometbft/config/node_key.json",
        "cometbft/config/priv_validator_key.json",
        "cometbft/data/priv_validator_state.json",
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in contents(home))


def test_home_keeps_keys_and_votes_when_prepared_again(home: ValidatorHome, genesis: dict[str, Any]) -> None:
    votes = home.cometbft / "data" / "priv_validator_state.json"
    votes.write_text('{"height": "9", "round": 0, "step": 3}')
    before = contents(home)
    prepare_home(home, genesis, SETTINGS)
    assert contents(home) == before


def test_home_is_refused_when_its_key_was_exchanged(home: ValidatorHome, genesis: dict[str, Any]) -> None:
    (home.root / "validator_key.json").unlink()
    write_validator_key(home.root, validator_key("bank-ke"))
    with pytest.raises(HomeError, match=r"priv_validator_key\.json: expected the key of validator_key\.json"):
        prepare_home(home, genesis, SETTINGS)


def test_home_is_refused_when_it_forgot_what_its_key_signed(home: ValidatorHome, genesis: dict[str, Any]) -> None:
    (home.cometbft / "data" / "priv_validator_state.json").unlink()
    (home.cometbft / "data" / "blockstore.db").mkdir()
    with pytest.raises(HomeError, match="may vote twice"):
        prepare_home(home, genesis, SETTINGS)


def test_home_is_refused_with_the_difference_when_it_holds_another_network(
    home: ValidatorHome, genesis: dict[str, Any]
) -> None:
    before = contents(home)
    with pytest.raises(HomeError, match=r"another network: timestamp: expected \"0x6ab13b80\", got \"0x1\""):
        prepare_home(home, genesis | {"timestamp": "0x1"}, SETTINGS)
    assert contents(home) == before


def test_settings_of_the_operator_stay_when_a_home_is_prepared_with_others(
    home: ValidatorHome, genesis: dict[str, Any]
) -> None:
    write_settings(home, SETTINGS.model_copy(update={"rpc_port": 9000}))
    before = contents(home)
    with pytest.raises(HomeError, match=r"node\.toml: rpc_port: expected 9000, got 8545; edit it"):
        prepare_home(home, genesis, SETTINGS)
    assert contents(home) == before


def test_settings_are_read_back_when_written(tmp_path: Path) -> None:
    home = ValidatorHome(tmp_path)
    sync = StateSync(trust_height=7, trust_hash="AB" * 32, rpc_servers=("a:1", "b:2"))
    desk = DeskSettings(rest_port=9600, messages_port=9601)
    told = SETTINGS.model_copy(update={"statesync": sync, "desk": desk, "engines": Path('/opt/with "quotes" and ü')})
    write_settings(home, told)
    assert read_settings(home) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name = 'x'\nunknown = 1",
        "name = 'Bank NL'",
        "name = 'x'\nrpc_port = 0",
        "name = 'x'\nrpc_port = 65536",
        "name = 'x'\nengine = 'besu'",
        "name = 'x'\n[statesync]\ntrust_height = 1",
        "name = 'x'\n[desk]\nrest_port = 0",
        "name = 'x'\n[desk]\nhost = '0.0.0.0'",
        "name = ",
        "\udcff",
        f"name = 'x'\npeers = {json.dumps(['a'] * 101)}",
    ],
)
def test_settings_are_refused_when_malformed(tmp_path: Path, text: str) -> None:
    (tmp_path / "node.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(HomeError, match=r"node\.toml"):
        read_settings(ValidatorHome(tmp_path))


def test_settings_are_refused_with_what_to_do_when_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="run landfall init use"):
        read_settings(ValidatorHome(tmp_path))


def test_toml_is_read_back_when_values_have_quotes_and_lines(tmp_path: Path) -> None:
    tables = {"": {"a": 'x"\\\n\tü', "b": True, "c": 5}, "t": {"d": ["1", "2"]}}
    parsed = tomllib.loads(toml_text(tables))
    assert parsed == {**tables[""], "t": tables["t"]}


def test_sockets_are_below_the_home_when_its_path_is_short() -> None:
    assert ValidatorHome(Path("/v")).run == Path("/v/run")


def test_sockets_are_in_a_short_folder_of_their_own_when_the_path_is_long(tmp_path: Path) -> None:
    long = tmp_path / ("x" * UNIX_PATH_BYTES_MAX)
    run = ValidatorHome(long).run
    assert len(bytes(run / "cometbft.sock")) <= UNIX_PATH_BYTES_MAX
    assert run == ValidatorHome(long).run
    assert run != ValidatorHome(long.with_name("y" * UNIX_PATH_BYTES_MAX)).run


def test_run_folder_is_private_and_without_old_sockets_when_made(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o755)
    for name in ("abci.sock", "geth.ipc", "note"):
        (run / name).touch()
    make_run_folder(run)
    assert [path.name for path in run.iterdir()] == ["note"]
    assert run.stat().st_mode & 0o777 == 0o700


def test_run_folder_is_refused_when_another_user_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(HomeError, match="belong to this user"):
        make_run_folder(tmp_path / "run")


def test_run_folder_is_refused_when_it_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeError, match="belong to this user"):
        make_run_folder(tmp_path / "run")


def test_config_follows_the_settings_when_a_start_is_prepared(home: ValidatorHome) -> None:
    for port in (26_700, 26_701):
        prepare_run(home, SETTINGS.model_copy(update={"p2p_port": port}), None)
        config = tomllib.loads((home.cometbft / "config" / "config.toml").read_text())
        assert config["p2p"]["laddr"] == f"tcp://0.0.0.0:{port}"


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1, "a": 2}', "[" * 100_000, "{"])
def test_genesis_file_is_refused_when_malformed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "genesis.json"
    path.write_text(text)
    with pytest.raises(HomeError, match="genesis: expected"):
        read_genesis_file(path)


def test_genesis_file_is_refused_when_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "GENESIS_BYTES_MAX", 10)
    path = tmp_path / "genesis.json"
    path.write_text('{"a": 12345}')
    with pytest.raises(HomeError, match="at most 10 bytes"):
        read_genesis_file(path)


def test_genesis_file_is_refused_when_missing(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="cannot be read"):
        read_genesis_file(tmp_path / "genesis.json")


def test_desk_s_users_find_it_when_its_home_is_prepared(home: ValidatorHome, genesis: dict[str, Any]) -> None:
    settings = SETTINGS.model_copy(update={"desk": DeskSettings(rest_port=9600), "rpc_port": 9545})
    with pytest.raises(
        HomeError, match=r"desk without access\.json; run landfall devnet, or landfall network up --desk"
    ):
        prepare_desk_run(home, settings, settings.desk)
    desk = Home(home.desk)
    prepare_desk(desk, load_cast(), genesis, example(RATES).read_bytes())
    prepare_desk_run(home, settings, settings.desk)
    urls = json.loads(desk.run.read_text())
    assert urls == {"rpc_url": "http://127.0.0.1:9545", "rest_url": "http://127.0.0.1:9600"}
    assert desk.rates.stat().st_mode & 0o077 == 0
