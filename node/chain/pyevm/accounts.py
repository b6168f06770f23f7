"""py-evm's account database on this chain's tries: same interface and journals, fewer steps to the disk.

py-evm sets every changed slot and account in its trie one by one and keeps lists of what was read, for witnesses
that nobody asks for here. These classes collect a block's changes and apply them in one descent per trie.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.db.account import AccountDB
from eth.db.backends.base import BaseDB
from eth.db.batch import BatchDB
from eth.db.cache import CacheDB
from eth.db.journal import JournalDB
from eth.db.storage import AccountStorageDB
from eth.vm.interrupt import MissingBytecode
from eth_hash.auto import keccak

from node.chain.tries import get_value, update_trie

_HASHES_KEPT: Final = 16_384


@lru_cache(maxsize=_HASHES_KEPT)
def _hash_of(key: bytes) -> bytes:
    """Accounts and slots come again and again, from block to block."""
    return keccak(key)


class BatchTrie(BaseDB):
    """A trie whose changes wait in memory until `flush`; `db` takes the new nodes."""

    def __init__(self, db: Any, root_hash: bytes) -> None:
        self._db = db
        self.root_hash = root_hash
        self._changes: dict[bytes, bytes | None] = {}

    def __getitem__(self, key: bytes) -> bytes:
        hashed = _hash_of(self.full_key(key))
        if hashed in self._changes:
            return self._changes[hashed] or b""
        return get_value(self._db.__getitem__, self.root_hash, hashed)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._changes[_hash_of(self.full_key(key))] = value

    def __delitem__(self, key: bytes) -> None:
        self._changes[_hash_of(self.full_key(key))] = None

    def _exists(self, key: bytes) -> bool:
        return self[key] != b""

    def full_key(self, key: bytes) -> bytes:
        """Return what is hashed for a key."""
        return key

    def flush(self) -> bytes:
        """Apply the changes and return the new root."""
        if self._changes:
            nodes: dict[bytes, bytes] = {}
            self.root_hash = update_trie(self._db.__getitem__, self.root_hash, self._changes, nodes)
            for key, node in nodes.items():
                self._db[key] = node
            self._changes = {}
        return self.root_hash


class AccountTrie(BatchTrie):
    """The state trie, under the name py-evm calls its batch of changes."""

    @contextmanager
    def squash_changes(self) -> Iterator[BatchTrie]:
        """Collect changes and apply them at the end."""
        yield self
        self.flush()


class StorageTrie(BatchTrie):
    """One account's storage; replaces py-evm's `StorageLookup`."""

    def __init__(self, db: Any, root_hash: bytes) -> None:
        super().__init__(db, root_hash)
        self.has_changed_root = False
        self._wiped: list[tuple[bytes, dict[bytes, bytes | None], bool]] = []

    def __setitem__(self, key: bytes, value: bytes) -> None:
        super().__setitem__(key, value)
        self.has_changed_root = True

    def __delitem__(self, key: bytes) -> None:
        super().__delitem__(key)
        self.has_changed_root = True

    def full_key(self, key: bytes) -> bytes:
        """Return the slot as 32 bytes."""
        return key.rjust(32, b"\0")

    def get_changed_root(self) -> bytes:
        """Return the root after all changes so far."""
        return self.flush()

    def commit_to(self, _: Any) -> None:
        """Nodes are with the block's other nodes already; forget what led to them."""
        self.flush()
        self.has_changed_root = False
        self._wiped = []

    def new_trie(self) -> int:
        """Wipe the storage; return how often it has been wiped, for `rollback_trie`."""
        self._wiped.append((self.root_hash, self._changes, self.has_changed_root))
        self.root_hash, self._changes, self.has_changed_root = BLANK_ROOT_HASH, {}, False
        return len(self._wiped)

    def rollback_trie(self, index: int) -> None:
        """Go back to the storage before wipe number `index` (from 0)."""
        self.root_hash, self._changes, self.has_changed_root = self._wiped[index]
        del self._wiped[index:]


class StorageDatabase(AccountStorageDB):
    """py-evm's storage journals over a `StorageTrie`."""

    def __init__(self, db: Any, storage_root: Any, address: Any) -> None:
        super().__init__(db, storage_root, address)
        self._storage_lookup: Any = StorageTrie(db, storage_root)
        self._storage_cache = CacheDB(self._storage_lookup)
        self._locked_changes = JournalDB(self._storage_cache)
        self._journal_storage = JournalDB(self._locked_changes)

    def get(self, slot: int, from_journal: bool = True) -> int:
        """Return a slot's value; stored values are RLP numbers of at most 32 bytes."""
        journal = self._journal_storage if from_journal else self._locked_changes
        try:
            encoded = journal[slot.to_bytes((slot.bit_length() + 7) // 8 or 1, "big")]
        except KeyError:
            return 0
        if len(encoded) < 2:
            return encoded[0] & 0x7F if encoded else 0
        return int.from_bytes(encoded[1:], "big")


class AccountDatabase(AccountDB):
    """py-evm's account journals over an `AccountTrie`."""

    def __init__(self, db: Any, state_root: Any = BLANK_ROOT_HASH) -> None:
        super().__init__(db, state_root)
        self._raw_store_db: Any = db
        self._batchdb = BatchDB(db)
        self._journaldb = JournalDB(self._batchdb)
        self._trie: Any = AccountTrie(db, state_root)
        self._trie_cache = CacheDB(self._trie)
        self._journaltrie = JournalDB(self._trie_cache)

    def get_storage(self, address: Any, slot: int, from_journal: bool = True) -> int:
        """Return a slot's value; addresses and slots come from the machine's own stack, so they are in range."""
        return int(self._get_address_store(address).get(slot, from_journal))

    def get_code(self, address: Any) -> bytes:
        """Return the code; py-evm's own copies the list of everything read for each call."""
        code_hash = self.get_code_hash(address)
        if code_hash == EMPTY_SHA3:
            return b""
        try:
            return self._journaldb[code_hash]
        except KeyError:
            raise MissingBytecode(code_hash) from None

    def _get_address_store(self, address: Any) -> Any:
        store = self._account_stores.get(address)
        if store is None:
            store = StorageDatabase(self._raw_store_db, self._get_storage_root(address), address)
            self._account_stores[address] = store
        return store

    def _get_accessed_node_hashes(self) -> Any:
        return frozenset()
