"""What the network of four validators survives: kill -9 under load, validators that are down, lost databases."""

import asyncio
import json
import logging
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from node.app.validator.home import read_genesis_file
from node.app.validator.local_network import SUPERVISOR, LocalNetwork, LocalValidator
from node.app.validator.running import read_status
from tests.integration.consensus_nodes import transfer
from tests.integration.network_load import (
    TOKEN,
    Load,
    Node,
    RefusedError,
    Rig,
    TokenLoad,
    asked,
    eventually,
    included,
    local_network,
    restarts_of,
)

pytestmark = pytest.mark.network

_log = logging.getLogger(__name__)
PROGRAMS = ("chain", "cometbft", "geth", SUPERVISOR)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, engines: Path) -> Iterator[Rig]:
    """Three validators execute by geth, the last by py-evm."""
    with local_network(tmp_path_factory.mktemp("kills") / "n", engines) as network:
        yield Rig(network, Load())


async def stands_still(nodes: list[Node], seconds: float) -> None:
    """Watch the nodes for so long: none has a new block. What is on its way when they begin is let through."""
    await asyncio.sleep(2)
    before = [await node.block_number() for node in nodes]
    await asyncio.sleep(seconds)
    assert [await node.block_number() for node in nodes] == before


async def kill(network: LocalNetwork, kind: str, dice: random.Random, number: int) -> str:
    """Kill -9 processes of a validator, or of all; return which. Who has no supervisor any more is started again."""
    one = network.validator(number)
    if kind == "one process":
        process = dice.choice([name for name in PROGRAMS if (name, number) != ("geth", 4)])
        network.kill(number, process)
        if process == SUPERVISOR:
            await eventually(lambda: not one.is_running, f"the programs of {one.name} to end")
            await asyncio.to_thread(network.up, [number])
        return f"{process} of {one.name}"
    chosen = [number] if kind == "one validator" else [1, 2, 3, 4]
    for number in chosen:
        await asyncio.to_thread(network.kill, number)
    await asyncio.to_thread(network.up, chosen)
    return f"all of {', '.join(network.validator(number).name for number in chosen)}"


async def back(load: Load, nodes: list[Node]) -> None:
    """Wait until every validator takes a transaction and has those of the others."""
    hashes = [await load.send(node) for node in nodes]
    for node in nodes:
        await included(node, hashes)


KINDS = ("one process", "one validator", "one process", "all validators", "one process")


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.soak)])
async def test_nothing_acknowledged_is_lost_when_processes_are_killed_under_load(rig: Rig, kills: int) -> None:
    seed = time.time_ns()
    dice = random.Random(seed)
    async with asked(rig.network) as nodes:
        async with rig.load.running(nodes, dice):
            for at in range(kills):
                await asyncio.sleep(dice.uniform(0.5, 2))
                began = time.monotonic()
                what = await kill(rig.network, KINDS[at % len(KINDS)], dice, dice.randint(1, 4))
                started = time.monotonic()
                await back(rig.load, nodes)
                now = time.monotonic()
                _log.warning(
                    "killed %s (seed %d): back after %.1f s, %.1f s after its start",
                    what,
                    seed,
                    now - began,
                    now - started,
                )
        number = await rig.load.settle(nodes)
    _log.warning("%d transactions acknowledged, %d blocks", len(rig.load.acknowledged), number)


async def test_network_goes_on_without_one_and_stands_still_without_two(rig: Rig) -> None:
    network, load = rig.network, rig.load
    async with asked(network) as nodes:
        await asyncio.to_thread(network.down, [3])
        rest = [nodes[0], nodes[1], nodes[3]]
        await included(rest[2], [await load.send(rest[0])])
        await asyncio.to_thread(network.kill, 4)
        # Two of four: what is acknowledged waits.
        waiting = [await load.send(node) for node in nodes[:2]]
        await stands_still(nodes[:2], 3)
        await asyncio.to_thread(network.up, [4])
        for node in rest:
            await included(node, waiting)
        await asyncio.to_thread(network.up, [3])
        await load.settle(nodes)


async def test_node_says_so_and_rebuilds_when_the_database_of_geth_is_deleted(rig: Rig) -> None:
    network, load = rig.network, rig.load
    home = network.validator(2).home
    async with asked(network) as nodes:
        hashes = [await load.send(nodes[0])]
        await included(nodes[1], hashes)
        await asyncio.to_thread(network.kill, 2)
        shutil.rmtree(home.geth)
        await asyncio.to_thread(network.up, [2])
        number = await load.settle(nodes)
    events = [json.loads(line) for line in (home.root / "logs" / "chain.log").read_text("utf-8").splitlines()]
    rebuilding = [one for one in events if one["event"] == "engine_rebuilding"][-1]
    assert (rebuilding["engine"], rebuilding["from_number"]) == ("geth", 1)
    assert rebuilding["to_number"] <= number
    assert events[-1]["timestamp"] >= [one for one in events if one["event"] == "engine_rebuilt"][-1]["timestamp"]


async def test_node_refuses_and_comes_back_when_its_disk_was_full(rig: Rig) -> None:
    """No write of its processes reaches the disk any more: a limit on the size of files stands for it."""
    network, load = rig.network, rig.load
    victim = network.validator(2)
    async with asked(network) as nodes:
        await load.settle(nodes)
        restarts = restarts_of(victim)
        chain, supervisor = victim.pid("chain"), victim.pid(SUPERVISOR)
        limit_files(chain, 0)
        raw = transfer(load.senders[1], nonce=load.senders[1].nonce)
        with pytest.raises(RefusedError, match=r"journal: expected a durable write, got .*; free space and restart"):
            await nodes[1].ask("eth_sendRawTransaction", "0x" + raw.hex())
        # The next block ends the process: nothing that it could answer would be true.
        await included(nodes[0], [await load.send(nodes[0])])
        await eventually(lambda: restarts_of(victim) > restarts, "the unit to start again")
        assert "chain store: expected a durable write" in (read_status(victim.home) or {})["reason"]
        await load.settle(nodes)
        # And now the whole validator has no room, also not to start again.
        limit_files(supervisor, 0)
        limit_files(victim.pid("chain"), 0)
        chain = victim.pid("chain")
        await included(nodes[0], [await load.send(nodes[0])])
        await eventually(lambda: not Path(f"/proc/{chain}/exe").exists(), "the chain process to end")
        await included(nodes[0], [await load.send(nodes[2])])
        limit_files(supervisor, resource.RLIM_INFINITY)
        await load.settle(nodes)
        assert await nodes[1].ask("eth_getTransactionReceipt", "0x" + keccak(raw).hex()) is None
        await included(nodes[1], [await nodes[1].ask("eth_sendRawTransaction", "0x" + raw.hex())])
        load.senders[1].nonce += 1


def limit_files(pid: int, size: int) -> None:
    """Let a process, and what it starts from now on, write no file beyond a size."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


async def test_network_goes_on_and_catches_up_when_a_peer_is_slow(rig: Rig) -> None:
    """CometBFT of one validator stops for a second or more, again and again: late votes, late proposals."""
    dice = random.Random(7)
    async with asked(rig.network) as nodes:
        async with rig.load.running(nodes, dice):
            pid = rig.network.validator(3).pid("cometbft")
            before = await nodes[0].block_number()
            for _ in range(5):
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(dice.uniform(0.5, 2))
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(dice.uniform(0.1, 0.5))
        await rig.load.settle(nodes)
        assert await nodes[0].block_number() > before
        assert rig.network.validator(3).pid("cometbft") == pid


@pytest.mark.soak
async def test_network_stays_whole_and_flat_when_validators_are_killed_for_long(tmp_path: Path, engines: Path) -> None:
    """`LANDFALL_SOAK_S` seconds, 1,800 by default. The first validator is never killed: its memory is looked at."""
    length_s = float(os.environ.get("LANDFALL_SOAK_S", "1800"))
    seed = time.time_ns()
    dice = random.Random(seed)
    memory: list[dict[str, int]] = []
    with local_network(tmp_path / "n", engines) as network:
        landfall = read_genesis_file(network.validator(1).home.genesis)["landfall"]
        load = TokenLoad(token=bytes.fromhex(landfall["tokens"][TOKEN]["address"][2:]))
        async with asked(network) as nodes:
            await load.issue(nodes[0])
            for third in range(3):
                end = time.monotonic() + length_s / 3
                kills = 0
                async with load.running(nodes, dice):
                    while time.monotonic() < end:
                        await asyncio.sleep(dice.uniform(5, 30))
                        await kill(network, ("one process", "one validator")[kills % 2], dice, dice.randint(2, 4))
                        kills += 1
                number = await load.settle(nodes)
                memory.append(memory_of(network.validator(1)))
                _log.warning(
                    "third %d (seed %d): %d kills, %d transactions, %d blocks, MB %s",
                    *(third + 1, seed, kills, len(load.acknowledged), number, memory[-1]),
                )
            assert {await load.supply(node) for node in nodes} == {sum(load.amounts.values())}
    for name, megabytes in memory[0].items():
        assert memory[-1][name] <= 1.5 * megabytes + 64, name


def memory_of(one: LocalValidator) -> dict[str, int]:
    """Resident memory of each process, in MB."""
    status = read_status(one.home) or {}
    pids = {**status["pids"], SUPERVISOR: status["supervisor"]}
    page = os.sysconf("SC_PAGE_SIZE")
    return {name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page >> 20 for name, pid in pids.items()}
