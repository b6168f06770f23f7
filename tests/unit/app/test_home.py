"""The home directory of a devnet."""

import subprocess
from pathlib import Path

import pytest

from node.app.cast import load_cast
from node.app.errors import HomeError
from node.app.home import Home, load_cast_of, load_tokens, prepare_home
from node.app.network import shipped_genesis
from node.app.supervisor import locked_home


def test_home_is_complete_and_private_when_prepared(tmp_path: Path) -> None:
    home, cast = Home(tmp_path / "home"), load_cast()
    prepare_home(home, cast, shipped_genesis())
    assert load_cast_of(home) == cast
    tokens = load_tokens(home)
    assert {"bank-nl", "bloem", "kra"} <= set(tokens)
    assert len(set(tokens.values())) == len(tokens)
    assert home.access.stat().st_mode & 0o077 == 0
    assert home.keystore("bank-nl").stat().st_mode & 0o077 == 0


def test_home_keeps_its_tokens_when_prepared_again(tmp_path: Path) -> None:
    home, cast = Home(tmp_path), load_cast()
    prepare_home(home, cast, shipped_genesis())
    before = load_tokens(home)
    prepare_home(home, cast, shipped_genesis())
    assert load_tokens(home) == before


def test_home_is_refused_when_it_holds_another_network(tmp_path: Path) -> None:
    home, cast = Home(tmp_path), load_cast()
    prepare_home(home, cast, shipped_genesis())
    with pytest.raises(HomeError, match="another network"):
        prepare_home(home, cast, shipped_genesis() | {"timestamp": "0x0"})


def test_home_says_what_to_do_when_nothing_is_there(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="run landfall devnet"):
        load_tokens(Home(tmp_path))


def test_home_is_refused_when_a_node_runs_in_it(tmp_path: Path) -> None:
    with locked_home(tmp_path), pytest.raises(HomeError, match="in use"), locked_home(tmp_path):
        pass


def test_home_is_prepared_when_an_earlier_start_was_cut_off(tmp_path: Path) -> None:
    home, cast = Home(tmp_path), load_cast()
    prepare_home(home, cast, shipped_genesis())
    home.access.unlink()
    prepare_home(home, cast, shipped_genesis())
    assert "bloem" in load_tokens(home)


def test_home_stays_locked_when_only_a_child_that_inherited_the_lock_is_left(tmp_path: Path) -> None:
    with locked_home(tmp_path) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(lock,))
    try:
        with pytest.raises(HomeError, match="in use"), locked_home(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()
    with locked_home(tmp_path):
        pass
