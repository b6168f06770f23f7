"""Reads answered by a real geth through the node's own JSON-RPC server."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.chain.errors import LimitExceededError
from node.chain.genesis_block import read_genesis
from node.chain.geth.ipc import GethIpc
from node.chain.geth.logs import GethLogs
from node.chain.geth.reads import GethReads
from node.chain.jsonrpc.logs import LogFilter
from node.chain.jsonrpc.server import JsonRpcServer
from node.chain.mempool import Mempool
from node.chain.transactions import decode_transaction
from tests.integration.engines import running_geth
from tests.integration.geth_chain import TwoEngines, words
from tests.unit.chain.support import ETHER, REVERT, STORE, Actor, genesis_document


class _Node:
    def __init__(self, server: JsonRpcServer, both: TwoEngines, pool: Mempool, ipc: GethIpc) -> None:
        self.ipc = ipc
        self.both = both
        self.pool = pool
        self._server = server

    async def rpc(self, method: str, *params: Any) -> Any:
        """Return the answer's `result`, or its whole `error` object, as a client reads it."""
        answer: Any = await self._server.answer({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        if "error" in answer:
            return answer["error"]
        return getattr(answer["result"], "value", answer["result"])


@contextlib.asynccontextmanager
async def _node(folder: Path, payer: Actor) -> AsyncIterator[_Node]:
    document = genesis_document({payer.address: 1_000 * ETHER})
    async with running_geth(folder / "home", document) as geth:
        both = TwoEngines(folder, read_genesis(document), geth.ipc)
        await both.geth.open()
        ipc, pool, server = await GethIpc.connect(geth.ipc, 5), Mempool(), JsonRpcServer({})
        server.open(GethReads(ipc, both.store, pool).table())
        try:
            yield _Node(server, both, pool, ipc)
        finally:
            ipc.close()
            await both.close()


async def test_blocks_transactions_and_receipts_are_geths(tmp_path: Path) -> None:
    payer = Actor(1)
    async with _node(tmp_path, payer) as node:
        raw = payer.sign(to=STORE, data=words(7, 42))
        block = await node.both.add(raw, payer.sign(to=REVERT))
        tx_hash = "0x" + decode_transaction(raw).hash.hex()
        assert await node.rpc("eth_blockNumber") == "0x1"
        shown = await node.rpc("eth_getBlockByNumber", "latest", False)
        assert shown["hash"] == "0x" + block.header.hash.hex()
        assert shown == await node.rpc("eth_getBlockByHash", shown["hash"], False)
        assert await node.rpc("eth_getBlockByNumber", "pending", False) is None
        assert (await node.rpc("eth_getTransactionByHash", tx_hash))["blockNumber"] == "0x1"
        assert await node.rpc("eth_getRawTransactionByHash", tx_hash) == "0x" + raw.hex()
        receipts = await node.rpc("eth_getBlockReceipts", "latest")
        assert [receipt["status"] for receipt in receipts] == ["0x1", "0x0"]
        assert await node.rpc("eth_getTransactionReceipt", tx_hash) == receipts[0]
        assert await node.rpc("eth_getTransactionReceipt", "0x" + "11" * 32) is None
        assert (await node.rpc("debug_getRawHeader", "latest")) == "0x" + block.header.payload.hex()


async def test_logs_are_collected_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = Actor(1)
    async with _node(tmp_path, payer) as node:
        for slot in (7, 8, 7):
            await node.both.add(payer.sign(to=STORE, data=words(slot, 42)))
        source = GethLogs(node.ipc, node.both.store)
        for piece_gas in (1, 100_000, 10**9):
            monkeypatch.setattr("node.chain.geth.logs.LOGS_PIECE_GAS", piece_gas)
            found = await source.collect(LogFilter(frozenset([STORE]), (frozenset([words(7)]),)), 0, 3)
            assert [log["blockNumber"] for log in found] == ["0x1", "0x3"]
            assert len(await source.collect(LogFilter(frozenset(), ()), 1, 3)) == 3
            assert await source.collect(LogFilter(frozenset([REVERT]), ()), 0, 3) == []
        monkeypatch.setattr("node.chain.jsonrpc.logs.LOGS_RESULTS_MAX", 2)
        with pytest.raises(LimitExceededError, match="more than 2"):
            await source.collect(LogFilter(frozenset(), ()), 1, 3)


async def test_state_is_read_at_any_block_and_latest_when_none_is_named(tmp_path: Path) -> None:
    payer = Actor(1)
    async with _node(tmp_path, payer) as node:
        await node.both.add(payer.sign(to=STORE, data=words(7, 42), value=5))
        address, call = "0x" + payer.address.hex(), {"to": "0x" + STORE.hex(), "data": "0x" + words(7, 1).hex()}
        for block in ((), ("latest",), ("pending",)):
            assert int(await node.rpc("eth_getBalance", address, *block), 16) == 1_000 * ETHER - 5
            assert await node.rpc("eth_call", call, *block) == "0x" + words(42).hex()
            assert int(await node.rpc("eth_getStorageAt", "0x" + STORE.hex(), "0x7", *block), 16) == 42
        assert int(await node.rpc("eth_getBalance", address, "0x0"), 16) == 1_000 * ETHER
        assert await node.rpc("eth_call", call, "earliest") == "0x" + words(0).hex()
        assert int(await node.rpc("eth_estimateGas", call | {"from": address}), 16) > 21_000
        assert (await node.rpc("eth_getProof", address, []))["nonce"] == "0x1"
        reverted = await node.rpc("eth_call", {"to": "0x" + REVERT.hex()})
        assert (reverted["code"], reverted["message"]) == (3, "execution reverted: no")
        assert reverted["data"].startswith("0x08c379a0")


async def test_waiting_transactions_are_the_pools(tmp_path: Path) -> None:
    payer = Actor(1)
    async with _node(tmp_path, payer) as node:
        tx = decode_transaction(payer.sign())
        address, tx_hash = "0x" + payer.address.hex(), "0x" + tx.hash.hex()
        assert await node.rpc("eth_getTransactionByHash", tx_hash) is None
        node.pool.add(tx, 0)
        assert (await node.rpc("eth_getTransactionByHash", tx_hash))["blockNumber"] is None
        assert await node.rpc("eth_getRawTransactionByHash", tx_hash) == "0x" + tx.raw.hex()
        assert await node.rpc("eth_getTransactionCount", address, "pending") == "0x1"
        assert await node.rpc("eth_getTransactionCount", address, "latest") == "0x0"
        assert await node.rpc("eth_getTransactionReceipt", tx_hash) is None


async def test_traces_are_answered_within_limits(tmp_path: Path) -> None:
    payer = Actor(1)
    async with _node(tmp_path, payer) as node:
        raw = payer.sign(to=STORE, data=words(7, 42))
        await node.both.add(raw)
        tx_hash = "0x" + decode_transaction(raw).hash.hex()
        steps = await node.rpc("debug_traceTransaction", tx_hash)
        assert steps["structLogs"][0]["op"] == "PUSH0"
        calls = await node.rpc("debug_traceTransaction", tx_hash, {"tracer": "callTracer", "timeout": "9h"})
        assert calls["to"] == "0x" + STORE.hex()
        (traced,) = await node.rpc("debug_traceBlockByNumber", "latest", {"tracer": "callTracer"})
        assert traced["result"] == calls
        called = {"from": "0x" + payer.address.hex(), "to": "0x" + STORE.hex()}
        assert (await node.rpc("debug_traceCall", called, "latest", {"tracer": "callTracer"}))["type"] == "CALL"
