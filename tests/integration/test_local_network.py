"""`landfall network` with real supervisors and CometBFT; a stand-in listens where our chain process would."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from fx.rate_files import read_daily_rates
from node.app.cli import app
from node.app.errors import HomeError, ProcessError
from node.app.home import Home, load_tokens
from node.app.validator import local_network
from node.app.validator.home import read_settings, write_settings
from node.app.validator.local_network import LocalNetwork, LocalValidator
from node.app.validator.running import read_status
from node.app.validator.unit import desk_unit, validator_unit
from tests.integration import stand_in

WAIT_S = 60


@pytest.fixture
def network(tmp_path: Path, engines: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalNetwork]:
    """Two validators that run."""

    monkeypatch.setattr(local_network, "python_module", stand_in.command)
    monkeypatch.chdir(Path(__file__).parents[2])
    made = LocalNetwork(tmp_path / "network")
    made.make(2, engine="pyevm", engines=engines, now_s=1_790_000_000)
    made.up()
    yield made
    made.down()


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def pids(one: LocalValidator) -> dict[str, int]:
    """The processes of a validator."""
    found: dict[str, int] = (read_status(one.home) or {})["pids"]
    return found


def height(one: LocalValidator) -> int:
    """CometBFT's height."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(one.home.run / "cometbft.sock"))) as client:
        status: dict[str, Any] = client.get("http://localhost/status").json()["result"]
    return int(status["sync_info"]["latest_block_height"])


def test_network_goes_on_after_a_power_cut_when_the_validator_is_started_again(network: LocalNetwork) -> None:
    first, second = network.validators
    wait(lambda: height(first) == 1)
    before = pids(second)
    network.kill(2)
    assert not second.is_running
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in before.values())
    with pytest.raises(HomeError, match="a running validator"):
        network.kill(2)
    network.up([2])
    wait(lambda: height(second) == height(first) >= 1)
    assert not set(before.values()) & set(pids(second).values())


def test_unit_starts_again_by_itself_when_one_program_is_killed(network: LocalNetwork) -> None:
    one = network.validator(1)
    before = pids(one)
    network.kill(1, "cometbft")
    wait(lambda: (read_status(one.home) or {}).get("restarts") == 1 and set(pids(one)) == {"chain", "cometbft"})
    assert not set(before.values()) & set(pids(one).values())
    with pytest.raises(HomeError, match="expected one of supervisor, chain, cometbft, got 'geth'"):
        network.kill(1, "geth")


def test_commands_show_status_and_logs_and_stop_when_the_network_runs(network: LocalNetwork) -> None:
    # Neither makes a block without the other, so now they are peers.
    wait(lambda: height(network.validator(1)) == 1)
    run = CliRunner().invoke
    home = ("--home", str(network.root))
    looks = json.loads(run(app, ["network", "status", "--json", *home]).stdout)
    assert [(one["name"], one["state"], one["peers"]) for one in looks] == [
        ("bank-nl", "running", 1),
        ("bank-ke", "running", 1),
    ]
    logs = run(app, ["network", "logs", "1", *home]).stdout
    assert all(line.startswith("bank-nl ") for line in logs.splitlines())
    assert "bank-nl cometbft" in logs
    with pytest.raises(HomeError, match="stop the network first"):
        network.remove()
    assert run(app, ["network", "stop", "1", *home]).exit_code == 0
    assert [one.is_running for one in network.validators] == [False, True]
    assert run(app, ["network", "down", *home]).exit_code == 0
    assert not any(one.is_running for one in network.validators)


def test_network_says_why_when_a_validator_cannot_start(network: LocalNetwork) -> None:
    one = network.validator(1)
    network.down([1])
    settings = read_settings(one.home)
    write_settings(one.home, settings.model_copy(update={"engines": one.home.root}))
    with pytest.raises(ProcessError, match=r"bank-nl did not start: .*make engines"):
        network.up([1])
    write_settings(one.home, settings)
    (one.home.cometbft / "config" / "priv_validator_key.json").write_text("{}")
    with pytest.raises(ProcessError, match="bank-nl did not start: cometbft"):
        network.up([1])


def test_network_gets_a_desk_when_it_is_down_and_keeps_it(network: LocalNetwork) -> None:
    with pytest.raises(HomeError, match="bank-nl runs without a desk; stop the network first"):
        network.add_desk()
    network.down()
    network.add_desk()
    first, second = network.validators
    assert (first.desk is None, second.desk is None) == (False, True)
    desk, settings = Home(first.home.desk), read_settings(first.home)
    assert [program.name for program in validator_unit(first.home, settings).programs] == ["chain", "cometbft"]
    assert settings.desk is not None
    (program,) = desk_unit(first.home, settings, settings.desk).programs
    assert settings.rpc_url in program.command
    before = load_tokens(desk)
    assert {"bank-nl", "bloem", "bank-ug"} <= set(before)
    # The network's first day has a fixing, whatever days the shipped file has.
    assert [str(day) for day in read_daily_rates(desk.rates).days()] == ["2026-09-21"]
    network.add_desk()
    assert load_tokens(desk) == before


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_network_is_made_runs_and_stops_when_the_command_is_ended(
    tmp_path: Path, engines: Path, end: signal.Signals
) -> None:
    options = ("--validators", "1", "--engine", "pyevm", "--keys", "ed25519", "--engines", str(engines))
    command = stand_in.command("", "network", "up", "--home", str(tmp_path / "network"), *options)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True)
    assert process.stdout is not None
    one = LocalNetwork(tmp_path / "network").validator
    assert "1  bank-nl    JSON-RPC http://127.0.0.1:" in process.stdout.readline()
    assert one(1).is_running
    process.stdout.readline()
    process.send_signal(end)
    assert process.communicate(timeout=WAIT_S)[0].splitlines() == ["stopping", "stopped"]
    assert process.returncode == 0
    assert not one(1).is_running
