"""Validators killed under load, stopped, and without their engine's data: nothing acknowledged is lost, all agree."""

import asyncio
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from node.app.validator.local_network import LocalNetwork
from node.app.validator.running import read_status
from scripts.bench_chain import Rpc
from scripts.bench_network import Running
from tests.integration.loaded_network import (
    Load,
    block_number,
    connected,
    fund_all,
    read,
    require_equal_hashes,
    require_included_everywhere,
    until,
)

KILLS = int(os.environ.get("LANDFALL_KILLS", "5"))
"""`make soak` sets 50."""
_log = structlog.get_logger("landfall.tests")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, engines: Path) -> Iterator[LocalNetwork]:
    """Three validators with geth and one with py-evm."""
    made = LocalNetwork(tmp_path_factory.mktemp("faults") / "network")
    made.make(4, engine="mixed", engines=engines, now_s=int(time.time()))
    made.up()
    yield made
    made.down()


def status(network: LocalNetwork, number: int) -> dict[str, Any]:
    return read_status(network.validator(number).home) or {}


async def restarted(network: LocalNetwork, number: int, program: str) -> None:
    """Kill a program and wait until its supervisor has started the unit again."""
    before = status(network, number).get("restarts", 0)
    network.kill(number, program)

    async def is_again() -> bool:
        now = status(network, number)
        return now.get("restarts", 0) > before and now["state"] == "running"

    await until(is_again)


async def caught_up(running: Running) -> None:
    """Wait until every validator has the head that the furthest has now."""
    head = max([await block_number(rpc) for rpc in running.clients])
    for rpc in running.clients:

        async def has_head(rpc: Rpc = rpc) -> bool:
            return await block_number(rpc) >= head

        await until(has_head)


async def test_acknowledged_transactions_survive_when_processes_are_killed_under_load(network: LocalNetwork) -> None:
    dice = random.Random(KILLS)
    victims = ["geth", "chain", "cometbft", "one", "all"]
    async with connected(network) as running:
        await fund_all(running)
        load = Load(running)
        async with load.on():
            for turn in range(KILLS):
                await asyncio.sleep(dice.uniform(0.3, 2))
                begin = time.monotonic()
                victim, number = victims[turn % len(victims)], dice.randint(1, 3)
                if victim == "all":
                    await asyncio.gather(*(asyncio.to_thread(network.kill, one) for one in range(1, 5)))
                    await asyncio.to_thread(network.up)
                elif victim == "one":
                    await asyncio.to_thread(network.kill, number)
                    await asyncio.to_thread(network.up, [number])
                else:
                    await restarted(network, number, victim)
                await caught_up(running)
                _log.info("killed", victim=victim, validator=number, back_after_s=round(time.monotonic() - begin, 1))
        assert len(load.acknowledged) > 20 * KILLS
        await require_included_everywhere(running, load.acknowledged)
        await require_equal_hashes(running)


async def test_network_goes_on_with_one_down_and_waits_with_two(network: LocalNetwork) -> None:
    async with connected(network) as running:
        await asyncio.to_thread(network.kill, 2)
        running.clients.pop(1)
        load = Load(running)
        before = await block_number(running.clients[0])

        async def goes_on() -> bool:
            return await block_number(running.clients[0]) >= before + 2

        async with load.on():
            await until(goes_on)
        await require_included_everywhere(running, load.acknowledged)

        await asyncio.to_thread(network.kill, 3)
        stopped = Load(running)
        running.clients.pop(1)
        at = await block_number(running.clients[0])
        async with stopped.on():
            await asyncio.sleep(5)
        # What was under way when the third was killed may still come.
        assert await block_number(running.clients[0]) <= at + 1
        assert stopped.acknowledged
        await asyncio.to_thread(network.up, [2, 3])
    async with connected(network) as running:
        await require_included_everywhere(running, load.acknowledged | stopped.acknowledged)
        await require_equal_hashes(running)


async def test_engine_is_rebuilt_from_the_chain_when_its_database_is_deleted(network: LocalNetwork) -> None:
    one = network.validator(1)
    await asyncio.to_thread(network.down, [1])
    shutil.rmtree(one.home.geth)
    await asyncio.to_thread(network.up, [1])
    log = (one.home.root / "logs" / "chain.log").read_text("utf-8")
    assert '"event": "engine_rebuilding"' in log
    assert '"event": "engine_rebuilt"' in log
    async with connected(network) as running:
        first = await read(running.clients[0], "eth_getBlockByNumber", "0x1", False)
        assert first is not None
        await require_equal_hashes(running)
