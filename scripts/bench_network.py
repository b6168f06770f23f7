"""Figures of a network of validators on this machine: ERC-20 transfers per second, latency, memory, restart.

Makes a network in a temporary folder, starts real processes, loads it over JSON-RPC with transfers signed
beforehand, and prints JSON with CPU by program. Needs `make engines`. Run:
`python scripts/bench_network.py [--validators N] [--engine geth|pyevm|mixed] [--transfers N] [--dual-signed]`.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bridge.proofs.items import second_signature_context
from contracts.client.artifacts import encode_call
from contracts.client.deployment import Deployment
from node.app.cast import devnet_seed, load_cast
from node.app.validator.local_network import LocalNetwork, LocalValidator
from node.app.validator.running import read_status
from node.chain.transactions import decode_transaction
from pqc import liboqs, signatures
from pqc.signatures import KeyPair
from scripts.bench import describe_machine
from scripts.bench_chain import Account, Rpc, resident_mb

SENDERS = 100
BATCH = 250
IN_FLIGHT = 2_500
"""Two seconds of work of four validators: a longer queue would only make each transfer wait longer."""
TRANSFER_GAS = 120_000
SPACING_S = 2.0
LOADED_SAMPLE_S = 1.0


@dataclass
class Load:
    """Signed transfers, in the order of each sender's nonces: by validator, batches of JSON-RPC calls."""

    calls: list[list[list[tuple[str, list[Any]]]]]
    count: int
    signing_s: float


@dataclass
class Running:
    """A network and clients of its validators."""

    network: LocalNetwork
    clients: list[Rpc]
    chain_id: int
    token: bytes
    registry: bytes
    senders: list[Account]
    keys: dict[bytes, KeyPair] = field(default_factory=dict)

    def call(self, account: Account, raw: bytes) -> tuple[str, list[Any]]:
        """Return the JSON-RPC call that sends a transaction, with its second signature where the account has a key."""
        key = self.keys.get(account.address)
        if key is None:
            return "eth_sendRawTransaction", ["0x" + raw.hex()]
        signature = signatures.sign(key, decode_transaction(raw).hash, second_signature_context(self.chain_id))
        return "landfall_sendDualSigned", ["0x" + raw.hex(), "0x" + signature.hex()]

    def transfer(self, sender: Account, to: Account, amount: int = 1) -> tuple[str, list[Any]]:
        """Return the call that sends a transfer of tokens."""
        data = encode_call("SettlementToken", "transfer", (to.address, amount))
        return self.call(sender, sender.sign(self.token, data, TRANSFER_GAS))


def pids(network: LocalNetwork) -> dict[str, int]:
    """Return every program's process id, named by validator and program."""
    return {
        f"{one.number} {name}": pid
        for one in network.validators
        for name, pid in {**(read_status(one.home) or {})["pids"], "supervisor": one.pid("supervisor")}.items()
    }


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def fund(running: Running, issuer: Account, bank: Account) -> None:
    """Give every sender tokens, from the central bank through a bank."""
    rpc, token = running.clients[0], running.token
    request = encode_call("SettlementToken", "request_issuance", (10**12, bytes(32)))
    issue = encode_call("SettlementToken", "issue", (bank.address, 10**12, bytes(32)))
    for account, data in ((bank, request), (issuer, issue)):
        await included(rpc, [running.call(account, account.sign(token, data, 500_000))])
    await included(rpc, [running.transfer(bank, one, 10**7) for one in running.senders])


async def included(rpc: Rpc, calls: Sequence[tuple[str, list[Any]]]) -> None:
    """Send and wait until all are in blocks.

    Raises:
        RuntimeError: one of them failed.
    """
    for tx_hash in await rpc.batch(calls):
        receipt = await rpc.wait_included(tx_hash)
        if receipt["status"] != "0x1":
            raise RuntimeError(f"{tx_hash} failed")


async def register_keys(running: Running) -> None:
    """Let the senders, which are institutions' accounts, sign twice: each registers a key of its own."""
    for account in running.senders:
        key = signatures.from_seed("ML-DSA-65", devnet_seed(account.address.hex(), "bench"))
        data = encode_call("ParticipantRegistry", "register_transaction_key", (key.public_key,))
        await included(running.clients[0], [running.call(account, account.sign(running.registry, data, 5_000_000))])
        running.keys[account.address] = key


def sign_load(running: Running, count: int) -> Load:
    """Sign beforehand; each sender always goes through the same validator, so that its nonces come in order."""
    begin = time.perf_counter()
    senders, validators = running.senders, len(running.clients)
    by_validator: list[list[tuple[str, list[Any]]]] = [[] for _ in range(validators)]
    for index in range(count):
        at = index % len(senders)
        to = senders[(index * 7 + 1) % len(senders)]
        by_validator[at % validators].append(running.transfer(senders[at], to))
    batches = [[calls[start : start + BATCH] for start in range(0, len(calls), BATCH)] for calls in by_validator]
    return Load(batches, count, time.perf_counter() - begin)


class Progress:
    """How many transactions are in blocks, as validator 1 says."""

    def __init__(self, rpc: Rpc, block_number: int) -> None:
        self._rpc = rpc
        self._number = block_number
        self.included = 0
        self.block_sizes: list[int] = []

    async def update(self) -> int:
        """Count the new blocks' transactions."""
        head = int(await self._rpc.call("eth_blockNumber"), 16)
        numbers = range(self._number + 1, head + 1)
        if numbers:
            calls = [("eth_getBlockTransactionCountByNumber", [hex(number)]) for number in numbers]
            sizes = [int(size, 16) for size in await self._rpc.batch(calls)]
            self.block_sizes += sizes
            self.included += sum(sizes)
            self._number = head
        return self.included


async def measure_throughput(running: Running, count: int, in_flight: int) -> dict[str, Any]:
    """Send everything with at most so many waiting, and time until the last is in a block."""
    load = await asyncio.to_thread(sign_load, running, count)
    watcher = running.clients[0]
    progress = Progress(watcher, int(await watcher.call("eth_blockNumber"), 16))
    processes = pids(running.network)
    before = {name: cpu_s(pid) for name, pid in processes.items()}
    own = time.process_time()
    sent, begin = 0, time.perf_counter()

    async def feed(rpc: Rpc, batches: Sequence[Sequence[tuple[str, list[Any]]]]) -> None:
        nonlocal sent
        for batch in batches:
            while sent - progress.included > in_flight:  # noqa: ASYNC110 - the counter is the watcher's
                await asyncio.sleep(0.05)
            sent += len(batch)
            await rpc.batch(batch)

    latencies: list[float] = []
    sampler = asyncio.create_task(_sample_latency(running, latencies))
    feeders = [asyncio.create_task(feed(rpc, part)) for rpc, part in zip(running.clients, load.calls, strict=True)]
    while await progress.update() < count:
        await asyncio.sleep(0.1)
        for task in feeders:
            if task.done():
                task.result()
        if sampler.done():
            sampler.result()
    elapsed = time.perf_counter() - begin
    sampler.cancel()
    spent = {name: cpu_s(pid) - before[name] for name, pid in processes.items()}
    generator_s = time.process_time() - own
    await _same_hashes(running)
    return {
        "transfers": count,
        "seconds": round(elapsed, 1),
        "transfers_per_s": round(count / elapsed),
        "blocks": len(progress.block_sizes),
        "cpu_us_per_transfer": {
            **{name: round(spent[name] / count * 1e6) for name in sorted(spent)},
            "load generator": round(generator_s / count * 1e6),
        },
        "loaded_submit_to_receipt_s": _percentiles(latencies, 2),
        "memory_mb": memory_mb(running.network),
        "signing_s": round(load.signing_s, 1),
    }


async def _sample_latency(running: Running, latencies: list[float]) -> None:
    """Under load: submit one transfer at a time, wait for the receipt on another validator."""
    sampler = Account(devnet_seed("sampler", "bench"), running.chain_id)
    last = running.clients[-1]
    while True:
        begin = time.perf_counter()
        method, params = running.transfer(sampler, running.senders[0], 0)
        tx_hash = await running.clients[0].call(method, *params)
        await last.wait_included(tx_hash, 0.05)
        latencies.append(time.perf_counter() - begin)
        await asyncio.sleep(LOADED_SAMPLE_S)


async def _same_hashes(running: Running) -> None:
    """Raise unless every validator comes to the same head."""
    head = await running.clients[0].call("eth_getBlockByNumber", "latest", False)
    for rpc in running.clients[1:]:
        async with asyncio.timeout(30):
            while (block := await rpc.call("eth_getBlockByNumber", head["number"], False)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        if block["hash"] != head["hash"]:
            raise RuntimeError(f"block {head['number']}: expected {head['hash']} everywhere, got {block['hash']}")


async def measure_latency(running: Running, count: int) -> dict[str, Any]:
    """Idle: one transfer at a time on validator 1, until its receipt is on the last one."""
    latencies = []
    first, last = running.clients[0], running.clients[-1]
    for index in range(count):
        await asyncio.sleep(SPACING_S)
        method, params = running.transfer(running.senders[index % len(running.senders)], running.senders[0])
        begin = time.perf_counter()
        tx_hash = await first.call(method, *params)
        await last.wait_included(tx_hash, 0.002)
        latencies.append((time.perf_counter() - begin) * 1000)
    return _percentiles(latencies, 0)


async def measure_restart(running: Running) -> dict[str, float]:
    """Kill the last validator, let the others go on, start it, and time until it has their head."""
    number = len(running.clients)
    running.network.kill(number)
    rpc = running.clients[0]
    if number > 1:
        for index in range(5):
            await included(rpc, [running.transfer(running.senders[index], running.senders[-1])])
    begin = time.perf_counter()
    await asyncio.to_thread(running.network.up, [number])
    started = time.perf_counter() - begin
    await _same_hashes(running)
    return {"started_s": round(started, 1), "caught_up_s": round(time.perf_counter() - begin, 1)}


def memory_mb(network: LocalNetwork) -> dict[str, float]:
    """Return resident memory by validator, of all its processes."""
    found: dict[str, float] = {}
    for name, pid in pids(network).items():
        number = name.partition(" ")[0]
        found[number] = round(found.get(number, 0.0) + resident_mb(pid), 1)
    return found


def _percentiles(values: Sequence[float], digits: int) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "samples": len(ordered),
        "p50": round(statistics.median(ordered), digits),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], digits),
        "max": round(ordered[-1], digits),
    }


def _session_urls(validators: Sequence[LocalValidator]) -> Iterator[str]:
    for one in validators:
        yield one.rpc_url


async def run(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make a network, measure, stop it."""
    if chosen.liboqs:
        signatures.use_backend(liboqs.load(chosen.liboqs))
    network = LocalNetwork(folder / "network")
    network.make(
        chosen.validators,
        engine=chosen.engine,
        algorithm=chosen.keys,
        engines=chosen.engines,
        liboqs=chosen.liboqs,
        now_s=int(time.time()),
    )
    genesis = json.loads(network.validators[0].home.genesis.read_text("utf-8"))
    chain_id = genesis["config"]["chainId"]
    deployment = Deployment.from_genesis(genesis["landfall"], chain_id)
    cast = load_cast()
    accounts = {one.id: Account(devnet_seed(one.id, "transaction"), chain_id) for one in cast.institutions}
    try:
        await asyncio.to_thread(network.up)
        async with AsyncExitStack() as stack:
            clients = [
                Rpc(await stack.enter_async_context(aiohttp.ClientSession()), url)
                for url in _session_urls(network.validators)
            ]
            running = Running(
                network=network,
                clients=clients,
                chain_id=chain_id,
                token=bytes.fromhex(deployment.address("EUR")[2:]),
                registry=bytes.fromhex(deployment.address("ParticipantRegistry")[2:]),
                senders=list(accounts.values())
                if chosen.dual_signed
                else [Account(1_000 + number, chain_id) for number in range(SENDERS)],
            )
            issuer = next(c.issuer for c in cast.currencies if c.code == "EUR")
            bank = next(one.id for one in cast.institutions if "bank" in one.roles)
            await fund(running, accounts[issuer], accounts[bank])
            if chosen.dual_signed:
                await register_keys(running)
            figures: dict[str, Any] = {}
            if chosen.latencies:
                figures["idle_submit_to_receipt_ms"] = await measure_latency(running, chosen.latencies)
            if chosen.transfers:
                figures["load"] = await measure_throughput(running, chosen.transfers, chosen.in_flight)
            if chosen.restart:
                figures["restart"] = await measure_restart(running)
            return figures
    finally:
        await asyncio.to_thread(network.down)


async def main() -> None:
    """Run what is chosen and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--validators", type=int, default=4)
    parser.add_argument("--engine", choices=("geth", "pyevm", "mixed"), default="geth")
    parser.add_argument("--keys", choices=("ML-DSA-65", "Ed25519"), default="ML-DSA-65")
    parser.add_argument("--transfers", type=int, default=100_000, help="0 = none")
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="transfers that wait for a block at most")
    parser.add_argument("--latencies", type=int, default=20, help="idle samples; 0 = none")
    parser.add_argument("--dual-signed", action="store_true", help="every sender signs by an ML-DSA-65 key too")
    parser.add_argument("--restart", action="store_true", help="kill a validator at the end and time its return")
    parser.add_argument("--engines", type=Path, help="folder of cometbft and geth")
    parser.add_argument("--liboqs", type=Path, help="folder of liboqs")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = await run(chosen, Path(folder))
    print(json.dumps({"machine": describe_machine(), **vars(chosen), **figures}, indent=2, default=str))


if __name__ == "__main__":
    asyncio.run(main())
