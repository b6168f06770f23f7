"""How the network's validators do, as far as a desk can tell: from its own node's answers and from who signs blocks.

Nothing else is asked: a desk reaches no other validator's programs. How one validator's own programs do, their disks
and restarts included, says `landfall status` on its machine.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from contracts.client.chain_client import ChainClient
from contracts.client.errors import RpcError, UnavailableError
from node.app.council.state import Council, read_council, signers_of

_LOG: Final = structlog.get_logger(__name__)
_STILL_S: Final = 30
"""A block follows a transaction within seconds; then the network has none to make it of, or cannot make it."""
_LOOK_S: Final = 10.0
"""A page waits no longer for a node that is in trouble."""
# A node whose CometBFT is away answers with an error.
_AWAY: Final = (RpcError, UnavailableError, TimeoutError)
HEIGHTS: Final = 10
"""How many of the last blocks are looked into for who has signed."""


@dataclass(frozen=True, slots=True)
class ValidatorHealth:
    """One validator, as blocks show it."""

    bank: str
    address: str
    """Of its key in consensus."""
    algorithm: str
    power: int
    total_power: int
    signed: int
    """Of the blocks looked into."""
    looked: int
    last_height: int | None
    """Of the last block that it signed; None: none of those looked into."""
    jailed: str | None
    """Why; None: it is not."""

    @property
    def share_percent(self) -> str:
        """Its part of the power."""
        return f"{100 * self.power / self.total_power:.1f} %"

    @property
    def state(self) -> str:
        """In a word."""
        if self.jailed is not None:
            return "jailed"
        if not self.signed:
            return "silent"
        # A block is final with two thirds of the votes: the latest to come are often left out of it.
        return "signing" if 2 * self.signed >= self.looked else "misses blocks"


@dataclass(frozen=True, slots=True)
class NetworkHealth:
    """One look."""

    version: str
    """What the node calls itself: its version and its engine's."""
    height: int
    """Of consensus."""
    block_number: int
    block_time_s: int
    now_s: int
    """Ledger time by the node's clock."""
    peers: int
    waiting: int
    """Transactions in the node's pool that a block could take."""
    validators: tuple[ValidatorHealth, ...]

    @property
    def state(self) -> str:
        """In a word. What signs the last block cannot tell: a network that stands still has none after it."""
        if self.now_s - self.block_time_s <= _STILL_S:
            return "goes on"
        return "stands still" if self.waiting else "idle"


async def look_at_network(client: ChainClient) -> NetworkHealth | None:
    """Return how the network does, None while the node does not answer.

    Args:
        client: Connected.
    """
    try:
        async with asyncio.timeout(_LOOK_S):
            return await _look(client)
    except _AWAY as error:
        _LOG.warning("network_look_failed", reason=str(error) or type(error).__name__)
        return None


async def _look(client: ChainClient) -> NetworkHealth | None:
    latest = await client.raw("landfall_getLightBlock", ["latest"])
    if latest is None:
        return None
    height = int(latest["header"]["height"])
    before = range(max(1, height - HEIGHTS + 1), height)
    council, version, peers, clock, pool, block_number, *blocks = await asyncio.gather(
        read_council(client),
        client.raw("web3_clientVersion", []),
        client.raw("net_peerCount", []),
        client.raw("landfall_clock", []),
        client.raw("txpool_status", []),
        client.block_number(),
        *(_signers(client, one) for one in before),
    )
    signers = {height: signers_of(latest)} | dict(zip(before, blocks, strict=True))
    return NetworkHealth(
        version=str(version),
        height=height,
        block_number=block_number,
        block_time_s=int(clock["time_s"]),
        # A block may be seconds ahead of the clock.
        now_s=max(int(clock["wall_s"]) + int(clock["offset_s"]), int(clock["time_s"])),
        peers=int(peers, 16),
        waiting=int(pool["pending"], 16),
        validators=validators_of(council, {height: who for height, who in signers.items() if who is not None}),
    )


async def _signers(client: ChainClient, height: int) -> frozenset[str] | None:
    """Return who signed a block, None where the node has not got it: it may have joined later."""
    try:
        return signers_of(await client.raw("landfall_getLightBlock", [hex(height)]))
    except _AWAY:
        return None


def validators_of(council: Council, signers: dict[int, frozenset[str]]) -> tuple[ValidatorHealth, ...]:
    """Return how each validator does, by who signed which height."""
    total = sum(one.power for one in council.validators)
    found = []
    for one in council.validators:
        signed = [height for height, who in signers.items() if one.address in who]
        jail = council.jails.get(one.owner)
        found.append(
            ValidatorHealth(
                bank=council.name(one.owner),
                address=one.address,
                algorithm=one.algorithm,
                power=one.power,
                total_power=total,
                signed=len(signed),
                looked=len(signers),
                last_height=max(signed, default=None),
                jailed=None if jail is None else jail.reason,
            )
        )
    return tuple(found)
