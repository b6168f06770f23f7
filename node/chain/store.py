"""The chain on disk: one LMDB environment, one write transaction per block.

Everything a block adds (state nodes, header, bodies, receipts, indexes, finality proof, head) is written in one
transaction with fsync, so after a crash the store is at some block boundary, never between two.

Tables: `state` node or code hash -> bytes; `headers`, `bodies`, `receipts`, `finality` number -> bytes;
`numbers` block hash -> number; `transactions` hash -> number and index; `meta` name -> bytes. Where a network decides:
`heights` number -> consensus height; `changes` heights whose header names new validators; `evidence` of misbehaviour;
`chunks` the first block of each piece of a snapshot.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import lmdb
import rlp

from bridge.proofs.items import split_item
from node.chain.blocks import BlockHeader, ExecutedBlock, Receipt
from node.chain.errors import CorruptChainError, ReadOnlyError
from node.chain.hooks import WriteHook, no_hook
from node.chain.limits import EVIDENCE_MAX, LMDB_MAP_BYTES, SNAPSHOT_CHUNK_BYTES

_TABLES: Final = (
    *("state", "headers", "bodies", "receipts", "numbers", "transactions", "finality", "meta"),
    *("heights", "changes", "evidence", "chunks"),
)
_ITEM_HEADER_BYTES: Final = 9
"""Of an RLP item, at most."""
_Record = tuple[str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction in a block, as the consensus block has it; `sender` was recovered when the block was made."""

    item: bytes
    sender: bytes

    @property
    def raw(self) -> bytes:
        """Return the Ethereum transaction, without its second signature."""
        return split_item(self.item)[0]


@dataclass(frozen=True, slots=True)
class TransactionPlace:
    """Where a transaction is in the chain."""

    block_number: int
    index: int


@dataclass(frozen=True, slots=True)
class ConsensusPoint:
    """Where consensus is after a commit.

    Args:
        has_new_validators: Whether the header of the next height names other validators than its own.
        misbehaviour: What this height reported, as JSON values.
    """

    height: int
    has_new_validators: bool = False
    misbehaviour: tuple[Mapping[str, Any], ...] = ()


class ChainStore:
    """Reads and the one write of the chain; open it once per process."""

    def __init__(self, path: Path, before_write: WriteHook = no_hook, map_bytes: int = LMDB_MAP_BYTES) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._hook = before_write
        self._env = lmdb.open(str(path), map_size=map_bytes, max_dbs=len(_TABLES), subdir=True, max_readers=16)
        self._tables = {name: self._env.open_db(name.encode()) for name in _TABLES}

    def close(self) -> None:
        """Close the environment; nothing is pending, since every commit is durable."""
        self._env.close()

    # -- reads -------------------------------------------------------------------------------------------------

    def _get(self, table: str, key: bytes) -> bytes | None:
        with self._env.begin(db=self._tables[table]) as txn:
            value: bytes | None = txn.get(key)
        return value

    def head_number(self) -> int | None:
        """Return the last block's number, None before genesis is written."""
        value = self._get("meta", b"head")
        return None if value is None else int.from_bytes(value, "big")

    def meta(self, name: str) -> bytes | None:
        """Return a small named value."""
        return self._get("meta", b"." + name.encode())

    def state_node(self, key: bytes) -> bytes | None:
        """Return a trie node or contract code by its hash."""
        return self._get("state", key)

    def header(self, number: int) -> BlockHeader | None:
        """Return the header of block `number`."""
        payload = self._get("headers", _number(number)) if 0 <= number < 1 << 64 else None
        return None if payload is None else BlockHeader.decode(payload)

    def number_of(self, block_hash: bytes) -> int | None:
        """Return the number of the block with this hash."""
        value = self._get("numbers", block_hash) if len(block_hash) == 32 else None
        return None if value is None else int.from_bytes(value, "big")

    def hash_of(self, number: int) -> bytes | None:
        """Return the hash of block `number`."""
        header = self.header(number)
        return None if header is None else header.hash

    def transactions(self, number: int) -> list[StoredTransaction]:
        """Return the transactions of block `number`, in order."""
        value = self._get("bodies", _number(number))
        return [] if value is None else [StoredTransaction(item, sender) for sender, item in rlp.decode(value)]

    def receipts(self, number: int) -> list[Receipt]:
        """Return the receipts of block `number`, in order."""
        value = self._get("receipts", _number(number))
        return [] if value is None else [Receipt.decode(raw) for raw in rlp.decode(value)]

    def place_of(self, tx_hash: bytes) -> TransactionPlace | None:
        """Return where the transaction was included."""
        value = self._get("transactions", tx_hash) if len(tx_hash) == 32 else None
        if value is None:
            return None
        return TransactionPlace(int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big"))

    def finality(self, number: int) -> dict[str, Any] | None:
        """Return the finality proof (as JSON values) of block `number`."""
        value = self._get("finality", _number(number))
        return None if value is None else json.loads(value)

    def blooms(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number, log Bloom filter) of a range of blocks, cheaply."""
        for number in range(first, last + 1):
            payload = self._get("headers", _number(number))
            if payload is None:
                raise CorruptChainError(f"headers: expected block {number}, got nothing")
            yield number, rlp.decode(payload)[6]

    # -- reads about consensus ---------------------------------------------------------------------------------

    def last_height(self) -> int:
        """Return the last consensus height that was committed, with a block or without; 0 before the first."""
        return int.from_bytes(self._get("meta", b"height") or b"", "big")

    def consensus_height(self, number: int) -> int | None:
        """Return the consensus height of block `number`; None beyond the head, for genesis and with one sequencer."""
        value = self._get("heights", _number(number)) if 0 <= number < 1 << 64 else None
        return None if value is None else int.from_bytes(value, "big")

    def consensus_items(self, number: int) -> list[bytes]:
        """Return the data of the consensus block that holds block `number`: payload, then every item as decided."""
        header = self.header(number)
        if header is None:
            raise CorruptChainError(f"headers: expected block {number}, got nothing")
        return [header.payload, *(tx.item for tx in self.transactions(number))]

    def validator_change_heights(self, first: int, last: int) -> list[int]:
        """Return the heights from `first` to `last` whose headers name other validators than their own, ascending."""
        return [int.from_bytes(key, "big") for key, _ in self._range("changes", _number(first), _number(last))]

    def last_number_at(self, height: int) -> int:
        """Return the last block that consensus had decided at `height`."""
        low, high = 0, self.head_number() or 0
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if (self.consensus_height(middle) or 0) <= height else (low, middle - 1)
        return low

    def evidence(self) -> list[dict[str, Any]]:
        """Return the misbehaviour that consensus reported, by height; the oldest is dropped above `EVIDENCE_MAX`."""
        return [json.loads(value) for _, value in self._range("evidence", b"", b"\xff" * 9)]

    def chunk_starts(self, last: int) -> list[int]:
        """Return the first block of every piece of a snapshot that ends with block `last`."""
        return [int.from_bytes(key, "big") for key, _ in self._range("chunks", _number(0), _number(last))]

    def _range(self, table: str, first: bytes, last: bytes) -> list[tuple[bytes, bytes]]:
        found = []
        with self._env.begin(db=self._tables[table]) as txn, txn.cursor() as cursor:
            is_there = cursor.set_range(first) if first else cursor.first()
            while is_there and cursor.key() <= last:
                found.append((cursor.key(), cursor.value()))
                is_there = cursor.next()
        return found

    # -- writes ------------------------------------------------------------------------------------------------

    def commit(
        self,
        block: ExecutedBlock,
        finality: dict[str, Any] | None,
        meta: dict[str, bytes] | None = None,
        point: ConsensusPoint | None = None,
    ) -> None:
        """Store a block, its state, `meta` and where consensus is in one durable transaction.

        Raises:
            CorruptChainError: the block does not follow the stored head; nothing was written.
            ReadOnlyError: the disk refused; nothing was written.
        """
        head = self.head_number()
        if block.header.number != (0 if head is None else head + 1):
            raise CorruptChainError(f"commit: expected a block after {head}, got {block.header.number}")
        records = self._records(block, finality, meta or {})
        self._write(records if point is None else chain(records, self._consensus_records(block, point)))

    def commit_empty(self, point: ConsensusPoint) -> None:
        """Store durably that consensus decided on a height without a block.

        Raises:
            ReadOnlyError: the disk refused; nothing was written.
        """
        self._write(self._point_records(point))

    def _write(self, records: Iterable[_Record]) -> None:
        try:
            with self._env.begin(write=True) as txn:
                for table, key, value in records:
                    self._hook(f"lmdb.put.{table}")
                    txn.put(key, value, db=self._tables[table])
                    if table == "evidence":
                        self._drop_oldest_evidence(txn)
                self._hook("lmdb.commit")
        except (lmdb.Error, OSError) as error:
            raise ReadOnlyError(
                f"chain store: expected a durable write, got {error}; free space and restart"
            ) from error
        self._hook("lmdb.committed")

    def _drop_oldest_evidence(self, txn: Any) -> None:
        table = self._tables["evidence"]
        while txn.stat(table)["entries"] > EVIDENCE_MAX:
            with txn.cursor(table) as cursor:
                cursor.first()
                cursor.delete()

    def _records(
        self, block: ExecutedBlock, finality: dict[str, Any] | None, meta: dict[str, bytes]
    ) -> Iterator[_Record]:
        header, number = block.header, _number(block.header.number)
        for key, value in block.state_nodes.items():
            yield "state", key, value
        yield "headers", number, header.payload
        yield "bodies", number, rlp.encode([[tx.sender, tx.item] for tx in block.transactions])
        yield "receipts", number, rlp.encode([receipt.encode() for receipt in block.receipts])
        yield "numbers", header.hash, number
        for index, tx in enumerate(block.transactions):
            yield "transactions", tx.hash, number + index.to_bytes(4, "big")
        if finality is not None:
            yield "finality", number, json.dumps(finality, separators=(",", ":")).encode()
        for name, value in meta.items():
            yield "meta", b"." + name.encode(), value
        yield "meta", b"head", number

    def _consensus_records(self, block: ExecutedBlock, point: ConsensusPoint) -> Iterator[_Record]:
        number = _number(block.header.number)
        yield "heights", number, _number(point.height)
        yield from self._point_records(point)
        # Pieces of a snapshot begin where they do on every node: it counts what consensus decided, block by block.
        size = len(block.header.payload) + sum(len(tx.item) + _ITEM_HEADER_BYTES for tx in block.transactions)
        filled = int.from_bytes(self._get("meta", b"chunk") or b"", "big")
        if filled == 0 or filled + size > SNAPSHOT_CHUNK_BYTES:
            yield "chunks", number, b""
            filled = 0
        yield "meta", b"chunk", _number(filled + size)

    def _point_records(self, point: ConsensusPoint) -> Iterator[_Record]:
        yield "meta", b"height", _number(point.height)
        if point.has_new_validators:
            yield "changes", _number(point.height + 1), b""
        for index, one in enumerate(point.misbehaviour):
            yield "evidence", _number(point.height) + bytes([index]), json.dumps(one).encode()

    def put_meta(self, name: str, value: bytes) -> None:
        """Store a small named value outside a block.

        Raises:
            ReadOnlyError: the disk refused; nothing was written.
        """
        self._hook("lmdb.put.meta")
        try:
            with self._env.begin(write=True, db=self._tables["meta"]) as txn:
                txn.put(b"." + name.encode(), value)
        except (lmdb.Error, OSError) as error:
            raise ReadOnlyError(
                f"chain store: expected a durable write, got {error}; free space and restart"
            ) from error


def _number(number: int) -> bytes:
    return number.to_bytes(8, "big")
