"""What the engine says of senders' accounts, remembered from block to block.

A nonce moves with its account's own transactions only, so blocks tell the next one. A balance can move in any block,
so it is asked for again, where a transaction costs something, once the head is another.
"""

from collections.abc import Collection
from dataclasses import replace

from node.chain.blocks import ExecutedBlock
from node.chain.limits import ACCOUNTS_CACHED_MAX
from node.chain.ports import ExecutionEngine, SenderAccount


class SenderAccounts:
    """Accounts by address; `load` first, then read without waiting in between."""

    def __init__(self, engine: ExecutionEngine) -> None:
        self._engine = engine
        self._known: dict[bytes, SenderAccount] = {}
        self._fresh: set[bytes] = set()
        """Whose balances are those after the head block."""
        self._blocks = 0

    def __getitem__(self, address: bytes) -> SenderAccount:
        return self._known[address]

    async def load(self, addresses: Collection[bytes], paying: Collection[bytes] = ()) -> None:
        """Return once all accounts are known, with the balances of those who pay."""
        if len(self._known) > ACCOUNTS_CACHED_MAX:
            self._forget_all()
        # A block may be committed while the engine answers, which makes the answers stale: ask again then.
        while missing := [one for one in addresses if self._is_missing(one, is_paying=one in paying)]:
            asked_at = self._blocks
            found = await self._engine.accounts(missing)
            if asked_at == self._blocks:
                self._known.update(zip(missing, found, strict=True))
                self._fresh.update(missing)

    def follow(self, block: ExecutedBlock) -> dict[bytes, int] | None:
        """Take note of the engine's new head; return senders' next nonces, or None where those of others moved too."""
        self._blocks += 1
        if any(tx.authorization_list or self._has_code(tx.sender) for tx in block.transactions):
            # EIP-7702: an authorization moves its authority's nonce; an account with code can move its own.
            self._forget_all()
            return None
        self._fresh.clear()
        nonces = {tx.sender: tx.nonce + 1 for tx in block.transactions}
        for address, nonce in nonces.items():
            if address in self._known:
                self._known[address] = replace(self._known[address], nonce=nonce)
        return nonces

    def _is_missing(self, address: bytes, *, is_paying: bool) -> bool:
        if address not in self._known:
            return True
        return (is_paying or self._has_code(address)) and address not in self._fresh

    def _has_code(self, address: bytes) -> bool:
        return address in self._known and bool(self._known[address].code)

    def _forget_all(self) -> None:
        self._known.clear()
        self._fresh.clear()
