"""A network of validators in real processes, a load that remembers what was acknowledged, and how they must agree."""

import asyncio
import contextlib
import inspect
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from eth_hash.auto import keccak

from contracts.client.artifacts import encode_call
from node.app.cast import load_cast
from node.app.validator.local_network import Engines, LocalNetwork, LocalValidator
from node.app.validator.running import read_status
from tests.integration.consensus_nodes import institution, transfer
from tests.unit.chain.support import Actor

WAIT_S = 180.0
"""Generous: four validators and another test share a machine's cores."""
POLL_S = 0.1
PACE_S = 0.15
"""Between two transactions of one sender."""
TOKEN, TOKEN_ISSUER = "EUR", "cb-eur"
_HOLDERS = ("bank-nl", "bank-ke", "bank-ug", "fx-amber", "fx-baobab")
_SHARE = 10**9
_ASKED_AT_ONCE = 200
_ANSWER_S = 5.0
# A node says so of what it has: the answer to an earlier offer was lost.
_IN_THE_CHAIN = ("already known", "nonce too low")


@contextlib.contextmanager
def local_network(folder: Path, engines: Path, engine: Engines = "mixed") -> Iterator[LocalNetwork]:
    """Four validators that run."""
    network = LocalNetwork(folder)
    network.make(4, engine=engine, engines=engines, now_s=int(time.time()))
    try:
        network.up()
        yield network
    finally:
        for one in network.validators:
            with contextlib.suppress(FileNotFoundError):
                (one.home.root / "fault").unlink()
        network.down()


class Node:
    """One validator's JSON-RPC, asked directly: no proxy, no patience."""

    def __init__(self, validator: LocalValidator) -> None:
        self.validator = validator
        self._client = httpx.AsyncClient(base_url=validator.rpc_url, timeout=_ANSWER_S, trust_env=False)

    async def ask(self, method: str, *params: Any) -> Any:
        """Return the result.

        Raises:
            httpx.HTTPError: nobody answers.
            RefusedError: an error was answered.
        """
        [answer] = await self.ask_all([(method, params)])
        return answer

    async def ask_all(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Return the results of many calls, in order."""
        results: list[Any] = []
        for start in range(0, len(calls), _ASKED_AT_ONCE):
            part = enumerate(calls[start : start + _ASKED_AT_ONCE])
            batch = [{"jsonrpc": "2.0", "id": at, "method": call[0], "params": list(call[1])} for at, call in part]
            answers = (await self._client.post("/", json=batch)).json()
            for answer in sorted(answers, key=lambda one: int(one["id"])):
                if "error" in answer:
                    raise RefusedError(answer["error"]["message"])
                results.append(answer["result"])
        return results

    async def block_number(self) -> int:
        return int(await self.ask("eth_blockNumber"), 16)

    async def close(self) -> None:
        await self._client.aclose()


class RefusedError(Exception):
    """A node answered with an error."""


@dataclass
class Load:
    """Transfers of some senders to any validator that answers, each sender's one after the other.

    A sender offers a transaction until somebody acknowledges it or says that it is there already. What was only there
    already, because an answer got lost, is no one's promise: `settle` offers it again.
    """

    senders: list[Actor] = field(default_factory=lambda: [institution(one.id) for one in load_cast().institutions[1:7]])
    extra: Actor = field(default_factory=institution)
    """Whose transactions `send` sends."""
    acknowledged: list[str] = field(default_factory=list)
    unanswered: list[bytes] = field(default_factory=list)
    amounts: dict[bytes, int] = field(
        default_factory=lambda: dict.fromkeys((bytes([7, at]) * 10 for at in range(9)), 0)
    )
    """What each receiver must have in the end."""
    settled: int = 0
    """So many of what was acknowledged have been found everywhere."""

    @contextlib.asynccontextmanager
    async def running(self, nodes: Sequence[Node], dice: random.Random) -> AsyncIterator[None]:
        """Send to all `nodes`; the last of each sender is taken or not when this ends."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for sender in self.senders:
                group.create_task(self._send(sender, nodes, dice, over))
            try:
                yield
            finally:
                over.set()

    async def send(self, node: Node) -> str:
        """Send one transfer to this node alone; return its hash once it was acknowledged."""
        raw = self._transfer(self.extra, next(iter(self.amounts)), 1)
        async with asyncio.timeout(WAIT_S):
            await self._offer(raw, [node], random.Random(0))
        return "0x" + keccak(raw).hex()

    async def settle(self, nodes: Sequence[Node]) -> int:
        """Wait until every node has all of it, in the same blocks; return the last block's number."""
        for raw in self.unanswered:
            with contextlib.suppress(RefusedError):
                await nodes[0].ask("eth_sendRawTransaction", "0x" + raw.hex())
        hashes = [*self.acknowledged[self.settled :], *("0x" + keccak(raw).hex() for raw in self.unanswered)]
        for node in nodes:
            await included(node, hashes)
        number = await agree(nodes)
        for node in nodes:
            assert await self.balances(node) == list(self.amounts.values()), node.validator.name
        self.settled = len(self.acknowledged)
        self.unanswered.clear()
        return number

    async def balances(self, node: Node) -> list[int]:
        """Return what every receiver has."""
        calls = [("eth_getBalance", ["0x" + one.hex(), "latest"]) for one in self.amounts]
        return [int(answer, 16) for answer in await node.ask_all(calls)]

    def _transfer(self, sender: Actor, receiver: bytes, value: int) -> bytes:
        self.amounts[receiver] += value
        return transfer(sender, to=receiver, value=value)

    async def _send(self, sender: Actor, nodes: Sequence[Node], dice: random.Random, over: asyncio.Event) -> None:
        while not over.is_set():
            raw = self._transfer(sender, dice.choice(list(self.amounts)), dice.randrange(1, 1_000))
            await self._offer(raw, nodes, dice)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), PACE_S)

    async def _offer(self, raw: bytes, nodes: Sequence[Node], dice: random.Random) -> None:
        while True:
            try:
                self.acknowledged.append(await dice.choice(nodes).ask("eth_sendRawTransaction", "0x" + raw.hex()))
            except RefusedError as refusal:
                if str(refusal).startswith(_IN_THE_CHAIN):
                    self.unanswered.append(raw)
                    return
            except httpx.HTTPError:
                pass
            else:
                return
            await asyncio.sleep(POLL_S)


@dataclass
class TokenLoad(Load):
    """Transfers of a token among the senders, who have all of it."""

    token: bytes = b""
    senders: list[Actor] = field(default_factory=lambda: [institution(name) for name in _HOLDERS])
    issuer: Actor = field(default_factory=lambda: institution(TOKEN_ISSUER))

    async def issue(self, node: Node) -> None:
        """Let the central bank issue the token, and share it out."""
        treasury, *others = self.senders
        self.amounts = {one.address: _SHARE for one in self.senders}
        whole = _SHARE * len(self.senders)
        raws = [
            self._call(treasury, "request_issuance", whole, bytes(32)),
            self._call(self.issuer, "issue", treasury.address, whole, bytes(32)),
            *(self._call(treasury, "transfer", one.address, _SHARE) for one in others),
        ]
        for raw in raws:
            self.acknowledged.append(await node.ask("eth_sendRawTransaction", "0x" + raw.hex()))
            await included(node, self.acknowledged[-1:])

    async def supply(self, node: Node) -> int:
        """Return how much of the token there is."""
        return int(await node.ask("eth_call", self._question("totalSupply"), "latest"), 16)

    async def balances(self, node: Node) -> list[int]:
        calls = [("eth_call", [self._question("balanceOf", one), "latest"]) for one in self.amounts]
        return [int(answer, 16) for answer in await node.ask_all(calls)]

    def _question(self, function: str, *arguments: object) -> dict[str, str]:
        return {"to": "0x" + self.token.hex(), "data": "0x" + encode_call("SettlementToken", function, arguments).hex()}

    def _transfer(self, sender: Actor, receiver: bytes, value: int) -> bytes:
        self.amounts[sender.address] -= value
        self.amounts[receiver] += value
        return self._call(sender, "transfer", receiver, value)

    def _call(self, sender: Actor, function: str, *arguments: object) -> bytes:
        data = encode_call("SettlementToken", function, arguments)
        return sender.sign(chain_id=load_cast().chain_id, to=self.token, data=data, gas=500_000)


@dataclass
class Rig:
    """A network that runs, and what was sent to it."""

    network: LocalNetwork
    load: Load


@contextlib.asynccontextmanager
async def asked(network: LocalNetwork) -> AsyncIterator[list[Node]]:
    """The validators' JSON-RPC."""
    nodes = [Node(one) for one in network.validators]
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.close()


async def eventually(is_so: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait until something is so; whoever does not answer, or refuses, is asked again."""
    end, last = time.monotonic() + timeout_s, ""
    while True:
        try:
            found = is_so()
            if await found if inspect.isawaitable(found) else found:
                return
        except (httpx.HTTPError, RefusedError) as error:
            last = f"; the last answer was {type(error).__name__}: {error}"
        if time.monotonic() > end:
            raise AssertionError(f"expected {what} within {timeout_s:g} s{last}")
        await asyncio.sleep(POLL_S)


async def included(node: Node, hashes: Sequence[str]) -> None:
    """Wait until a node has a receipt of every transaction, each successful."""
    left = list(hashes)

    async def all_are_there() -> bool:
        receipts = await node.ask_all([("eth_getTransactionReceipt", [one]) for one in left])
        assert all(receipt is None or receipt["status"] == "0x1" for receipt in receipts)
        left[:] = [one for one, receipt in zip(left, receipts, strict=True) if receipt is None]
        return not left

    await eventually(all_are_there, f"{len(hashes)} acknowledged transactions on {node.validator.name}")


async def agree(nodes: Sequence[Node]) -> int:
    """Wait until all nodes are at one block; every block has the same hash everywhere. Return the last number."""
    heads: list[int] = []

    async def one_head() -> bool:
        heads[:] = [await node.block_number() for node in nodes]
        return len(set(heads)) == 1

    await eventually(one_head, "one head")
    calls = [("eth_getBlockByNumber", [hex(number), False]) for number in range(heads[0] + 1)]
    chains = [[block["hash"] for block in await node.ask_all(calls)] for node in nodes]
    for node, chain in zip(nodes, chains, strict=True):
        different = next((at for at, pair in enumerate(zip(chain, chains[0], strict=True)) if len(set(pair)) > 1), None)
        assert different is None, f"{node.validator.name} has another block {different}"
    return heads[0]


def restarts_of(one: LocalValidator) -> int:
    """How often its supervisor has started the unit again."""
    return int((read_status(one.home) or {}).get("restarts", 0))
