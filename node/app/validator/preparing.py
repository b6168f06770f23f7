"""Makes a validator's home from a genesis file. What exists stays: keys, votes and blocks are never written over."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from node.app.errors import HomeError, ProcessError
from node.app.home import Home, load_tokens, write_private
from node.app.validator.cometbft import (
    config_text,
    genesis_document,
    new_vote_state,
    node_id,
    node_key_document,
    private_key_document,
)
from node.app.validator.home import (
    DeskSettings,
    NodeSettings,
    ValidatorHome,
    make_run_folder,
    read_genesis_file,
    read_settings,
    write_settings,
)
from node.chain.differences import first_difference
from node.chain.geth.command import geth_init_command
from node.chain.validator_key import load_or_create_validator_key
from pqc import signatures, whole_file

_GETH_INIT_TIMEOUT_S: Final = 120


def prepare_home(home: ValidatorHome, genesis: Mapping[str, Any], settings: NodeSettings) -> None:
    """Write what a validator needs before its first start; the validator's key is made unless it is there.

    Raises:
        GenesisError: names the field of the genesis that is malformed.
        HomeError: the home belongs to another network, or has other settings; the message names the first difference.
    """
    consensus_genesis = genesis_document(genesis)
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.genesis.exists():
        difference = first_difference(read_genesis_file(home.genesis), genesis)
        if difference is not None:
            raise HomeError(f"home: {home.root} holds another network: {difference}; choose another --home")
    if home.settings.exists():
        difference = first_difference(read_settings(home).model_dump(mode="json"), settings.model_dump(mode="json"))
        if difference is not None:
            raise HomeError(f"{home.settings}: {difference}; edit it, or remove it and prepare the home again")
    for folder in (home.cometbft / "config", home.cometbft / "data"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = load_or_create_validator_key(home.root)
    make_node_key(home)
    _create_vote_files(home, private_key_document(key))
    _create(home.cometbft / "config" / "genesis.json", json.dumps(consensus_genesis, indent=1))
    if not home.settings.exists():
        write_settings(home, settings)
    # Last: a home with a genesis file is complete.
    _create(home.genesis, json.dumps(genesis, indent=1))


def _create_vote_files(home: ValidatorHome, private_key: Mapping[str, Any]) -> None:
    """Write the key that votes and what it has signed; both stay with each other, or a bank votes twice."""
    key_file, state_file = (
        home.cometbft / "config" / "priv_validator_key.json",
        home.cometbft / "data" / "priv_validator_state.json",
    )
    if key_file.exists() and json.loads(key_file.read_text("utf-8"))["pub_key"] != private_key["pub_key"]:
        raise HomeError(f"{key_file}: expected the key of validator_key.json, got another; keep what the members know")
    if not state_file.exists() and any(state_file.parent.iterdir()):
        raise HomeError(
            f"{state_file}: expected what this key has signed, got nothing beside a chain; a key that forgets may vote "
            "twice: put the file back, or where it is lost let the members vote in another key"
        )
    _create(key_file, json.dumps(private_key, indent=1))
    _create(state_file, new_vote_state())


def make_node_key(home: ValidatorHome) -> str:
    """Make the key that this node proves its id with, unless it is there; return the id."""
    path = home.cometbft / "config" / "node_key.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(path, json.dumps(node_key_document(signatures.from_seed("Ed25519", secrets.token_bytes(32)))))
    return node_id(json.loads(path.read_text("utf-8")))


def prepare_run(home: ValidatorHome, settings: NodeSettings, geth: Path | None) -> None:
    """Do what is due before every start: sockets away, settings and addresses written, geth's database made.

    Args:
        geth: The program, where this node executes by it.

    Raises:
        ProcessError: geth refused the genesis file.
    """
    make_run_folder(home.run)
    whole_file.replace(home.cometbft / "config" / "config.toml", config_text(settings, home.run).encode())
    if geth is not None and not (home.geth / "geth" / "chaindata").is_dir():
        _make_geth_database(home, geth)


def prepare_desk_run(home: ValidatorHome, settings: NodeSettings, desk: DeskSettings) -> None:
    """Write where the commands of the desk's home find it and its validator.

    Raises:
        HomeError: the desk's home is not prepared.
    """
    load_tokens(Home(home.desk))
    write_private(Home(home.desk).run, {"rpc_url": settings.rpc_url, "rest_url": desk.rest_url})


def _make_geth_database(home: ValidatorHome, geth: Path) -> None:
    """Write block 0 beside the place and move it there whole: half a database would begin as another network."""
    unfinished = ValidatorHome(home.root / "geth.new")
    for leftover in (unfinished.root, home.geth):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.root.mkdir(mode=0o700)
    command = geth_init_command(geth, unfinished.root, home.genesis)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GETH_INIT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ProcessError(f"geth init: expected an end within {_GETH_INIT_TIMEOUT_S} s, got none") from error
    if done.returncode != 0:
        raise ProcessError(f"geth init ended with code {done.returncode}: {done.stderr[-2000:]}")
    unfinished.geth.rename(home.geth)
    unfinished.root.rmdir()


def _create(path: Path, text: str) -> None:
    if not path.exists():
        whole_file.create(path, text.encode())
