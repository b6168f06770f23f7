"""The chain on disk: one LMDB environment, one write transaction per block.

Everything a block adds (state nodes, header, bodies, receipts, indexes, finality proof, head) is written in one
transaction with fsync, so after a crash the store is at some block boundary, never between two.

Tables: `state` node or code hash -> bytes; `headers`, `bodies`, `receipts`, `finality` number -> bytes;
`numbers` block hash -> number; `transactions` hash -> number and index; `meta` name -> bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lmdb
import rlp

from bridge.proofs.items import split_item
from node.chain.blocks import BlockHeader, ExecutedBlock, Receipt
from node.chain.errors import CorruptChainError, ReadOnlyError
from node.chain.hooks import WriteHook, no_hook
from node.chain.limits import LMDB_MAP_BYTES

_TABLES: Final = ("state", "headers", "bodies", "receipts", "numbers", "transactions", "finality", "meta")


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

    # -- writes ------------------------------------------------------------------------------------------------

    def commit(
        self, block: ExecutedBlock, finality: dict[str, Any] | None, meta: dict[str, bytes] | None = None
    ) -> None:
        """Store a block, its state and `meta` in one durable transaction.

        Raises:
            CorruptChainError: the block does not follow the stored head; nothing was written.
            ReadOnlyError: the disk refused; nothing was written.
        """
        head = self.head_number()
        if block.header.number != (0 if head is None else head + 1):
            raise CorruptChainError(f"commit: expected a block after {head}, got {block.header.number}")
        try:
            with self._env.begin(write=True) as txn:
                for table, key, value in self._records(block, finality, meta or {}):
                    self._hook(f"lmdb.put.{table}")
                    txn.put(key, value, db=self._tables[table])
                self._hook("lmdb.commit")
        except (lmdb.Error, OSError) as error:
            raise ReadOnlyError(
                f"chain store: expected a durable write, got {error}; free space and restart"
            ) from error
        self._hook("lmdb.committed")

    def _records(
        self, block: ExecutedBlock, finality: dict[str, Any] | None, meta: dict[str, bytes]
    ) -> Iterator[tuple[str, bytes, bytes]]:
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
