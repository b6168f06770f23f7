import itertools
from pathlib import Path

import pytest

from node.chain.errors import InvalidParamsError
from node.chain.geth.command import geth_command, geth_init_command
from node.chain.limits import UNIX_PATH_BYTES_MAX


def test_command_opens_one_socket_and_no_network() -> None:
    arguments, environment = geth_command(Path("/bin/geth"), Path("/home"), Path("/home/run/geth.ipc"), 60_000_000)
    options = dict(itertools.pairwise(arguments))
    assert options["--ipcpath"] == "/home/run/geth.ipc"
    assert options["--datadir"] == "/home/geth"
    assert (options["--maxpeers"], options["--authrpc.port"], options["--authrpc.addr"]) == ("0", "0", "127.0.0.1")
    assert "--nodiscover" in arguments
    assert not {"--http", "--ws", "--dev"} & set(arguments)
    assert options["--miner.gaslimit"] == "60000000"
    assert int(options["--rpc.gascap"]) == 30_000_000
    assert int(environment["GOMEMLIMIT"]) > 0


def test_command_is_refused_when_the_sockets_path_is_too_long() -> None:
    folder = "/" + "x" * (UNIX_PATH_BYTES_MAX - len("/") - len("/geth.ipc"))
    arguments, _ = geth_command(Path("geth"), Path("/home"), Path(folder) / "geth.ipc", 1)
    assert folder + "/geth.ipc" in arguments
    with pytest.raises(InvalidParamsError, match="at most 107 bytes, got 108; use a shorter home"):
        geth_command(Path("geth"), Path("/home"), Path(folder + "x") / "geth.ipc", 1)


def test_init_uses_the_database_that_is_run() -> None:
    made = geth_init_command(Path("geth"), Path("/home"), Path("/home/genesis.json"))
    run, _ = geth_command(Path("geth"), Path("/home"), Path("/run/geth.ipc"), 1)
    assert made[-1] == "/home/genesis.json"
    for option in ("--datadir", "--state.scheme"):
        assert made[made.index(option) + 1] == run[run.index(option) + 1]
