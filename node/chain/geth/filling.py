"""Which waiting transactions a block takes, when the engine takes or refuses a list as a whole.

geth builds a block from an explicit list and fails all of it at the first transaction that cannot run. What runs is
known only to geth, so the list is a guess: nonces in order, and as much gas as blocks lately used of what their
senders allowed for. A guess that fails is made smaller in a way that ends: a sender that geth names is cut to one
transaction, then left out; a list that uses too much gas is taken again with less trust in low use. What cannot even
run alone on the head's state leaves the pool.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from node.chain.errors import GethAnswerError
from node.chain.limits import BLOCK_BYTES_MAX, GETH_BUILDS_MAX
from node.chain.mempool import Mempool
from node.chain.transactions import Transaction

_log = structlog.get_logger("landfall.chain")
_ADDRESS: Final = re.compile(r"address 0x([0-9a-fA-F]{40})\b")
_HEADROOM: Final = 1.1
"""A block is planned this much above what earlier ones used, so that a small rise does not overfill it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A block geth built; `envelope` is its payload as the Engine API has it."""

    transactions: tuple[Transaction, ...]
    gas_used: int
    envelope: Mapping[str, Any] = field(repr=False)


TryBuild = Callable[[Sequence[Transaction]], Awaitable[Filled]]
"""Builds a block of exactly these, or raises GethAnswerError; leaves no trace."""


class BlockFiller:
    """Fills one block after the other and remembers what share of the allowed gas they used."""

    def __init__(self) -> None:
        self._share = 1.0

    async def fill(
        self, pool: Mempool, gas_target: int, try_build: TryBuild, bytes_max: int = BLOCK_BYTES_MAX
    ) -> Filled:
        """Return a block of what can run, within `gas_target`; an empty one when nothing can.

        Drops from the pool what cannot run on the head's state.
        """
        share, count_max = min(1.0, self._share * _HEADROOM), len(pool)
        allowed: dict[bytes, int] = {}
        runs: list[Transaction] = []
        for _ in range(GETH_BUILDS_MAX):
            chosen = _choose(pool, int(gas_target / share), bytes_max, count_max, allowed)
            if not chosen:
                break
            try:
                block = await try_build(chosen)
            except GethAnswerError as error:
                culprit = _named(str(error), chosen)
                suspect = chosen[0] if len(chosen) == 1 else None
                if culprit is None:
                    # Too much gas, or something nobody foresaw.
                    share, count_max = 1.0, len(chosen) // 2
                else:
                    place = next(index for index, tx in enumerate(chosen) if tx.sender == culprit)
                    runs = chosen[:place]
                    suspect = chosen[place] if culprit in allowed else suspect
                    allowed[culprit] = 0 if culprit in allowed else 1
                if suspect is not None:
                    await _drop_if_hopeless(pool, suspect, try_build)
                continue
            if block.gas_used <= gas_target:
                self._learn(block, gas_target)
                return block
            share = min(1.0, max(_share(block), 2 * share))
        return await try_build(_within(runs, gas_target))

    def _learn(self, block: Filled, gas_target: int) -> None:
        weight = min(1.0, _gas(block.transactions) / gas_target)
        self._share += (_share(block) - self._share) * weight


def _choose(
    pool: Mempool, gas_max: int, bytes_max: int, count_max: int, allowed: Mapping[bytes, int]
) -> list[Transaction]:
    """Return what to try: in the pool's order, what does not fit left out together with all that follows from it."""
    chosen: list[Transaction] = []
    skipped: set[bytes] = set()
    taken: dict[bytes, int] = {}
    gas = size = 0
    for tx in pool.executable():
        if len(chosen) >= count_max or gas >= gas_max or size >= bytes_max:
            break
        if tx.sender in skipped:
            continue
        is_fitting = gas + tx.gas <= gas_max and size + len(tx.item) <= bytes_max
        if not is_fitting or taken.get(tx.sender, 0) >= allowed.get(tx.sender, count_max):
            skipped.add(tx.sender)
            continue
        taken[tx.sender] = taken.get(tx.sender, 0) + 1
        gas, size = gas + tx.gas, size + len(tx.item)
        chosen.append(tx)
    return chosen


def _named(message: str, chosen: Sequence[Transaction]) -> bytes | None:
    """Return the sender geth names, if it is one of these."""
    found = _ADDRESS.search(message)
    sender = bytes.fromhex(found[1]) if found else None
    return sender if any(tx.sender == sender for tx in chosen) else None


async def _drop_if_hopeless(pool: Mempool, tx: Transaction, try_build: TryBuild) -> None:
    """Drop what cannot run alone on the head's state; a nonce that is too high may be filled up later."""
    try:
        await try_build([tx])
    except GethAnswerError as error:
        if "nonce too high" not in str(error):
            _log.info("transaction_dropped", tx_hash="0x" + tx.hash.hex(), reason=str(error))
            pool.drop(tx)


def _within(transactions: Sequence[Transaction], gas_max: int) -> list[Transaction]:
    """Return the first ones, as many as fit even when each uses all its gas."""
    gas, kept = 0, []
    for tx in transactions:
        gas += tx.gas
        if gas > gas_max:
            break
        kept.append(tx)
    return kept


def _gas(transactions: Sequence[Transaction]) -> int:
    return sum(tx.gas for tx in transactions)


def _share(block: Filled) -> float:
    return block.gas_used / max(1, _gas(block.transactions))
