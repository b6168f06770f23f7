"""Validators whose chain runs in the test and whose CometBFT is the real program, on loopback."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.app.cast import devnet_seed, load_cast
from node.app.validator.home import ValidatorHome, read_genesis_file, read_settings
from node.app.validator.local_network import LocalNetwork
from node.app.validator.preparing import prepare_run
from node.chain.abci.server import serve_abci
from node.chain.application import Application
from node.chain.cometbft_driver import CometBftDriver
from node.chain.cometbft_rpc import CometBftRpc
from node.chain.consensus import DecidedChain
from node.chain.genesis_block import read_genesis
from node.chain.gossip import Gossip
from node.chain.intake import Intake
from node.chain.journal import TransactionJournal
from node.chain.pyevm.engine import PyEvmEngine
from node.chain.store import ChainStore
from tests.unit.chain.support import Actor

WAIT_S = 60.0
POLL_S = 0.01
SNAPSHOT_EVERY = 2


def institution(name: str = "") -> Actor:
    """Return an institution's account, by default the first one's; all have ether in a local network."""
    return Actor(int.from_bytes(devnet_seed(name or load_cast().institutions[0].id, "transaction"), "big"))


def transfer(actor: Actor, **changes: Any) -> bytes:
    """Sign a transaction of the local network."""
    return actor.sign(chain_id=load_cast().chain_id, gas=21_000, **changes)


@dataclass
class ChainProcess:
    """What `python -m node.chain` is made of, as far as consensus needs it."""

    store: ChainStore
    journal: TransactionJournal
    application: Application
    chain: DecidedChain
    driver: CometBftDriver
    gossip: Gossip
    intake: Intake
    rpc: CometBftRpc
    socket: Path
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    @classmethod
    async def open(cls, home: ValidatorHome) -> "ChainProcess":
        """Open the chain of a home."""
        genesis = read_genesis(read_genesis_file(home.genesis))
        store = ChainStore(home.root / "chain", map_bytes=1 << 30)
        journal = TransactionJournal(home.root / "chain" / "journal.log")
        application = Application(genesis, store, PyEvmEngine(store, genesis.chain_id))
        await application.open()
        chain = DecidedChain(application)
        rpc = CometBftRpc(f"unix://{home.run}/cometbft.sock")
        gossip = Gossip(application.mempool, rpc)
        intake = Intake(application, journal, gossip.transaction_taken)
        await intake.replay()
        driver = CometBftDriver(chain, home.root, snapshot_every=SNAPSHOT_EVERY)
        return cls(store, journal, application, chain, driver, gossip, intake, rpc, home.run / "abci.sock")

    def start(self) -> None:
        """Answer CometBFT, hand out transactions, write the journal."""
        loop = asyncio.get_running_loop()
        self.tasks = [
            loop.create_task(serve_abci(self.socket, self.driver)),
            loop.create_task(self.gossip.run()),
            loop.create_task(self.journal.run(self.gossip.waiting)),
        ]

    async def includes(self, *tx_hashes: bytes) -> None:
        """Wait until the transactions are in blocks."""
        await wait_until(lambda: all(self.store.place_of(one) is not None for one in tx_hashes), "them in a block")

    async def close(self) -> list[BaseException]:
        """End all tasks; return what some of them had failed with."""
        for task in self.tasks:
            task.cancel()
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.rpc.close()
        self.journal.close()
        self.store.close()
        return [one for one in results if isinstance(one, Exception)]


@dataclass
class Validator:
    """A home, and what runs in it."""

    home: ValidatorHome
    cometbft: Path
    process: asyncio.subprocess.Process | None = None
    running: ChainProcess | None = None

    @property
    def chain(self) -> ChainProcess:
        assert self.running is not None
        return self.running

    async def start(self) -> None:
        """Start the chain, then CometBFT."""
        prepare_run(self.home, read_settings(self.home), None)
        self.running = await ChainProcess.open(self.home)
        self.running.start()
        await self.start_cometbft()

    async def start_cometbft(self, **environment: str) -> None:
        (self.home.run / "cometbft.sock").unlink(missing_ok=True)
        with (self.home.root / "cometbft.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(self.cometbft, "start", "--home", str(self.home.cometbft)),
                env=os.environ | environment,
                stdout=log,
                stderr=log,
            )

    async def cometbft_ends(self) -> int:
        """Wait until CometBFT ends by itself; return its exit code."""
        assert self.process is not None
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()

    async def stop_cometbft(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()
        self.process = None

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> list[BaseException]:
        """Stop both; return what the chain had failed with."""
        await self.stop_cometbft(how)
        if self.running is None:
            return []
        chain, self.running = self.running, None
        return await chain.close()


@dataclass
class Network:
    """Validators of one genesis, none of them started."""

    validators: list[Validator]

    async def start(self) -> None:
        await asyncio.gather(*(one.start() for one in self.validators))

    async def stop(self) -> None:
        failures = [await one.stop() for one in self.validators]
        assert failures == [[] for _ in self.validators]


@contextlib.asynccontextmanager
async def network(folder: Path, engines: Path, count: int, algorithm: str = "ML-DSA-65") -> AsyncIterator[Network]:
    """Make the homes; stop what was started at the end."""
    local = LocalNetwork(folder)
    local.make(count, engine="pyevm", algorithm=algorithm, engines=engines, now_s=int(time.time()))
    made = Network([Validator(one.home, engines / "cometbft") for one in local.validators])
    try:
        yield made
    finally:
        await made.stop()


async def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    for _ in range(int(WAIT_S / POLL_S)):
        if is_so():
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"expected {what} within {WAIT_S} s")


async def agree(nodes: Sequence[ChainProcess]) -> list[bytes]:
    """Wait until the nodes are at one block; return the hashes of all blocks, which are everywhere the same."""
    await wait_until(lambda: len({node.chain.app_hash for node in nodes}) == 1, "one head")
    chains = [[node.store.hash_of(number) for number in range(node.application.head.number + 1)] for node in nodes]
    assert chains == [chains[0]] * len(chains)
    return [one for one in chains[0] if one is not None]
