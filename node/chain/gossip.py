"""How transactions that came to this node reach the others: in batches, through CometBFT's mempool.

A batch, `0x7e || Batch` (gossip.proto), is never in a block: every node takes its transactions into its own pool. It
goes from this node to each peer and no further: a peer takes what is in it and refuses the batch, so that CometBFT
does not relay it again. After it goes a batch of its last transaction alone, which is kept and relayed: it wakes the
proposer. A single transaction goes as it is. What was acknowledged here is handed out again while it waits, and after
every start (the journal offers it).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import structlog
from google.protobuf.message import DecodeError

from node.chain.errors import MalformedBatchError, UnavailableError
from node.chain.gossip_pb2 import Batch
from node.chain.limits import (
    BATCH_BYTES_MAX,
    BATCH_TRANSACTIONS_MAX,
    GOSSIP_AGAIN_S,
    GOSSIP_COLLECT_S,
    GOSSIP_RETRY_S,
)
from node.chain.mempool import Mempool
from node.chain.transactions import Transaction

_log = structlog.get_logger("landfall.gossip")
_BATCH: Final = 0x7E
_HEADER_BYTES: Final = 5
"""Tag and length of an item below 256 MiB, at most."""
_KNOWN: Final = "tx already exists in cache"
"""CometBFT's words for a batch that it has."""


def encode_batch(items: Sequence[bytes]) -> bytes:
    """Return the batch as it is gossiped."""
    encoded: bytes = Batch(items=items).SerializeToString()
    return bytes([_BATCH]) + encoded


def decode_batch(gossiped: bytes) -> tuple[bytes, ...]:
    """Return the items; none of them is looked at.

    Raises:
        MalformedBatchError: not the message, or above a limit.
    """
    if not gossiped or gossiped[0] != _BATCH:
        return (gossiped,)
    if len(gossiped) > BATCH_BYTES_MAX:
        raise MalformedBatchError(f"batch: expected at most {BATCH_BYTES_MAX} bytes, got {len(gossiped)}")
    try:
        items = tuple(Batch.FromString(gossiped[1:]).items)
    except DecodeError as error:
        raise MalformedBatchError(f"batch: expected the message Batch, got {error}"[:200]) from error
    if not 0 < len(items) <= BATCH_TRANSACTIONS_MAX:
        raise MalformedBatchError(f"batch: expected 1 to {BATCH_TRANSACTIONS_MAX} transactions, got {len(items)}")
    return items


def first_batch(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Return the first ones, as many as a batch holds."""
    batch: list[Transaction] = []
    size = 1
    for tx in transactions:
        size += len(tx.item) + _HEADER_BYTES
        if batch and (len(batch) >= BATCH_TRANSACTIONS_MAX or size > BATCH_BYTES_MAX):
            break
        batch.append(tx)
    return batch


def _gossiped(items: Sequence[bytes]) -> tuple[bytes, ...]:
    if len(items) == 1:
        return (items[0],)
    return encode_batch(items), encode_batch(items[-1:])


class Broadcaster(Protocol):
    """What hands bytes to CometBFT's mempool."""

    async def broadcast_async(self, item: bytes) -> object:
        """Return once CometBFT has them.

        Raises:
            UnavailableError: it does not take them now.
        """
        ...


class Gossip:
    """Hands out what this node acknowledged; `run` must be running. Keeps hashes: what is waiting is in the pool."""

    def __init__(self, mempool: Mempool, rpc: Broadcaster) -> None:
        self._mempool = mempool
        self._rpc = rpc
        self._fresh: deque[bytes] = deque()
        # What was handed out, by when it is due again; every transaction waits equally long, so they stay in order.
        self._handed_out: deque[tuple[float, bytes]] = deque()
        self._wake = asyncio.Event()
        self._is_taken = True

    def transaction_taken(self, tx: Transaction) -> None:
        """Take note of a transaction that this node acknowledged."""
        self._fresh.append(tx.hash)
        self._wake.set()

    def waiting(self) -> list[bytes]:
        """Return what this node acknowledged and no block holds yet: what the journal must keep."""
        acknowledged = dict.fromkeys([*(tx_hash for _, tx_hash in self._handed_out), *self._fresh])
        return [tx.item for tx in self._in_pool(acknowledged)]

    async def run(self) -> None:
        """Hand out until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._handed_out[0][0] if self._handed_out else None):
                    await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(GOSSIP_COLLECT_S)
            if not await self.hand_out(loop.time()):
                await asyncio.sleep(GOSSIP_RETRY_S)
                self._wake.set()

    async def hand_out(self, now_s: float) -> bool:
        """Hand out what is fresh or due at `now_s`; return whether CometBFT took it all."""
        while self._handed_out and self._handed_out[0][0] <= now_s:
            self._fresh.append(self._handed_out.popleft()[1])
        self._fresh = deque(tx.hash for tx in self._in_pool(self._fresh))
        while batch := first_batch(self._in_pool(self._fresh)):
            for gossiped in _gossiped([tx.item for tx in batch]):
                if not await self._is_broadcast(gossiped):
                    return False
            # Only now: what is in neither queue is not kept in the journal.
            while self._fresh.popleft() != batch[-1].hash:
                pass
            self._handed_out.extend((now_s + GOSSIP_AGAIN_S, tx.hash) for tx in batch)
        return True

    async def _is_broadcast(self, gossiped: bytes) -> bool:
        try:
            await self._rpc.broadcast_async(gossiped)
        except UnavailableError as error:
            if _KNOWN not in str(error):
                if self._is_taken:
                    _log.warning("gossip_waits", reason=str(error))
                self._is_taken = False
                return False
        self._is_taken = True
        return True

    def _in_pool(self, hashes: Iterable[bytes]) -> Iterator[Transaction]:
        return (tx for tx_hash in hashes if (tx := self._mempool.get(tx_hash)) is not None)
