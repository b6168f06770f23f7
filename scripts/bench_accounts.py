"""What a transfer costs as accounts grow: geth driven as a validator drives it, every transfer to a new account.

Prints a Markdown table: CPU of geth and of this process in microseconds per transfer, between powers of ten of
accounts. Needs `make engines`. Run: `python scripts/bench_accounts.py [--accounts 1000000]`.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contracts.client.artifacts import encode_call
from node.app.validator.engines import GETH, find_engine
from node.chain.geth.command import geth_command, geth_init_command
from node.chain.geth.engine import GethEngine
from node.chain.mempool import Mempool
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, decode_transaction
from scripts.bench_chain import SENDERS, Account, resident_mb
from scripts.bench_engines import TRANSFER_GAS, _cpu_s, _init, _next, _process, prepare

PER_BLOCK = 500
STEPS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


class Growing:
    """A chain on which every block makes as many accounts as it has transfers."""

    def __init__(self, engine: GethEngine, store: ChainStore, token: bytes, senders: Sequence[Account]) -> None:
        self._engine, self._store, self._token, self._senders = engine, store, token, senders
        header = store.header(0)
        assert header is not None, "genesis was committed"
        self._head = header
        self._made = 0

    async def make(self, raws: Sequence[Transaction]) -> None:
        """Build, store and take over blocks until all of these are in one."""
        pool = Mempool()
        nonces: dict[bytes, int] = {}
        for tx in raws:
            pool.add(tx, nonces.setdefault(tx.sender, tx.nonce))
        while len(pool):
            block = await self._engine.build(_next(self._head), pool)
            if not block.transactions:
                raise RuntimeError("geth left everything out of a block")
            self._store.commit(block, None)
            await self._engine.committed(block)
            self._head = block.header
            nonces.update({tx.sender: tx.nonce + 1 for tx in block.transactions})
            pool.advance(nonces.items())

    async def grow(self, count: int) -> None:
        """Transfer to so many new accounts."""
        transfers = []
        for _ in range(count):
            self._made += 1
            sender = self._senders[self._made % len(self._senders)]
            data = encode_call("SettlementToken", "transfer", (self._made.to_bytes(20, "big"), 1))
            transfers.append(decode_transaction(sender.sign(self._token, data, TRANSFER_GAS), sender.address))
        await self.make(transfers)


async def run(accounts: int, folder: Path, binary: Path) -> None:
    """Grow, and print a row at every step."""
    work = prepare(folder, 0)
    everyone = [Account(number + 1) for number in range(SENDERS + 2)]
    for account in everyone[:2]:
        account.nonce = 1
    everyone[1].nonce += SENDERS
    ipc = folder / "run" / "geth.ipc"
    ipc.parent.mkdir(mode=0o700)
    arguments, environment = geth_command(binary, folder, ipc, work.genesis.block.header.gas_limit)
    await _init(geth_init_command(binary, folder, folder / "genesis.json"))
    async with _process(arguments, environment) as process:
        store = ChainStore(folder / "chain")
        store.commit(work.genesis.block, None)
        engine = GethEngine(store, work.genesis, ipc)
        await engine.open()
        funding = [[decode_transaction(raw) for raw in block] for block in work.funding]
        chain = Growing(engine, store, funding[0][0].to, everyone[2:])
        for block in funding:
            await chain.make(block)
        await _measure(chain, accounts, process.pid)
        await engine.close()
        store.close()


async def _measure(chain: Growing, accounts: int, geth: int) -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| accounts | geth CPU us | this process CPU us | per second | geth MB |\n|---|---|---|---|---|")
    made = 0
    for step in (one for one in STEPS if one <= accounts):
        before, own, begin = _cpu_s(geth), time.process_time(), time.perf_counter()
        for _ in range((step - made) // PER_BLOCK):
            await chain.grow(PER_BLOCK)
        count, seconds = step - made, time.perf_counter() - begin
        spent = [(_cpu_s(geth) - before) / count * 1e6, (time.process_time() - own) / count * 1e6]
        made = step
        print(f"| {step:,} | {spent[0]:.0f} | {spent[1]:.0f} | {count / seconds:,.0f} | {resident_mb(geth):.0f} |")


def main() -> None:
    """Run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--engines", type=Path, help="folder of geth")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(chosen.accounts, Path(folder), find_engine(GETH, chosen.engines)))


if __name__ == "__main__":
    main()
