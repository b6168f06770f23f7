"""A local network under a load of transfers: what was acknowledged is remembered, so that a loss is seen."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from contracts.client.artifacts import encode_call
from contracts.client.deployment import Deployment
from node.app.cast import devnet_seed, load_cast
from node.app.validator.local_network import LocalNetwork
from scripts.bench_chain import Account, Rpc
from scripts.bench_network import Running, fund

WAIT_S = 90
PAUSE_S = 0.02
_KNOWN = ("already known", "nonce too low")
"""What a node says of a transaction it has: the first answer was lost on the way."""


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_S):
        while not await is_so():  # noqa: ASYNC110 - it is so in other processes
            await asyncio.sleep(0.05)


@dataclass
class Load:
    """Transfers that go to each validator, one after the other; `acknowledged` are hashes a node answered with."""

    running: Running
    acknowledged: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        """Send until the block ends."""
        accounts = self.running.senders
        count = len(self.running.clients)
        tasks = [
            asyncio.create_task(self._send(rpc, accounts[at::count])) for at, rpc in enumerate(self.running.clients)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert not self.refused

    async def _send(self, rpc: Rpc, accounts: list[Account]) -> None:
        data = encode_call("SettlementToken", "transfer", (accounts[0].address, 1))
        turn = 0
        while True:
            account = accounts[turn % len(accounts)]
            turn += 1
            raw = "0x" + account.sign(self.running.token, data, 120_000).hex()
            while not await self._is_taken(rpc, raw):  # noqa: ASYNC110 - the node may be down
                await asyncio.sleep(10 * PAUSE_S)
            await asyncio.sleep(PAUSE_S)

    async def _is_taken(self, rpc: Rpc, raw: str) -> bool:
        try:
            self.acknowledged.add(await rpc.call("eth_sendRawTransaction", raw))
        except (aiohttp.ClientError, TimeoutError):
            return False
        except RuntimeError as error:
            if "opening" in str(error) or "full" in str(error):
                return False
            if not any(known in str(error) for known in _KNOWN):
                self.refused.append(str(error))
        return True


@contextlib.asynccontextmanager
async def connected(network: LocalNetwork) -> AsyncIterator[Running]:
    """Clients of every validator, and accounts that hold tokens once `fund_all` was called."""
    genesis = json.loads(network.validators[0].home.genesis.read_text("utf-8"))
    chain_id = genesis["config"]["chainId"]
    deployment = Deployment.from_genesis(genesis["landfall"], chain_id)
    timeout = aiohttp.ClientTimeout(total=10)
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            Rpc(await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout)), one.rpc_url)
            for one in network.validators
        ]
        running = Running(
            network=network,
            clients=clients,
            chain_id=chain_id,
            token=bytes.fromhex(deployment.address("EUR")[2:]),
            registry=bytes.fromhex(deployment.address("ParticipantRegistry")[2:]),
            senders=[Account(2_000 + number, chain_id) for number in range(16)],
        )
        for account in running.senders:
            account.nonce = int(
                await read(clients[0], "eth_getTransactionCount", "0x" + account.address.hex(), "latest"), 16
            )
        yield running


async def fund_all(running: Running) -> None:
    """Give the senders tokens."""
    cast = load_cast()
    issuer = next(one.issuer for one in cast.currencies if one.code == "EUR")
    bank = next(one.id for one in cast.institutions if "bank" in one.roles)
    await fund(running, *(Account(devnet_seed(name, "transaction"), running.chain_id) for name in (issuer, bank)))


async def read(rpc: Rpc, method: str, *params: Any) -> Any:
    """Ask until there is an answer: the node may be starting."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await rpc.call(method, *params)
            except (aiohttp.ClientError, RuntimeError, TimeoutError):
                await asyncio.sleep(0.1)


async def block_number(rpc: Rpc) -> int:
    return int(await read(rpc, "eth_blockNumber"), 16)


async def require_included_everywhere(running: Running, hashes: set[str]) -> None:
    """Wait until every transaction is in a block on every validator, with success."""
    for rpc in running.clients:
        missing = set(hashes)
        async with asyncio.timeout(WAIT_S):
            while missing:
                for tx_hash in list(missing):
                    receipt = await read(rpc, "eth_getTransactionReceipt", tx_hash)
                    if receipt is None:
                        break
                    assert receipt["status"] == "0x1"
                    missing.discard(tx_hash)
                else:
                    continue
                await asyncio.sleep(0.1)


async def require_equal_hashes(running: Running) -> None:
    """Every block has the same hash on every validator."""
    head = min([await block_number(rpc) for rpc in running.clients])
    for number in range(head + 1):
        hashes = {(await read(rpc, "eth_getBlockByNumber", hex(number), False))["hash"] for rpc in running.clients}
        assert len(hashes) == 1, f"block {number} differs"
