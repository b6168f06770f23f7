"""Transactions that wait for a block: ordered by nonce per sender, bounded, replaceable by a better fee.

The pool knows the next nonce of every sender it holds something of (told by the application after each block) and
so which transactions could run now. It is memory only; the journal is what survives.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from node.chain.errors import (
    AlreadyKnownError,
    MempoolFullError,
    NonceTooHighError,
    NonceTooLowError,
    UnderpricedError,
)
from node.chain.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_NONCE_GAP_MAX,
    MEMPOOL_PER_SENDER_MAX,
    MEMPOOL_TRANSACTIONS_MAX,
    REPLACEMENT_BUMP_PERCENT,
)
from node.chain.transactions import Transaction


@dataclass(slots=True)
class _Queue:
    """One sender's transactions by nonce; `next_nonce` is the account's in the last block."""

    next_nonce: int
    by_nonce: dict[int, Transaction] = field(default_factory=dict)
    cost: int = 0
    """Wei that all of them may cost."""


class Mempool:
    """Waiting transactions of all senders."""

    def __init__(self) -> None:
        self._queues: dict[bytes, _Queue] = {}
        self._by_hash: dict[bytes, Transaction] = {}
        self._by_item: dict[bytes, Transaction] = {}
        self._arrival: dict[bytes, int] = {}
        self._arrivals = 0
        self._held: set[bytes] = set()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, tx_hash: bytes) -> Transaction | None:
        """Return a waiting transaction."""
        return self._by_hash.get(tx_hash)

    def find(self, item: bytes) -> Transaction | None:
        """Return a waiting transaction by its bytes as they stand in a consensus block."""
        return self._by_item.get(item)

    def all(self) -> list[Transaction]:
        """Return every waiting transaction, by arrival."""
        return sorted(self._by_hash.values(), key=lambda tx: self._arrival[tx.hash])

    def senders(self) -> list[bytes]:
        """Return the accounts with something waiting."""
        return list(self._queues)

    def check_room(self, tx: Transaction, next_nonce: int) -> None:
        """Return when `add` would take the transaction.

        Raises:
            AlreadyKnownError, NonceTooLowError, NonceTooHighError, UnderpricedError, MempoolFullError.
        """
        if tx.hash in self._by_hash:
            raise AlreadyKnownError("already known: the same transaction is waiting for a block")
        if tx.nonce < next_nonce:
            raise NonceTooLowError(tx.nonce, next_nonce)
        if tx.nonce > next_nonce + MEMPOOL_NONCE_GAP_MAX + MEMPOOL_PER_SENDER_MAX:
            raise NonceTooHighError(f"nonce too high: next nonce {next_nonce}, tx nonce {tx.nonce}")
        queue = self._queues.get(tx.sender)
        old = queue.by_nonce.get(tx.nonce) if queue else None
        if old is not None:
            _check_replacement(old, tx)
            return
        if queue is not None and len(queue.by_nonce) >= MEMPOOL_PER_SENDER_MAX:
            raise MempoolFullError(f"txpool is full: at most {MEMPOOL_PER_SENDER_MAX} waiting per account")
        if len(self._by_hash) >= MEMPOOL_TRANSACTIONS_MAX or self._bytes + len(tx.item) > MEMPOOL_BYTES_MAX:
            raise MempoolFullError(f"txpool is full: {len(self._by_hash)} transactions waiting")

    def add(self, tx: Transaction, next_nonce: int, *, is_held: bool = False) -> None:
        """Take a transaction, or raise what `check_room` raises; a held one does not run before `release`."""
        self.check_room(tx, next_nonce)
        queue = self._queues.setdefault(tx.sender, _Queue(next_nonce))
        self._forward(queue, next_nonce)
        old = queue.by_nonce.get(tx.nonce)
        if old is not None:
            self._forget(old)
        queue.by_nonce[tx.nonce] = tx
        queue.cost += tx.cost_max
        self._by_hash[tx.hash] = tx
        self._by_item[tx.item] = tx
        self._arrivals += 1
        self._arrival[tx.hash] = self._arrivals
        self._bytes += len(tx.item)
        if is_held:
            self._held.add(tx.hash)

    def release(self, tx: Transaction) -> None:
        """Let a held transaction run."""
        self._held.discard(tx.hash)

    def pending_nonce(self, sender: bytes, next_nonce: int) -> int:
        """Return the nonce after the account's last transaction that can run now."""
        queue = self._queues.get(sender)
        while queue is not None and next_nonce in queue.by_nonce:
            next_nonce += 1
        return next_nonce

    def pending_cost(self, tx: Transaction) -> int:
        """Return the wei the sender's other waiting transactions may cost, without the one it would replace."""
        queue = self._queues.get(tx.sender)
        if queue is None:
            return 0
        replaced = queue.by_nonce.get(tx.nonce)
        return queue.cost - (replaced.cost_max if replaced else 0)

    def can_run(self, item: bytes) -> bool:
        """Return whether a transaction waits whose sender has one that could run now, itself or one before it."""
        tx = self._by_item.get(item)
        queue = None if tx is None else self._queues.get(tx.sender)
        return queue is not None and queue.next_nonce in queue.by_nonce

    def has_executable(self) -> bool:
        """Return whether some transaction could run now."""
        heads = (queue.by_nonce.get(queue.next_nonce) for queue in self._queues.values())
        return any(tx is not None and tx.hash not in self._held for tx in heads)

    def executable(self) -> Iterator[Transaction]:
        """Yield transactions in the order they should run: highest tip first, then by arrival, nonces in order."""
        heap = [
            self._rank(queue.by_nonce[queue.next_nonce])
            for queue in self._queues.values()
            if queue.next_nonce in queue.by_nonce
        ]
        heapify(heap)
        while heap:
            _, _, tx_hash = heappop(heap)
            tx = self._by_hash.get(tx_hash)
            if tx is None or tx_hash in self._held:
                continue
            yield tx
            queue = self._queues.get(tx.sender)
            following = queue.by_nonce.get(tx.nonce + 1) if queue else None
            if following is not None:
                heappush(heap, self._rank(following))

    def drop(self, tx: Transaction) -> None:
        """Forget a transaction that can never run."""
        queue = self._queues.get(tx.sender)
        if queue is not None and queue.by_nonce.get(tx.nonce) is tx:
            del queue.by_nonce[tx.nonce]
            self._forget(tx)
            if not queue.by_nonce:
                del self._queues[tx.sender]

    def advance(self, next_nonces: Iterable[tuple[bytes, int]]) -> None:
        """Take note of accounts' nonces after a block and drop what they made impossible."""
        for sender, next_nonce in next_nonces:
            queue = self._queues.get(sender)
            if queue is None:
                continue
            self._forward(queue, next_nonce)
            if not queue.by_nonce:
                del self._queues[sender]

    def _forward(self, queue: _Queue, next_nonce: int) -> None:
        for nonce in range(queue.next_nonce, next_nonce):
            if (tx := queue.by_nonce.pop(nonce, None)) is not None:
                self._forget(tx)
        queue.next_nonce = next_nonce

    def _rank(self, tx: Transaction) -> tuple[int, int, bytes]:
        return (-tx.max_priority_fee_per_gas, self._arrival[tx.hash], tx.hash)

    def _forget(self, tx: Transaction) -> None:
        del self._by_hash[tx.hash]
        del self._by_item[tx.item]
        self._queues[tx.sender].cost -= tx.cost_max
        del self._arrival[tx.hash]
        self._held.discard(tx.hash)
        self._bytes -= len(tx.item)


def _check_replacement(old: Transaction, new: Transaction) -> None:
    for name in ("max_fee_per_gas", "max_priority_fee_per_gas"):
        before, after = getattr(old, name), getattr(new, name)
        wanted = max(before * (100 + REPLACEMENT_BUMP_PERCENT) // 100, before + 1)
        if after < wanted:
            raise UnderpricedError(
                f"replacement transaction underpriced: {name} expected at least {wanted}, got {after}"
            )
