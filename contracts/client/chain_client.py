"""A service's view of the chain process: Ethereum JSON-RPC through web3.py's AsyncWeb3, and decoded blocks.

web3.py takes seconds to import, so `connect` imports it in a worker thread; nothing else here may import it.
Works on any EVM node that serves the standard methods; `finality_proof`, `validator_changes`, `next_block_s` and
`genesis` need Landfall's own chain.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from contracts.client.artifacts import (
    ChainEvent,
    checksummed,
    decode_log,
    decode_result,
    decode_revert,
    encode_call,
)
from contracts.client.blocks import BlockData, BlockInfo, TransactionOutcome
from contracts.client.deployment import Deployment
from contracts.client.errors import (
    CallRevertedError,
    ChainUnavailableError,
    InvariantError,
    RpcError,
    TransactionRefusedError,
)
from contracts.client.request_id import HEADER, REQUEST_ID, join_ids, serving
from contracts.client.together import Call, Together

if TYPE_CHECKING:
    from web3 import AsyncHTTPProvider, AsyncWeb3

Result = TypeVar("Result")
Block = int | str
"""A block's number or a tag, `latest`."""

# Seconds for one answer; a block of a busy chain takes tens of milliseconds.
_TIMEOUT_S = 30.0
# EIP-1474: resource unavailable, limit exceeded, internal error; and the code of a revert.
_TRANSIENT = frozenset({-32002, -32005, -32603})
_REVERTED = 3
# Replaying failed transactions for their reason is bounded per block: a spammer must not stall followers.
_REASONS_MAX = 64


class ChainClient:
    """JSON-RPC of one chain process, for the contracts of one deployment."""

    def __init__(self, rpc_url: str, deployment: Deployment) -> None:
        self.deployment = deployment
        self._rpc_url = rpc_url
        self._web3: AsyncWeb3[Any] | None = None
        self._together = Together(lambda calls: self._provider().make_calls(calls))
        self._artifacts = deployment.artifacts_by_address()

    async def connect(self) -> None:
        """Import web3.py off the event loop, open the session and check that this is the right network.

        Raises:
            ChainUnavailableError: nobody answers at the address; call again.
            InvariantError: another chain id answers there.
        """
        if self._web3 is None:
            provider = await asyncio.get_running_loop().run_in_executor(None, _load_provider)
            from web3 import AsyncWeb3

            self._web3 = AsyncWeb3(provider(self._rpc_url))
        found = await self.chain_id()
        if found != self.deployment.chain_id:
            raise InvariantError(f"chain id: expected {self.deployment.chain_id}, got {found} at {self._rpc_url}")

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._web3 is not None:
            await self._web3.provider.disconnect()

    async def raw(self, method: str, params: list[Any]) -> Any:
        """Return the result of any JSON-RPC method, as JSON.

        Raises:
            RpcError: the chain answered with an error.
            ChainUnavailableError: it did not answer.
        """
        return _result(method, await self._ask(self._provider().make_request(cast("Any", method), params)))

    async def chain_id(self) -> int:
        return int(await self.raw("eth_chainId", []), 16)

    async def block_number(self) -> int:
        """Return the head's number."""
        return int(await self.raw("eth_blockNumber", []), 16)

    async def now_s(self) -> int:
        """Return ledger time: the head's timestamp."""
        return int((await self._ask(self._connected().eth.get_block("latest")))["timestamp"])

    async def next_block_s(self) -> int:
        """Return the time that a block made now would have: on an idle network later than ledger time."""
        return int((await self.raw("landfall_clock", []))["next_s"])

    async def block_hash(self, number: int) -> bytes:
        """Return the hash of block `number`."""
        return bytes((await self._ask(self._connected().eth.get_block(cast("Any", number))))["hash"])

    async def call(self, contract: str, function: str, *args: Any, block: Block = "latest") -> Any:
        """Return the result of a view function of a contract (`TradeEscrow`) or of a currency's token (`EUR`).

        Raises:
            CallRevertedError: the contract refused, with its reason.
            ArgumentError, UnknownFunctionError, UnknownAddressError: there is no such call.
        """
        data = encode_call(contract, function, args)
        result = await self._eth_call({"to": self.deployment.address(contract), "data": "0x" + data.hex()}, block)
        return decode_result(contract, function, len(args), result)

    async def dry_run(self, sender: str, to: str, data: bytes) -> None:
        """Execute a call on the head's state without effect; raises CallRevertedError where it reverts."""
        await self._eth_call({"from": sender, "to": to, "data": "0x" + data.hex()}, "latest")

    async def transaction_count(self, address: str) -> int:
        return int(await self._ask(self._connected().eth.get_transaction_count(cast("Any", address))))

    async def submit(self, raw: bytes, second_signature: bytes = b"") -> None:
        """Hand over a signed transaction; one that the chain already knows is no error.

        Those handed over in one moment go in one request, so that a block can take them together. With a second
        signature it goes by `landfall_sendDualSigned`, which only Landfall's own chain has.

        Raises:
            TransactionRefusedError: refused; it is not pending.
        """
        try:
            if second_signature:
                await self._raw_together("landfall_sendDualSigned", ["0x" + raw.hex(), "0x" + second_signature.hex()])
            else:
                await self._raw_together("eth_sendRawTransaction", ["0x" + raw.hex()])
        except RpcError as error:
            if "already known" not in error.message.lower():
                raise TransactionRefusedError(f"transaction: expected to be accepted, got {error.message}") from error

    async def knows_transaction(self, tx_hash: bytes) -> bool:
        return await self.raw("eth_getTransactionByHash", ["0x" + tx_hash.hex()]) is not None

    async def receipts(self, block: Block) -> list[dict[str, Any]]:
        """Return every receipt of a block, as JSON, in order."""
        return list(await self.raw("eth_getBlockReceipts", [_block_text(block)]))

    async def finality_proof(self, block: Block) -> dict[str, Any]:
        """Return `landfall_getFinalityProof`: consensus header, commit and payload proof of a block.

        Raises:
            ChainUnavailableError: the block has no commit (yet; the genesis block never has one).
        """
        proof = await self.raw("landfall_getFinalityProof", [_block_text(block)])
        if proof is None:
            raise ChainUnavailableError(f"block {block}: expected a commit, got none; ask again when it is final")
        return dict(proof)

    async def validator_changes(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return `landfall_getValidatorChanges`: the changes of the validator set in these consensus heights."""
        return list(await self.raw("landfall_getValidatorChanges", [first, last]))

    async def genesis(self) -> dict[str, Any]:
        """Return `landfall_getGenesis`."""
        return dict(await self.raw("landfall_getGenesis", []))

    async def block(self, number: int) -> BlockData:
        """Return a block with its decoded events and the outcome of every transaction.

        Raises:
            ChainUnavailableError: the chain does not answer, or has not that block yet.
        """
        header, found = await asyncio.gather(
            self.raw("eth_getBlockByNumber", [hex(number), False]),
            self.raw("eth_getBlockReceipts", [hex(number)]),
        )
        if header is None or found is None:
            raise ChainUnavailableError(f"block {number}: expected to exist, got nothing; ask again")
        info, receipts = BlockInfo(number, _bytes(header["hash"]), int(header["timestamp"], 16)), list(found)
        if any(_bytes(receipt["blockHash"]) != info.hash for receipt in receipts):
            raise ChainUnavailableError(f"block {number}: expected receipts of this block, got another's; ask again")
        events = tuple(
            event for receipt in receipts for log in receipt["logs"] if (event := self._event(log, info)) is not None
        )
        return BlockData(info, _bytes(header["parentHash"]), events, await self._outcomes(receipts, number))

    def _event(self, log: Mapping[str, Any], info: BlockInfo) -> ChainEvent | None:
        address = checksummed(log["address"])
        artifact = self._artifacts.get(address)
        if artifact is None:
            return None
        decoded = decode_log(artifact, [_bytes(topic) for topic in log["topics"]], _bytes(log["data"]))
        if decoded is None:
            return None
        return ChainEvent(
            contract=artifact.name,
            name=decoded[0],
            args=decoded[1],
            address=address,
            block_number=info.number,
            block_hash=info.hash,
            block_time_s=info.time_s,
            tx_hash=_bytes(log["transactionHash"]),
            tx_index=int(log["transactionIndex"], 16),
            log_index=int(log["logIndex"], 16),
        )

    async def _outcomes(self, receipts: list[dict[str, Any]], number: int) -> tuple[TransactionOutcome, ...]:
        outcomes = []
        replays_left = _REASONS_MAX
        for receipt in receipts:
            tx_hash, reason = _bytes(receipt["transactionHash"]), None
            succeeded = int(receipt["status"], 16) == 1
            if not succeeded:
                reason = "reverted"
                if replays_left and checksummed(receipt["to"] or "0x") in self._artifacts:
                    replays_left -= 1
                    reason = await self._reason(tx_hash, number)
            outcomes.append(TransactionOutcome(tx_hash, checksummed(receipt["from"]), number, succeeded, reason))
        return tuple(outcomes)

    async def _reason(self, tx_hash: bytes, number: int) -> str:
        """Replay a failed transaction around its block: its state within the block is not offered by JSON-RPC."""
        sent = await self.raw("eth_getTransactionByHash", ["0x" + tx_hash.hex()])
        if sent is None:
            return "reverted"
        request = {"from": sent["from"], "to": sent["to"], "data": sent["input"], "value": sent.get("value", "0x0")}
        for block in (number, number - 1):
            try:
                await self._eth_call(request, block)
            except CallRevertedError as error:
                return error.reason
        return "reverted within its block (neither the state before nor after it repeats the refusal)"

    async def _eth_call(self, request: dict[str, Any], block: Block) -> bytes:
        response = await self._ask(self._together.ask("eth_call", [request, _block_text(block)]))
        error = response.get("error")
        if error is None:
            return _bytes(str(response["result"]))
        failure = _rpc_error("eth_call", error)
        data = error.get("data") if isinstance(error, Mapping) else None
        if isinstance(data, str) and data.startswith("0x") and len(data) > 2:
            raise CallRevertedError(self._function_name(request), decode_revert(_bytes(data)))
        if isinstance(failure, RpcError) and (failure.rpc_code == _REVERTED or "revert" in failure.message.lower()):
            raise CallRevertedError(self._function_name(request), failure.message)
        raise failure

    async def _raw_together(self, method: str, params: list[Any]) -> Any:
        return _result(method, await self._ask(self._together.ask(method, params)))

    def _function_name(self, request: Mapping[str, Any]) -> str:
        artifact = self._artifacts.get(checksummed(request["to"]))
        selector = _bytes(request["data"])[:4]
        if artifact is not None:
            for function in artifact.functions.values():
                if function.selector == selector:
                    return f"{artifact.name}.{function.name}"
        return f"0x{selector.hex()}"

    def _connected(self) -> "AsyncWeb3[Any]":
        if self._web3 is None:
            raise ChainUnavailableError("chain: expected a connection, got none yet; call connect() or try again")
        return self._web3

    def _provider(self) -> Any:
        return self._connected().provider

    async def _ask(self, answer: Awaitable[Result]) -> Result:
        from aiohttp import ClientError
        from web3.exceptions import Web3Exception, Web3RPCError

        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await answer
        except Web3RPCError as error:
            raise RpcError("rpc", 0, str(error)) from error
        except (ClientError, OSError, TimeoutError, Web3Exception, ValueError) as error:
            raise ChainUnavailableError(f"{self._rpc_url}: expected an answer, got {error!r}") from error


def _load_provider() -> "type[AsyncHTTPProvider]":
    """Import web3.py, which takes seconds, and return its HTTP provider with one session of our own.

    web3.py's own session cache takes a lock shared by every provider of the process, in a worker thread, for each
    request; a request cancelled while it waits leaves that lock taken for ever (web3 8.0,
    `_utils/async_caching.py`). Followers and routes are cancelled all the time.
    """
    from aiohttp import ClientSession, ClientTimeout
    from web3 import AsyncHTTPProvider
    from web3.types import RPCEndpoint

    class Provider(AsyncHTTPProvider):
        _session: ClientSession | None = None

        async def make_calls(self, calls: Sequence[Call]) -> Sequence[Mapping[str, Any]]:
            """Return the answers to calls, in their order, by one request."""
            with serving(join_ids([call.request_id for call in calls])):
                if len(calls) == 1:
                    return [await self.make_request(cast("Any", calls[0].method), calls[0].params)]
                data = self.encode_batch_rpc_request([(cast("Any", call.method), call.params) for call in calls])
                answers: Any = self.decode_rpc_response(await self._make_request(cast("Any", "batch"), data))
            if isinstance(answers, list) and len(answers) == len(calls) and all(map(_has_id, answers)):
                # Ids are counted up; the answers may come in any order.
                return sorted(answers, key=lambda answer: int(answer["id"]))
            raise ChainUnavailableError(f"batch: expected {len(calls)} answers, got {str(answers)[:200]}")

        async def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
            if self._session is None:
                self._session = ClientSession(timeout=ClientTimeout(_TIMEOUT_S), headers=self.get_request_headers())
            request_id = REQUEST_ID.get()
            headers = {} if request_id is None else {HEADER: request_id}
            async with self._session.post(str(self.endpoint_uri), data=request_data, headers=headers) as response:
                response.raise_for_status()
                return await response.read()

        async def disconnect(self) -> None:
            if self._session is not None:
                await self._session.close()

    return Provider


def _has_id(answer: object) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("id"), int)


def _result(method: str, response: Mapping[str, Any]) -> Any:
    if response.get("error") is not None:
        raise _rpc_error(method, response["error"])
    return response.get("result")


def _rpc_error(method: str, error: Any) -> RpcError | ChainUnavailableError:
    """Return the error of a JSON-RPC answer; what the chain will answer differently later is no rejection."""
    if not isinstance(error, Mapping):
        return RpcError(method, 0, str(error))
    code, message = int(error.get("code", 0)), str(error.get("message", ""))
    if code in _TRANSIENT:
        return ChainUnavailableError(f"{method}: expected an answer, got error {code}: {message[:500]}")
    return RpcError(method, code, message)


def _block_text(block: Block) -> str:
    return hex(block) if isinstance(block, int) else block


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
