"""A validator's real geth and CometBFT under the supervisor; a stand-in listens where our chain process would."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.app import restarting
from node.app.errors import HomeError
from node.app.restarting import UnitState
from node.app.supervisor import Program, Unit
from node.app.validator import running
from node.app.validator.health import look_at
from node.app.validator.home import ValidatorHome
from node.app.validator.local_network import LocalNetwork
from node.app.validator.running import DESK, VALIDATOR, is_running, pids_of, read_status, run_validator
from node.chain.genesis_block import read_genesis
from tests.integration.stand_in import stand_in

WAIT_S = 60


@dataclass
class Watched:
    """A validator that runs in this process, and what it told."""

    home: ValidatorHome
    told: list[UnitState] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self) -> "asyncio.Task[None]":
        """Start it."""
        return asyncio.create_task(run_validator(self.home, self.stop, self.tell))

    def tell(self, unit: str, state: UnitState) -> None:
        """Keep what it tells."""
        assert unit == VALIDATOR, "a validator without a desk"
        self.told.append(state)

    async def until(self, is_so: Callable[[UnitState], bool]) -> UnitState:
        """Wait for a state."""
        async with asyncio.timeout(WAIT_S):
            while not (self.told and is_so(self.told[-1])):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return self.told[-1]


@pytest.fixture
def watched(tmp_path: Path, engines: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A validator that executes by geth, prepared."""
    network = LocalNetwork(tmp_path / "network")
    network.make(1, engine="geth", engines=engines, now_s=1_790_000_000)
    monkeypatch.setattr(running, "validator_unit", stand_in)
    return Watched(network.validator(1).home)


def our_block_zero(home: ValidatorHome) -> str:
    """The hash of ours."""
    return "0x" + read_genesis(json.loads(home.genesis.read_text())).block.header.hash.hex()


async def block_zero_of(home: ValidatorHome) -> str:
    """The hash of geth's block 0."""
    reader, writer = await asyncio.open_unix_connection(home.run / "geth.ipc")
    ask = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x0", False]}
    writer.write(json.dumps(ask).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return str(answer["result"]["hash"])


async def test_validator_runs_starts_again_when_a_program_is_killed_and_stops_in_order(watched: Watched) -> None:
    home = watched.home
    run = watched.run()
    first = await watched.until(lambda state: state.state == "running")
    assert sorted(first.pids) == ["chain", "cometbft", "geth"]
    assert await block_zero_of(home) == our_block_zero(home)
    health = await look_at(home)
    assert (health.state, health.engine_number, health.consensus_height) == ("running", 0, 1)
    with pytest.raises(HomeError, match="in use"):
        await run_validator(home, watched.stop, watched.tell)

    os.kill(first.pids["geth"], signal.SIGKILL)
    second = await watched.until(lambda state: state.state == "running" and state.restarts == 1)
    assert "geth ended with code -9" in second.reason
    assert not set(first.pids.values()) & set(second.pids.values())

    watched.stop.set()
    await run
    assert not is_running(home)
    status = read_status(home)
    assert status is not None
    assert (status["state"], status["pids"]) == ("stopped", {})


async def test_validator_goes_on_when_its_desk_ends_and_is_given_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Program("desk", (sys.executable, "-c", "raise SystemExit('no desk today')"), ready="desk_listening")
    monkeypatch.setattr(running, "desk_unit", lambda home, _settings, _desk: Unit(home.root, (desk,)))
    monkeypatch.setattr(restarting, "ENDS_MAX", 3)
    home = watched.home
    LocalNetwork(home.root.parent).add_desk()
    told: dict[str, list[UnitState]] = {VALIDATOR: watched.told, DESK: []}
    run = asyncio.create_task(run_validator(home, watched.stop, lambda unit, state: told[unit].append(state)))
    first = await watched.until(lambda state: state.state == "running")
    async with asyncio.timeout(WAIT_S):
        while not (told[DESK] and told[DESK][-1].state == "failed"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    health = await look_at(home)
    assert (health.state, health.restarts, health.desk) == ("running", 0, "failed")
    assert "no desk today" in health.desk_reason
    assert pids_of(read_status(home) or {}) == first.pids
    watched.stop.set()
    await run


async def test_geth_database_is_made_again_when_it_was_deleted(watched: Watched) -> None:
    for removed in ("geth", "geth/geth/chaindata"):
        shutil.rmtree(watched.home.root / removed, ignore_errors=True)
        watched.stop.clear()
        run = watched.run()
        await watched.until(lambda state: state.state == "running")
        assert await block_zero_of(watched.home) == our_block_zero(watched.home)
        watched.stop.set()
        await run


async def test_start_says_what_geth_said_when_it_refuses_the_genesis(watched: Watched) -> None:
    genesis = json.loads(watched.home.genesis.read_text())
    watched.home.genesis.write_text(json.dumps(genesis | {"alloc": {"0x12": {"balance": "?"}}}))
    run = watched.run()
    state = await watched.until(lambda state: state.state == "waiting")
    assert "geth init ended with code 1" in state.reason
    watched.stop.set()
    await run


async def test_validator_runs_on_when_what_it_says_cannot_be_written(watched: Watched) -> None:
    def tell(unit: str, state: UnitState) -> None:
        watched.tell(unit, state)
        raise OSError(28, "No space left on device")

    run = asyncio.create_task(run_validator(watched.home, watched.stop, tell))
    await watched.until(lambda state: state.state == "running")
    watched.stop.set()
    await run
    assert [state.state for state in watched.told] == ["starting", "running", "stopped"]
