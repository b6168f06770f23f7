"""What clients read on a node whose state is geth's: an allow-list of methods, handed to geth over its socket.

Answers go to the client as geth wrote them. Only what reads is on the list, and each request is bounded: by geth's
own flags (gas, time), or here (traces). What waits for a block is known to our pool alone,
so those questions are answered by it first. Stored blocks are final: `pending` is `latest`.

Source: ethereum/execution-apis; go-ethereum 1.17.5 internal/ethapi, eth/tracers.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from node.chain.errors import GethAnswerError, GethUnavailableError, InvalidParamsError
from node.chain.jsonrpc import params
from node.chain.jsonrpc.formatting import hex_data, transaction_to_json
from node.chain.jsonrpc.methods import Method, RawJson
from node.chain.limits import (
    GETH_CALL_TIMEOUT_S,
    GETH_INDEXING_POLL_S,
    GETH_INDEXING_TRIES_MAX,
    GETH_TIMEOUT_S,
    GETH_TRACES_MAX,
    TRACE_BYTES_MAX,
)
from node.chain.mempool import Mempool
from node.chain.store import TransactionPlace

Params = list[Any]
_READS: Final[Mapping[str, tuple[int, int, int | None]]] = {
    "eth_blockNumber": (0, 0, None),
    "eth_feeHistory": (2, 3, 1),
    "eth_getBlockByHash": (2, 2, None),
    "eth_getBlockReceipts": (1, 1, 0),
    "eth_getBlockTransactionCountByNumber": (1, 1, 0),
    "eth_getBlockTransactionCountByHash": (1, 1, None),
    "eth_getUncleCountByBlockNumber": (1, 1, 0),
    "eth_getUncleCountByBlockHash": (1, 1, None),
    "eth_getTransactionByBlockHashAndIndex": (2, 2, None),
    "eth_getTransactionByBlockNumberAndIndex": (2, 2, 0),
    "eth_getBalance": (1, 2, 1),
    "eth_getCode": (1, 2, 1),
    "eth_getStorageAt": (2, 3, 2),
    "eth_getProof": (2, 3, 2),
    "eth_call": (1, 3, 1),
    "eth_estimateGas": (1, 3, 1),
    "eth_createAccessList": (1, 2, 1),
    "debug_getRawHeader": (1, 1, 0),
    "debug_getRawBlock": (1, 1, 0),
    "debug_getRawReceipts": (1, 1, 0),
}
"""Method -> fewest and most parameters, and which of them is a block (the latest one where it is left out)."""
_TRACES: Final[Mapping[str, tuple[int, int | None]]] = {
    "debug_traceTransaction": (1, None),
    "debug_traceCall": (2, 1),
    "debug_traceBlockByNumber": (1, 0),
    "debug_traceBlockByHash": (1, None),
}
"""Method -> which parameter is the trace's configuration, and which is a block."""
_TRACERS: Final = ("callTracer", "flatCallTracer", "prestateTracer", "4byteTracer", "noopTracer")
"""Those in Go; a tracer written in JavaScript is a program that a client runs in the node."""
_SWITCHES: Final = ("enableMemory", "disableStack", "disableStorage", "enableReturnData")
_OBJECTS: Final = ("tracerConfig", "stateOverrides")
_INDEXING: Final = "transaction indexing is in progress"


class Forwarder(Protocol):
    """Where requests go: `GethIpc`."""

    async def forward(self, method: str, params: Sequence[Any], *, timeout_s: float) -> RawJson:
        """Return the `result` of a request."""
        ...


class Places(Protocol):
    """Which transactions are in blocks: `ChainStore`."""

    def place_of(self, tx_hash: bytes) -> TransactionPlace | None:
        """Return where the transaction is, None when it is in no block."""
        ...


class GethReads:
    """Answers from one geth and one pool; the rest of the node's methods stay as they are."""

    def __init__(self, ipc: Forwarder, store: Places, mempool: Mempool) -> None:
        self._ipc = ipc
        self._store = store
        self._mempool = mempool
        self._tracing = asyncio.Semaphore(GETH_TRACES_MAX)

    def table(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        forwarded = {
            name: Method(self._forwarding(name, block_at), least, most)
            for name, (least, most, block_at) in _READS.items()
        }
        traces = {
            name: Method(self._tracer(name, config_at, block_at), config_at, config_at + 1)
            for name, (config_at, block_at) in _TRACES.items()
        }
        return {
            **forwarded,
            **traces,
            "eth_getBlockByNumber": Method(self.get_block_by_number, 2, 2),
            "eth_getTransactionByHash": Method(self.get_transaction_by_hash, 1, 1),
            "eth_getRawTransactionByHash": Method(self.get_raw_transaction, 1, 1),
            "debug_getRawTransaction": Method(self.get_raw_transaction, 1, 1),
            "eth_getTransactionReceipt": Method(self.get_transaction_receipt, 1, 1),
            "eth_getTransactionCount": Method(self.get_transaction_count, 1, 2),
        }

    async def _forward(self, method: str, p: Params) -> RawJson:
        return await self._ipc.forward(method, p, timeout_s=GETH_TIMEOUT_S)

    def _forwarding(self, method: str, block_at: int | None) -> Callable[[Params], Any]:
        async def answer(p: Params) -> RawJson:
            return await self._forward(method, _at_final_block(p, block_at))

        return answer

    # -- what the pool knows better ----------------------------------------------------------------------------

    async def get_block_by_number(self, p: Params) -> RawJson | None:
        """A pending block does not exist before it is made."""
        return None if p[0] == "pending" else await self._forward("eth_getBlockByNumber", p)

    async def get_transaction_by_hash(self, p: Params) -> RawJson | dict[str, Any] | None:
        waiting = self._mempool.get(params.data(p[0], "hash", 32))
        if waiting is not None:
            return transaction_to_json(waiting, None, None)
        return await self._in_block("eth_getTransactionByHash", p)

    async def get_raw_transaction(self, p: Params) -> RawJson | str | None:
        waiting = self._mempool.get(params.data(p[0], "hash", 32))
        return hex_data(waiting.raw) if waiting else await self._in_block("eth_getRawTransactionByHash", p)

    async def get_transaction_receipt(self, p: Params) -> Any:
        found = await self._in_block("eth_getTransactionReceipt", p)
        return None if found is None else found.value

    async def _in_block(self, method: str, p: Params) -> RawJson | None:
        """Ask geth about a transaction in a block; just after its start it needs a moment to find its index."""
        if self._store.place_of(params.data(p[0], "hash", 32)) is None:
            return None
        for _ in range(GETH_INDEXING_TRIES_MAX):
            try:
                return await self._forward(method, p)
            except GethAnswerError as error:
                if _INDEXING not in str(error):
                    raise
            await asyncio.sleep(GETH_INDEXING_POLL_S)
        raise GethUnavailableError(f"{method}: expected geth's index of transactions to be ready; ask again")

    async def get_transaction_count(self, p: Params) -> RawJson | str:
        address = params.data(p[0], "address", 20)
        found = await self._forward("eth_getTransactionCount", _at_final_block(p, 1))
        if params.at(p, 1) != "pending":
            return found
        return hex(self._mempool.pending_nonce(address, int(found.value, 16)))

    # -- traces ------------------------------------------------------------------------------------------------

    def _tracer(self, method: str, config_at: int, block_at: int | None) -> Callable[[Params], Any]:
        async def answer(p: Params) -> RawJson:
            config = trace_config(params.at(p, config_at, {}), is_block="Block" in method)
            async with self._tracing:
                return await self._forward(method, [*_at_final_block(p[:config_at], block_at), config])

        return answer


def trace_config(value: object, *, is_block: bool) -> dict[str, Any]:
    """Return a trace's configuration with our limits in it.

    Raises:
        InvalidParamsError: an unknown field, a tracer that is not on the list, or all steps of a whole block.
    """
    if not isinstance(value, dict):
        raise InvalidParamsError("config: expected an object")
    config: dict[str, Any] = {"timeout": f"{GETH_CALL_TIMEOUT_S:g}s"}
    for name in value.keys() - {"tracer", "timeout", "limit"}:
        if name in _SWITCHES:
            config[name] = params.boolean(value[name], f"config.{name}")
        elif name in _OBJECTS and isinstance(value[name], dict):
            config[name] = value[name]
        else:
            raise InvalidParamsError(f"config.{str(name)[:64]}: expected no such field")
    tracer = value.get("tracer")
    if tracer is None and not is_block:
        return config | {"limit": TRACE_BYTES_MAX}
    if tracer not in _TRACERS:
        raise InvalidParamsError(
            f"config.tracer: expected one of {', '.join(_TRACERS)}, or none for the steps of a single transaction"
        )
    return config | {"tracer": tracer}


def _at_final_block(p: Params, block_at: int | None) -> Params:
    """Return the parameters with a block at its place: what is left out, and what is pending, is the latest."""
    if block_at is None:
        return p
    found = list(p)
    if len(found) == block_at:
        found.append("latest")
    if found[block_at] in (None, "pending", {"blockNumber": "pending"}):
        found[block_at] = "latest"
    return found
