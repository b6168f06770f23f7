"""Snapshots for nodes that join: the whole chain up to a consensus height, in pieces, whichever engine executes it.

The first pieces hold headers, the newest first: each is proven by the one before it, the newest by the app hash that
CometBFT has proven from votes, the oldest names block 0. Then come the blocks, `[height, payload, item, ...]` each, in
order; each is known by its hash before it is executed and committed like any other block. So nothing that a peer made
up is ever stored, and a node that is stopped goes on where it was.

Pieces are read from the store when asked for, and are the same on every node. The heights of blocks are not covered by
the app hash: they are believed, as long as they ascend.
"""

from collections.abc import Sequence
from typing import Any, Final

import rlp
import structlog
from eth_hash.auto import keccak
from rlp.exceptions import DecodingError

from node.chain.abci.abci_pb2 import ResponseOfferSnapshot, Snapshot
from node.chain.blocks import BlockHeader
from node.chain.consensus import DecidedChain
from node.chain.errors import CorruptChainError, InvalidBlockError, SnapshotRefusedError
from node.chain.limits import SNAPSHOT_HEADERS, SNAPSHOTS_LISTED
from node.chain.store import ChainStore

_log = structlog.get_logger("landfall.snapshots")
FORMAT: Final = 1
_PROVEN_LATER: Final = 2
"""CometBFT proves a snapshot's height with the headers of the next two."""
_HASH_BYTES: Final = 32
_NUMBER_BYTES: Final = 8


class SnapshotSource:
    """What this node offers to others, from its store."""

    def __init__(self, store: ChainStore, every_heights: int) -> None:
        self._store = store
        self._every = every_heights

    def listed(self) -> list[Snapshot]:
        """Return the latest snapshots, the newest first."""
        newest = (self._store.last_height() - _PROVEN_LATER) // self._every * self._every
        heights = range(newest, max(0, newest - SNAPSHOTS_LISTED * self._every), -self._every)
        return [self._snapshot(height, number) for height in heights if (number := self._store.last_number_at(height))]

    def _snapshot(self, height: int, number: int) -> Snapshot:
        return Snapshot(
            height=height,
            format=FORMAT,
            chunks=_header_pieces(number) + len(self._store.chunk_starts(number)),
            hash=self._store.hash_of(number),
            metadata=number.to_bytes(_NUMBER_BYTES, "big"),
        )

    def chunk(self, height: int, version: int, index: int) -> bytes:
        """Return a piece of the snapshot at a height; nothing where there is none."""
        if version != FORMAT or not 0 < height <= self._store.last_height():
            return b""
        number = self._store.last_number_at(height)
        headers, starts = _header_pieces(number), self._store.chunk_starts(number)
        if index < headers:
            first, last = _header_range(number, index)
            return _encode([self._payload(one) for one in range(first, last + 1)])
        if index >= headers + len(starts):
            return b""
        first = starts[index - headers]
        last = [*starts[index - headers + 1 :], number + 1][0] - 1
        return _encode([self._entry(one) for one in range(first, last + 1)])

    def _payload(self, number: int) -> bytes:
        header = self._store.header(number)
        if header is None:
            raise CorruptChainError(f"headers: expected block {number}, got nothing")
        return header.payload

    def _entry(self, number: int) -> list[Any]:
        return [self._store.consensus_height(number), *self._store.consensus_items(number)]


class SnapshotRestore:
    """Makes this node's chain from a snapshot; one at a time."""

    def __init__(self, chain: DecidedChain) -> None:
        self._chain = chain
        self._app = chain.application
        self._height = self._number = self._chunks = 0
        self._hashes = bytearray()
        self._expected = b""
        """Hash of the header that the next piece of headers must end with."""
        self._next = 0

    def offer(self, snapshot: Snapshot, app_hash: bytes) -> "ResponseOfferSnapshot.Result":
        """Begin if the snapshot can lead to the proven app hash; the verdict as CometBFT has it."""
        if snapshot.format != FORMAT:
            return ResponseOfferSnapshot.REJECT_FORMAT
        number = int.from_bytes(snapshot.metadata[:_NUMBER_BYTES], "big")
        headers = _header_pieces(number)
        is_plausible = (
            snapshot.hash == app_hash
            and len(snapshot.metadata) == _NUMBER_BYTES
            and max(1, self._app.head.number) <= number <= snapshot.height
            and headers < snapshot.chunks <= headers + number
            and self._chain.height <= snapshot.height
        )
        if not is_plausible:
            _log.warning("snapshot_refused", height=snapshot.height, block_number=number)
            return ResponseOfferSnapshot.REJECT
        self._height, self._number, self._chunks = snapshot.height, number, snapshot.chunks
        self._hashes = bytearray(_HASH_BYTES * number)
        self._expected, self._next = app_hash, 0
        _log.info("snapshot_begun", height=snapshot.height, block_number=number, chunks=snapshot.chunks)
        return ResponseOfferSnapshot.ACCEPT

    async def apply(self, index: int, chunk: bytes) -> None:
        """Take the next piece.

        Raises:
            SnapshotRefusedError: it is not what it should be; what came before stays.
            CorruptChainError: the network that was proven does not begin with our block 0.
        """
        if index != self._next or index >= self._chunks:
            raise SnapshotRefusedError(f"expected piece {self._next} of {self._chunks}, got {index}")
        entries = _decode(chunk)
        if index < _header_pieces(self._number):
            self._take_headers(index, entries)
        else:
            await self._take_blocks(entries)
        if index == self._chunks - 1:
            await self._finish()
        self._next += 1

    def _take_headers(self, index: int, payloads: Sequence[Any]) -> None:
        first, last = _header_range(self._number, index)
        if len(payloads) != last - first + 1:
            raise SnapshotRefusedError(f"expected {last - first + 1} headers, got {len(payloads)}")
        expected, hashes = self._expected, []
        for number, payload in zip(range(last, first - 1, -1), reversed(payloads), strict=True):
            if not isinstance(payload, bytes) or keccak(payload) != expected:
                raise SnapshotRefusedError(f"block {number}: expected the header {expected.hex()}, got another")
            hashes.append(expected)
            expected = _parent_hash(payload, number)
        self._hashes[_HASH_BYTES * (first - 1) : _HASH_BYTES * last] = b"".join(reversed(hashes))
        self._expected = expected
        if first == 1:
            self._check_own_chain()

    def _check_own_chain(self) -> None:
        genesis, head = self._app.genesis.block.header, self._app.head
        if self._expected != genesis.hash:
            raise CorruptChainError(
                f"snapshot: expected a chain from block 0 {genesis.hash.hex()}, got one from {self._expected.hex()}; "
                "what is trusted belongs to another network"
            )
        if head.number and self._hash_of(head.number) != head.hash:
            raise CorruptChainError(f"block {head.number}: expected {self._hash_of(head.number).hex()} as proven")

    async def _take_blocks(self, entries: Sequence[Any]) -> None:
        blocks = [self._block(entry) for entry in entries]
        for header, height, items in blocks:
            if header.number <= self._app.head.number:
                continue
            if not self._chain.height < height <= self._height:
                raise SnapshotRefusedError(f"expected a height above {self._chain.height}, got {height}")
            try:
                decision = await self._chain.decide(height, items, header.coinbase)
            except InvalidBlockError as error:
                raise SnapshotRefusedError(f"block {header.number}: {error}") from error
            await self._chain.commit(decision)

    def _block(self, entry: Any) -> tuple[BlockHeader, int, list[bytes]]:
        """Return a block that is proven by its hash; its transactions are not looked at."""
        if not isinstance(entry, list) or len(entry) < 2 or not all(isinstance(one, bytes) for one in entry):
            raise SnapshotRefusedError("expected [height, payload, item, ...], got another structure")
        try:
            header = BlockHeader.decode(entry[1])
        except CorruptChainError as error:
            raise SnapshotRefusedError(f"{error}") from error
        if not 0 < header.number <= self._number or self._hash_of(header.number) != header.hash:
            raise SnapshotRefusedError(f"block {header.number}: expected the proven one, got {header.hash.hex()}")
        return header, int.from_bytes(entry[0], "big"), entry[1:]

    async def _finish(self) -> None:
        if self._app.head.number != self._number:
            raise SnapshotRefusedError(f"expected {self._number} blocks, got {self._app.head.number}", is_whole=True)
        if self._chain.height < self._height:
            await self._chain.commit(await self._chain.decide(self._height, (), b""))
        self._hashes.clear()
        _log.info("snapshot_restored", height=self._height, block_number=self._number)

    def _hash_of(self, number: int) -> bytes:
        return bytes(self._hashes[_HASH_BYTES * (number - 1) : _HASH_BYTES * number])


def _header_pieces(number: int) -> int:
    return -(-number // SNAPSHOT_HEADERS)


def _header_range(number: int, index: int) -> tuple[int, int]:
    """Return the first and last block whose headers a piece holds; the first piece holds the newest."""
    last = number - index * SNAPSHOT_HEADERS
    return max(1, last - SNAPSHOT_HEADERS + 1), last


def _parent_hash(payload: bytes, number: int) -> bytes:
    """Return what a proven header names as its parent."""
    header = BlockHeader.decode(payload)
    if header.number != number:
        raise SnapshotRefusedError(f"expected block {number}, got {header.number} under the hash", is_whole=True)
    return header.parent_hash


def _encode(entries: list[Any]) -> bytes:
    encoded: bytes = rlp.encode(entries)
    return encoded


def _decode(chunk: bytes) -> Sequence[Any]:
    try:
        entries = rlp.decode(chunk)
    except (DecodingError, IndexError, RecursionError) as error:
        raise SnapshotRefusedError(f"expected an RLP list, got {error}"[:200]) from error
    if not isinstance(entries, list):
        raise SnapshotRefusedError("expected an RLP list, got a string")
    return entries
