"""Logs of a node whose receipts are geth's: ranges are asked piece by piece, so that no answer fills the memory.

geth has an index over all logs, but no limit on how many one answer holds; a piece ends where its blocks together
used `LOGS_PIECE_GAS`, since a log costs gas.

Source: go-ethereum 1.17.5 eth/filters (its own limit of a range refuses every range that ends at the latest block).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from node.chain.errors import CorruptChainError
from node.chain.geth.reads import Forwarder
from node.chain.jsonrpc.formatting import hex_data
from node.chain.jsonrpc.logs import LogFilter, check_results
from node.chain.limits import GETH_TIMEOUT_S, LOGS_PIECE_GAS
from node.chain.store import ChainStore


class GethLogs:
    """See `node.chain.jsonrpc.logs.LogSource`."""

    def __init__(self, ipc: Forwarder, store: ChainStore) -> None:
        self._ipc = ipc
        self._store = store

    async def collect(self, wanted: LogFilter, first: int, last: int) -> list[dict[str, Any]]:
        """Return the matching logs of these blocks."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {
            "address": [hex_data(address) for address in wanted.addresses],
            "topics": [[hex_data(topic) for topic in group] or None for group in wanted.topics],
        }
        async for start, end in self._pieces(first, last):
            blocks = {"fromBlock": hex(start), "toBlock": hex(end)}
            found += (await self._ipc.forward("eth_getLogs", [query | blocks], timeout_s=GETH_TIMEOUT_S)).value
            check_results(found)
        return found

    async def _pieces(self, first: int, last: int) -> AsyncIterator[tuple[int, int]]:
        gas, start = 0, first
        for number in range(first, last + 1):
            header = self._store.header(number)
            if header is None:
                raise CorruptChainError(f"headers: expected block {number}, got nothing")
            if gas and gas + header.gas_used > LOGS_PIECE_GAS:
                yield start, number - 1
                gas, start = 0, number
            gas += header.gas_used
            if number % 64 == 0:
                await asyncio.sleep(0)
        if start <= last:
            yield start, last
