"""Reads of accounts, storage and code in the state after any stored block, without an engine."""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from node.chain.errors import CorruptChainError
from node.chain.store import ChainStore
from node.chain.tries import EMPTY_ROOT, get_value

EMPTY_CODE_HASH: Final = keccak(b"")


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the state trie holds it; `balance` in wei."""

    nonce: int = 0
    balance: int = 0
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = EMPTY_CODE_HASH

    def encode(self) -> bytes:
        """Return the trie's value."""
        encoded: bytes = rlp.encode([self.nonce, self.balance, self.storage_root, self.code_hash])
        return encoded


class _Nodes(dict[bytes, bytes]):
    """The store's nodes, as the mapping a trie reads."""

    def __init__(self, store: ChainStore) -> None:
        super().__init__()
        self._store = store

    def __missing__(self, key: bytes) -> bytes:
        value = self._store.state_node(key)
        if value is None:
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self._store.state_node(key) is not None


class StateReader:
    """Looks values up by state root; unknown accounts and slots are empty."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self._nodes = _Nodes(store)

    def account(self, root: bytes, address: bytes) -> Account:
        """Return the account, an empty one when there is none."""
        value = get_value(self._nodes.__getitem__, root, keccak(address))
        if not value:
            return Account()
        nonce, balance, storage_root, code_hash = rlp.decode(value)
        return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)

    def code(self, root: bytes, address: bytes) -> bytes:
        """Return the account's code."""
        code_hash = self.account(root, address).code_hash
        if code_hash == EMPTY_CODE_HASH:
            return b""
        code = self._store.state_node(code_hash)
        if code is None:
            raise CorruptChainError(f"state: expected code {code_hash.hex()}, got nothing")
        return code

    def storage(self, root: bytes, address: bytes, slot: int) -> int:
        """Return the value of a slot, 0 when it was never set."""
        account = self.account(root, address)
        value = get_value(self._nodes.__getitem__, account.storage_root, keccak(slot.to_bytes(32, "big")))
        return int.from_bytes(rlp.decode(value), "big") if value else 0

    def proof(self, root: bytes, key: bytes) -> list[str]:
        """Return the trie nodes from `root` to `key` (hashed here), as 0x hex of their RLP."""
        if root == EMPTY_ROOT:
            return []
        trie: Any = HexaryTrie(self._nodes, root)
        return ["0x" + rlp.encode(node).hex() for node in trie.get_proof(keccak(key))]
