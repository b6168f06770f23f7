"""geth as execution engine, driven by the Engine API over its Unix socket.

geth keeps state, receipts and indexes in its own database and follows the chain's store: a block is imported when it
is built or proposed, becomes head when it is durable in the store, and is fed again from the store when geth has
lost it. So the database may lag or be deleted; what geth has beyond the store is taken back.

Source: ethereum/execution-apis, src/engine/prague.md; go-ethereum 1.17.5 eth/catalyst/api.go, api_testing.go.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog
from eth_hash.auto import keccak

from node.chain.blocks import EMPTY_REQUESTS_HASH, BlockHeader, ExecutedBlock, Log
from node.chain.divergence import LocalResult
from node.chain.errors import (
    CorruptChainError,
    ExecutionFailedError,
    ExecutionRevertedError,
    GethAnswerError,
    GethMismatchError,
    GethUnavailableError,
    InvalidBlockError,
    TransactionRejectedError,
)
from node.chain.genesis_block import Genesis
from node.chain.geth.filling import BlockFiller, Filled
from node.chain.geth.ipc import GethIpc
from node.chain.geth.payload import (
    BEACON_ROOT,
    attributes_to_json,
    call_to_json,
    environment_of,
    header_of_payload,
    invalid_block,
    log_of_json,
    overrides_to_json,
    payload_to_json,
    receipt_of_json,
    requests_hash,
)
from node.chain.limits import GETH_REBUILD_LOG_S, GETH_START_S, GETH_TIMEOUT_S, RPC_BATCH_MAX
from node.chain.mempool import Mempool
from node.chain.ports import BlockEnvironment, CallRequest, Overrides, SenderAccount
from node.chain.store import ChainStore
from node.chain.transactions import Transaction, validate_stateless
from node.chain.tries import ordered_root

_log = structlog.get_logger("landfall.chain")
VERSION: Final = "1.17.5"
_REVERTED: Final = 3
_FEEDS_PER_HEAD: Final = 32
"""Blocks fed before geth is told to make the last of them its head."""
_REFUSED_MAX: Final = 64
_ACCOUNTS_PER_BATCH: Final = RPC_BATCH_MAX // 3
_OTHER_GENESIS: Final = "this database belongs to another network: delete the geth folder and the node rebuilds it"


class GethEngine:
    """Executes blocks and calls in geth; see `node.chain.ports.ExecutionEngine`."""

    def __init__(self, store: ChainStore, genesis: Genesis, ipc_path: Path) -> None:
        self._store = store
        self._genesis = genesis
        self._ipc_path = ipc_path
        self._filler = BlockFiller()
        self._built: asyncio.Task[None] | None = None
        self._refused: dict[bytes, InvalidBlockError] = {}
        self._connection: GethIpc | None = None

    # -- opening -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Wait for geth, check that it is the right one, and bring it to the store's head.

        Raises:
            GethUnavailableError: nobody listens, or geth does not come to the head.
            GethMismatchError: another version, chain or block 0.
        """
        self._connection = await GethIpc.connect(self._ipc_path, GETH_START_S)
        version, chain_id, first = await self._ipc.batch(
            [("web3_clientVersion", ()), ("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False))],
            timeout_s=GETH_TIMEOUT_S,
        )
        if f"/v{VERSION}-" not in version:
            raise GethMismatchError("version", VERSION, version, "install the pinned engines again")
        if int(chain_id, 16) != self._genesis.chain_id:
            raise GethMismatchError("chain_id", self._genesis.chain_id, int(chain_id, 16), _OTHER_GENESIS)
        if first["hash"] != _hex(self._genesis.block.header.hash):
            raise GethMismatchError("genesis", _hex(self._genesis.block.header.hash), first["hash"], _OTHER_GENESIS)
        await self._follow_store()

    async def close(self) -> None:
        """End what is under way and close the socket."""
        if self._built is not None:
            self._built.cancel()
            await asyncio.gather(self._built, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()

    @property
    def _ipc(self) -> GethIpc:
        if self._connection is None:
            raise GethUnavailableError("geth: expected an open connection; the chain is still opening, ask again")
        return self._connection

    async def _follow_store(self) -> None:
        """Make geth's chain the store's: take back what the store does not have, feed what geth does not have."""
        head = await self._geth_header("latest")
        stored = self._store.head_number() or 0
        geth_number = int(head["number"], 16)
        common = await self._last_common(min(geth_number, stored))
        if common < geth_number:
            _log.warning("engine_taken_back", engine="geth", block_number=geth_number, to_number=common)
            await self._call("debug_setHead", hex(common))
        if common < stored:
            await self._feed(common + 1, stored)
        await self._set_head(self._stored_header(stored))

    async def _last_common(self, highest: int) -> int:
        """Return the last block that geth and store both have; below it they have all in common."""
        low, high = 0, highest
        while low < high:
            middle = (low + high + 1) // 2
            found = await self._geth_header(hex(middle))
            if found is not None and found["hash"] == _hex(self._stored_header(middle).hash):
                low = middle
            else:
                high = middle - 1
        return low

    async def _feed(self, first: int, last: int) -> None:
        """Import stored blocks, and say so: after a crash a few, after a lost database all."""
        _log.warning("engine_rebuilding", engine="geth", from_number=first, to_number=last)
        loop = asyncio.get_running_loop()
        said_at = started_at = loop.time()
        for number in range(first, last + 1):
            header = self._stored_header(number)
            raws = [tx.raw for tx in self._store.transactions(number)]
            await self._import(header, raws, self._stored_header(number - 1))
            if number % _FEEDS_PER_HEAD == 0:
                await self._set_head(header)
            if loop.time() - said_at >= GETH_REBUILD_LOG_S:
                said_at = loop.time()
                _log.warning("engine_rebuilding", engine="geth", from_number=number + 1, to_number=last)
        _log.info("engine_rebuilt", engine="geth", blocks=last - first + 1, seconds=round(loop.time() - started_at, 1))

    def _stored_header(self, number: int) -> BlockHeader:
        header = self._store.header(number)
        if header is None:
            raise CorruptChainError(f"headers: expected block {number}, got nothing")
        return header

    async def _geth_header(self, block: str) -> Any:
        return await self._call("eth_getBlockByNumber", block, False)

    # -- blocks ------------------------------------------------------------------------------------------------

    async def build(self, environment: BlockEnvironment, pool: Mempool) -> ExecutedBlock:
        """Fill a block from the pool and drop from the pool what can never run.

        geth does not keep what it builds: the import goes on while the block is voted on.
        """
        await self._built_is_imported()

        async def try_build(transactions: Sequence[Transaction]) -> Filled:
            envelope = await self._build_list(environment, [tx.raw for tx in transactions])
            return Filled(tuple(transactions), int(envelope["executionPayload"]["gasUsed"], 16), envelope)

        filled = await self._filler.fill(pool, environment.gas_max, try_build, environment.bytes_max)
        header = header_of_payload(filled.envelope, filled.transactions)
        self._built = asyncio.create_task(self._import_built(header, filled))
        return ExecutedBlock(header, filled.transactions, (), {})

    async def _build_list(self, environment: BlockEnvironment, raws: Sequence[bytes]) -> Any:
        return await self._call(
            "testing_buildBlockV1",
            _hex(environment.parent.hash),
            attributes_to_json(environment),
            [_hex(raw) for raw in raws],
            _hex(environment.extra_data),
        )

    async def _import_built(self, header: BlockHeader, filled: Filled) -> None:
        envelope = filled.envelope
        status = await self._new_payload(envelope["executionPayload"], envelope["executionRequests"])
        self._require_valid(status, header, [tx.raw for tx in filled.transactions])

    async def _built_is_imported(self) -> None:
        """Wait for the import that `build` left behind; raises what it raised."""
        if self._built is not None:
            await asyncio.shield(self._built)
            self._built = None

    async def execute(self, header: BlockHeader, transactions: Sequence[Transaction]) -> ExecutedBlock:
        """Execute a proposed block on its parent, which is the head.

        Raises:
            InvalidBlockError: what does not follow, named as a field of the header or a transaction.
        """
        for index, tx in enumerate(transactions):
            try:
                validate_stateless(tx, self._genesis.chain_id, header.base_fee)
            except TransactionRejectedError as error:
                raise InvalidBlockError(f"transactions[{index}]", "one that can run", str(error)) from error
        parent = self._store.header(header.number - 1) if header.number > 0 else None
        if parent is None or parent.hash != header.parent_hash:
            raise InvalidBlockError("parent_hash", "the hash of a stored block", header.parent_hash.hex())
        await self._import(header, [tx.raw for tx in transactions], parent)
        return ExecutedBlock(header, tuple(transactions), (), {})

    async def committed(self, block: ExecutedBlock) -> None:
        """Make a block that is durable in the store the head."""
        await self._built_is_imported()
        self._refused.clear()
        if not await self._has_set_head(block.header):
            parent = self._stored_header(block.header.number - 1)
            await self._import(block.header, [tx.raw for tx in block.transactions], parent)
            await self._set_head(block.header)

    async def _import(self, header: BlockHeader, raws: Sequence[bytes], parent: BlockHeader) -> None:
        environment = environment_of(header, parent)
        if header.mix_hash != keccak(parent.hash):
            raise InvalidBlockError("mix_hash", keccak(parent.hash).hex(), header.mix_hash.hex())
        requests: Sequence[str] = []
        if header.requests_hash != EMPTY_REQUESTS_HASH:
            requests = await self._requests(header, raws, environment)
        payload = payload_to_json(header, raws)
        status = await self._new_payload(payload, requests)
        if status["status"] in ("ACCEPTED", "SYNCING"):
            # After a crash geth may know the parent but not its state; it makes it again when told to stand there.
            await self._set_head(parent)
            status = await self._new_payload(payload, requests)
        self._require_valid(status, header, raws)

    async def _requests(self, header: BlockHeader, raws: Sequence[bytes], environment: BlockEnvironment) -> list[str]:
        """Return a block's requests (EIP-7685), which are not in its data: they follow from executing it."""
        await self._set_head(environment.parent)
        try:
            envelope = await self._build_list(environment, raws)
        except GethAnswerError as error:
            raise InvalidBlockError("transactions", "ones that can run", str(error)) from error
        requests: list[str] = envelope["executionRequests"]
        if requests_hash(requests) != header.requests_hash:
            raise InvalidBlockError("requests_hash", requests_hash(requests).hex(), header.requests_hash.hex())
        return requests

    async def _new_payload(self, payload: Mapping[str, Any], requests: Sequence[str]) -> Any:
        return await self._call("engine_newPayloadV4", payload, [], BEACON_ROOT, requests)

    def _require_valid(self, status: Any, header: BlockHeader, raws: Sequence[bytes]) -> None:
        if status["status"] == "VALID":
            return
        if status["status"] != "INVALID":
            raise GethUnavailableError(
                f"engine_newPayloadV4: expected VALID or INVALID for block {header.number}, got {status['status']}: "
                "geth lost the parent; start the node again and it is rebuilt"
            )
        # Asked again about a block it refused, geth no longer says why.
        error = self._refused.get(header.hash) or invalid_block(str(status["validationError"]))
        if error.field == "hash" and (root := ordered_root(raws)) != header.transactions_root:
            error = InvalidBlockError("transactions_root", root.hex(), header.transactions_root.hex())
        if len(self._refused) < _REFUSED_MAX:
            self._refused[header.hash] = error
        raise error

    async def _set_head(self, header: BlockHeader) -> None:
        if not await self._has_set_head(header):
            raise GethUnavailableError(f"geth: expected block {header.number} to become its head, got none such")

    async def _has_set_head(self, header: BlockHeader) -> bool:
        """Make an imported block head, safe and final in one; False when geth does not have it."""
        block_hash = _hex(header.hash)
        state = dict.fromkeys(("headBlockHash", "safeBlockHash", "finalizedBlockHash"), block_hash)
        answer = await self._call("engine_forkchoiceUpdatedV3", state, None)
        return bool(answer["payloadStatus"]["status"] == "VALID")

    async def local_result(
        self, header: BlockHeader, transactions: Sequence[Transaction], refusal: InvalidBlockError
    ) -> LocalResult:
        """Return what geth makes of a decided block that it refused: its own header and receipts, where it has any."""
        parent = self._stored_header(header.number - 1)
        result = LocalResult.refused("geth", refusal)
        try:
            envelope = await self._build_list(environment_of(header, parent), [tx.raw for tx in transactions])
        except GethAnswerError as error:
            return replace(result, refusal=f"{refusal}; building it again: {error}")
        own = header_of_payload(envelope, transactions)
        await self._new_payload(envelope["executionPayload"], envelope["executionRequests"])
        receipts = await self._call("eth_getBlockReceipts", _hex(own.hash))
        return replace(result, header=own, receipts=[receipt_of_json(receipt) for receipt in receipts])

    # -- reads -------------------------------------------------------------------------------------------------

    async def accounts(self, addresses: Sequence[bytes]) -> Sequence[SenderAccount]:
        """Return accounts after the head block, in order."""
        methods = ("eth_getTransactionCount", "eth_getBalance", "eth_getCode")
        found: list[SenderAccount] = []
        for start in range(0, len(addresses), _ACCOUNTS_PER_BATCH):
            part = addresses[start : start + _ACCOUNTS_PER_BATCH]
            calls = [(method, (_hex(address), "latest")) for address in part for method in methods]
            answers = iter(await self._ipc.batch(calls, timeout_s=GETH_TIMEOUT_S))
            found += [
                SenderAccount(int(nonce, 16), int(balance, 16), bytes.fromhex(code[2:]))
                for nonce, balance, code in zip(answers, answers, answers, strict=True)
            ]
        return found

    async def call(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> bytes:
        """Return what the call returns in the state after `header`.

        Raises:
            ExecutionRevertedError, ExecutionFailedError.
        """
        return bytes.fromhex((await self._ask("eth_call", header, request, overrides))[2:])

    async def estimate_gas(self, header: BlockHeader, request: CallRequest, overrides: Overrides) -> int:
        """Return a gas limit with which the request succeeds as a transaction; raises what `call` raises."""
        return int(await self._ask("eth_estimateGas", header, request, overrides), 16)

    async def _ask(self, method: str, header: BlockHeader, request: CallRequest, overrides: Overrides) -> str:
        block = {"blockHash": _hex(header.hash)}
        try:
            answer: str = await self._call(method, call_to_json(request), block, overrides_to_json(overrides))
        except GethAnswerError as error:
            if error.rpc_code == _REVERTED:
                reason = str(error).partition("execution reverted: ")[2]
                raise ExecutionRevertedError(bytes.fromhex(str(error.rpc_data)[2:]), reason or None) from error
            raise ExecutionFailedError(str(error)) from error
        return answer

    async def logs(self, block: ExecutedBlock, address: bytes) -> Sequence[Log]:
        """Return what the contract logged in a block that was built or executed, head or not."""
        await self._built_is_imported()
        found = await self._call("eth_getLogs", {"blockHash": _hex(block.header.hash), "address": _hex(address)})
        return [log_of_json(log) for log in found]

    async def _call(self, method: str, *params: Any) -> Any:
        return await self._ipc.call(method, *params, timeout_s=GETH_TIMEOUT_S)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
