"""ERC-20 transfers per second of the execution engines alone, without consensus and without the node around them.

Every engine starts from the same genesis and takes the same signed transfers of a `SettlementToken` from 100 senders:
geth driven by the Engine API as a validator drives it (list to block, import, head), the py-evm engine, and for
comparison `geth --dev` and anvil over their own JSON-RPC with blocks each second. Prints a Markdown table with the
CPU of each process. Run: `python scripts/bench_engines.py --geth PATH [--anvil PATH] [--transfers N]`
(anvil: `npm install @foundry-rs/anvil@1.7.1`).
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.client.artifacts import encode_call
from node.app.supervisor import free_port
from node.chain.genesis_block import Genesis, read_genesis
from node.chain.geth.command import geth_command, geth_init_command
from node.chain.geth.engine import GethEngine
from node.chain.limits import EXTRA_DATA
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment
from node.chain.pyevm.engine import PyEvmBlock
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, decode_transaction
from scripts.bench_chain import BATCH, SENDERS, Account, Rpc, prepare_home, resident_mb

TRANSFER_GAS = 120_000
FEE_MAX = 10**9
"""Wei; development nodes fill whole blocks, after which their base fee is no longer zero."""
PER_BLOCK = 400
"""Transfers that fit half a gas limit of 60 M, once the engine has seen what they use."""


@dataclass(frozen=True)
class Work:
    """A genesis and what to execute on it: first the funding, block by block, then the transfers."""

    genesis_file: Path
    genesis: Genesis
    funding: list[list[bytes]]
    transfers: list[bytes]


@dataclass(frozen=True)
class Figure:
    """One row: CPU in microseconds per transfer, by process."""

    engine: str
    transfers: int
    seconds: float
    cpu_us: dict[str, float]
    resident_mb: float


def prepare(folder: Path, count: int) -> Work:
    """Sign everything beforehand."""
    accounts = [Account(number + 1) for number in range(SENDERS + 2)]
    token = prepare_home(folder, accounts)
    issuer, bank, *senders = accounts

    def transfer(sender: Account, to: Account, amount: int) -> bytes:
        return sender.sign(
            token, encode_call("SettlementToken", "transfer", (to.address, amount)), TRANSFER_GAS, FEE_MAX
        )

    request = encode_call("SettlementToken", "request_issuance", (10**15, bytes(32)))
    issue = encode_call("SettlementToken", "issue", (bank.address, 10**15, bytes(32)))
    funding = [
        [bank.sign(token, request, 500_000)],
        [issuer.sign(token, issue, 500_000)],
        [transfer(bank, one, 10**9) for one in senders],
    ]
    transfers = [transfer(senders[index % SENDERS], senders[(index * 7 + 1) % SENDERS], 1) for index in range(count)]
    path = folder / "genesis.json"
    return Work(path, read_genesis(json.loads(path.read_text("utf-8"))), funding, transfers)


def _blocks(work: Work) -> tuple[list[list[Transaction]], list[list[Transaction]]]:
    blocks = [work.transfers[start : start + PER_BLOCK] for start in range(0, len(work.transfers), PER_BLOCK)]
    return _decoded(work.funding), _decoded(blocks)


def _decoded(blocks: list[list[bytes]]) -> list[list[Transaction]]:
    return [[decode_transaction(raw) for raw in block] for block in blocks]


# -- engines of the node ---------------------------------------------------------------------------------


async def bench_geth(work: Work, home: Path, binary: Path) -> Figure:
    """Drive geth as a validator does: build from a list, import, make head."""
    ipc = home / "run" / "geth.ipc"
    ipc.parent.mkdir(mode=0o700)
    arguments, environment = geth_command(binary, home, ipc, work.genesis.block.header.gas_limit)
    await _init(geth_init_command(binary, home, work.genesis_file))
    async with _process(arguments, environment) as process:
        store = ChainStore(home / "chain")
        store.commit(work.genesis.block, None)
        engine = GethEngine(store, work.genesis, ipc)
        await engine.open()
        head, pool, nonces = work.genesis.block.header, Mempool(), dict[bytes, int]()

        async def make(transactions: list[Transaction]) -> None:
            nonlocal head
            for tx in transactions:
                pool.add(tx, nonces.get(tx.sender, 0))
            while len(pool):
                block = await engine.build(_next(head), pool)
                _require(bool(block.transactions), "geth left everything out of a block")
                store.commit(block, None)
                await engine.committed(block)
                head = block.header
                nonces.update({tx.sender: tx.nonce + 1 for tx in block.transactions})
                pool.advance(nonces.items())

        try:
            return await _measure_blocks("geth, Engine API", work, make, process.pid)
        finally:
            await engine.close()
            store.close()


async def bench_py_evm(work: Work, home: Path) -> Figure:
    """Execute and store blocks with the reference engine."""
    store = ChainStore(home / "chain")
    store.commit(work.genesis.block, None)
    head = work.genesis.block.header

    async def make(transactions: list[Transaction]) -> None:
        nonlocal head
        execution = PyEvmBlock(store, work.genesis.chain_id, _next(head))
        for tx in transactions:
            execution.apply(tx)
        block = execution.seal()
        store.commit(block, None)
        head = block.header

    try:
        return await _measure_blocks("py-evm engine", work, make, None)
    finally:
        store.close()


def _next(head: Any) -> BlockEnvironment:
    return BlockEnvironment(
        parent=head,
        timestamp=head.timestamp + 1,
        coinbase=b"\x0c" * 20,
        gas_limit=head.gas_limit,
        extra_data=EXTRA_DATA,
    )


async def _measure_blocks(
    name: str, work: Work, make: Callable[[list[Transaction]], Awaitable[None]], pid: int | None
) -> Figure:
    funding, blocks = _blocks(work)
    for block in funding:
        await make(block)
    pids = {"this process": os.getpid()} | ({} if pid is None else {"geth": pid})
    before, begin = {each: _cpu_s(pid) for each, pid in pids.items()}, time.perf_counter()
    for block in blocks:
        await make(block)
    seconds = time.perf_counter() - begin
    spent = {each: (_cpu_s(pid) - before[each]) / len(work.transfers) * 1e6 for each, pid in pids.items()}
    return Figure(name, len(work.transfers), seconds, spent, resident_mb(pid or os.getpid()))


# -- other development nodes -----------------------------------------------------------------------------


async def bench_geth_dev(work: Work, home: Path, binary: Path) -> Figure:
    """Submit to `geth --dev` and wait for the last receipt."""
    datadir, port = str(home / "data"), free_port()
    await _init([str(binary), "--verbosity", "1", "init", "--datadir", datadir, str(work.genesis_file)])
    command = [
        *(str(binary), "--dev", "--dev.period", "1", "--datadir", datadir, "--verbosity", "1", "--port", "0"),
        *("--http", "--http.port", str(port), "--http.api", "eth,miner,txpool", "--authrpc.port", "0", "--ipcdisable"),
        *("--txpool.accountslots", "100000", "--txpool.globalslots", "200000", "--miner.gaslimit", "60000000"),
        *("--txpool.accountqueue", "100000", "--txpool.globalqueue", "200000"),
    ]
    async with _process(command, {}) as process, _client(port) as rpc:
        await rpc.call("miner_setGasPrice", "0x0")
        return await _measure_rpc("geth --dev", work, rpc, process.pid)


async def bench_anvil(work: Work, home: Path, binary: Path) -> Figure:
    """Submit to anvil and wait for the last receipt."""
    port = free_port()
    command = [
        *(str(binary), "--silent", "--port", str(port), "--init", str(work.genesis_file), "--block-time", "1"),
        *("--gas-limit", "60000000", "--gas-price", "0", "--block-base-fee-per-gas", "0", "--hardfork", "prague"),
        *("--disable-min-priority-fee", "--order", "fifo", "--cache-path", str(home)),
    ]
    async with _process(command, {}) as process, _client(port) as rpc:
        return await _measure_rpc("anvil", work, rpc, process.pid)


async def _measure_rpc(name: str, work: Work, rpc: Rpc, pid: int) -> Figure:
    for block in work.funding:
        receipt = await rpc.wait_included((await rpc.send(block))[-1])
        _require(receipt["status"] == "0x1", f"{name}: funding failed")
    pids = {"this process": os.getpid(), name: pid}
    before, begin = {each: _cpu_s(pid) for each, pid in pids.items()}, time.perf_counter()
    # One client per quarter of the senders, so that nonces stay in order.
    parts: list[list[bytes]] = [[] for _ in range(4)]
    for index, raw in enumerate(work.transfers):
        parts[index % SENDERS % 4].append(raw)
    hashes = await asyncio.gather(*(rpc.send(part) for part in parts))
    for part in hashes:
        if part:
            await rpc.wait_included(part[-1])
    seconds = time.perf_counter() - begin
    spent = {each: (_cpu_s(pid) - before[each]) / len(work.transfers) * 1e6 for each, pid in pids.items()}
    await _require_included(rpc, [one for part in hashes for one in part])
    return Figure(name, len(work.transfers), seconds, spent, resident_mb(pid))


async def _require_included(rpc: Rpc, hashes: list[str]) -> None:
    for start in range(0, len(hashes), BATCH):
        calls = [("eth_getTransactionReceipt", [one]) for one in hashes[start : start + BATCH]]
        for receipt in await rpc.batch(calls):
            _require(receipt is not None and receipt["status"] == "0x1", "a transfer is missing or failed")


# -- processes -------------------------------------------------------------------------------------------


async def _init(command: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    _require(await process.wait() == 0, f"{command[0]} init failed")


@contextlib.asynccontextmanager
async def _process(command: list[str], environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def _client(port: int) -> AsyncIterator[Rpc]:
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(session, f"http://127.0.0.1:{port}")
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await rpc.call("eth_chainId")
                    break
                await asyncio.sleep(0.1)
        yield rpc


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RuntimeError(message)


def _row(figure: Figure) -> str:
    cpu = ", ".join(f"{name} {spent:.0f}" for name, spent in figure.cpu_us.items())
    rate = figure.transfers / figure.seconds
    return f"| {figure.engine} | {figure.transfers:,} | {rate:,.0f} | {cpu} | {figure.resident_mb:.0f} |"


async def main() -> None:
    """Run each engine that is there, one after the other, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--geth", type=Path, help="the pinned geth")
    parser.add_argument("--anvil", type=Path, help="an anvil to compare with")
    parser.add_argument("--transfers", type=int, default=20_000)
    parser.add_argument("--py-evm-transfers", type=int, default=4_000, help="fewer, as it is slower")
    chosen = parser.parse_args()
    runs: list[tuple[int, Callable[[Work, Path], Awaitable[Figure]]]] = [(chosen.py_evm_transfers, bench_py_evm)]
    if chosen.geth:
        runs.append((chosen.transfers, lambda work, home: bench_geth(work, home, chosen.geth)))
        runs.append((chosen.transfers, lambda work, home: bench_geth_dev(work, home, chosen.geth)))
    if chosen.anvil:
        runs.append((chosen.transfers, lambda work, home: bench_anvil(work, home, chosen.anvil)))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| engine | transfers | per second | CPU us per transfer, by process | resident MB |\n|---|---|---|---|---|")
    for count, run in runs:
        folder = Path(tempfile.mkdtemp(prefix="bench"))
        try:
            (folder / "home").mkdir()
            print(_row(await run(prepare(folder, count), folder / "home")), flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
